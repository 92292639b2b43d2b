//! Where things are.

use std::ffi::OsString;
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
    fn what_was_typed_wins() {
        assert_eq!(named_config_file(Some(Path::new("/x.toml"))).as_deref(), Some(Path::new("/x.toml")));
    }
}
