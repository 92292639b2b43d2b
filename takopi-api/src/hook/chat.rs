//! The chat of a run, for its hooks.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::message::{Address, MessageRef, OutgoingMessage, PersonId, SendOptions};
use crate::transport::{Role, SendError};

/// What takopi implements for [`Chat`].
#[async_trait]
pub trait HookChat: Send + Sync {
    /// Sends a message; without an address to where the run was started.
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError>;

    /// What a person is in the chat in which the run was started.
    async fn role(&self, person: &PersonId) -> Result<Role, SendError>;
}

/// The chat in which a run was started.
#[derive(Clone)]
pub struct Chat(Arc<dyn HookChat>);

impl Chat {
    /// A chat.
    #[must_use]
    pub fn new(chat: Arc<dyn HookChat>) -> Self {
        Self(chat)
    }

    /// Sends a message to where the run was started. What is too long for one message becomes several, of which the last is
    /// given back.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(
        &self,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.0.send(None, message, options).await
    }

    /// Sends a message to another place of the same transport.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send_to(
        &self,
        to: Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.0.send(Some(to), message, options).await
    }

    /// What a person is in this chat.
    ///
    /// # Errors
    /// [`SendError`]; where chats have no administrators, [`Unsupported`](crate::transport::SendFailure::Unsupported).
    pub async fn role(&self, person: &PersonId) -> Result<Role, SendError> {
        self.0.role(person).await
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}
