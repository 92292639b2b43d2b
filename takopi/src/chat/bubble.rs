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
    state: Arc<watch::Sender<State>>,
    /// Gone where it is left to itself.
    task: Option<JoinHandle<()>>,
}

/// How far the message of a bubble is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// On its way.
    Coming,
    /// There.
    There(MessageRef),
    /// There is none.
    Nothing,
    /// It does not come, or goes as soon as it is there: the run has ended.
    Unwanted,
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

/// How long the end of a run waits for its progress message, if that becomes the answer.
const SENDING: Duration = Duration::from_secs(30);

impl Bubble {
    /// Begins to show a run. `sent` is called with the message once it is there.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        shown: Shown,
        sent: impl FnOnce(MessageRef) -> F + Send + 'static,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let state = Arc::new(watch::Sender::new(State::Coming));
        let show = Show { changed: Arc::clone(&changed), state: Arc::clone(&state) };
        let task = Some(tokio::spawn(show.run(shown, sent)));
        Self { changed, state, task }
    }

    /// The run looks different now.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Waits until the message is there, or can not be sent; not for ever.
    pub(crate) async fn settled(&mut self) {
        let mut state = self.state.subscribe();
        let there = state.wait_for(|state| *state != State::Coming);
        let _ = tokio::time::timeout(SENDING, there).await;
    }

    /// Stops showing the run, and gives the message if there is one by now. One that is on its way is taken back, or goes
    /// as soon as it is there: nobody waits for it, as little as for edits.
    pub(crate) fn stop(mut self) -> Option<MessageRef> {
        let mut there = None;
        self.state.send_modify(|state| match state {
            State::There(message) => there = Some(message.clone()),
            State::Nothing => {}
            State::Coming | State::Unwanted => *state = State::Unwanted,
        });
        if there.is_none() {
            self.task = None;
        }
        there
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
    state: Arc<watch::Sender<State>>,
}

impl Show {
    async fn run<F: Future<Output = ()>>(self, mut shown: Shown, sent: impl FnOnce(MessageRef) -> F) {
        let existing = shown.existing.settled().await;
        let says_that_it_waits = existing.is_some();
        let first = (shown.render)();
        let reference = match existing {
            Some(reference) => reference,
            None => match self.send(&shown, first.clone()).await {
                Some(reference) => reference,
                None => return self.state.send_modify(|state| *state = State::Nothing),
            },
        };
        let Shown { link, mode, pace, render, .. } = shown;
        if *self.state.borrow() != State::Unwanted {
            // First stored, then known here: the end of the run does not overtake it.
            sent(reference.clone()).await;
        }
        let is_wanted = self.state.send_if_modified(|state| {
            let is_wanted = *state == State::Coming;
            if is_wanted {
                *state = State::There(reference.clone());
            }
            is_wanted
        });
        if !is_wanted {
            // The run has ended without it.
            link.retire(&reference).await;
            return;
        }
        let can = link.outgoing.capabilities();
        if !can.edit {
            return;
        }
        let mut last = first;
        if says_that_it_waits {
            edit(&link, &reference, last.clone()).await;
        }
        if mode != ProgressMode::Full {
            return;
        }
        loop {
            let _ = tokio::time::timeout(HEARTBEAT, self.changed.notified()).await;
            tokio::time::sleep_until(pace.next(&reference.address.channel, can.edit_interval)).await;
            let now = render();
            if now != last {
                if edit(&link, &reference, now.clone()).await == Standing::Gone {
                    return;
                }
                last = now;
            }
        }
    }

    /// Sends the message, if there is to be one.
    async fn send(&self, shown: &Shown, first: OutgoingMessage) -> Option<MessageRef> {
        let Shown { link, place, options, mode, .. } = shown;
        if *mode == ProgressMode::None {
            return None;
        }
        let sending = link.send(&place.address, first, options.clone());
        tokio::pin!(sending);
        let mut state = self.state.subscribe();
        let sent = tokio::select! {
            biased;
            sent = &mut sending => sent,
            () = async { drop(state.wait_for(|state| *state == State::Unwanted).await) } => {
                if let Some(key) = &options.key {
                    link.outgoing.take_back(key).await;
                }
                // What had begun already arrives all the same.
                sending.await
            }
        };
        match sent {
            Ok(reference) => Some(reference),
            Err(error) if error.failure == SendFailure::TakenBack => None,
            Err(error) => {
                // The run goes on without it, and its answer will be a message of its own.
                tracing::warn!(transport = %link.id, %error, "the progress message could not be sent");
                None
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
