//! The progress message of a run: sent once, then edited while the run goes on.
//!
//! The run never waits for it: it says that something changed, and this task looks when it may show the next state.
//! States in between are never shown, and an edit that would change nothing is not made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use takopi_api::message::{ChannelId, MessageRef, OutgoingMessage, SendOptions};
use takopi_api::transport::SendFailure;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::conversation::Link;
use super::settings::ProgressMode;
use crate::store::Place;

/// How often the elapsed time of a run in which nothing happens is shown.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// When the next edit in each chat may be made: several runs of a chat share its budget.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<ChannelId, Instant>>);

impl Pace {
    /// Takes the next turn in a chat, and says when it is.
    fn next(&self, channel: &ChannelId, interval: Duration) -> Instant {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // What is past needs no remembering.
        if turns.len() > 1024 {
            turns.retain(|_, turn| *turn > now);
        }
        let turn = turns.get(channel).copied().filter(|turn| *turn > now).unwrap_or(now);
        turns.insert(channel.clone(), turn + interval);
        turn
    }
}

/// Makes the message that shows the run now.
pub(crate) type Render = Arc<dyn Fn() -> OutgoingMessage + Send + Sync>;

/// A progress message.
#[derive(Debug)]
pub(crate) struct Bubble {
    changed: Arc<Notify>,
    message: watch::Receiver<Option<MessageRef>>,
    task: JoinHandle<()>,
}

/// What a bubble needs to be shown.
pub(crate) struct Shown {
    pub(crate) link: Link,
    pub(crate) place: Place,
    pub(crate) options: SendOptions,
    /// A message that is there already, which becomes this one.
    pub(crate) existing: Option<MessageRef>,
    pub(crate) mode: ProgressMode,
    pub(crate) pace: Arc<Pace>,
    pub(crate) render: Render,
}

impl Bubble {
    /// Begins to show a run. `sent` is called with the message once it is there.
    pub(crate) fn new(shown: Shown, sent: impl FnOnce(MessageRef) + Send + 'static) -> Self {
        let changed = Arc::new(Notify::new());
        let (sender, message) = watch::channel(shown.existing.clone());
        let task = tokio::spawn(show(shown, Arc::clone(&changed), sender, sent));
        Self { changed, message, task }
    }

    /// The run looks different now.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Stops showing the run, and gives the message if there is one. What is being sent is waited for: nobody would know
    /// of the message otherwise. Edits are not.
    pub(crate) async fn stop(mut self) -> Option<MessageRef> {
        if self.message.borrow().is_none() {
            // The task says so as well when it could not send, by ending.
            let _ = self.message.wait_for(Option::is_some).await;
        }
        self.task.abort();
        self.message.borrow().clone()
    }
}

async fn show(
    shown: Shown,
    changed: Arc<Notify>,
    message: watch::Sender<Option<MessageRef>>,
    sent: impl FnOnce(MessageRef),
) {
    let Shown { link, place, options, existing, mode, pace, render } = shown;
    let can = link.outgoing.capabilities();
    let mut last = render();
    let reference = match existing {
        Some(reference) => {
            edit(&link, &reference, last.clone()).await;
            reference
        }
        None if mode == ProgressMode::None => return,
        None => match link.send(&place.address, last.clone(), options).await {
            Ok(reference) => {
                message.send_replace(Some(reference.clone()));
                reference
            }
            Err(error) => {
                // The run goes on without it, and its answer will be a message of its own.
                tracing::warn!(transport = %link.id, %error, "the progress message could not be sent");
                return;
            }
        },
    };
    sent(reference.clone());
    if !can.edit || mode != ProgressMode::Full {
        // It has to stay reachable for as long as the run goes on.
        return std::future::pending().await;
    }
    loop {
        let _ = tokio::time::timeout(HEARTBEAT, changed.notified()).await;
        tokio::time::sleep_until(pace.next(&reference.address.channel, can.edit_interval)).await;
        let now = render();
        if now != last {
            if edit(&link, &reference, now.clone()).await == Standing::Gone {
                return std::future::pending().await;
            }
            last = now;
        }
    }
}

/// Whether a message is still there.
#[derive(PartialEq, Eq)]
enum Standing {
    There,
    Gone,
}

async fn edit(link: &Link, message: &MessageRef, mut new: OutgoingMessage) -> Standing {
    if !link.outgoing.capabilities().buttons {
        new.buttons.clear();
    }
    match link.outgoing.edit(message, new).await {
        Err(error) if error.failure == SendFailure::Gone => Standing::Gone,
        Err(error) => {
            tracing::debug!(transport = %link.id, %error, "an edit was not made");
            Standing::There
        }
        Ok(_) => Standing::There,
    }
}
