//! Messages with tables, which go out as rich ones where the server has these.

use std::sync::atomic::{AtomicBool, Ordering};

use takopi_api::message::{MessageKind, Notify, OutgoingMessage, SendOptions};
use takopi_api::transport::SendError;

use super::{Place, Telegram, made, rank, undone};
use crate::client::{Failure, ReplyParameters, RichMessage, SendRich};
use crate::keyboard::keyboard;
use crate::outbox::{Call, Deed, Order, Undone};
use crate::render::{Rich, render_rich};
use crate::settings::Tables;

/// Whether messages are sent as rich ones.
#[derive(Debug)]
pub(crate) struct RichMessages {
    /// Not where nobody wants it, and not any more once the server said that it has none.
    are_sent: AtomicBool,
}

impl RichMessages {
    pub(crate) const fn new(tables: Tables) -> Self {
        Self { are_sent: AtomicBool::new(matches!(tables, Tables::Native)) }
    }

    /// The message as a rich one, if it is to be one. What is changed again and again is none: edits have entities.
    fn of(&self, message: &OutgoingMessage) -> Option<Rich> {
        let is_one = message.kind != MessageKind::Progress && message.files.is_empty();
        if is_one && self.are_sent.load(Ordering::Relaxed) { render_rich(message) } else { None }
    }
}

impl Telegram {
    /// Sends a message with tables as a rich one, and gives its number. `None` if it is to be sent as any other one: it
    /// has no tables, or the server did not take it. A message that may have arrived is an error, and is not sent twice.
    pub(super) async fn send_rich(
        &self,
        place: &Place,
        message: &OutgoingMessage,
        options: &SendOptions,
        reply: Option<ReplyParameters>,
    ) -> Result<Option<i64>, SendError> {
        let Some(Rich { html }) = self.rich.of(message) else { return Ok(None) };
        let rich = SendRich {
            chat_id: place.chat,
            message_thread_id: place.topic,
            rich_message: RichMessage::of_html(html),
            reply_parameters: reply,
            reply_markup: keyboard(message),
            disable_notification: options.notify == Notify::Silent,
        };
        let order = Order { chat: place.chat, rank: rank(message.kind), deed: Deed::Send };
        let call = |chat| Call::Rich(SendRich { chat_id: chat, ..rich.clone() });
        let error = match self.submit(order, options.key.as_deref(), call).await {
            Ok(done) => return made(done).map(Some),
            Err(Undone::Failed(error)) => error,
            Err(other) => return Err(undone(other)),
        };
        match error.failure {
            Failure::NoMethod => {
                self.rich.are_sent.store(false, Ordering::Relaxed);
                tracing::info!(%error, "telegram.tables: the server has no rich messages; tables are sent as code");
                Ok(None)
            }
            Failure::Refused | Failure::TooLong => {
                tracing::warn!(%error, "telegram.tables: the message is sent again with its tables as code");
                Ok(None)
            }
            _ => Err(undone(Undone::Failed(error))),
        }
    }
}
