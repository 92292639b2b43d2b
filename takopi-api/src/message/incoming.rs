//! What people send.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Address, FileId, MessageId, MessageRef, PersonId, opaque_id};

opaque_id! {
    /// One delivery of the chat system, such as an update of the Bot API; the same one may come more than once.
    UpdateId;
    /// One press of a button, as the chat system wants it answered.
    PressId;
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncomingMessage {
    /// Its id.
    pub id: MessageId,
    /// Where it was written.
    pub address: Address,
    /// What it says, without the mention of the bot that addresses it; the caption, if it has files.
    pub text: String,
    /// The delivery that brought it. Without one, only the message's own id tells a second delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateId>,
    /// Who wrote it; `None` if the transport does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What kind of chat it was written in.
    #[serde(default)]
    pub chat: ChatKind,
    /// The message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// Whether it is addressed to the bot.
    #[serde(default)]
    pub mention: Mention,
    /// Files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<IncomingFile>,
    /// Whether it is somebody else's message, which the sender only passed on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_forwarded: bool,
}

impl IncomingMessage {
    /// A message in a group, by nobody known, that replies to nothing.
    #[must_use]
    pub fn new(address: Address, id: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self {
            id: MessageId::new(id),
            address,
            text: text.into(),
            update: None,
            sender: None,
            chat: ChatKind::Group,
            reply_to: None,
            mention: Mention::None,
            files: Vec::new(),
            is_forwarded: false,
        }
    }

    /// The delivery that brought it.
    #[must_use]
    pub fn update(mut self, id: impl Into<Arc<str>>) -> Self {
        self.update = Some(UpdateId::new(id));
        self
    }

    /// Who wrote it.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// What kind of chat it was written in.
    #[must_use]
    pub const fn chat(mut self, chat: ChatKind) -> Self {
        self.chat = chat;
        self
    }

    /// The message that it replies to.
    #[must_use]
    pub fn reply_to(mut self, reply_to: ReplyTo) -> Self {
        self.reply_to = Some(reply_to);
        self
    }

    /// Whether it is addressed to the bot.
    #[must_use]
    pub const fn mention(mut self, mention: Mention) -> Self {
        self.mention = mention;
        self
    }

    /// Files that came with it.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = IncomingFile>) -> Self {
        self.files.extend(files);
        self
    }

    /// Whether it is somebody else's message, which the sender only passed on.
    #[must_use]
    pub const fn forwarded(mut self, is_forwarded: bool) -> Self {
        self.is_forwarded = is_forwarded;
        self
    }

    /// Itself, as something to answer or to edit.
    #[must_use]
    pub fn reference(&self) -> MessageRef {
        MessageRef::new(self.address.clone(), self.id.clone())
    }
}

/// Who wrote a message or pressed a button.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sender {
    /// The person.
    pub id: PersonId,
    /// A name to show; not an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Sender {
    /// A person without a name to show.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: PersonId::new(id), name: None }
    }

    /// A name to show.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or(self.id.as_str()))
    }
}

/// Who reads a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// Several people; also where the transport does not know.
    #[default]
    Group,
}

/// Whether a message is addressed to the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mention {
    /// It names the bot.
    Named,
    /// It does not.
    #[default]
    None,
}

/// The message that another one replies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReplyTo {
    /// Its id, in the same chat.
    pub id: MessageId,
    /// What it says, as far as the transport tells.
    #[serde(default)]
    pub text: String,
    /// Whether the bot wrote it.
    #[serde(default)]
    pub is_own: bool,
}

impl ReplyTo {
    /// A reply to a message of a person.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { id: MessageId::new(id), text: text.into(), is_own: false }
    }

    /// A reply to a message of the bot.
    #[must_use]
    pub fn own(id: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self { is_own: true, ..Self::new(id, text) }
    }
}

/// A file that came with a message. It stays with the chat system until somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncomingFile {
    /// By which the transport fetches it.
    pub id: FileId,
    /// Its name, if it has one. Not to be trusted as a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes, if it was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its media type, if it was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it has to say, if a person said it instead of writing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<Speech>,
}

/// What a person said in a recording. It counts as if they had written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speech {
    /// Nobody has listened to it yet.
    Unheard,
    /// In words.
    Transcript(String),
}

impl IncomingFile {
    /// A file of which nothing more is known.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: FileId::new(id), name: None, size: None, media_type: None, speech: None }
    }

    /// Its name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its size in bytes.
    #[must_use]
    pub const fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// It is a recording of what the person wants to say, and nothing to keep.
    #[must_use]
    pub fn spoken(mut self) -> Self {
        self.speech = Some(Speech::Unheard);
        self
    }
}

/// A button of a message was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Press {
    /// By which it is answered.
    pub id: PressId,
    /// The message that the button belongs to.
    pub message: MessageRef,
    /// What the button carries.
    pub data: String,
    /// Who pressed; `None` if the transport does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What kind of chat the message lies in.
    #[serde(default)]
    pub chat: ChatKind,
}

impl Press {
    /// A press by nobody known, in a group.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, message: MessageRef, data: impl Into<String>) -> Self {
        Self { id: PressId::new(id), message, data: data.into(), sender: None, chat: ChatKind::Group }
    }

    /// Who pressed.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// What kind of chat the message lies in.
    #[must_use]
    pub const fn chat(mut self, chat: ChatKind) -> Self {
        self.chat = chat;
        self
    }
}
