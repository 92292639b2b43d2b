//! The extension of pi that asks: takopi brings it along, and puts it where nobody else can change it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use takopi_api::runner::RunId;

const TEXT: &str = include_str!("permissions.js");

/// Who owns a folder that anybody may trust.
const ROOT: u32 = 0;
/// The bits of a mode by which others than the owner can write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The bit of a folder's mode by which only its owner can rename a file in it.
const STICKY: u32 = 0o1000;

/// The extension's file.
#[derive(Debug)]
pub(super) struct Extension {
    path: PathBuf,
}

/// Why the extension can not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("the extension that lets pi ask could not be written to {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "the extension that lets pi ask is not safe in {}: others can write there; take that away from them \
         (`chmod go-w`), or set `pi.permissions = \"off\"`",
        .0.display()
    )]
    Shared(PathBuf),
}

impl Extension {
    /// The extension in this folder, which need not exist. The name says what is in the file, so that two versions of takopi
    /// do not take it from each other.
    pub(super) fn below(folder: &Path) -> Self {
        let digest: String = Sha256::digest(TEXT).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(format!("permissions-{digest}.js"));
        // Pi works in another folder. (Only an empty path can not be made absolute.)
        Self { path: std::path::absolute(&path).unwrap_or(path) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the file is there as it belongs.
    pub(super) fn put(&self) -> Result<(), Unusable> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let failed = |error| Unusable::Io { path: self.path.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        // Written anew each time: whoever owns the new file is who takopi runs as.
        let new = folder.join(format!(".{}.tmp", RunId::unique()));
        let written = write(&new).and_then(|owner| Ok((owner, fs::canonicalize(folder)?)));
        // Both the way there as it is written and the way as it is, since a link of others could lead elsewhere later.
        let checked = written.map_err(failed).and_then(|(owner, real)| {
            check(folder, owner)?;
            check(&real, owner)
        });
        let placed = checked.and_then(|()| fs::rename(&new, &self.path).map_err(failed));
        if placed.is_err() {
            // It may not be there at all; what matters is the first error.
            let _ = fs::remove_file(&new);
        }
        placed
    }
}

fn write(path: &Path) -> io::Result<u32> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(TEXT.as_bytes())?;
    Ok(file.metadata()?.uid())
}

/// Looks whether others could put another file there, in this folder or by moving one that it is in.
fn check(folder: &Path, owner: u32) -> Result<(), Unusable> {
    for folder in folder.ancestors() {
        let failed = |error| Unusable::Io { path: folder.to_owned(), error };
        let metadata = fs::metadata(folder).map_err(failed)?;
        let link = fs::symlink_metadata(folder).map_err(failed)?;
        let is_ours = [link.uid(), metadata.uid()].iter().all(|uid| [owner, ROOT].contains(uid));
        let is_closed = metadata.mode() & WRITABLE_BY_OTHERS == 0 || metadata.mode() & STICKY != 0;
        if !(is_ours && is_closed) {
            return Err(Unusable::Shared(folder.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_file_is_for_its_owner_and_always_as_it_belongs() {
        let folder = tempfile::tempdir().unwrap();
        let extension = Extension::below(&folder.path().join("new/pi"));
        extension.put().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(extension.path()), mode(extension.path().parent().unwrap())), (0o600, 0o700));
        fs::write(extension.path(), "export default () => {}").unwrap();
        set_mode(extension.path(), 0o666);
        extension.put().unwrap();
        assert_eq!(fs::read_to_string(extension.path()).unwrap(), TEXT);
        assert_eq!(mode(extension.path()), 0o600);
        assert_eq!(fs::read_dir(extension.path().parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_in_its_place_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "mine").unwrap();
        let extension = Extension::below(folder.path());
        std::os::unix::fs::symlink(&other, extension.path()).unwrap();
        extension.put().unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
        assert!(!fs::symlink_metadata(extension.path()).unwrap().is_symlink());
    }

    #[test]
    fn nothing_is_put_where_others_can_write() {
        for mode in [0o720, 0o702] {
            let folder = tempfile::tempdir().unwrap();
            let shared = folder.path().join("shared");
            let below = shared.join("pi");
            fs::create_dir_all(&below).unwrap();
            set_mode(&shared, mode);
            let error = Extension::below(&below).put().unwrap_err().to_string();
            assert!(error.contains(&format!("not safe in {}: ", shared.display())), "{error}");
            assert_eq!(fs::read_dir(&below).unwrap().count(), 0);
            // Where only the owner of a file can rename it, others can do nothing.
            set_mode(&shared, 0o1777);
            Extension::below(&below).put().unwrap();
        }
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Extension::below(&file).put().unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()), "{error}");
    }
}
