//! Where things are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "TAKOPI_CONFIG";

/// The configuration file: what was typed, else the variable, else `~/.takopi/takopi.toml`.
#[must_use]
pub fn config_file(typed: Option<&Path>) -> PathBuf {
    let named = typed.map(|path| path.as_os_str().to_owned()).or_else(|| set_variable(CONFIG_VARIABLE));
    match named {
        Some(named) => match named.to_str() {
            Some(text) => expand_home(text),
            None => PathBuf::from(named),
        },
        None => home().join(".takopi").join("takopi.toml"),
    }
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
    fn what_was_typed_wins() {
        assert_eq!(config_file(Some(Path::new("/x.toml"))), Path::new("/x.toml"));
    }
}
