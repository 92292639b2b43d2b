//! What is written to a bot while no takopi receives for it: to find a chat, or to let somebody in.

use async_trait::async_trait;

use crate::error::Error;
use crate::message::{ChannelId, ChatKind, PersonId, Sender};
use crate::transport::Wizard;

/// How people come to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contact {
    /// What it is called, as people look for it: `@bot`.
    pub name: String,
    /// What a code is put behind to make a link that sends it to the bot, if there are such links.
    pub code_link: Option<String>,
}

impl Contact {
    /// How people come to a bot.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), code_link: None }
    }

    /// What a code is put behind to make a link that sends it.
    #[must_use]
    pub fn code_link(mut self, link: impl Into<String>) -> Self {
        self.code_link = Some(link.into());
        self
    }
}

/// A message that somebody wrote. Nobody has asked yet whether they are heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overheard {
    /// Where it was written.
    pub channel: ChannelId,
    /// What that chat is.
    pub chat: ChatKind,
    /// Who wrote it, if the chat system tells.
    pub sender: Option<Sender>,
    /// What it says.
    pub text: String,
    /// Whether it was somebody else's message.
    pub is_forwarded: bool,
    /// Who wrote what where, so that a person knows it for their own: `Mia wrote "hello" in the group Us`.
    pub shown: String,
}

impl Overheard {
    /// A message.
    #[must_use]
    pub fn new(
        channel: ChannelId,
        chat: ChatKind,
        text: impl Into<String>,
        shown: impl Into<String>,
    ) -> Self {
        Self { channel, chat, sender: None, text: text.into(), is_forwarded: false, shown: shown.into() }
    }

    /// Who wrote it.
    #[must_use]
    pub fn sender(mut self, sender: Option<Sender>) -> Self {
        self.sender = sender;
        self
    }

    /// Whether it was somebody else's message.
    #[must_use]
    pub const fn forwarded(mut self, is_forwarded: bool) -> Self {
        self.is_forwarded = is_forwarded;
        self
    }
}

/// Somebody who is to be heard from now on, in their own chat with the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Newcomer {
    /// Who.
    pub person: PersonId,
    /// Their chat.
    pub channel: ChannelId,
}

impl Newcomer {
    /// Somebody, and their own chat with the bot.
    #[must_use]
    pub const fn new(person: PersonId, channel: ChannelId) -> Self {
        Self { person, channel }
    }
}

/// Receives for a bot that no takopi receives for now.
#[async_trait]
pub trait Ear: Send {
    /// How people come to the bot.
    fn contact(&self) -> &Contact;

    /// From here on messages are heard. What waits from before is not, and stays for takopi.
    ///
    /// # Errors
    /// [`Error`] if nothing can be received.
    async fn begin(&mut self) -> Result<(), Error>;

    /// Waits for the next message, as long as it takes. It stays for takopi, too. Troubles that pass are told, each once.
    ///
    /// # Errors
    /// [`Error`] if there is no hope of any.
    async fn next(&mut self, wizard: &mut dyn Wizard) -> Result<Overheard, Error>;

    /// Answers a message.
    ///
    /// # Errors
    /// [`Error`] if it could not be sent.
    async fn answer(&mut self, to: &Overheard, text: &str) -> Result<(), Error>;

    /// Nothing of what was heard is for takopi: it does not find it when it starts, unless something else waits that it
    /// would lose.
    async fn forget(&mut self);
}
