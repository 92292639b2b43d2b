//! The outgoing side by itself, for tests against a server of their own.

use std::sync::Arc;

use takopi_api::config::SecretValue;
use takopi_api::error::Error;
use takopi_api::transport::Transport;
use tokio::sync::mpsc;

use crate::client::{BotToken, Client};
use crate::moves::Moves;
use crate::outbox::Paces;
use crate::transport::Telegram;
use crate::voice::Voice;

/// The outgoing side of a bot at a server, without Telegram's pace: the server has to take everything.
///
/// # Errors
/// [`Error`] if that is no token, or no address.
pub fn outgoing(token: SecretValue, api_base_url: &str) -> Result<Arc<dyn Transport>, Error> {
    let client = Client::new(&BotToken::new(token)?, api_base_url)?;
    // Nobody hears of chats that move.
    let (moved, _) = mpsc::unbounded_channel();
    Ok(Telegram::new(client, Paces::NONE, Arc::new(Moves::default()), Voice::Off, moved))
}
