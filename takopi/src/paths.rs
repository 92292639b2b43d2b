//! Where things are.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "TAKOPI_CONFIG";

/// The configuration file that somebody named: by what was typed, else by the variable.
#[must_use]
pub fn named_config_file(typed: Option<&Path>) -> Option<PathBuf> {
    let named = typed.map(|path| path.as_os_str().to_owned()).or_else(|| set_variable(CONFIG_VARIABLE))?;
    Some(named.to_str().map_or_else(|| PathBuf::from(&named), expand_home))
}

/// The configuration file where nobody named one.
#[must_use]
pub fn default_config_file() -> PathBuf {
    home().join(".takopi").join("takopi.toml")
}

/// Replaces a leading `~` with the home folder.
#[must_use]
pub fn expand_home(path: &str) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => home().join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// A path as a person is shown it: from the root, or from `~` if it lies below the home folder.
#[must_use]
pub fn shown(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match path.strip_prefix(home()) {
        Ok(below) if home().parent().is_some() && !below.as_os_str().is_empty() => {
            format!("~/{}", below.display())
        }
        _ => path.display().to_string(),
    }
}

/// Makes a folder that only its owner may look into, and those above it that are missing.
///
/// # Errors
/// What the system says.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file to read and write, whatever stands in it; it is made, with its folder, if it is not there. Nobody else can
/// open a file that this makes.
///
/// # Errors
/// What the system says.
pub fn open_private_file(path: &Path) -> io::Result<File> {
    make_private_folder(path.parent().unwrap_or(Path::new("")))?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A message in which paths below the home folder begin with `~`.
#[must_use]
pub fn with_short_home(message: &str) -> String {
    let home = home();
    match home.to_str() {
        Some(home) if home.len() > 1 => message.replace(&format!("{}/", home.trim_end_matches('/')), "~/"),
        _ => message.to_owned(),
    }
}

fn home() -> PathBuf {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("/"))
}

fn set_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_only_at_the_start() {
        assert_eq!(expand_home("~/a"), home().join("a"));
        assert_eq!(expand_home("~"), home());
        assert_eq!(expand_home("a/~/b"), Path::new("a/~/b"));
        assert_eq!(expand_home("~other/a"), Path::new("~other/a"));
    }

    #[test]
    fn paths_are_shown_from_the_home_folder_or_from_the_root() {
        assert_eq!(shown(&home().join("a/b")), "~/a/b");
        assert_eq!(shown(&home()), home().display().to_string());
        assert_eq!(shown(Path::new("/nowhere/x")), "/nowhere/x");
        assert!(Path::new(&shown(Path::new("x"))).is_absolute() || shown(Path::new("x")).starts_with("~/"));
    }

    #[test]
    fn what_was_typed_wins() {
        assert_eq!(named_config_file(Some(Path::new("/x.toml"))).as_deref(), Some(Path::new("/x.toml")));
    }
}
