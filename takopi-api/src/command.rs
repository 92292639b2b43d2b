//! Chat commands: `/name` handlers.

use async_trait::async_trait;

use crate::config::ConfigTable;
use crate::error::Error;
use crate::message::IncomingMessage;

/// What a command gets when it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandContext {
    /// The message that starts with the command.
    pub message: IncomingMessage,
    /// What follows the command's name.
    pub args_text: String,
    /// The table `[plugins.<id>]` of the configuration.
    pub config: ConfigTable,
}

impl CommandContext {
    /// The context of a use.
    #[must_use]
    pub const fn new(message: IncomingMessage, args_text: String, config: ConfigTable) -> Self {
        Self { message, args_text, config }
    }
}

/// A `/name` handler in chat.
#[async_trait]
pub trait CommandBackend: Send + Sync {
    /// Must equal the id under which the row is registered.
    fn id(&self) -> &str;

    /// Answers a use of the command; the text is sent as a reply. `None` sends nothing.
    ///
    /// # Errors
    /// [`Error`], which is sent as a reply.
    async fn handle(&self, context: CommandContext) -> Result<Option<String>, Error>;
}
