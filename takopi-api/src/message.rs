//! Messages and where they live. Ids of chats, topics, messages and people are opaque texts of the transport.

use std::fmt;
use std::sync::Arc;

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

opaque_id! {
    /// A chat of a transport.
    ChannelId;
    /// A topic or thread within a chat.
    TopicId;
    /// A message; unique in its chat.
    MessageId;
    /// A person.
    PersonId;
}

/// Which part of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The chat itself: it has no topics, or this is its general part.
    General,
    /// One of its topics.
    Named(TopicId),
}

/// Where a message goes. There is no way to leave the topic out: a sender says [`Topic::General`] when it means it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The chat.
    pub channel: ChannelId,
    /// The part of it.
    pub topic: Topic,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingMessage {
    /// Its id.
    pub id: MessageId,
    /// Where it was written.
    pub address: Address,
    /// Who wrote it; `None` if the transport does not say.
    pub sender: Option<PersonId>,
    /// What it says.
    pub text: String,
}
