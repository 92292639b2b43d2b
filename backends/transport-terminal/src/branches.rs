//! The branches of a project, read from git's files: completion must be quick, and a plugin starts no processes.
//!
//! The layout is that of gitrepository-layout(5). Whatever is not as expected has no branches: nobody but the one who
//! presses Tab would hear of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files are read so far, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Files and folders under `refs/heads` are looked at so far.
const MOST_ENTRIES: usize = 5_000;

const HEADS: &str = "refs/heads";

/// The names of the branches, sorted.
pub(crate) fn branches(project: &Path) -> BTreeSet<String> {
    let Some(git) = git_folder(project) else { return BTreeSet::new() };
    let mut branches = packed(&read(&git.join("packed-refs")).unwrap_or_default());
    loose(&git.join(HEADS), &mut branches);
    branches
}

/// The folder that holds the branches. `.git` may be a file that names another one, and that of a linked worktree names
/// the one that all of them share.
fn git_folder(project: &Path) -> Option<PathBuf> {
    let dot_git = project.join(".git");
    let git = if dot_git.is_dir() {
        dot_git
    } else if let Some(text) = read(&dot_git) {
        project.join(text.strip_prefix("gitdir:")?.trim())
    } else {
        project.to_owned()
    };
    let common = read(&git.join("commondir")).map(|text| git.join(text.trim()));
    let git = common.unwrap_or(git);
    git.join("HEAD").is_file().then_some(git)
}

/// Lines of the form `<hash> refs/heads/<name>`.
fn packed(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.split_once(' ')?.1.strip_prefix("refs/heads/"));
    names.filter(|name| is_typeable(name)).map(str::to_owned).collect()
}

/// One file a branch, in folders.
fn loose(heads: &Path, branches: &mut BTreeSet<String>) {
    let mut folders = vec![(heads.to_owned(), String::new())];
    let mut looked_at = 0;
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > MOST_ENTRIES {
                return;
            }
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            let name = format!("{prefix}{name}");
            if kind.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() && is_typeable(&name) && !name.ends_with(".lock") {
                branches.insert(name);
            }
        }
    }
}

fn is_typeable(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn read(path: &Path) -> Option<String> {
    // A named pipe would never end.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(git: &Path) {
        fs::create_dir_all(git.join("refs/heads/feat")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        for name in ["main", "feat/login", "main.lock"] {
            fs::write(git.join(HEADS).join(name), "0123\n").unwrap();
        }
        let packed =
            "# pack-refs with: peeled\n0123 refs/heads/old\n^0456\n0123 refs/tags/v1\n0123 refs/heads/main\n";
        fs::write(git.join("packed-refs"), packed).unwrap();
    }

    #[track_caller]
    fn check(project: &Path, expected: &[&str]) {
        assert_eq!(branches(project).iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn loose_and_packed_branches_are_found() {
        let folder = tempfile::tempdir().unwrap();
        repository(&folder.path().join(".git"));
        check(folder.path(), &["feat/login", "main", "old"]);
    }

    #[test]
    fn a_worktree_and_a_bare_repository_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("bare.git");
        repository(&bare);
        check(&bare, &["feat/login", "main", "old"]);
        let own = bare.join("worktrees/x");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        let worktree = folder.path().join("x");
        fs::create_dir(&worktree).unwrap();
        fs::write(worktree.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
        check(&worktree, &["feat/login", "main", "old"]);
    }

    #[test]
    fn what_is_no_repository_has_no_branches() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), &[]);
        check(&folder.path().join("nowhere"), &[]);
        fs::write(folder.path().join(".git"), "nonsense").unwrap();
        check(folder.path(), &[]);
        fs::write(folder.path().join(".git"), "gitdir: nowhere").unwrap();
        check(folder.path(), &[]);
    }
}
