//! Files of the Python program's first versions, brought to the form of its last.
//!
//! What is to do is decided on the table, which knows places, and done on the document, which keeps comments.

use takopi_api::config::{ConfigError, ConfigTable};

use super::edit::{Document, Found};
use super::key_path::KeyPath;
use super::model::DEFAULT_TRANSPORT;
use super::setting::Setting;

/// Something old in a file, and what takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Migration {
    /// The bot of the first versions, which knew one chat app and kept its keys at the top.
    LegacyTelegram,
    /// Where topics are opened, under its old key and by its old words.
    TopicsScope(TopicsScope),
}

/// Where topics are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopicsScope {
    /// In the main chat.
    Main,
    /// In the chats of projects.
    Projects,
}

/// A text that was brought to the newest form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migrated {
    pub(super) text: String,
    pub(super) migrations: Vec<Migration>,
}

/// The keys that stood at the top.
const LEGACY_KEYS: [&str; 2] = ["bot_token", "chat_id"];

const TELEGRAM: [&str; 2] = ["transports", "telegram"];
const TOPICS: [&str; 3] = ["transports", "telegram", "topics"];

/// Brings a file to the newest form; `None` if it has it.
pub(super) fn migrate(table: &ConfigTable, text: &str) -> Result<Option<Migrated>, ConfigError> {
    let migrations = needed(table)?;
    if migrations.is_empty() {
        return Ok(None);
    }
    let mut document = Document::parse(table.file(), text)?;
    for migration in &migrations {
        migration.apply(&mut document)?;
    }
    Ok(Some(Migrated { text: document.text(), migrations }))
}

fn needed(table: &ConfigTable) -> Result<Vec<Migration>, ConfigError> {
    let mut migrations = Vec::new();
    if LEGACY_KEYS.iter().any(|key| table.contains(key)) {
        migrations.push(Migration::LegacyTelegram);
    }
    let topics = table.table("transports")?.table("telegram")?.table("topics")?;
    if let Some(mode) = topics.get::<String>("mode")? {
        migrations.push(Migration::TopicsScope(match mode.trim() {
            "multi_project_chat" => TopicsScope::Main,
            "per_project_chat" => TopicsScope::Projects,
            _ => {
                let message = "expected `multi_project_chat` or `per_project_chat`";
                return Err(topics.error_at("mode", message).hint("today's key is `scope`"));
            }
        }));
    }
    Ok(migrations)
}

impl Migration {
    /// Its name in logs.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::LegacyTelegram => "legacy-telegram",
            Self::TopicsScope(_) => "topics-scope",
        }
    }

    fn apply(self, document: &mut Document) -> Result<(), ConfigError> {
        match self {
            Self::LegacyTelegram => {
                for key in LEGACY_KEYS {
                    document.rename(&top(key), &KeyPath::new(TELEGRAM, key))?;
                }
                if let Found::Nothing = document.get(&top("transport"))? {
                    document.set(&top("transport"), &Setting::text(DEFAULT_TRANSPORT))?;
                }
                Ok(())
            }
            Self::TopicsScope(scope) => {
                let today = KeyPath::new(TOPICS, "scope");
                let is_set = !matches!(document.get(&today)?, Found::Nothing);
                document.rename(&KeyPath::new(TOPICS, "mode"), &today)?;
                if is_set { Ok(()) } else { document.set(&today, &Setting::text(scope.as_str())) }
            }
        }
    }
}

/// The key that has taken the place of another one.
pub(super) fn successor(key: &KeyPath) -> Option<KeyPath> {
    match key.parts().collect::<Vec<_>>()[..] {
        [key] if LEGACY_KEYS.contains(&key) => Some(KeyPath::new(TELEGRAM, key)),
        ["transports", "telegram", "topics", "mode"] => Some(KeyPath::new(TOPICS, "scope")),
        _ => None,
    }
}

impl TopicsScope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Projects => "projects",
        }
    }
}

fn top(key: &str) -> KeyPath {
    KeyPath::new([""; 0], key)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn run(text: &str) -> Result<Option<Migrated>, ConfigError> {
        migrate(&ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap(), text)
    }

    #[track_caller]
    fn check(old: &str, new: &str, ids: &[&str]) {
        let migrated = run(old).unwrap().unwrap();
        assert_eq!(migrated.text, new);
        assert_eq!(migrated.migrations.iter().map(|one| one.id()).collect::<Vec<_>>(), ids);
        assert_eq!(run(new).unwrap(), None, "a second time there is nothing to do");
    }

    #[test]
    fn the_bot_at_the_top_moves_to_its_transport() {
        check(
            "# my bot\nbot_token = \"t\" # secret\nchat_id = 123\n\n# mine\ndefault_engine = 'codex'\n[codex]\n",
            "\n# mine\ndefault_engine = 'codex'\ntransport = \"telegram\"\n[codex]\n\n\
             [transports.telegram]\n# my bot\nbot_token = \"t\" # secret\nchat_id = 123\n",
            &["legacy-telegram"],
        );
        check(
            "transport = 'web'\nchat_id = '1'\n",
            "transport = 'web'\n\n[transports.telegram]\nchat_id = '1'\n",
            &["legacy-telegram"],
        );
    }

    #[test]
    fn what_the_transport_has_wins() {
        check(
            "bot_token = 'old'\nchat_id = 1\n[transports.telegram]\nbot_token = 'new'\n",
            "transport = \"telegram\"\n[transports.telegram]\nbot_token = 'new'\nchat_id = 1\n",
            &["legacy-telegram"],
        );
        check(
            "bot_token = 'old' # a comment\ntransports = { telegram = { chat_id = 1 } }\n",
            "transports = { telegram = { chat_id = 1, bot_token = 'old' } }\ntransport = \"telegram\"\n",
            &["legacy-telegram"],
        );
    }

    #[test]
    fn the_mode_of_topics_becomes_their_scope() {
        for (mode, scope) in [("multi_project_chat", "main"), ("per_project_chat", "projects")] {
            check(
                &format!("[transports.telegram.topics]\nenabled = true\n# where\nmode = '{mode}' # here\n"),
                &format!(
                    "[transports.telegram.topics]\nenabled = true\n# where\nscope = \"{scope}\" # here\n"
                ),
                &["topics-scope"],
            );
        }
        check(
            "[transports.telegram]\ntopics = { mode = 'per_project_chat', scope = 'all' }\n",
            "[transports.telegram]\ntopics = { scope = 'all' }\n",
            &["topics-scope"],
        );
    }

    #[test]
    fn a_table_where_a_key_should_be_is_not_lost() {
        check(
            "transport = 'x'\ntransports.telegram = {}\n[bot_token]\nenv = 'T'\n",
            "transport = 'x'\ntransports.telegram = { bot_token = { env = 'T' } }\n",
            &["legacy-telegram"],
        );
    }

    #[test]
    fn both_at_once() {
        check(
            "bot_token = 't'\n[transports.telegram.topics]\nmode = 'multi_project_chat'\n",
            "transport = \"telegram\"\n\n[transports.telegram]\nbot_token = 't'\n\n\
             [transports.telegram.topics]\nscope = \"main\"\n",
            &["legacy-telegram", "topics-scope"],
        );
    }

    #[test]
    fn what_can_not_be_migrated_names_its_place() {
        let error = |text: &str| run(text).unwrap_err().to_string();
        assert_eq!(
            error("[transports.telegram.topics]\nmode = 'x'\n"),
            "takopi.toml:2:8: `transports.telegram.topics.mode`: expected `multi_project_chat` or `per_project_chat`"
        );
        assert!(error("[transports.telegram.topics]\nmode = 3\n").contains("expected a string"));
        assert!(error("chat_id = 1\ntransports = 3\n").contains("`transports`: expected a table"));
        assert!(error("chat_id = 1\n[transports]\ntelegram = 3\n").contains("expected a table"));
        assert_eq!(run("default_engine = 'codex'\n[transports.web]\nbot_token = 't'\n").unwrap(), None);
    }
}
