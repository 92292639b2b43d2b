//! The bounds of the folder in which a run works: what a person names is read and written inside it or not at all.
//!
//! A path is checked twice: as words (no absolute path, no `..`, nothing in `.git`), then as the file system sees it,
//! with every symbolic link resolved.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::answer;

/// Why a path is not touched. Each is a sentence for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    path: String,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Empty,
    Absolute,
    Parent,
    Git,
    LeadsOutside,
    NoFolder(String),
    NoFile(&'static str),
    Unreadable(String),
}

/// A file that may be written: inside the folder, and either new or a regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Where it is, with the links of its folder resolved.
    pub(crate) path: PathBuf,
    /// Whether there is such a file.
    pub(crate) exists: bool,
}

/// The file or folder of that name with links resolved; `None` if there is none.
pub(crate) fn existing(root: &Path, name: &str) -> Result<Option<PathBuf>, Refusal> {
    let refuse = |why| Refusal { path: name.to_owned(), why };
    let relative = as_words(name).map_err(refuse)?;
    let found = match fs::canonicalize(root.join(relative)) {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(refuse(Why::Unreadable(error.to_string()))),
    };
    is_inside(root, &found).map_err(refuse)?;
    Ok(Some(found))
}

/// The place where a file of that name may be written.
pub(crate) fn target(root: &Path, name: &str) -> Result<Target, Refusal> {
    let refuse = |why| Refusal { path: name.to_owned(), why };
    let relative = as_words(name).map_err(refuse)?;
    // `as_words` gives at least one word, and only words.
    let (Some(parent), Some(file)) = (relative.parent(), relative.file_name()) else {
        return Err(refuse(Why::Empty));
    };
    let folder = fs::canonicalize(root.join(parent))
        .map_err(|_| refuse(Why::NoFolder(parent.to_string_lossy().into_owned())))?;
    is_inside(root, &folder).map_err(refuse)?;
    let path = folder.join(file);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => Ok(Target { path, exists: true }),
        Ok(found) if found.is_dir() => Err(refuse(Why::NoFile("a folder"))),
        Ok(found) if found.is_symlink() => Err(refuse(Why::NoFile("a symbolic link"))),
        Ok(_) => Err(refuse(Why::NoFile("no regular file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {
            Ok(Target { path, exists: false })
        }
        Err(error) => Err(refuse(Why::Unreadable(error.to_string()))),
    }
}

/// A name as a relative path of plain words.
fn as_words(name: &str) -> Result<PathBuf, Why> {
    let mut words = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => return Err(Why::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(Why::Absolute),
            Component::Normal(word) if word.eq_ignore_ascii_case(".git") => return Err(Why::Git),
            Component::Normal(word) => words.push(word),
        }
    }
    if words.as_os_str().is_empty() { Err(Why::Empty) } else { Ok(words) }
}

fn is_inside(root: &Path, found: &Path) -> Result<(), Why> {
    let root = fs::canonicalize(root).map_err(|error| Why::Unreadable(error.to_string()))?;
    let Ok(within) = found.strip_prefix(root) else { return Err(Why::LeadsOutside) };
    if within.components().any(|word| word.as_os_str().eq_ignore_ascii_case(".git")) {
        return Err(Why::Git);
    }
    Ok(())
}

fn is_absent(error: &io::Error) -> bool {
    // A name that no file system could hold (a NUL in it, a word too long) names no file either.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
    )
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = answer::code(&self.path);
        match &self.why {
            Why::Empty => f.write_str("No file is named. Name one relative to this folder, e.g. `notes.md`."),
            Why::Absolute => {
                write!(f, "{path} is an absolute path. Name the file relative to this folder.")
            }
            Why::Parent => write!(f, "{path} leads out of this folder with `..`. Acme stays inside it."),
            Why::Git => write!(f, "{path} is in `.git`. Acme keeps out of there."),
            Why::LeadsOutside => {
                write!(f, "{path} leads out of this folder through a symbolic link. Acme stays inside it.")
            }
            Why::NoFolder(folder) => {
                write!(
                    f,
                    "{path} can not be written: there is no folder {}. Make it first.",
                    answer::code(folder)
                )
            }
            Why::NoFile(what) => write!(f, "{path} is {what}. Acme writes regular files only."),
            Why::Unreadable(error) => write!(f, "{path} can not be used: {error}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("in/.git")).unwrap();
        fs::create_dir(folder.path().join("in/sub")).unwrap();
        fs::write(folder.path().join("in/a.txt"), "a").unwrap();
        fs::write(folder.path().join("out.txt"), "secret").unwrap();
        folder
    }

    #[test]
    fn names_that_lead_out_are_refused_in_both_directions() {
        let folder = folder();
        let root = folder.path().join("in");
        let rows = [
            ("", "No file is named"),
            (".", "No file is named"),
            ("../out.txt", "with `..`"),
            ("sub/../../out.txt", "with `..`"),
            ("/etc/passwd", "absolute"),
            (".git/config", "in `.git`"),
            ("sub/.GIT/hooks/x", "in `.git`"),
        ];
        for (name, why) in rows {
            for refusal in [existing(&root, name).unwrap_err(), target(&root, name).unwrap_err()] {
                assert!(refusal.to_string().contains(why), "{name}: {refusal}");
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_that_lead_out_are_refused_in_both_directions() {
        use std::os::unix::fs::symlink;
        let folder = folder();
        let root = folder.path().join("in");
        symlink(folder.path().join("out.txt"), root.join("file")).unwrap();
        symlink(folder.path(), root.join("up")).unwrap();
        symlink(root.join(".git"), root.join("git")).unwrap();
        symlink(root.join("a.txt"), root.join("alias")).unwrap();
        symlink(root.join("loop"), root.join("loop")).unwrap();
        let shown = |name: &str| existing(&root, name).unwrap_err().to_string();
        let written = |name: &str| target(&root, name).unwrap_err().to_string();
        assert!(shown("file").contains("through a symbolic link"));
        assert!(shown("up/out.txt").contains("through a symbolic link"));
        assert!(shown("git").contains("in `.git`"));
        assert!(shown("loop").contains("can not be used"));
        assert!(existing(&root, "alias").unwrap().is_some_and(|path| path.ends_with("a.txt")));
        assert!(written("file").contains("is a symbolic link"));
        assert!(written("alias").contains("is a symbolic link"));
        assert!(written("up/new.txt").contains("through a symbolic link"));
        assert!(written("git/hooks").contains("in `.git`"));
    }

    #[test]
    fn what_is_inside_is_found_and_what_is_new_is_placed() {
        let folder = folder();
        let root = folder.path().join("in");
        assert!(existing(&root, "./a.txt").unwrap().is_some());
        assert_eq!(existing(&root, "b.txt"), Ok(None));
        assert_eq!(existing(&root, "a.txt/b"), Ok(None));
        assert_eq!(existing(&root, "a\0b"), Ok(None));
        assert_eq!(existing(&root, &"x".repeat(5000)), Ok(None));
        assert!(target(&root, "a.txt").unwrap().exists);
        assert!(!target(&root, "sub/new.txt").unwrap().exists);
        assert!(target(&root, "no/new.txt").unwrap_err().to_string().contains("no folder `no`"));
        assert!(target(&root, "sub").unwrap_err().to_string().contains("a folder"));
        assert!(target(&root, "a.txt/b").is_err());
        assert!(target(&root, "a\0b").is_err());
    }
}
