//! Signs of life besides the progress message: somebody writes, and the answer as far as it is written.
//!
//! Nobody waits for them, and what of them does not work is left: the progress message and the answer say it all.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::markdown;
use takopi_api::message::{Address, Body, MessageKind, MessageRef, OutgoingMessage};
use takopi_api::runner::RunId;
use takopi_api::transport::{SendFailure, TextLimit, TextUnit};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::conversation::Link;
use super::settings::{Acknowledge, LiveText, Settings};

/// How often it is shown again that somebody writes: chats forget it after some five seconds.
const TYPING: Duration = Duration::from_millis(4500);

/// How far apart two states of a text are shown at least.
const DRAFTS: Duration = Duration::from_secs(1);

/// How often a text is shown again in which nothing happens: chats forget it after half a minute.
const DRAFT_AGAIN: Duration = Duration::from_secs(20);

/// How much of a text is kept: more than one message shows.
const KEPT: usize = 32 * 1024;

/// The signs of one run. They end when it is dropped.
#[derive(Debug)]
pub(super) struct Signs {
    text: watch::Sender<Written>,
    tasks: JoinSet<()>,
}

/// What an engine has written of its answer.
#[derive(Debug, Default)]
struct Written {
    text: String,
    /// Something else came after it, so that what comes next is another text.
    is_over: bool,
}

impl Written {
    fn add(&mut self, piece: &str) {
        if std::mem::take(&mut self.is_over) {
            self.text.clear();
        }
        self.text.push_str(piece);
        if self.text.len() > KEPT {
            let cut = self.text.ceil_char_boundary(self.text.len() - KEPT / 2);
            self.text.drain(..cut);
        }
    }
}

impl Signs {
    /// Begins to give signs of a run.
    pub(super) fn of(link: &Link, address: &Address, run: &RunId, settings: &Settings) -> Self {
        let text = watch::Sender::new(Written::default());
        let mut tasks = JoinSet::new();
        let can = link.outgoing.capabilities();
        if settings.acknowledge == Acknowledge::Typing && can.typing {
            tasks.spawn(type_on(link.clone(), address.clone()));
        }
        if settings.live_text == LiveText::Shown && can.drafts {
            let draft =
                Draft { link: link.clone(), address: address.clone(), key: run.to_string(), limit: can.text };
            tasks.spawn(draft.show(text.subscribe()));
        }
        Self { text, tasks }
    }

    /// The engine wrote on.
    pub(super) fn wrote(&self, piece: &str) {
        if !self.tasks.is_empty() {
            self.text.send_modify(|written| written.add(piece));
        }
    }

    /// The engine did something else.
    pub(super) fn acted(&self) {
        // Nothing new is to be shown.
        self.text.send_if_modified(|written| {
            written.is_over = true;
            false
        });
    }
}

/// Marks a message as seen, if the chat wants that.
pub(super) fn acknowledge(link: &Link, message: MessageRef, settings: &Settings) {
    if settings.acknowledge == Acknowledge::Reaction && link.outgoing.capabilities().reactions {
        let outgoing = Arc::clone(&link.outgoing);
        tokio::spawn(async move {
            if let Err(error) = outgoing.mark_seen(&message).await {
                tracing::debug!(%error, "a message could not be marked as seen");
            }
        });
    }
}

async fn type_on(link: Link, address: Address) {
    loop {
        if let Err(error) = link.outgoing.show_typing(&address).await {
            tracing::debug!(transport = %link.id, %error, "it could not be shown that somebody writes");
        }
        tokio::time::sleep(TYPING).await;
    }
}

/// Shows the answer as it is written.
struct Draft {
    link: Link,
    address: Address,
    key: String,
    limit: TextLimit,
}

/// The most that is shown where a chat takes more.
const READABLE: TextLimit = TextLimit { max: 3500, unit: TextUnit::Utf16 };

impl Draft {
    async fn show(self, mut written: watch::Receiver<Written>) {
        loop {
            // Nothing new in time: what is there is shown again before it is forgotten.
            if let Ok(Err(_)) = tokio::time::timeout(DRAFT_AGAIN, written.changed()).await {
                return;
            }
            let Some(text) = self.page(&written.borrow_and_update().text) else { continue };
            let message = OutgoingMessage::new(MessageKind::Progress, Body::markdown(text));
            match self.link.outgoing.draft(&self.address, &self.key, message).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(transport = %self.link.id, %error, "a draft could not be shown");
                    if !is_passing(error.failure) {
                        return;
                    }
                }
            }
            tokio::time::sleep(DRAFTS).await;
        }
    }

    /// The end of what is written, as much as one message shows.
    fn page(&self, text: &str) -> Option<String> {
        let limit = if self.limit.max < READABLE.max { self.limit } else { READABLE };
        markdown::split(text.trim(), limit).pop()
    }
}

/// Whether what could not be shown now may be shown later.
const fn is_passing(failure: SendFailure) -> bool {
    matches!(failure, SendFailure::Busy { .. } | SendFailure::Unreachable | SendFailure::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_something_else_happens_and_does_not_grow_for_ever() {
        let mut written = Written::default();
        written.add("I ");
        written.add("look");
        assert_eq!(written.text, "I look");
        written.is_over = true;
        written.add("Done");
        assert_eq!(written.text, "Done");
        for _ in 0..KEPT {
            written.add("ä");
        }
        assert!(written.text.len() <= KEPT && written.text.ends_with("ää"));
    }
}
