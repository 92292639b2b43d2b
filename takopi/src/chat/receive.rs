//! Receiving: a message is stored before anything else, and then taken in the order of its place.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use takopi_api::message::{IncomingMessage, MessageRef};
use takopi_api::runtime::{Acceptance, Batch, StoreError};
use takopi_api::transport::TransportId;
use tokio::sync::mpsc;

use super::conversation::{Inner, Mode};
use super::voice;
use super::work::Busy;
use crate::store::{Accepted, Place, Seq};

/// A stored message on its way.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) seq: Seq,
    pub(crate) message: IncomingMessage,
    /// The message that says since before the last start that it waits.
    pub(crate) shown: Option<MessageRef>,
    pub(crate) busy: Busy,
}

impl Inner {
    /// Stores what was received. What was not delivered before is handled from here on.
    pub(super) async fn receive(
        self: &Arc<Self>,
        transport: &TransportId,
        batch: Batch,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let messages = batch.messages.clone();
        let (batch, secrets) = self.without_secrets(transport, batch).await?;
        let accepted = self.store().accept(transport, batch).await?;
        let mut answers = Vec::with_capacity(accepted.len());
        for (at, (message, accepted)) in messages.into_iter().zip(accepted).enumerate() {
            answers.push(match accepted {
                Accepted::New(seq) => {
                    let busy = self.work.begin(transport);
                    self.take(transport, Waiting { seq, message, shown: None, busy });
                    Acceptance::Stored
                }
                Accepted::Duplicate => {
                    // One that was a secret before is on its way to what takes it.
                    if secrets.contains(&at) {
                        self.requests.forget_secret(transport, &message);
                    }
                    Acceptance::Duplicate
                }
            });
        }
        Ok(answers)
    }

    /// What is received without the words that are to be kept nowhere, which go on in memory only; and which messages turned
    /// out just now to have such.
    async fn without_secrets(
        &self,
        transport: &TransportId,
        mut batch: Batch,
    ) -> Result<(Batch, Vec<usize>), StoreError> {
        let mut secrets = Vec::new();
        let Some(link) = self.link(transport) else { return Ok((batch, secrets)) };
        for (at, message) in batch.messages.iter_mut().enumerate() {
            if self.is_secret(&link, message).await? {
                if self.requests.remember_secret(transport, message) {
                    secrets.push(at);
                }
                message.text.clear();
            }
        }
        Ok((batch, secrets))
    }

    /// Puts a stored message into the line of its place.
    pub(super) fn take(self: &Arc<Self>, transport: &TransportId, waiting: Waiting) {
        if self.mode() == Mode::Draining {
            // It is stored, and will be taken at the next start.
            self.requests.forget_secret(transport, &waiting.message);
            return;
        }
        let place = Place { transport: transport.clone(), address: waiting.message.address.clone() };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let unsent = match lines.get(&place) {
            Some(line) => match line.send(waiting) {
                Ok(()) => return,
                Err(unsent) => unsent.0,
            },
            None => waiting,
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        // The receiver is right here.
        let _ = sender.send(unsent);
        lines.insert(place.clone(), sender);
        drop(lines);
        let inner = Arc::clone(self);
        self.spawn(async move { inner.work_off(place, receiver).await });
    }

    /// Handles the messages of a place one after the other, until there are none.
    async fn work_off(self: Arc<Self>, place: Place, mut line: mpsc::UnboundedReceiver<Waiting>) {
        let mut behind = VecDeque::new();
        loop {
            while let Some(waiting) = behind.pop_front().or_else(|| line.try_recv().ok()) {
                if !voice::is_unheard(&waiting.message) {
                    self.handle(&place, waiting).await;
                    continue;
                }
                self.handle_spoken(&place, waiting, &mut line, &mut behind).await;
                if self.mode() == Mode::Draining {
                    // What was said may have stayed in the store. What stands behind it does too, and does not overtake it.
                    return;
                }
            }
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody can send while the lock is held, so an empty line is really empty.
            if line.is_empty() {
                lines.remove(&place);
                return;
            }
        }
    }
}
