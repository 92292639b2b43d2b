//! The files of a folder, without those that git ignores and without `.git`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ignore::{DirEntry, WalkBuilder};

use crate::answer;
use crate::git::GitFolder;
use crate::orders::Stop;
use crate::steps::{Ended, Steps};

/// The most files that are looked at.
const FILE_LIMIT: usize = 200_000;

/// The files of a folder, sorted by path.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) files: Vec<FileEntry>,
    /// How many files and folders could not be read.
    pub(crate) unreadable: usize,
    /// Whether there are more files than were looked at.
    pub(crate) is_cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// Relative to the folder.
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
}

impl Survey {
    /// What a reader must know about the figures; empty if nothing.
    pub(crate) fn remark(&self) -> String {
        let mut remarks = Vec::new();
        if self.is_cut {
            remarks.push(format!(
                "There are more files; acme stopped after {}.",
                answer::count(self.files.len(), "file")
            ));
        }
        if self.unreadable > 0 {
            let entries = answer::count(self.unreadable, "entry");
            remarks.push(format!("{entries} could not be read and are not included."));
        }
        if remarks.is_empty() { String::new() } else { format!("\n\n{}", remarks.join(" ")) }
    }
}

/// The files of the folder in which the run works, as a step.
pub(crate) async fn take(steps: &mut Steps) -> Result<Survey, Ended> {
    steps.look("walk .", |root, stop| walk(root, FILE_LIMIT, stop)).await
}

fn walk(root: &Path, limit: usize, stop: &Stop) -> Result<Survey, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("acme can not read {}: {error}", root.display());
    fs::read_dir(root).map_err(|error| unreadable(&error))?;
    let mut survey = Survey::default();
    // Outside of git a `.gitignore` counts too, but not one of the folders above.
    let in_git = GitFolder::of(root).is_some();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(in_git)
        .parents(in_git)
        // A run depends on its folder and not on the machine.
        .git_global(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != OsStr::new(".git"))
        .build();
    for entry in walk {
        if stop.is_set() {
            break;
        }
        match entry {
            Err(error) if error.depth() == Some(0) => return Err(unreadable(&error)),
            Err(_) => survey.unreadable += 1,
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if survey.files.len() == limit {
                    survey.is_cut = true;
                    break;
                }
                match file_entry(root, &entry) {
                    Some(file) => survey.files.push(file),
                    None => survey.unreadable += 1,
                }
            }
            Ok(_) => {}
        }
    }
    survey.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(survey)
}

fn file_entry(root: &Path, entry: &DirEntry) -> Option<FileEntry> {
    let metadata = entry.metadata().ok()?;
    let path = entry.path().strip_prefix(root).ok()?.to_owned();
    Some(FileEntry { path, size: metadata.len(), modified: metadata.modified().ok() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::Orders;

    fn walk_all(root: &Path, limit: usize) -> Result<Survey, String> {
        walk(root, limit, &Orders::new().stop())
    }

    fn paths(survey: &Survey) -> Vec<String> {
        survey.files.iter().map(|file| file.path.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn ignored_files_and_git_are_left_out_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join(".git/objects")).unwrap();
        fs::create_dir(root.join("target")).unwrap();
        for file in [".git/HEAD", "target/out", "b.rs", ".hidden", "a.log"] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::write(root.join(".gitignore"), "target/\n*.log\n").unwrap();
        assert_eq!(paths(&walk_all(root, 100).unwrap()), [".gitignore", ".hidden", "b.rs"]);
    }

    #[test]
    fn outside_of_git_only_the_own_gitignore_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("in");
        fs::create_dir(&root).unwrap();
        fs::write(folder.path().join(".gitignore"), "*\n").unwrap();
        fs::write(root.join(".gitignore"), "b\n").unwrap();
        fs::write(root.join("a"), "").unwrap();
        fs::write(root.join("b"), "").unwrap();
        assert_eq!(paths(&walk_all(&root, 100).unwrap()), [".gitignore", "a"]);
        // An empty folder above is no repository.
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(paths(&walk_all(&root, 100).unwrap()), [".gitignore", "a"]);
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(paths(&walk_all(&root, 100).unwrap()), [".gitignore", "a"]);
    }

    #[test]
    fn the_walk_is_bounded_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a", "b", "c"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let survey = walk_all(folder.path(), 2).unwrap();
        assert_eq!(survey.files.len(), 2);
        assert!(survey.remark().contains("stopped after 2 files"));
        let survey = walk_all(folder.path(), 3).unwrap();
        assert!(!survey.is_cut && survey.remark().is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_name() {
        assert!(walk_all(Path::new("/no/such/folder"), 1).unwrap_err().contains("/no/such/folder"));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed_and_odd_names_are_no_problem() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("in");
        fs::create_dir(&root).unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("up")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link")).unwrap();
        fs::write(root.join(OsStr::from_bytes(b"a\xff\n")), "x").unwrap();
        assert_eq!(paths(&walk_all(&root, 100).unwrap()), ["a\u{fffd}\n"]);
    }
}
