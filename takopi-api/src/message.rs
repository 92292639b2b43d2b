//! Messages and where they live. Ids of chats, topics, messages and people are opaque texts of the transport.
//!
//! What comes in ([`IncomingMessage`], [`Press`]) is plain data: it is stored before anything is done with it. What goes out
//! ([`OutgoingMessage`]) says what it means and not how it looks; the transport renders it.

mod incoming;
mod outgoing;

use std::fmt;
use std::sync::Arc;

pub use incoming::{
    ChatKind, IncomingFile, IncomingMessage, Mention, Press, PressId, ReplyTo, Sender, Speech, UpdateId,
};
pub use outgoing::{
    Body, Button, ButtonData, ButtonDataError, FileContent, Format, MessageKind, Notify, OutgoingFile,
    OutgoingMessage, SendOptions,
};

use serde::{Deserialize, Serialize};

macro_rules! opaque_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as the transport writes it.
            #[must_use]
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

pub(crate) use opaque_id;

opaque_id! {
    /// A chat of a transport.
    ChannelId;
    /// A topic or thread within a chat.
    TopicId;
    /// A message; unique in its chat.
    MessageId;
    /// A person.
    PersonId;
    /// A file that lies with the chat system.
    FileId;
}

/// Which part of a chat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The chat itself: it has no topics, or this is its general part.
    General,
    /// One of its topics.
    Named(TopicId),
}

impl Topic {
    /// The topic's id, if it is not the general part.
    #[must_use]
    pub const fn id(&self) -> Option<&TopicId> {
        match self {
            Self::General => None,
            Self::Named(id) => Some(id),
        }
    }
}

/// Where a message goes. There is no way to leave the topic out: a sender says [`Topic::General`] when it means it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The chat.
    pub channel: ChannelId,
    /// The part of it.
    pub topic: Topic,
}

impl Address {
    /// The general part of a chat.
    #[must_use]
    pub fn general(channel: impl Into<Arc<str>>) -> Self {
        Self { channel: ChannelId::new(channel), topic: Topic::General }
    }

    /// A topic of a chat.
    #[must_use]
    pub fn topic(channel: impl Into<Arc<str>>, topic: impl Into<Arc<str>>) -> Self {
        Self { channel: ChannelId::new(channel), topic: Topic::Named(TopicId::new(topic)) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.topic {
            Topic::General => write!(f, "{}", self.channel),
            Topic::Named(topic) => write!(f, "{}/{topic}", self.channel),
        }
    }
}

/// A message that exists: where it lies, and its id there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// Where it lies.
    pub address: Address,
    /// Its id.
    pub id: MessageId,
}

impl MessageRef {
    /// A message of a chat.
    #[must_use]
    pub const fn new(address: Address, id: MessageId) -> Self {
        Self { address, id }
    }
}
