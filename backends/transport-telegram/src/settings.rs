//! What can be set, and what takopi makes of it. It fails closed: where nobody is named, there is no start.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable, Secret};
use takopi_api::error::Error;
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{Access, Channels, People};

use crate::receive::{Patience, Rules};
use crate::wire::ChatId;

/// The table `[transports.telegram]`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// The token of the bot, from @BotFather.
    pub(crate) bot_token: Option<Secret>,
    /// The chat that takopi is for; its own messages go there.
    pub(crate) chat_id: Option<Number>,
    /// Who is heard, in `chat_id`, in the chats of projects, and each in their own chat with the bot. If nobody is
    /// listed, that is in a private chat the person in it, and in a group its administrators.
    #[serde(default)]
    pub(crate) allowed_user_ids: Vec<Number>,
    /// Where the Bot API is: a server of one's own, for example.
    #[serde(default = "api_base_url")]
    pub(crate) api_base_url: String,
    /// How long a comment waits for what is forwarded with it, in seconds.
    #[serde(default = "forward_coalesce_s")]
    pub(crate) forward_coalesce_s: f64,
    /// How long the parts of an album wait for each other, in seconds.
    #[serde(default = "media_group_debounce_s")]
    pub(crate) media_group_debounce_s: f64,
    /// Messages that are older than this when takopi receives them are skipped, in seconds. Without it none is.
    pub(crate) max_age_s: Option<u64>,
    /// Whether takopi says in `chat_id` that it is there.
    #[serde(default = "startup_message")]
    pub(crate) startup_message: bool,
    /// How tables are sent.
    #[serde(default)]
    pub(crate) tables: Tables,
    /// Whether voice notes are written down, by a service that is asked as OpenAI's is, and then count as text.
    #[serde(default)]
    pub(crate) voice_transcription: bool,
    /// How large a voice note may be, in bytes.
    #[serde(default = "voice_max_bytes")]
    pub(crate) voice_max_bytes: u64,
    /// The model that writes voice notes down.
    #[serde(default = "voice_transcription_model")]
    pub(crate) voice_transcription_model: String,
    /// Where the service is that writes voice notes down. Without it, that is what `OPENAI_BASE_URL` says, else OpenAI.
    pub(crate) voice_transcription_base_url: Option<String>,
    /// The key of that service. Without it, `OPENAI_API_KEY` counts.
    pub(crate) voice_transcription_api_key: Option<Secret>,
    /// The language in which people speak, such as `de`. Without it, the service finds out.
    pub(crate) voice_transcription_language: Option<String>,
}

/// How tables are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tables {
    /// As tables, where the server has messages with these.
    #[default]
    Native,
    /// As code, in columns.
    Code,
}

/// The number of a chat or a person. A text is taken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(with = "Written")]
pub(crate) struct Number(pub(crate) i64);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number, such as 123456789 or -1001234567890")]
enum Written {
    Number(i64),
    Text(String),
}

impl TryFrom<Written> for Number {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.trim().parse().map(Self).map_err(|_| {
                format!("expected a number, such as 123456789 or -1001234567890, found {text:?}")
            }),
        }
    }
}

/// Where the Bot API is, if nothing else is said.
pub(crate) fn api_base_url() -> String {
    "https://api.telegram.org".to_owned()
}

const fn forward_coalesce_s() -> f64 {
    0.5
}

const fn media_group_debounce_s() -> f64 {
    0.5
}

const fn startup_message() -> bool {
    true
}

const fn voice_max_bytes() -> u64 {
    10 << 20
}

fn voice_transcription_model() -> String {
    "gpt-4o-mini-transcribe".to_owned()
}

/// The most that people would wait for.
const LONGEST_WAIT: f64 = 60.0;

/// Who is heard, and how what they say is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) main: Option<ChatId>,
    pub(crate) access: Access,
    pub(crate) rules: Rules,
}

impl Settings {
    /// What the settings come to. `table` is where they stand.
    pub(crate) fn plan(&self, table: &ConfigTable) -> Result<Plan, ConfigError> {
        let main = self.chat_id.map(|chat| ChatId(chat.0));
        let people: BTreeSet<String> = self.allowed_user_ids.iter().map(|id| id.0.to_string()).collect();
        // A person's own chat with the bot has the person's number.
        let own = self.allowed_user_ids.iter().filter(|id| id.0 > 0).map(|id| id.0.to_string());
        let channels = Channels::listed(main.map(|chat| chat.to_string()).into_iter().chain(own));
        let people = if people.is_empty() { People::OwnersAndAdmins } else { People::listed(people) };
        let wait = |key: &str, seconds: f64| {
            let wait = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= LONGEST_WAIT);
            wait.ok_or_else(|| {
                table.error_at(key, format!("expected 0 to {LONGEST_WAIT} seconds, found {seconds}"))
            })
        };
        let patience = Patience {
            forwards: wait("forward_coalesce_s", self.forward_coalesce_s)?,
            album: wait("media_group_debounce_s", self.media_group_debounce_s)?,
        };
        Ok(Plan {
            main,
            access: Access::nobody().people(people).channels(channels),
            rules: Rules { patience, max_age: self.max_age_s.map(Duration::from_secs) },
        })
    }

    /// Whether anybody could be heard.
    pub(crate) fn names_somebody(&self) -> bool {
        self.chat_id.is_some() || !self.allowed_user_ids.is_empty()
    }
}

/// A fault of the settings, as the transport tells it.
pub(crate) fn told(error: ConfigError) -> Error {
    let said = Error::new(error.to_string());
    error.hints.into_iter().fold(said, Error::hint)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn table(text: &str) -> ConfigTable {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), format!("[telegram]\n{text}")).unwrap();
        table.table("telegram").unwrap()
    }

    fn plan(text: &str) -> Result<Plan, String> {
        let table = table(text);
        let settings: Settings = table.parse().map_err(|error| error.to_string())?;
        settings.plan(&table).map_err(|error| error.to_string())
    }

    #[test]
    fn those_who_are_listed_are_heard_here_and_in_their_own_chats() {
        let plan = plan("chat_id = \"-100\"\nallowed_user_ids = [7, \"8\"]\n").unwrap();
        assert_eq!(plan.main, Some(ChatId(-100)));
        assert_eq!(plan.access.people, People::listed(["7", "8"]));
        assert_eq!(plan.access.channels, Channels::listed(["-100", "7", "8"]));
    }

    #[test]
    fn where_nobody_is_listed_owners_and_administrators_are_heard() {
        let plan = plan("chat_id = -100\n").unwrap();
        assert_eq!(plan.access.people, People::OwnersAndAdmins);
        assert_eq!(plan.access.channels, Channels::listed(["-100"]));
        assert!(!table("").parse::<Settings>().unwrap().names_somebody());
    }

    #[test]
    fn tables_are_tables_unless_they_are_to_be_code() {
        let tables = |text: &str| table(text).parse::<Settings>().map(|settings| settings.tables);
        assert_eq!(tables("").unwrap(), Tables::Native);
        assert_eq!(tables("tables = \"native\"\n").unwrap(), Tables::Native);
        assert_eq!(tables("tables = \"code\"\n").unwrap(), Tables::Code);
        assert!(tables("tables = \"text\"\n").unwrap_err().to_string().contains("takopi.toml:2"));
    }

    #[test]
    fn what_can_not_be_is_said_with_its_place() {
        assert!(plan("chat_id = \"me\"\n").unwrap_err().contains("\"me\""));
        assert!(plan("chat_id = 1.5\n").unwrap_err().contains("expected a number"));
        for wait in ["-1", "inf", "nan", "61"] {
            let error = plan(
                &format!("forward_coalesce_s = {wait}.0\n").replace("inf.0", "inf").replace("nan.0", "nan"),
            );
            assert!(error.unwrap_err().contains("takopi.toml:2"), "{wait}");
        }
    }
}
