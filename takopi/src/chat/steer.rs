//! Steering: a message goes into the turn that runs, or waits for a turn of its own; and it is said which of the two
//! happened, and why.
//!
//! While it is offered to the engine it keeps its place in the queue and does not begin. Whatever the engine says, and also
//! if it says nothing before its run is over, the message comes to one of the two and never to both. In the store it counts
//! as steered only once the engine has said that it has it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::markdown;
use takopi_api::message::{IncomingMessage, MessageRef, SendOptions};
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

use super::conversation::{Inner, Link};
use super::deliver::fit;
use super::engines::Engine;
use super::live::{Handle, LiveRun, Turnstile};
use super::orders::Order;
use super::resolve::Job;
use super::view;
use super::waiting::{Announcement, Turn, card};
use crate::store::MessageEnd;

/// How long an engine whose run is over may take to say whether it has a message still.
const LAST_RECEIPT: Duration = Duration::from_secs(1);

/// How long a press waits for its answer: chat systems give it up soon, and the message says it too.
const PRESS: Duration = Duration::from_secs(5);

/// What became of a message that was to be steered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Receipt {
    /// The engine has it.
    Sent,
    /// It waits for a turn of its own.
    Queued(Obstacle),
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("sent into the running turn"),
            Self::Queued(obstacle) => write!(f, "queued: {obstacle}"),
        }
    }
}

/// Why a message did not go into a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    NothingRuns,
    Starting,
    Over,
    Files,
    /// They said what they think of the run that goes on, and not of this message.
    Hooks,
    /// It wants this mode, and the turn has another one.
    Mode(Option<String>),
    /// The engine takes no messages into its turns; how it is driven, if that is why.
    Engine(EngineId, Option<String>),
    Declined(EngineId, String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRuns => f.write_str("nothing runs that could take it"),
            Self::Starting => f.write_str("the run is only starting"),
            Self::Over => f.write_str("the turn was over first"),
            Self::Files => f.write_str("a turn takes no files"),
            Self::Hooks => f.write_str("a hook has to see it first"),
            Self::Mode(Some(mode)) => write!(f, "it is for a run in mode {mode}"),
            Self::Mode(None) => f.write_str("the run is in another mode"),
            Self::Engine(engine, None) => write!(f, "{engine} can not be steered"),
            Self::Engine(engine, Some(mode)) => write!(f, "{engine} can not be steered in mode {mode}"),
            Self::Declined(engine, error) => write!(f, "{engine} did not take it: {error}"),
        }
    }
}

/// Who wants a message to be steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// The chat, as all messages.
    OfTheChat,
    /// A person, this one.
    OfAPerson,
}

/// What keeps a job from being sent into a run, as far as that is known without asking the engine.
pub(super) fn obstacle(job: &Job, live: &LiveRun, wish: Wish) -> Option<Obstacle> {
    if job.order == Some(Order::Plan) || wish == Wish::OfTheChat && job.options.mode != live.mode {
        return Some(Obstacle::Mode(job.options.mode.clone()));
    }
    if !job.files.is_empty() {
        return Some(Obstacle::Files);
    }
    if job.snapshot.hooks().have_a_say() {
        return Some(Obstacle::Hooks);
    }
    let engine = job.snapshot.engines.get(&live.engine);
    if !engine.is_some_and(|engine| engine.capabilities().steer) {
        return Some(Obstacle::Engine(live.engine.clone(), engine.and_then(Engine::unsteerable_manner)));
    }
    live.control.get().is_none().then_some(Obstacle::Starting)
}

impl Inner {
    /// Places a job that is to go into the run of its lane. What the engine says to it is not waited for here.
    pub(super) fn place_steered(self: &Arc<Self>, link: &Link, live: &Arc<LiveRun>, mut job: Job) {
        let wish = if job.order == Some(Order::Steer) { Wish::OfAPerson } else { Wish::OfTheChat };
        if let Some(obstacle) = obstacle(&job, live, wish) {
            return self.enqueue(link, job, Turn::Last, Some(obstacle));
        }
        let (target, prompt) = (job.target(), job.prompt.clone());
        let announcement = Announcement::of(&mut job);
        let (handle, is_offered) = {
            let mut queue = self.queue();
            let (lane, job, _) = queue.place(&target, job);
            // It may have ended just now.
            let is_offered = queue.running(lane) == Some(live.job) && queue.offer(lane, job);
            let handle = Handle { lane, job };
            self.name_said(link, &announcement.job, handle);
            (handle, is_offered)
        };
        let turnstile = is_offered.then(|| live.turnstile());
        let (inner, link, live) = (Arc::clone(self), link.clone(), Arc::clone(live));
        self.spawn(async move {
            let receipt = match turnstile {
                Some(turnstile) => inner.offer(&link, &live, handle, &prompt, turnstile).await,
                None => Receipt::Queued(Obstacle::Over),
            };
            match receipt {
                Receipt::Sent => announcement.drop_unsent(),
                Receipt::Queued(obstacle) => inner.wait_on(&link, announcement, handle, obstacle).await,
            }
        });
    }

    /// Refuses to guess which of several runs a person means.
    pub(super) fn check_what_to_steer(&self, message: &IncomingMessage, job: &Job) -> Result<(), Error> {
        let here = self.live.at(&job.place).len();
        let is_clear = job.order != Some(Order::Steer) || message.reply_to.is_some() || here < 2;
        if is_clear || self.busy_lane(job).is_some() {
            return Ok(());
        }
        Err(Error::new(format!("{here} runs go on here: reply with /steer to the one that is meant")))
    }

    /// A job was not taken: it waits on, and that is said.
    async fn wait_on(
        self: &Arc<Self>,
        link: &Link,
        announcement: Announcement,
        handle: Handle,
        obstacle: Obstacle,
    ) {
        let ahead = self.queue().ahead(handle.lane, handle.job);
        self.advance(handle.lane);
        if ahead > 0 {
            self.announce(link, announcement, handle, ahead, Some(obstacle)).await;
        } else {
            self.say_receipt(link, &announcement.job, Receipt::Queued(obstacle));
            announcement.drop_unsent();
        }
    }

    /// Sends a job that is offered into a run, and settles what becomes of it. A job that was not taken waits on; its lane
    /// is to be advanced.
    async fn offer(
        self: &Arc<Self>,
        link: &Link,
        live: &LiveRun,
        Handle { lane, job }: Handle,
        prompt: &str,
        turnstile: Turnstile,
    ) -> Receipt {
        let sent = AssertUnwindSafe(send(live, prompt, turnstile)).catch_unwind().await;
        let panicked = || Err(Obstacle::Declined(live.engine.clone(), "its plugin panicked".to_owned()));
        if let Err(obstacle) = sent.unwrap_or_else(|_| panicked()) {
            tracing::debug!(run = %live.id, %obstacle, "a message was not steered");
            self.queue().declined(lane, job);
            return Receipt::Queued(obstacle);
        }
        let taken = self.queue().taken_over(lane, job);
        self.live.end(job);
        if let Some(taken) = taken {
            let said = Receipt::Sent.to_string();
            self.close(link, taken, MessageEnd::Steered(live.id.clone()), said).await;
        }
        // What stood behind it may be next.
        self.advance(lane);
        Receipt::Sent
    }

    /// Sends a message that waits into the turn before it, and says what came of it.
    pub(super) async fn steer_message(self: &Arc<Self>, link: &Link, message: &MessageRef) -> String {
        let Some(handle) = self.live.handle(&link.id, message) else {
            return "nothing waits here".to_owned();
        };
        let Some(live) = self.running(handle.lane) else {
            return Receipt::Queued(Obstacle::NothingRuns).to_string();
        };
        let waiting = self.queue().waiting_mut(handle.lane, handle.job).map(|job| job.clone());
        let Some(waiting) = waiting else { return "it has started already".to_owned() };
        if let Some(obstacle) = obstacle(&waiting, &live, Wish::OfAPerson) {
            return Receipt::Queued(obstacle).to_string();
        }
        if !self.queue().offer(handle.lane, handle.job) {
            return IN_BETWEEN.to_owned();
        }
        let turnstile = live.turnstile();
        let (told, receipt) = oneshot::channel();
        let (inner, link) = (Arc::clone(self), link.clone());
        self.spawn(async move {
            let receipt = inner.offer(&link, &live, handle, &waiting.prompt, turnstile).await;
            // Who pressed may have been answered by now.
            let _ = told.send(receipt.to_string());
            if let Receipt::Queued(obstacle) = receipt {
                inner.say_why(&link, waiting, handle, &obstacle).await;
            }
        });
        match tokio::time::timeout(PRESS, receipt).await {
            Ok(Ok(receipt)) => receipt,
            _ => IN_BETWEEN.to_owned(),
        }
    }

    /// A job that said already that it waits says why it still does.
    async fn say_why(self: &Arc<Self>, link: &Link, mut job: Job, handle: Handle, obstacle: &Obstacle) {
        let ahead = self.queue().ahead(handle.lane, handle.job);
        self.advance(handle.lane);
        let Some(shown) = job.card.settled().await.filter(|_| ahead > 0) else { return };
        let queued = card(&job).queued(ahead, view::Steering::Impossible, &why(Some(obstacle)));
        if let Err(error) = link.outgoing.edit(&shown, fit(link, queued)).await {
            tracing::debug!(transport = %link.id, %error, "why a message waits could not be shown");
        }
    }

    /// Tells a person who wanted a message steered what became of it, where no other message of takopi's says it.
    pub(super) fn say_receipt(self: &Arc<Self>, link: &Link, job: &Job, receipt: Receipt) {
        if job.order != Some(Order::Steer) {
            return;
        }
        let place = job.place.clone();
        let options = SendOptions::default()
            .reply_to(Some(job.reply_to.clone()))
            .silent()
            .key(format!("{}/{}.receipt", place.address.channel, job.reply_to));
        let link = link.clone();
        self.spawn(async move {
            let said = view::notice(markdown::escape(&receipt.to_string()));
            if let Err(error) = link.send(&place.address, said, options).await {
                tracing::warn!(transport = %link.id, %error, "what became of a message could not be said");
            }
        });
    }
}

/// What is said while the engine has not said yet whether it takes a message.
pub(super) const IN_BETWEEN: &str = "it is being sent into the running turn";

/// Why a message waits, as it stands in the message that says so.
pub(super) fn why(obstacle: Option<&Obstacle>) -> String {
    obstacle.map(|obstacle| markdown::escape(&obstacle.to_string())).unwrap_or_default()
}

/// Sends a text into a run, after those that were to be sent before it.
async fn send(live: &LiveRun, text: &str, turnstile: Turnstile) -> Result<(), Obstacle> {
    let Some(control) = live.control.get().cloned() else { return Err(Obstacle::Starting) };
    let _turn = turnstile.pass().await;
    let declined = |error: String| Obstacle::Declined(live.engine.clone(), error);
    tokio::select! {
        biased;
        taken = control.steer(text) => taken.map_err(|error| match error {
            ControlError::Over => Obstacle::Over,
            ControlError::Unsupported(_) => Obstacle::Engine(live.engine.clone(), None),
            error => declined(error.to_string()),
        }),
        () = async { live.ended().await; tokio::time::sleep(LAST_RECEIPT).await } => {
            Err(Obstacle::Over)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_which_of_the_two_happened_and_why() {
        let codex = || EngineId::from_static("codex");
        let check = |obstacle, expected: &str| assert_eq!(Receipt::Queued(obstacle).to_string(), expected);
        assert_eq!(Receipt::Sent.to_string(), "sent into the running turn");
        check(
            Obstacle::Engine(codex(), Some("exec".into())),
            "queued: codex can not be steered in mode exec",
        );
        check(Obstacle::Engine(codex(), None), "queued: codex can not be steered");
        check(Obstacle::Mode(Some("plan".into())), "queued: it is for a run in mode plan");
        check(Obstacle::Declined(codex(), "no turn".into()), "queued: codex did not take it: no turn");
    }
}
