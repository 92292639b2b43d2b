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

/// The message that shows a job, as far as there is one.
#[derive(Debug, Clone)]
pub(crate) enum Showing {
    /// There is none.
    Nothing,
    /// This one.
    By(MessageRef),
    /// It is on its way. If it can not be sent, the other end is dropped.
    Soon(watch::Receiver<Option<MessageRef>>),
}

impl Showing {
    /// The message, if it is there by now.
    pub(crate) fn now(&self) -> Option<MessageRef> {
        match self {
            Self::Nothing => None,
            Self::By(message) => Some(message.clone()),
            Self::Soon(message) => message.borrow().clone(),
        }
    }

    /// The message, once it is there or can not be sent.
    pub(crate) async fn settled(&mut self) -> Option<MessageRef> {
        if let Self::Soon(message) = self
            && message.borrow().is_none()
        {
            // Without its other end nothing comes any more.
            let _ = message.wait_for(Option::is_some).await;
        }
        self.now()
    }
}

/// A progress message.
#[derive(Debug)]
pub(crate) struct Bubble {
    changed: Arc<Notify>,
    message: Showing,
    /// Gone where it is left to itself.
    task: Option<JoinHandle<()>>,
}

/// What a bubble needs to be shown.
pub(crate) struct Shown {
    pub(crate) link: Link,
    pub(crate) place: Place,
    pub(crate) options: SendOptions,
    /// A message that says already that the run waits, which becomes this one.
    pub(crate) existing: Showing,
    pub(crate) mode: ProgressMode,
    pub(crate) pace: Arc<Pace>,
    pub(crate) render: Render,
}

/// How long the end of a run waits for its progress message to be sent, which tells it what to take away.
const SENDING: Duration = Duration::from_secs(30);

impl Bubble {
    /// Begins to show a run. `sent` is called with the message once it is there.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        shown: Shown,
        sent: impl FnOnce(MessageRef) -> F + Send + 'static,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let (sender, message) = watch::channel(None);
        let show = Show { changed: Arc::clone(&changed), message: sender };
        let task = Some(tokio::spawn(show.run(shown, sent)));
        Self { changed, message: Showing::Soon(message), task }
    }

    /// The run looks different now.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Stops showing the run, and gives the message if there is one. What is being sent is waited for, but not for ever:
    /// a message that arrives later goes away by itself. Edits are not waited for.
    pub(crate) async fn stop(mut self) -> Option<MessageRef> {
        match tokio::time::timeout(SENDING, self.message.settled()).await {
            Ok(message) => message,
            Err(_) => {
                self.task = None;
                None
            }
        }
    }
}

impl Drop for Bubble {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The side of a bubble that sends and edits.
struct Show {
    changed: Arc<Notify>,
    message: watch::Sender<Option<MessageRef>>,
}

impl Show {
    async fn run<F: Future<Output = ()>>(self, mut shown: Shown, sent: impl FnOnce(MessageRef) -> F) {
        let existing = shown.existing.settled().await;
        let Shown { link, place, options, mode, pace, render, .. } = shown;
        let can = link.outgoing.capabilities();
        let mut last = render();
        let says_that_it_waits = existing.is_some();
        let reference = match existing {
            Some(reference) => reference,
            None if mode == ProgressMode::None => return,
            None => match link.send(&place.address, last.clone(), options).await {
                Ok(reference) => reference,
                Err(error) => {
                    // The run goes on without it, and its answer will be a message of its own.
                    tracing::warn!(transport = %link.id, %error, "the progress message could not be sent");
                    return;
                }
            },
        };
        // First stored, then known here: the end of the run does not overtake it.
        sent(reference.clone()).await;
        if self.message.send(Some(reference.clone())).is_err() {
            // The run has ended without it.
            link.retire(&reference).await;
            return;
        }
        if !can.edit {
            return self.message.closed().await;
        }
        if says_that_it_waits {
            edit(&link, &reference, last.clone()).await;
        }
        if mode != ProgressMode::Full {
            return self.message.closed().await;
        }
        loop {
            let _ = tokio::time::timeout(HEARTBEAT, self.changed.notified()).await;
            tokio::time::sleep_until(pace.next(&reference.address.channel, can.edit_interval)).await;
            let now = render();
            if now != last {
                if edit(&link, &reference, now.clone()).await == Standing::Gone {
                    return self.message.closed().await;
                }
                last = now;
            }
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
