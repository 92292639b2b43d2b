//! For tests against a server of their own: the outgoing side by itself, and the transport for a server that takes more
//! than Telegram does.

use std::sync::Arc;

use takopi_api::config::SecretValue;
use takopi_api::error::Error;
use takopi_api::transport::{Transport, TransportBackend};
use tokio::sync::mpsc;

use crate::backend::TelegramBackend;
use crate::client::{BotToken, Client};
use crate::moves::Moves;
use crate::outbox::Paces;
use crate::settings::Tables;
use crate::transport::{RichMessages, Telegram};
use crate::voice::Voice;

/// The outgoing side of a bot at a server, without Telegram's pace: the server has to take everything.
///
/// # Errors
/// [`Error`] if that is no token, or no address.
pub fn outgoing(token: SecretValue, api_base_url: &str) -> Result<Arc<dyn Transport>, Error> {
    let client = Client::new(&BotToken::new(token)?, api_base_url)?;
    let rich = RichMessages::new(Tables::Native);
    // Nobody hears of chats that move.
    let (moved, _) = mpsc::unbounded_channel();
    Ok(Telegram::new(client, Paces::NONE, Arc::new(Moves::default()), Voice::Off, rich, moved))
}

/// The whole transport under another id, for a server on which time goes so many times as fast: it keeps to Telegram's
/// pace in all but that.
#[must_use]
pub fn hurried(id: &'static str, times: u32) -> impl TransportBackend {
    TelegramBackend::of(id, Paces::TELEGRAM.hurried(times))
}
