//! Makes one folder like another one. Files that are alike stay as they are, with their times: cargo builds anew what is
//! younger than its last build, and nothing that is older.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;

/// Makes `to` like `from`, except for these names at the top, which are left alone in both.
pub(super) fn differing(from: &Path, to: &Path, except: &[&str]) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(|error| Error::at(to, error))?;
    let wanted = names(from, except)?;
    for name in names(to, except)?.difference(&wanted) {
        let path = to.join(name);
        remove(&path).map_err(|error| Error::at(&path, error))?;
    }
    for name in &wanted {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            differing(&from, &to, &[])?;
        } else {
            file(&from, &to)?;
        }
    }
    Ok(())
}

fn names(folder: &Path, except: &[&str]) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(|error| Error::at(folder, error))? {
        let entry = entry.map_err(|error| Error::at(folder, error))?;
        let name = entry.file_name().into_string().map_err(|_| Error::at(folder, "a name is not UTF-8"))?;
        if !except.contains(&name.as_str()) {
            names.insert(name);
        }
    }
    Ok(names)
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn file(from: &Path, to: &Path) -> Result<(), Error> {
    let wanted = fs::read(from).map_err(|error| Error::at(from, error))?;
    if fs::read(to).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    fs::write(to, wanted).map_err(|error| Error::at(to, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stays_and_what_is_gone_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("src")).unwrap();
        fs::create_dir_all(to.join("old")).unwrap();
        fs::write(from.join("src/same"), "1").unwrap();
        fs::write(from.join("other"), "1").unwrap();
        fs::write(from.join("kept"), "1").unwrap();
        fs::write(to.join("kept"), "2").unwrap();
        differing(&from, &to, &["kept"]).unwrap();
        let written = fs::metadata(to.join("src/same")).unwrap().modified().unwrap();
        fs::write(from.join("other"), "2").unwrap();
        differing(&from, &to, &["kept"]).unwrap();
        assert_eq!(fs::metadata(to.join("src/same")).unwrap().modified().unwrap(), written);
        assert_eq!(fs::read_to_string(to.join("other")).unwrap(), "2");
        assert_eq!(fs::read_to_string(to.join("kept")).unwrap(), "2");
        assert!(!to.join("old").exists());
    }
}
