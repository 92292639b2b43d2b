//! `[transports.<id>.files]`: what becomes of files in chats.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable, Flag};

use super::Id;
use crate::chat::files::DenyRules;

/// Where files are that come with a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptFiles {
    /// Kept for the run, and given to its engine.
    #[default]
    Upload,
    /// In the project, and named in the prompt.
    Prompt,
}

/// What becomes of files in chats.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSettings {
    /// Whether files are put into projects and got from them.
    pub is_enabled: bool,
    /// Whether a file without a word is put into the project.
    pub auto_put: bool,
    /// Where files are that come with a prompt.
    pub with_prompt: PromptFiles,
    /// The folder of the project for files that are given no path.
    pub uploads: PathBuf,
    /// Who may put and get files. If nobody is named: whoever writes in a private chat, and administrators of groups.
    pub allowed: Vec<String>,
    /// What is kept back.
    pub denied: DenyRules,
}

/// Where files go that are given no path.
const UPLOADS: &str = "incoming";

impl FileSettings {
    pub(super) fn read(table: &ConfigTable) -> Result<Self, ConfigError> {
        let flag =
            |key: &str| Ok::<_, ConfigError>(table.get::<Flag>(key)?.is_none_or(|Flag(is_set)| is_set));
        let denied = match table.get::<Vec<String>>("deny_globs")? {
            Some(patterns) => {
                DenyRules::new(patterns).map_err(|error| table.error_at("deny_globs", error.to_string()))?
            }
            None => DenyRules::default(),
        };
        Ok(Self {
            is_enabled: flag("enabled")?,
            auto_put: flag("auto_put")?,
            with_prompt: table.get("auto_put_mode")?.unwrap_or_default(),
            uploads: uploads(table, &denied)?,
            allowed: table
                .get::<Vec<Id>>("allowed_user_ids")?
                .unwrap_or_default()
                .into_iter()
                .map(Id::into_text)
                .collect(),
            denied,
        })
    }
}

/// A folder of the project into which files may be put.
fn uploads(table: &ConfigTable, denied: &DenyRules) -> Result<PathBuf, ConfigError> {
    let key = "uploads_dir";
    let Some(typed) = table.get::<String>(key)? else { return Ok(PathBuf::from(UPLOADS)) };
    let typed = typed.trim();
    let parts = Path::new(typed).components();
    let is_inside = parts.clone().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let path: PathBuf = parts.filter(|part| matches!(part, Component::Normal(_))).collect();
    if !is_inside || typed.starts_with('~') || path.as_os_str().is_empty() {
        return Err(table.error_at(key, format!("expected a folder in the project, such as `{UPLOADS}`")));
    }
    match denied.denies(&path) {
        Some(rule) => Err(table.error_at(key, format!("`{typed}` is denied by the rule `{rule}`"))),
        None => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<FileSettings, String> {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text.to_owned()).unwrap();
        FileSettings::read(&table).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_of_the_python_program_are_read_as_they_are() {
        let settings = read(
            "enabled = true\nauto_put = false\nauto_put_mode = 'prompt'\nuploads_dir = './in/box/'\n\
             allowed_user_ids = [7, '8']\ndeny_globs = ['*.key']\n",
        )
        .unwrap();
        assert_eq!((settings.auto_put, settings.with_prompt), (false, PromptFiles::Prompt));
        assert_eq!(
            (settings.uploads.as_path(), settings.allowed),
            (Path::new("in/box"), vec!["7".into(), "8".into()])
        );
        assert!(
            settings.denied.denies(Path::new("a.key")).is_some()
                && settings.denied.denies(Path::new(".env")).is_none()
        );
        let usual = read("").unwrap();
        assert!(usual.is_enabled && usual.auto_put && usual.allowed.is_empty());
        assert_eq!(
            (usual.with_prompt, usual.uploads.as_path()),
            (PromptFiles::Upload, Path::new("incoming"))
        );
    }

    #[test]
    fn what_can_not_be_is_said_with_its_place() {
        for folder in ["/etc", "../x", "~/x", "", "a/../b"] {
            assert!(
                read(&format!("uploads_dir = '{folder}'")).unwrap_err().contains("takopi.toml:1"),
                "{folder}"
            );
        }
        assert!(read("uploads_dir = '.git/x'").unwrap_err().contains("`.git/**`"));
        assert!(read("deny_globs = ['{a']").unwrap_err().contains("`{a` is no pattern"));
        assert!(read("auto_put_mode = 'ask'").unwrap_err().contains("auto_put_mode"));
    }
}
