//! Where the crate lies: in a folder of takopi's own, kept so that the next build has less to do, or in one that somebody
//! wants to have.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::wrapper;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::paths;

/// The versions that the last build had.
const VERSIONS: &str = "Cargo.lock";

/// A crate that is ready to be built. Nobody else builds while this is there: what a build leaves lies at one place.
#[derive(Debug)]
pub(super) struct Crate {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Where the compiler puts what it makes, shared by all crates.
    pub(super) target: PathBuf,
    _alone: File,
}

/// Whether the versions of the last build are to be taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    /// Yes.
    AsBefore,
    /// The newest that fit.
    Newest,
}

impl Crate {
    /// Writes a crate below takopi's folder. The same crate comes to the same folder again.
    pub(super) fn keep(root: &Path, files: &[wrapper::File], versions: Versions) -> Result<Self, CliError> {
        let at = |error: io::Error| CliError::new(format!("{} can not be used: {error}", root.display()));
        let alone = alone(&root.join("lock")).map_err(at)?;
        let folder = root.join(digest(files));
        write(&folder, files)?;
        if versions == Versions::Newest {
            match fs::remove_file(folder.join(VERSIONS)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(error)),
                _ => {}
            }
        }
        Ok(Self { folder, target: root.join("target"), _alone: alone })
    }

    /// The versions that takopi was built with in its own checkout, if there are none of a build before.
    pub(super) fn take_versions_of(&self, checkout: &Path) -> Result<(), CliError> {
        let (own, theirs) = (self.folder.join(VERSIONS), checkout.join(VERSIONS));
        if own.exists() || !theirs.exists() {
            return Ok(());
        }
        let copied = fs::copy(&theirs, &own);
        copied
            .map(|_| ())
            .map_err(|error| CliError::new(format!("{} can not be copied: {error}", theirs.display())))
    }
}

/// Writes a crate for somebody to keep.
pub(super) fn write_new(folder: &Path, files: &[wrapper::File]) -> Result<(), CliError> {
    fs::create_dir_all(folder)?;
    write(folder, files)
}

/// What keeps a crate from being written to a folder.
pub(super) fn refuse_unless_empty(folder: &Path) -> Result<(), CliError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(CliError::usage(format!("{} is not empty", folder.display()))
                .hint("name a folder that is empty, or is not there yet")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::usage(format!("{} can not be a new folder: {error}", folder.display()))),
    }
}

/// Writes what is not there yet: Cargo builds anew what was written anew.
fn write(folder: &Path, files: &[wrapper::File]) -> Result<(), CliError> {
    for (name, text) in files {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| CliError::new(format!("{} can not be written: {error}", path.display())))?;
    }
    Ok(())
}

fn alone(path: &Path) -> io::Result<File> {
    let file = paths::open_private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            output::line("another build goes on; this one waits for it");
            file.lock()?;
            Ok(file)
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn digest(files: &[wrapper::File]) -> String {
    let mut digest = Sha256::new();
    for (name, text) in files {
        digest.update(name);
        digest.update(text);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_crate_lies_at_the_same_place_and_keeps_its_versions() {
        let root = tempfile::tempdir().unwrap();
        let keep = |text: &str, versions| {
            Crate::keep(root.path(), &[("Cargo.toml", text.to_owned())], versions).unwrap().folder
        };
        let first = keep("a", Versions::AsBefore);
        let lock = first.join(VERSIONS);
        fs::write(&lock, "1").unwrap();
        assert_ne!(keep("b", Versions::AsBefore), first);
        assert_eq!(keep("a", Versions::AsBefore), first);
        assert!(lock.exists());
        keep("a", Versions::Newest);
        assert!(!lock.exists());
    }

    #[test]
    fn a_checkout_gives_its_versions_once() {
        let root = tempfile::tempdir().unwrap();
        let there = Crate::keep(&root.path().join("build"), &[], Versions::AsBefore).unwrap();
        there.take_versions_of(root.path()).unwrap();
        assert!(!there.folder.join(VERSIONS).exists());
        fs::create_dir_all(&there.folder).unwrap();
        for versions in ["1", "2"] {
            fs::write(root.path().join(VERSIONS), versions).unwrap();
            there.take_versions_of(root.path()).unwrap();
        }
        assert_eq!(fs::read_to_string(there.folder.join(VERSIONS)).unwrap(), "1");
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        assert!(refuse_unless_empty(root.path()).is_ok());
        assert!(refuse_unless_empty(&root.path().join("new")).is_ok());
        fs::write(root.path().join("x"), "").unwrap();
        let error = refuse_unless_empty(root.path()).unwrap_err();
        assert!(error.to_string().ends_with("is not empty"), "{error}");
        assert!(refuse_unless_empty(&root.path().join("x")).is_err());
    }
}
