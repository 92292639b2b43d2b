//! Reading the file.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable, UnknownKey};

use super::model::{Config, Project};
use crate::paths;
use crate::plugins::EnabledList;
use crate::process::Limits;

/// The keys at the top of the file that are no table of an engine. The last two are of the Python program's first
/// versions.
const TOP_KEYS: &[&str] = &[
    "default_engine",
    "default_project",
    "transport",
    "watch_config",
    "transports",
    "projects",
    "plugins",
    "limits",
    "bot_token",
    "chat_id",
];

const LIMIT_KEYS: &[&str] = &["engines", "free_memory_mb"];

const PROJECT_KEYS: &[&str] = &["path", "worktrees_dir", "worktree_base", "default_engine", "chat_id"];

/// Reads a configuration; a file that does not exist is an empty one.
///
/// `engine_ids` are the engines that a table at the top may belong to, and `reserved` the words that no alias may be.
///
/// # Errors
/// [`ConfigError`] with the file, the line, the column, the key and what was expected.
pub fn load(path: &Path, engine_ids: &[&str], reserved: &[&str]) -> Result<Config, ConfigError> {
    let table = match fs::read_to_string(path) {
        Ok(text) => ConfigTable::from_toml(path, text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => ConfigTable::empty(),
        Err(error) => {
            return Err(ConfigError::new("", format!("{} can not be read: {error}", path.display())));
        }
    };
    let mut warnings = Vec::new();
    let mut known = TOP_KEYS.to_vec();
    known.extend(engine_ids);
    warn(&mut warnings, &table.keys_other_than(&known));

    let plugins = table.table("plugins")?;
    if plugins.get("auto_install")?.unwrap_or(false) {
        warnings.push(
            "`plugins.auto_install` is reserved: plugins are compiled in, see `takopi plugins` for the features to add"
                .to_owned(),
        );
    }
    let projects = projects(&table, engine_ids, reserved, &mut warnings)?;
    let default_project = text(&table, "default_project")?;
    if let Some(alias) = &default_project
        && !projects.keys().any(|known| known.eq_ignore_ascii_case(alias))
    {
        return Err(table
            .error_at("default_project", format!("there is no project `{alias}`"))
            .hint(format!("projects: {}", list(projects.keys().map(String::as_str)))));
    }
    Ok(Config {
        path: path.to_owned(),
        default_engine: text(&table, "default_engine")?,
        default_project,
        enabled: EnabledList::new(plugins.get::<Vec<String>>("enabled")?.unwrap_or_default()),
        limits: limits(&table, &mut warnings)?,
        projects,
        warnings,
        table,
    })
}

fn limits(table: &ConfigTable, warnings: &mut Vec<String>) -> Result<Limits, ConfigError> {
    let table = table.table("limits")?;
    warn(warnings, &table.keys_other_than(LIMIT_KEYS));
    let mut limits = Limits::default();
    if let Some(engines) = table.get::<NonZeroUsize>("engines")? {
        limits.engines = engines.get();
    }
    if let Some(megabytes) = table.get::<u32>("free_memory_mb")? {
        limits.free_memory = u64::from(megabytes) * 1024 * 1024;
    }
    Ok(limits)
}

fn projects(
    table: &ConfigTable,
    engine_ids: &[&str],
    reserved: &[&str],
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, Project>, ConfigError> {
    let all = table.table("projects")?;
    let main_chats = main_chats(table)?;
    let mut projects: BTreeMap<String, Project> = BTreeMap::new();
    for alias in all.keys() {
        if projects.keys().any(|other| other.eq_ignore_ascii_case(&alias)) {
            return Err(all.error_at(&alias, "another project has this alias, in other letters"));
        }
        if engine_ids.iter().chain(reserved).any(|word| word.eq_ignore_ascii_case(&alias)) {
            return Err(all.error_at(&alias, "an alias can not be the name of an engine or a command"));
        }
        let entry = all.table(&alias)?;
        warn(warnings, &entry.keys_other_than(PROJECT_KEYS));
        let project = project(&entry, table.file())?;
        if let Some(engine) = &project.default_engine
            && !engine_ids.iter().any(|id| id.eq_ignore_ascii_case(engine))
        {
            let known = list(engine_ids.iter().copied());
            return Err(entry
                .error_at("default_engine", format!("there is no engine `{engine}`"))
                .hint(format!("engines: {known}")));
        }
        if let Some(chat) = &project.chat_id
            && main_chats.contains(chat)
        {
            return Err(entry.error_at("chat_id", format!("{chat} is the main chat of a transport")));
        }
        if let Some(chat) = &project.chat_id
            && projects.values().any(|other| other.chat_id.as_ref() == Some(chat))
        {
            return Err(entry.error_at("chat_id", format!("another project has the chat {chat}")));
        }
        projects.insert(alias, project);
    }
    Ok(projects)
}

/// The chats that belong to a transport itself, and so to no project.
fn main_chats(table: &ConfigTable) -> Result<Vec<String>, ConfigError> {
    let transports = table.table("transports")?;
    let mut chats = Vec::new();
    for id in transports.keys() {
        if let Some(ChatId(chat)) = transports.table(&id)?.get("chat_id")? {
            chats.push(chat);
        }
    }
    Ok(chats)
}

fn project(entry: &ConfigTable, file: &Path) -> Result<Project, ConfigError> {
    let Some(path) = text(entry, "path")? else {
        return Err(entry.error_at("", "`path` is missing: the folder of the project"));
    };
    let path = file.parent().unwrap_or(Path::new("")).join(paths::expand_home(&path));
    let worktrees = text(entry, "worktrees_dir")?.unwrap_or_else(|| ".worktrees".to_owned());
    let chat_id = entry.get::<ChatId>("chat_id")?.map(|ChatId(id)| id);
    Ok(Project {
        worktrees_dir: path.join(paths::expand_home(&worktrees)),
        path,
        worktree_base: text(entry, "worktree_base")?,
        default_engine: text(entry, "default_engine")?,
        chat_id,
    })
}

/// A chat's id: an opaque text; numbers are taken as they are written.
#[derive(Deserialize)]
#[serde(from = "AnyChatId")]
struct ChatId(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a chat id: a number or a text")]
enum AnyChatId {
    Number(i64),
    Text(String),
}

impl From<AnyChatId> for ChatId {
    fn from(id: AnyChatId) -> Self {
        match id {
            AnyChatId::Number(id) => Self(id.to_string()),
            AnyChatId::Text(id) => Self(id.trim().to_owned()),
        }
    }
}

/// A text that says something, if the key is there.
fn text(table: &ConfigTable, key: &str) -> Result<Option<String>, ConfigError> {
    match table.get::<String>(key)?.map(|text| text.trim().to_owned()) {
        Some(text) if text.is_empty() => Err(table.error_at(key, "expected a text that is not blank")),
        text => Ok(text),
    }
}

fn warn(warnings: &mut Vec<String>, unknown: &[UnknownKey]) {
    warnings.extend(unknown.iter().map(ToString::to_string));
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takopi.toml");
        fs::write(&path, text).unwrap();
        load(&path, &["codex", "acme"], &["cancel"])
            .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[track_caller]
    fn fails(text: &str, expected: &str) {
        assert_eq!(read(text).unwrap_err(), expected);
    }

    #[test]
    fn a_missing_file_is_an_empty_one() {
        let config = load(Path::new("/nowhere/takopi.toml"), &[], &[]).unwrap();
        assert!(config.default_engine.is_none() && config.projects.is_empty() && !config.enabled.is_set());
    }

    #[test]
    fn a_configuration_of_the_python_program_is_read_as_it_is() {
        let config = read(
            "default_engine = 'codex'\ntransport = 'telegram'\n[transports.telegram]\nbot_token = 't'\nchat_id = 1\n\
             [codex]\nmode = 'exec'\n[plugins]\nenabled = ['takopi']\nauto_install = true\n\
             [projects.Z80]\npath = '~/z80'\nworktree_base = 'main'\nchat_id = -100\n",
        )
        .unwrap();
        assert_eq!(config.default_engine.as_deref(), Some("codex"));
        let project = &config.projects["Z80"];
        assert_eq!(project.chat_id.as_deref(), Some("-100"));
        assert!(project.path.is_absolute() && project.worktrees_dir.ends_with("z80/.worktrees"));
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
        assert!(config.warnings[0].contains("auto_install"));
    }

    #[test]
    fn unknown_keys_are_warned_about_with_the_closest_known_one() {
        let config =
            read("defalt_engine = 'codex'\n[projects.a]\npath = '/a'\nworktree_bas = 'x'\n").unwrap();
        assert!(
            config.warnings[0].ends_with(":1:1: unknown key `defalt_engine`; did you mean `default_engine`?")
        );
        assert!(config.warnings[1].contains("`projects.a.worktree_bas`; did you mean `worktree_base`?"));
    }

    #[test]
    fn errors_name_the_place_and_the_key() {
        fails(
            "default_engine = 3\n",
            "takopi.toml:1:18: `default_engine`: invalid type: integer `3`, expected a string",
        );
        fails(
            "default_engine = ' '\n",
            "takopi.toml:1:18: `default_engine`: expected a text that is not blank",
        );
        fails(
            "[projects.a]\n",
            "takopi.toml:1:1: `projects.a`: `path` is missing: the folder of the project",
        );
        fails(
            "[projects]\na = 1\n",
            "takopi.toml:2:5: `projects.a`: expected a table, found a value of type integer",
        );
        fails(
            "[projects.Codex]\npath='/'\n",
            "takopi.toml:1:1: `projects.Codex`: an alias can not be the name of an engine or a command",
        );
        fails(
            "[projects.a]\npath='/'\n[projects.A]\npath='/'\n",
            "takopi.toml:1:1: `projects.a`: another project has this alias, in other letters",
        );
        fails(
            "[projects.a]\npath='/'\nchat_id=1\n[projects.b]\npath='/'\nchat_id='1'\n",
            "takopi.toml:6:9: `projects.b.chat_id`: another project has the chat 1",
        );
        fails(
            "[transports.x]\nchat_id = 7\n[projects.a]\npath='/'\nchat_id = '7'\n",
            "takopi.toml:5:11: `projects.a.chat_id`: 7 is the main chat of a transport",
        );
        fails(
            "[projects.a]\npath='/'\ndefault_engine = 'zebra'\n",
            "takopi.toml:3:18: `projects.a.default_engine`: there is no engine `zebra`",
        );
        fails(
            "[limits]\nengines = 0\n",
            "takopi.toml:2:11: `limits.engines`: invalid value: integer `0`, expected a nonzero usize",
        );
        fails("default_project = 'x'\n", "takopi.toml:1:19: `default_project`: there is no project `x`");
        fails(
            "[plugins]\nenabled = 'takopi'\n",
            "takopi.toml:2:11: `plugins.enabled`: invalid type: string \"takopi\", expected a sequence",
        );
    }
}
