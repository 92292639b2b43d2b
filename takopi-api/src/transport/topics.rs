//! What topics of chats are for, as `[transports.<id>.topics]` says it. takopi goes by it, and a transport that looks
//! whether the bot can do what is wanted reads it here too.

use serde::Deserialize;

use crate::config::{ConfigError, ConfigTable, Flag};

/// What topics of chats are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// They can belong to a project, and need not: so it is if nothing is said.
    Free,
    /// They are parts of their chat, and belong to nothing.
    Off,
    /// In these chats each belongs to a project.
    OfProjects(TopicScope),
}

/// The chats whose topics belong to projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicScope {
    /// Which.
    pub chats: TopicChats,
    /// The transport's main chat, if it has one.
    pub main: Option<String>,
}

/// Which chats a scope has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopicChats {
    /// Those of projects if there are any, else the main one.
    #[default]
    Auto,
    /// The main one.
    Main,
    /// Those of projects.
    Projects,
    /// Both.
    All,
}

/// The main chat: numbers are taken as they are written.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a chat id: a number or a text")]
enum Main {
    Number(i64),
    Text(String),
}

impl Topics {
    /// Reads it. `table` is the transport's.
    ///
    /// # Errors
    /// [`ConfigError`] if a key has a value that it can not have.
    pub fn read(table: &ConfigTable) -> Result<Self, ConfigError> {
        let topics = table.table("topics")?;
        let chats = topics.get("scope")?.unwrap_or_default();
        Ok(match topics.get("enabled")? {
            None => Self::Free,
            Some(Flag(false)) => Self::Off,
            Some(Flag(true)) => {
                let main = table.get::<Main>("chat_id")?.map(|main| match main {
                    Main::Number(id) => id.to_string(),
                    Main::Text(id) => id.trim().to_owned(),
                });
                Self::OfProjects(TopicScope { chats, main })
            }
        })
    }
}

impl TopicChats {
    /// The word for it in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Main => "main",
            Self::Projects => "projects",
            Self::All => "all",
        }
    }
}

impl TopicScope {
    /// Whether a chat is one of these. `projects` are the chats of projects.
    #[must_use]
    pub fn has<'a>(&self, channel: &str, mut projects: impl Iterator<Item = &'a str>) -> bool {
        let is_main = self.main.as_deref() == Some(channel);
        match self.chats {
            TopicChats::Main => is_main,
            TopicChats::Projects => projects.any(|chat| chat == channel),
            TopicChats::All => is_main || projects.any(|chat| chat == channel),
            TopicChats::Auto => match projects.next() {
                None => is_main,
                Some(first) => first == channel || projects.any(|chat| chat == channel),
            },
        }
    }

    /// Which chats these are, for people.
    #[must_use]
    pub fn told(&self) -> &'static str {
        match self.chats {
            TopicChats::Auto => {
                "the chats of projects, or the main chat if no project has one (`topics.scope` is `auto`)"
            }
            TopicChats::Main => "the main chat",
            TopicChats::Projects => "the chats of projects",
            TopicChats::All => "the main chat and the chats of projects",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_scope_has_the_chats_that_it_names() {
        let check = |text: &str, projects: &[&str], has: &[&str], has_not: &[&str]| {
            let text = format!("chat_id = -100\n[topics]\nenabled = true\n{text}");
            let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
            let Topics::OfProjects(scope) = Topics::read(&table).unwrap() else { panic!("it is on") };
            for channel in has {
                assert!(scope.has(channel, projects.iter().copied()), "{scope:?} {channel}");
            }
            for channel in has_not {
                assert!(!scope.has(channel, projects.iter().copied()), "{scope:?} {channel}");
            }
        };
        check("", &[], &["-100"], &["-1"]);
        check("", &["-1", "-2"], &["-1", "-2"], &["-100"]);
        check("scope = 'main'", &["-1"], &["-100"], &["-1"]);
        check("scope = 'projects'", &["-1"], &["-1"], &["-100"]);
        check("scope = 'all'", &["-1"], &["-1", "-100"], &["-2"]);
    }

    #[test]
    fn nothing_is_demanded_unless_it_is_said() {
        let read =
            |text: &str| Topics::read(&ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap());
        assert_eq!(read("").unwrap(), Topics::Free);
        assert_eq!(read("topics.enabled = false").unwrap(), Topics::Off);
        assert!(matches!(read("topics.enabled = 'yes'").unwrap(), Topics::OfProjects(_)));
        assert!(read("topics.scope = 'here'").is_err());
    }
}
