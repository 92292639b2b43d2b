//! The file on the disk: read as a whole, replaced as a whole.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::paths;

/// What is at the file's place. The text may hold secrets and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum OnDisk {
    Missing,
    Text(Arc<str>),
    /// It is there and can not be read; why.
    Unreadable(String),
}

impl OnDisk {
    pub(super) fn read(path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => Self::Text(text.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unreadable(format!("{} can not be read: {error}", path.display())),
        }
    }
}

impl fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Unreadable(why) => write!(f, "Unreadable({why})"),
        }
    }
}

/// Replaces a file: whoever reads it sees the old text or the new one, and after a power cut one of them is there. A
/// link stays, what it leads to is replaced. Folders that are missing are made. Nobody else may read what is new.
///
/// # Errors
/// What the system says, with the path. The file is then as it was.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = followed(path);
    write_beside(&path, text).map_err(|error| {
        io::Error::new(error.kind(), format!("{} can not be written: {error}", path.display()))
    })
}

fn write_beside(path: &Path, text: &str) -> io::Result<()> {
    // A rename does not ask the file that it replaces.
    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly()) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is read-only"));
    }
    let folder = folder_of(path);
    paths::make_private_folder(folder)?;
    let temporary = folder.join(temporary_name(path));
    let written = write_new(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The new name lasts once its folder is written. Some file systems can not do that, and the file is there already.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name that no other process and no other thread takes.
fn temporary_name(path: &Path) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The place that a chain of links leads to, which need not exist.
pub(super) fn followed(path: &Path) -> PathBuf {
    /// As many links as the system itself follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_and_its_folders_are_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/takopi.toml");
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(OnDisk::read(&path), OnDisk::Text("two".into()));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(names(path.parent().unwrap()), ["takopi.toml"], "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_could_read_is_its_owners_after_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takopi.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("dotfiles")).unwrap();
        symlink("dotfiles/link", at("takopi.toml")).unwrap();
        symlink("real", at("dotfiles/link")).unwrap();
        for text in ["not there before", "replaced"] {
            replace(&at("takopi.toml"), text).unwrap();
            assert!(at("takopi.toml").is_symlink() && at("dotfiles/link").is_symlink());
            assert_eq!(fs::read_to_string(at("dotfiles/real")).unwrap(), text);
        }
        symlink("loop", at("loop")).unwrap();
        let error = replace(&at("loop"), "x");
        assert!(error.is_ok() || at("loop").is_symlink(), "a loop of links ends");
    }

    #[test]
    fn what_can_not_be_written_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takopi.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let error = replace(&path, "new").unwrap_err();
        assert_eq!(error.to_string(), format!("{} can not be written: it is read-only", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let below_a_file = path.join("takopi.toml");
        assert!(replace(&below_a_file, "x").unwrap_err().to_string().contains("can not be written"));
        assert!(replace(folder.path(), "x").is_err(), "a folder is no file");
        assert_eq!(names(folder.path()), ["takopi.toml"]);
    }
}
