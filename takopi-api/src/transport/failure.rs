//! Why something could not be sent.

use std::time::Duration;

/// What went wrong, as far as takopi acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFailure {
    /// The transport does not do this at all.
    Unsupported,
    /// The message or the file is too long.
    TooLong,
    /// The chat system does not take it as it is, such as for its markup.
    Refused,
    /// The message or the chat is not there any more.
    Gone,
    /// The topic is not there any more; its chat is.
    TopicGone,
    /// The bot may not do this there.
    Forbidden,
    /// The chat system wants a pause that is longer than the transport waits for.
    Busy {
        /// How long.
        retry_after: Duration,
    },
    /// Nobody wanted it any more ([`take_back`](super::Transport::take_back)), so it was not sent.
    TakenBack,
    /// It did not arrive; trying again is safe.
    Unreachable,
    /// Nobody knows whether it arrived; trying again may show it twice.
    Unknown,
}

/// Something could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What takopi acts on.
    pub failure: SendFailure,
    /// What happened, for a person.
    pub message: String,
}

impl SendError {
    /// An error with a sentence for a person.
    #[must_use]
    pub fn new(failure: SendFailure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into() }
    }

    /// The transport does not do this.
    #[must_use]
    pub fn unsupported(what: &str) -> Self {
        Self::new(SendFailure::Unsupported, format!("the transport has no {what}"))
    }
}
