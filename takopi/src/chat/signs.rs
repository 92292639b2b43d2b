//! Signs of life besides the progress message: somebody writes, and the answer as far as it is written.
//!
//! Nobody waits for them, and what of them does not work is left: the progress message and the answer say it all.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::markdown;
use takopi_api::message::{Address, Body, MessageKind, MessageRef, OutgoingMessage};
use takopi_api::runner::RunId;
use takopi_api::transport::{People, SendFailure, TextLimit, TextUnit};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::conversation::Link;
use super::settings::{Acknowledge, LiveText, Settings};
use super::written::{Stage, Text, Written};

/// How often it is shown again that somebody writes: chats forget it after some five seconds.
const TYPING: Duration = Duration::from_millis(4500);

/// How far apart two states of a text are shown at least.
const DRAFTS: Duration = Duration::from_secs(1);

/// How often a text is shown again in which nothing happens: chats forget it after half a minute.
const DRAFT_AGAIN: Duration = Duration::from_secs(20);

/// The signs of one run. They end when it is dropped.
#[derive(Debug)]
pub(super) struct Signs(#[expect(dead_code, reason = "it is there to be dropped")] JoinSet<()>);

impl Signs {
    /// Begins to give signs of a run.
    pub(super) fn of(
        link: &Link,
        address: &Address,
        run: &RunId,
        settings: &Settings,
        written: &Arc<Written>,
        stage: Stage,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let can = link.outgoing.capabilities();
        if settings.acknowledge == Acknowledge::Typing && can.typing {
            tasks.spawn(type_on(link.clone(), address.clone()));
        }
        if stage == Stage::Draft {
            let is_wished = settings.live_text == LiveText::Shown && can.edit;
            let draft = Draft {
                link: link.clone(),
                address: address.clone(),
                key: run.to_string(),
                limit: can.text,
                // Chats count what is sent to them; a terminal does not.
                interval: if link.access.people == People::Local { can.edit_interval } else { DRAFTS },
                instead: is_wished.then(|| Arc::clone(written)),
            };
            tasks.spawn(draft.show(written.subscribe()));
        }
        Self(tasks)
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
    interval: Duration,
    /// What is shown in the progress message, where there turn out to be no drafts.
    instead: Option<Arc<Written>>,
}

/// The most that is shown where a chat takes more.
const READABLE: TextLimit = TextLimit { max: 3500, unit: TextUnit::Utf16 };

impl Draft {
    async fn show(self, mut text: watch::Receiver<Text>) {
        loop {
            // Nothing new in time: what is there is shown again before it is forgotten.
            if let Ok(Err(_)) = tokio::time::timeout(DRAFT_AGAIN, text.changed()).await {
                return;
            }
            let Some(page) = self.page(text.borrow_and_update().as_str()) else { continue };
            let message = OutgoingMessage::new(MessageKind::Progress, Body::markdown(page));
            match self.link.outgoing.draft(&self.address, &self.key, message).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(transport = %self.link.id, %error, "a draft could not be shown");
                    if !is_passing(error.failure) {
                        if let Some(written) = &self.instead {
                            written.move_to_card();
                        }
                        return;
                    }
                }
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    /// The end of what is written, as much as one message shows.
    fn page(&self, text: &str) -> Option<String> {
        let limit = match self.limit {
            // A terminal scrolls.
            TextLimit::NONE => return Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            limit if limit.max < READABLE.max => limit,
            _ => READABLE,
        };
        markdown::split(text.trim(), limit).pop()
    }
}

/// Whether what could not be shown now may be shown later.
const fn is_passing(failure: SendFailure) -> bool {
    matches!(failure, SendFailure::Busy { .. } | SendFailure::Unreachable | SendFailure::Unknown)
}
