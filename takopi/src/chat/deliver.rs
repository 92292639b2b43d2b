//! Delivering an answer: it is stored by now, and is tried until people have it.

use std::time::Duration;

use takopi_api::message::{
    Address, Body, Format, MessageKind, MessageRef, OutgoingFile, OutgoingMessage, SendOptions,
};
use takopi_api::runner::RunId;
use takopi_api::transport::{SendError, SendFailure};

use super::conversation::Link;
use super::view;
use crate::store::Place;

/// How the answer takes the place of the progress message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As a message of its own, which makes itself heard; the progress message goes after that.
    Anew,
    /// The progress message becomes the answer.
    InPlace,
}

impl Manner {
    /// How answers take the place in a chat.
    pub(crate) fn of(link: &Link, final_notify: bool) -> Self {
        // A progress message that can not go would stay beside the answer.
        if final_notify && link.outgoing.capabilities().delete { Self::Anew } else { Self::InPlace }
    }
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) link: &'a Link,
    pub(crate) place: &'a Place,
    pub(crate) messages: Vec<OutgoingMessage>,
    /// How many of them arrived before: takopi was killed meanwhile.
    pub(crate) arrived: usize,
    /// The message that it answers.
    pub(crate) options: SendOptions,
    /// Names the answer, for chat systems that take such names.
    pub(crate) key: String,
    pub(crate) card: Option<MessageRef>,
    pub(crate) manner: Manner,
}

/// How long it is tried before the answer is left for the next start.
const TRIES: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(180),
];

impl Link {
    /// Sends what a plugin says, in as many messages as it takes; each is given to `arrived`, and the last one back.
    ///
    /// # Errors
    /// [`SendError`] of the first one that could not be sent in any form.
    pub(crate) async fn say(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
        mut arrived: impl FnMut(&MessageRef) + Send,
    ) -> Result<MessageRef, SendError> {
        let place = Place { transport: self.id.clone(), address: to.clone() };
        let mut answer = Answer {
            link: self,
            place: &place,
            messages: view::parts(message, self.outgoing.capabilities().text),
            arrived: 0,
            // Without a name, nothing is the same as what was sent before: one button may be pressed more than once.
            key: options.key.clone().unwrap_or_else(|| RunId::unique().to_string()),
            options,
            card: None,
            manner: Manner::Anew,
        };
        let mut last = Err(SendError::new(SendFailure::Refused, "there was nothing to send"));
        while let Some(sent) = answer.deliver_next().await {
            let sent = sent?;
            arrived(&sent);
            last = Ok(sent);
        }
        last
    }
}

impl Answer<'_> {
    /// Whether some of it has not arrived yet.
    pub(crate) fn is_under_way(&self) -> bool {
        self.arrived < self.messages.len()
    }

    /// Sends the next one of its messages, and gives the one that people have now. That may be the progress message, which
    /// is not its `card` any more then.
    ///
    /// # Errors
    /// [`SendError`] if it could not be sent in any form.
    pub(crate) async fn deliver_next(&mut self) -> Option<Result<MessageRef, SendError>> {
        let at = self.arrived;
        let message = self.messages.get(at)?;
        let in_place = self.card.as_ref().filter(|_| at == 0 && self.manner == Manner::InPlace);
        if let Some(card) = in_place {
            match self.link.settle(card, message).await {
                Ok(()) => {
                    self.arrived += 1;
                    return self.card.take().map(Ok);
                }
                Err(error) => tracing::debug!(%error, "the answer becomes a message of its own"),
            }
        }
        let sent = self.send(at, message.clone()).await;
        self.arrived += usize::from(sent.is_ok());
        Some(sent)
    }

    /// Sends one message: as it is, then without its markup, then as a file.
    async fn send(&self, at: usize, message: OutgoingMessage) -> Result<MessageRef, SendError> {
        let options = self.options.clone().key(format!("{}.{at}", self.key));
        match self.try_send(&message, &options).await {
            Err(error) if matches!(error.failure, SendFailure::Refused | SendFailure::TooLong) => {
                tracing::warn!(transport = %self.link.id, %error, "the answer is sent without its markup");
            }
            other => return other,
        }
        let mut plain = message.clone();
        plain.body.format = Format::Plain;
        match self.try_send(&plain, &options).await {
            Err(error) if matches!(error.failure, SendFailure::Refused | SendFailure::TooLong) => {
                tracing::warn!(transport = %self.link.id, %error, "the answer is sent as a file");
            }
            other => return other,
        }
        let file = OutgoingFile::text("answer.md", message.body.joined());
        let header = message.body.header.clone();
        let file = OutgoingMessage::new(MessageKind::Answer, Body::plain(header)).file(file);
        self.try_send(&file, &options).await
    }

    async fn try_send(
        &self,
        message: &OutgoingMessage,
        options: &SendOptions,
    ) -> Result<MessageRef, SendError> {
        let to = &self.place.address;
        match self.link.send_insisting(to, message, options).await {
            // What it answers is gone; the answer is not.
            Err(error) if error.failure == SendFailure::Gone && options.reply_to.is_some() => {
                self.link.send_insisting(to, message, &options.clone().reply_to(None)).await
            }
            other => other,
        }
    }
}

/// Tries something for a while that nothing comes after to put it right.
async fn insist<T, F: Future<Output = Result<T, SendError>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, SendError> {
    let mut pauses = TRIES.iter();
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let pause = match (error.failure, pauses.next()) {
            (SendFailure::Busy { retry_after }, Some(_)) => retry_after,
            // Better twice than not at all.
            (SendFailure::Unreachable | SendFailure::Unknown, Some(pause)) => *pause,
            _ => return Err(error),
        };
        tracing::warn!(%error, "{what} is tried again");
        tokio::time::sleep(pause).await;
    }
}

impl Link {
    /// Sends a message, and tries it for a while.
    ///
    /// # Errors
    /// [`SendError`] if it could not be sent.
    pub(crate) async fn send_insisting(
        &self,
        to: &Address,
        message: &OutgoingMessage,
        options: &SendOptions,
    ) -> Result<MessageRef, SendError> {
        insist("a message", || self.send(to, message.clone(), options.clone())).await
    }

    /// Takes a message away that another one took the place of.
    pub(crate) async fn retire(&self, message: &MessageRef) {
        let can = self.outgoing.capabilities();
        if can.delete && insist("a deletion", || self.outgoing.delete(message)).await.is_ok() {
            return;
        }
        if let Err(error) = self.settle(message, &view::superseded()).await {
            tracing::debug!(transport = %self.id, %error, "a message stays as it was");
        }
    }

    /// Lets a message say its last word.
    ///
    /// # Errors
    /// [`SendError`] if it could not be changed.
    pub(crate) async fn settle(&self, message: &MessageRef, last: &OutgoingMessage) -> Result<(), SendError> {
        if !self.outgoing.capabilities().edit {
            return Err(SendError::unsupported("edit"));
        }
        let last = fit(self, last.clone());
        // A younger edit that took its place is as good.
        insist("an edit", || self.outgoing.edit(message, last.clone())).await.map(drop)
    }

    /// Lets a message say something else; if that can not be, or there is none, it is said anew.
    pub(crate) async fn amend(
        &self,
        existing: Option<&MessageRef>,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        if let Some(existing) = existing {
            match self.settle(existing, &message).await {
                Ok(()) => return Ok(existing.clone()),
                Err(error) => tracing::debug!(%error, "it becomes a message of its own"),
            }
        }
        self.send_insisting(to, &message, &options).await
    }
}

/// A message in the form that the transport can show.
pub(crate) fn fit(link: &Link, mut message: OutgoingMessage) -> OutgoingMessage {
    if !link.outgoing.capabilities().buttons {
        message.buttons.clear();
    }
    message
}
