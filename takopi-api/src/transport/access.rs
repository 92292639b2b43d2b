//! Who is heard. It fails closed: where nobody is named, nobody is heard.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::message::{ChannelId, PersonId};

/// Whose messages and presses a transport's people may send. takopi asks it for every one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Who.
    pub people: People,
    /// Where. The chats of projects are added by takopi.
    pub channels: Channels,
}

/// Who is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum People {
    /// These and nobody else. An empty list is nobody.
    Listed(BTreeSet<PersonId>),
    /// In a private chat the person in it, in a group its administrators.
    OwnersAndAdmins,
    /// Whoever can reach the transport at all: it is the person who started takopi, such as at a terminal.
    Local,
}

/// Where people are heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channels {
    /// In these chats.
    Listed(BTreeSet<ChannelId>),
    /// Wherever the transport listens.
    All,
}

impl Access {
    /// Nobody, nowhere: where to begin.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { people: People::Listed(BTreeSet::new()), channels: Channels::Listed(BTreeSet::new()) }
    }

    /// Whoever can reach the transport, which is only the person who started takopi.
    #[must_use]
    pub const fn local() -> Self {
        Self { people: People::Local, channels: Channels::All }
    }

    /// Who is heard.
    #[must_use]
    pub fn people(mut self, people: People) -> Self {
        self.people = people;
        self
    }

    /// Where people are heard.
    #[must_use]
    pub fn channels(mut self, channels: Channels) -> Self {
        self.channels = channels;
        self
    }
}

impl People {
    /// These people.
    pub fn listed<I: Into<Arc<str>>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::Listed(ids.into_iter().map(PersonId::new).collect())
    }
}

impl Channels {
    /// These chats.
    pub fn listed<I: Into<Arc<str>>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self::Listed(ids.into_iter().map(ChannelId::new).collect())
    }
}

/// What a person is in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May change the chat's settings.
    Admin,
    /// Takes part.
    Member,
    /// Does not take part.
    Stranger,
}
