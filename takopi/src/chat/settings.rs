//! What a chat is like, as `[transports.<id>]` says it. Every transport has these keys besides its own.

mod files;

use std::time::Duration;

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::transport::Topics;

pub use self::files::{FileSettings, PromptFiles};
pub use crate::store::{QueueMode, TriggerMode};

/// What a message without a thread continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionMode {
    /// Nothing: it begins a thread.
    Stateless,
    /// What was said last in the chat.
    Chat,
}

/// What happens to an answer that is longer than a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Its beginning is shown.
    #[default]
    Trim,
    /// It becomes several messages.
    Split,
}

/// How much is shown of a run while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProgressMode {
    /// A message that is edited.
    #[default]
    Full,
    /// A message that says that it began.
    Once,
    /// Nothing before the answer.
    None,
}

/// What shows at once that a message arrived, besides the progress message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// Nothing.
    None,
    /// The chat shows that somebody writes, until the answer is there.
    Typing,
    /// The message is marked as seen.
    Reaction,
}

/// Whether an answer is shown as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveText {
    /// Where chat and engine can: as a draft, or else in the progress message.
    Shown,
    /// As a draft, if the engine gives its answer as it is written.
    WhereItFits,
    /// Only when it is complete.
    Hidden,
}

/// What a chat is like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// What a message without a thread continues; if nothing is said, as the transport's people expect it.
    pub session_mode: Option<SessionMode>,
    /// Whether the resume line is shown where the chat resumes by itself.
    pub show_resume_line: bool,
    /// What happens to a long answer.
    pub overflow: Overflow,
    /// Whether the answer is a message of its own, which makes itself heard.
    pub final_notify: bool,
    /// How much is shown of a run while it goes on.
    pub progress: ProgressMode,
    /// What shows at once that a message arrived.
    pub acknowledge: Acknowledge,
    /// Whether an answer is shown as it is written.
    pub live_text: LiveText,
    /// What a message does for which something runs already.
    pub queue: QueueMode,
    /// Which messages are for takopi.
    pub trigger: TriggerMode,
    /// How long a request waits for a person.
    pub request_timeout: Duration,
    /// Who may answer requests of other people's runs.
    pub approvers: Vec<String>,
    /// What becomes of files.
    pub files: FileSettings,
    /// What topics are for.
    pub topics: Topics,
}

/// How long a request waits for a person if nothing is said: somebody may be on the way home.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl Settings {
    /// Reads them from the table of a transport.
    ///
    /// # Errors
    /// [`ConfigError`] if a key has a value that it can not have.
    pub fn read(table: &ConfigTable) -> Result<Self, ConfigError> {
        let timeout = table.get::<u64>("request_timeout_s")?.map(Duration::from_secs);
        let approvers = table.get::<Vec<Id>>("approvers")?.unwrap_or_default();
        let progress: ProgressMode = table.get("progress")?.unwrap_or_default();
        // Somebody who sees nothing else wants to know that it goes on.
        let without_a_word =
            if progress == ProgressMode::None { Acknowledge::Typing } else { Acknowledge::None };
        let live_text = match table.get("live_text")? {
            Some(true) => LiveText::Shown,
            Some(false) => LiveText::Hidden,
            None => LiveText::WhereItFits,
        };
        Ok(Self {
            session_mode: table.get("session_mode")?,
            show_resume_line: table.get("show_resume_line")?.unwrap_or(true),
            overflow: table.get("message_overflow")?.unwrap_or_default(),
            final_notify: table.get("final_notify")?.unwrap_or(true),
            progress,
            acknowledge: table.get("acknowledge")?.unwrap_or(without_a_word),
            live_text,
            queue: table.get("queue")?.unwrap_or(QueueMode::Queue),
            trigger: table.get("trigger")?.unwrap_or(TriggerMode::All),
            request_timeout: timeout.unwrap_or(REQUEST_TIMEOUT),
            approvers: approvers.into_iter().map(Id::into_text).collect(),
            files: FileSettings::read(&table.table("files")?)?,
            topics: Topics::read(table)?,
        })
    }
}

/// A person's id: numbers are taken as they are written.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an id: a number or a text")]
enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    fn into_text(self) -> String {
        match self {
            Self::Number(id) => id.to_string(),
            Self::Text(id) => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text.to_owned()).unwrap();
        Settings::read(&table).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_is_as_in_the_python_program() {
        let settings = read("").unwrap();
        assert_eq!(settings.session_mode, None);
        assert!(settings.show_resume_line && settings.final_notify);
        assert_eq!((settings.overflow, settings.queue), (Overflow::Trim, QueueMode::Queue));
    }

    #[test]
    fn what_is_said_counts() {
        let settings = read("session_mode = 'chat'\nqueue = 'collect'\napprovers = [7, '@me']\n").unwrap();
        assert_eq!((settings.session_mode, settings.queue), (Some(SessionMode::Chat), QueueMode::Collect));
        assert_eq!(settings.approvers, ["7", "@me"]);
        assert!(read("session_mode = 'chats'\n").unwrap_err().contains("session_mode"));
    }
}
