//! Transports: chat systems that receive and send messages.
//!
//! The conversation lives in takopi, not here. A transport has two sides: [`TransportBackend::build_and_run`] receives and
//! gives what it got to [`Connection`](crate::runtime::Connection); [`Transport`] sends what takopi wants to say. What a
//! transport can not do ([`Capabilities`]) is made up for by takopi: without edits there is one message more, without
//! buttons there are numbered choices.

mod access;
mod check;
mod ear;
mod failure;
mod setup;
mod topics;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use access::{Access, Channels, People, Role};
pub use check::{Check, CheckStatus};
pub use ear::{Contact, Ear, Newcomer, Overheard};
pub use failure::{SendError, SendFailure};
pub use setup::{Cancelled, LockToken, SetupContext, SetupError, SetupIssue, Wizard};
pub use topics::{TopicChats, TopicScope, Topics};

use crate::config::{ConfigError, ConfigTable};
use crate::engine::InvalidId;
use crate::error::Error;
use crate::message::{
    Address, ChannelId, IncomingFile, MessageRef, OutgoingMessage, PersonId, PressId, SendOptions, TopicId,
};
use crate::plugin::is_valid_id;
use crate::runtime::{Shutdown, TransportRuntime};

/// The id of a transport, as it stands in `transport = "…"` and `[transports.<id>]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TransportId(std::sync::Arc<str>);

impl TransportId {
    /// An id out of a configuration or a store.
    ///
    /// # Errors
    /// [`InvalidId`] if it is no id of a backend.
    pub fn parse(id: &str) -> Result<Self, InvalidId> {
        if is_valid_id(id) { Ok(Self(id.into())) } else { Err(InvalidId(id.to_owned())) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TransportId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).map_err(serde::de::Error::custom)
    }
}

/// In what a message's length is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextUnit {
    /// Unicode scalar values.
    Chars,
    /// UTF-16 code units.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl TextUnit {
    /// The length of a text.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }
}

/// How long a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimit {
    /// The most that a message's body (without header and footer) may have.
    pub max: usize,
    /// In what it is counted.
    pub unit: TextUnit,
}

impl TextLimit {
    /// No limit.
    pub const NONE: Self = Self { max: usize::MAX, unit: TextUnit::Bytes };

    /// Whether a text keeps to it.
    #[must_use]
    pub fn admits(self, text: &str) -> bool {
        // Every unit counts at most one a byte.
        text.len() <= self.max || self.unit.count(text) <= self.max
    }
}

/// What a transport can do. Nothing by default: what is not said is made up for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Messages can be changed after they were sent.
    pub edit: bool,
    /// Messages can be deleted.
    pub delete: bool,
    /// Messages can have buttons.
    pub buttons: bool,
    /// Chats have topics that can be made and renamed.
    pub topics: bool,
    /// Files can be sent and received.
    pub files: bool,
    /// It can show that somebody is at work.
    pub typing: bool,
    /// People's messages can be marked as seen.
    pub reactions: bool,
    /// In some of its chats a text can be shown while it is written.
    pub drafts: bool,
    /// A message can answer another one.
    pub replies: bool,
    /// What a person [said](IncomingFile::spoken) can be [written down](Transport::transcribe), or it is known how that
    /// is turned on. Without this, a recording is a file as any other.
    pub voice: bool,
    /// A message that is sent again with the same [key](SendOptions::key) is there once.
    pub keys: bool,
    /// A chat is one conversation: a message goes on with what was said before it, unless the person says otherwise.
    pub continuous: bool,
    /// How long a message may be.
    pub text: TextLimit,
    /// How far apart two edits in one chat have to be.
    pub edit_interval: Duration,
}

impl Capabilities {
    /// Messages without limit, and nothing else.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            edit: false,
            delete: false,
            buttons: false,
            topics: false,
            files: false,
            typing: false,
            reactions: false,
            drafts: false,
            replies: false,
            voice: false,
            keys: false,
            continuous: false,
            text: TextLimit::NONE,
            edit_interval: Duration::ZERO,
        }
    }

    /// Messages can be changed, at most once in this time in one chat.
    #[must_use]
    pub const fn edit(mut self, interval: Duration) -> Self {
        self.edit = true;
        self.edit_interval = interval;
        self
    }

    /// Messages can be deleted.
    #[must_use]
    pub const fn delete(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Messages can have buttons.
    #[must_use]
    pub const fn buttons(mut self) -> Self {
        self.buttons = true;
        self
    }

    /// Chats have topics that can be made and renamed.
    #[must_use]
    pub const fn topics(mut self) -> Self {
        self.topics = true;
        self
    }

    /// Files can be sent and received.
    #[must_use]
    pub const fn files(mut self) -> Self {
        self.files = true;
        self
    }

    /// It can show that somebody is at work.
    #[must_use]
    pub const fn typing(mut self) -> Self {
        self.typing = true;
        self
    }

    /// People's messages can be marked as seen.
    #[must_use]
    pub const fn reactions(mut self) -> Self {
        self.reactions = true;
        self
    }

    /// In some of its chats a text can be shown while it is written.
    #[must_use]
    pub const fn drafts(mut self) -> Self {
        self.drafts = true;
        self
    }

    /// A message can answer another one.
    #[must_use]
    pub const fn replies(mut self) -> Self {
        self.replies = true;
        self
    }

    /// What a person said can be written down.
    #[must_use]
    pub const fn voice(mut self) -> Self {
        self.voice = true;
        self
    }

    /// A message that is sent again with the same key is there once.
    #[must_use]
    pub const fn keys(mut self) -> Self {
        self.keys = true;
        self
    }

    /// A chat is one conversation.
    #[must_use]
    pub const fn continuous(mut self) -> Self {
        self.continuous = true;
        self
    }

    /// How long a message may be.
    #[must_use]
    pub const fn text(mut self, limit: TextLimit) -> Self {
        self.text = limit;
        self
    }
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The message says it now; also if it said so before.
    Done,
    /// A younger edit of the same message took its place before it was made.
    Superseded,
}

/// The outgoing side of a chat system. What a transport leaves out answers [`SendFailure::Unsupported`].
///
/// A call returns once the chat system has taken what was sent, or will not: waiting for a rate limit is the transport's
/// own business.
#[async_trait]
pub trait Transport: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError`]; [`SendFailure::Unknown`] if it may have arrived all the same, [`SendFailure::TopicGone`] if there
    /// is no such topic any more.
    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError>;

    /// Takes back what was handed to [`send`](Self::send) under this [key](SendOptions::key), if it waits still: that call
    /// then ends with [`SendFailure::TakenBack`]. What has begun goes on. Nothing to do where nothing waits.
    async fn take_back(&self, key: &str) {
        let _ = key;
    }

    /// Changes a message. Edits that wait are superseded by younger ones, and by a deletion.
    ///
    /// # Errors
    /// [`SendError`]; [`SendFailure::Gone`] if the message is not there any more.
    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        let _ = (message, new);
        Err(SendError::unsupported("edit"))
    }

    /// Deletes a message. One that is gone already is deleted.
    ///
    /// # Errors
    /// [`SendError`].
    async fn delete(&self, message: &MessageRef) -> Result<(), SendError> {
        let _ = message;
        Err(SendError::unsupported("delete"))
    }

    /// Answers a press of a button, with a short text if there is something to say. It never waits for other messages.
    ///
    /// # Errors
    /// [`SendError`].
    async fn answer_press(&self, press: &PressId, text: Option<&str>) -> Result<(), SendError> {
        let _ = (press, text);
        Err(SendError::unsupported("answer_press"))
    }

    /// Shows for some seconds that somebody is at work.
    ///
    /// # Errors
    /// [`SendError`].
    async fn show_typing(&self, at: &Address) -> Result<(), SendError> {
        let _ = at;
        Err(SendError::unsupported("show_typing"))
    }

    /// Marks a person's message as seen.
    ///
    /// # Errors
    /// [`SendError`].
    async fn mark_seen(&self, message: &MessageRef) -> Result<(), SendError> {
        let _ = message;
        Err(SendError::unsupported("mark_seen"))
    }

    /// Shows a text that is being written, for about half a minute. A later one under the same key takes its place, and
    /// what is sent at last stands by itself.
    ///
    /// # Errors
    /// [`SendError`]; [`SendFailure::Unsupported`] also where only this chat can not show it.
    async fn draft(&self, at: &Address, key: &str, text: OutgoingMessage) -> Result<(), SendError> {
        let _ = (at, key, text);
        Err(SendError::unsupported("draft"))
    }

    /// What a person is in a chat.
    ///
    /// # Errors
    /// [`SendError`]; whoever asked takes it for a no.
    async fn role(&self, channel: &ChannelId, person: &PersonId) -> Result<Role, SendError> {
        let _ = (channel, person);
        Err(SendError::unsupported("role"))
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// [`SendError`].
    async fn create_topic(&self, channel: &ChannelId, title: &str) -> Result<TopicId, SendError> {
        let _ = (channel, title);
        Err(SendError::unsupported("create_topic"))
    }

    /// Gives a topic another title. The title that it has already is no error.
    ///
    /// # Errors
    /// [`SendError`]; [`SendFailure::TopicGone`] if there is no such topic any more.
    async fn rename_topic(&self, channel: &ChannelId, topic: &TopicId, title: &str) -> Result<(), SendError> {
        let _ = (channel, topic, title);
        Err(SendError::unsupported("rename_topic"))
    }

    /// Fetches a file that came with a message, at most `max_bytes` of it.
    ///
    /// # Errors
    /// [`SendError`]; [`SendFailure::TooLong`] if it is larger.
    async fn fetch(&self, file: &IncomingFile, max_bytes: u64) -> Result<Vec<u8>, SendError> {
        let _ = (file, max_bytes);
        Err(SendError::unsupported("fetch"))
    }

    /// Writes down what a person said in a file that came with a message: the words alone, in the language that they were
    /// said in. Empty if there was nothing to hear. Whoever asks waits two minutes, and drops the call then.
    ///
    /// # Errors
    /// [`Error`], which is shown to the person as it is: why it can not be done, and what they can do about it. Such is
    /// also that nobody has turned it on.
    async fn transcribe(&self, file: &IncomingFile) -> Result<String, Error> {
        let _ = file;
        Err(Error::new("voice notes are not understood here").hint("write it instead"))
    }
}

/// What a transport gets when it runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportRun {
    /// The table `[transports.<id>]` of the configuration.
    pub config: ConfigTable,
    /// The file that it stands in.
    pub config_path: PathBuf,
    /// The way to takopi.
    pub runtime: TransportRuntime,
    /// Told when the transport has to end.
    pub shutdown: Shutdown,
}

impl TransportRun {
    /// A run.
    #[must_use]
    pub const fn new(
        config: ConfigTable,
        config_path: PathBuf,
        runtime: TransportRuntime,
        shutdown: Shutdown,
    ) -> Self {
        Self { config, config_path, runtime, shutdown }
    }
}

/// A chat system.
#[async_trait]
pub trait TransportBackend: Send + Sync {
    /// Must equal the id under which the row is registered.
    fn id(&self) -> &str;

    /// What has to be done before it can run. Asks nobody over the network.
    fn check_setup(&self, context: &SetupContext<'_>) -> Vec<SetupIssue> {
        let _ = context;
        Vec::new()
    }

    /// Looks whether it works where it is set up, as `takopi doctor` tells it. It may ask over the network, for a few seconds
    /// each time; it changes nothing, and takes nothing away from a takopi that runs. What it does not say is not told.
    async fn examine(&self, context: &SetupContext<'_>) -> Vec<Check> {
        let _ = context;
        Vec::new()
    }

    /// Asks a person for what it needs, and gives the keys of `[transports.<id>]` to write. What the table has already, such
    /// as the address of a server, counts; keys that are not given stay as they are.
    ///
    /// # Errors
    /// [`SetupError`] if it can not be set up, or the person gave up.
    async fn interactive_setup(
        &self,
        context: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<ConfigTable, SetupError> {
        let _ = (context, wizard);
        let error = Error::new(format!("the transport {} can not be set up here", self.id()));
        Err(error.hint(format!("write [transports.{}] by hand", self.id())).into())
    }

    /// What receives for the bot while no takopi does. Nothing is received before [`Ear::begin`]. A secret that is
    /// missing is asked for.
    ///
    /// # Errors
    /// [`SetupError`] if there is no such way, or the person gave up.
    async fn overhear(
        &self,
        context: &SetupContext<'_>,
        wizard: &mut dyn Wizard,
    ) -> Result<Box<dyn Ear>, SetupError> {
        let _ = (context, wizard);
        let error = Error::new(format!("the transport {} has no chats that could be found out", self.id()));
        Err(error.hint("`takopi plugins` shows the others").into())
    }

    /// What has to stand in `[transports.<id>]` so that somebody is heard who was not before. Nobody loses anything by it
    /// but those of [`Self::lost_by_admitting`].
    ///
    /// # Errors
    /// [`Error`] if nobody can be let in like this.
    fn admit(&self, context: &SetupContext<'_>, newcomer: &Newcomer) -> Result<ConfigTable, Error> {
        let _ = (context, newcomer);
        Err(Error::new(format!("the transport {} lets nobody in by a code", self.id()))
            .hint(format!("write who is heard into [transports.{}] by hand", self.id())))
    }

    /// Who is heard today, and would not be any more once somebody is admitted; `None` if nobody.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration does not say.
    fn lost_by_admitting(&self, context: &SetupContext<'_>) -> Result<Option<String>, ConfigError> {
        let _ = context;
        Ok(None)
    }

    /// What no two programs may share at a time, such as the account of a bot.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration does not say.
    fn lock_token(&self, config: &ConfigTable) -> Result<Option<LockToken>, ConfigError> {
        let _ = config;
        Ok(None)
    }

    /// Whether it can be started anew while takopi goes on, as when its table changed. It can if, told to stop, it lets go
    /// of all that it receives with, and the outgoing side that it connected goes on working: what runs then still sends
    /// through it.
    ///
    /// Without this, what changes in its table counts from the next start of takopi on.
    fn can_start_again(&self) -> bool {
        false
    }

    /// Receives and sends until it is told to stop, or has nothing more to receive. What it was connected with goes on
    /// sending afterwards: takopi delivers the answers of runs that were not at their end.
    ///
    /// # Errors
    /// [`Error`] if it can not go on.
    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_as_the_chat_system_counts_them() {
        let text = "a€😀";
        assert_eq!(TextUnit::Chars.count(text), 3);
        assert_eq!(TextUnit::Utf16.count(text), 4);
        assert_eq!(TextUnit::Bytes.count(text), 8);
        assert!(TextLimit { max: 4, unit: TextUnit::Utf16 }.admits(text));
        assert!(!TextLimit { max: 3, unit: TextUnit::Utf16 }.admits(text));
        assert!(TextLimit::NONE.admits(text));
    }
}
