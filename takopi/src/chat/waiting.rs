//! Waiting: where a job goes while something of its thread runs, what people see of it meanwhile, and how it is taken back.

use std::sync::Arc;

use takopi_api::message::{MessageRef, SendOptions};
use takopi_api::runner::RunId;
use tokio::sync::watch;

use super::bubble::Showing;
use super::conversation::{Inner, Link};
use super::deliver::fit;
use super::live::{Handle, LiveRun};
use super::queue::{LaneId, Placed, Withdrawn};
use super::resolve::{Continues, Job};
use super::settings::QueueMode;
use super::view::{Card, Steering};
use crate::project::Context;
use crate::store::MessageEnd;

/// What is before a job that comes into a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// All that is there.
    Last,
    /// Only what runs.
    Next,
}

impl Inner {
    /// Puts a job into its queue, in the manner that the chat wants.
    pub(super) async fn place(self: &Arc<Self>, link: &Link, job: Job) {
        let Some(lane) = self.busy_lane(&job) else { return self.enqueue(link, job, Turn::Last) };
        match job.queue {
            QueueMode::Queue => self.enqueue(link, job, Turn::Last),
            QueueMode::Steer => match self.steer_running(lane, &job).await {
                Some(run) => self.close(link, job, MessageEnd::Steered(run), "steered").await,
                None => self.enqueue(link, job, Turn::Last),
            },
            QueueMode::Interrupt => {
                let running = self.running(lane);
                self.enqueue(link, job, Turn::Next);
                if let Some(run) = running {
                    run.cancel();
                }
            }
            QueueMode::Collect => {
                let own = job.card.now();
                match (self.collect(lane, job), own) {
                    (Some(job), _) => self.enqueue(link, job, Turn::Last),
                    // It waited by itself before the last start.
                    (None, Some(own)) => link.retire(&own).await,
                    (None, None) => {}
                }
            }
        }
    }

    /// Puts a job into its queue, and says so if it has to wait.
    pub(super) fn enqueue(self: &Arc<Self>, link: &Link, mut job: Job, turn: Turn) {
        let existing = job.card.now();
        let (sender, soon) = watch::channel(None);
        let target = job.target();
        let said = job.clone();
        let (handle, ahead) = {
            let mut queue = self.queue();
            let will_wait = queue.find(&target).is_some();
            if will_wait {
                // Whoever starts it before that is sent waits for it there.
                job.card = Showing::Soon(soon);
            }
            let (lane, id, ahead) = match turn {
                Turn::Last => {
                    let (lane, id, placed) = queue.place(&target, job);
                    (lane, id, if let Placed::Behind(ahead) = placed { ahead } else { 0 })
                }
                Turn::Next => {
                    let (lane, id) = queue.place_first(&target, job);
                    (lane, id, usize::from(will_wait))
                }
            };
            let handle = Handle { lane, job: id };
            if !said.messages.is_empty() {
                // Who replies to a message means what became of it.
                let message = MessageRef::new(said.place.address.clone(), said.reply_to.clone());
                self.live.name(&link.id, message, handle);
            }
            (handle, ahead)
        };
        if ahead > 0 {
            let inner = Arc::clone(self);
            let link = link.clone();
            self.spawn(async move { inner.announce(&link, &said, existing, handle, ahead, sender).await });
        }
        // Also where something was before it: that may have ended meanwhile.
        self.advance(handle.lane);
    }

    /// Says that a message waits, with buttons to take it back.
    async fn announce(
        self: &Arc<Self>,
        link: &Link,
        job: &Job,
        existing: Option<MessageRef>,
        handle: Handle,
        ahead: usize,
        announced: watch::Sender<Option<MessageRef>>,
    ) {
        let can_steer = job
            .snapshot
            .engines
            .get(&job.engine)
            .and_then(super::engines::Engine::backend)
            .is_some_and(|backend| backend.capabilities.steer)
            && !job.snapshot.hooks().have_a_say();
        let steering = if can_steer { Steering::Offered } else { Steering::Impossible };
        let queued = card(job).queued(ahead, steering);
        let message = match existing {
            // It was announced before the last start, or shows the run that is to be gone on with.
            Some(message) => {
                if let Err(error) = link.outgoing.edit(&message, fit(link, queued)).await {
                    tracing::debug!(transport = %link.id, %error, "that a message waits could not be shown");
                }
                message
            }
            None => {
                let options = SendOptions::default().reply_to(Some(job.reply_to.clone())).silent();
                let options = match job.card_key() {
                    Some(key) => options.key(key),
                    None => options,
                };
                match link.send(&job.place.address, queued, options).await {
                    Ok(message) => message,
                    Err(error) => {
                        tracing::warn!(transport = %link.id, %error, "that a message waits could not be said");
                        return;
                    }
                }
            }
        };
        if let Some(waiting) = self.queue().waiting_mut(handle.lane, handle.job) {
            waiting.card = Showing::By(message.clone());
            self.live.name(&link.id, message.clone(), handle);
        }
        // The first one has the message; others that were collected with it would have no claim to it after a restart.
        if let Some(first) = job.messages.first()
            && let Err(error) = self.store().waiting_message(*first, &message).await
        {
            tracing::warn!(%error, "which message says that one waits could not be stored");
        }
        // If it runs already, the message becomes the one that shows the run.
        announced.send_replace(Some(message));
    }

    /// A job that waited comes to no run. That is stored before it is said: what people saw cancelled, or went into a turn,
    /// does not run after a restart. The chat is not waited for.
    async fn close(self: &Arc<Self>, link: &Link, mut job: Job, end: MessageEnd, label: &'static str) {
        self.finish(&job.messages, &end).await;
        let link = link.clone();
        self.spawn(async move {
            let options = SendOptions::default().reply_to(Some(job.reply_to.clone())).silent();
            let last = card(&job).ended_before(label);
            // What says that it waits may be on its way still.
            let shown = job.card.settled().await;
            if let Err(error) = link.amend(shown.as_ref(), &job.place.address, last, options).await {
                tracing::warn!(transport = %link.id, %error, "what became of a message could not be said");
            }
        });
    }

    fn busy_lane(&self, job: &Job) -> Option<LaneId> {
        let queue = self.queue();
        let lane = queue.find(&job.target())?;
        queue.running(lane).map(|_| lane)
    }

    fn running(&self, lane: LaneId) -> Option<Arc<LiveRun>> {
        let job = self.queue().running(lane)?;
        self.live.run(job)
    }

    /// Adds a message to the last one that waits, if it is of the same sender: they run as one. One before that would
    /// overtake what others said in between. Gives it back if it can not be added.
    fn collect(&self, lane: LaneId, job: Job) -> Option<Job> {
        let mut queue = self.queue();
        let sender = job.sender.as_ref().map(|sender| &sender.id);
        let last = queue
            .waiting_in(lane)
            .last()
            .filter(|(_, waiting)| waiting.sender.as_ref().map(|sender| &sender.id) == sender)
            .map(|(id, _)| id);
        match last.and_then(|id| queue.waiting_mut(lane, id)) {
            Some(waiting) => {
                waiting.add(job);
                None
            }
            None => Some(job),
        }
    }

    /// Sends what a job wants into the turn that runs in a lane, if its engine takes it.
    async fn steer_running(&self, lane: LaneId, job: &Job) -> Option<RunId> {
        if !job.files.is_empty() {
            // A turn takes text only; files would be lost in it.
            return None;
        }
        if job.snapshot.hooks().have_a_say() {
            // They said what they think of the run that goes on, and not of this message.
            return None;
        }
        let run = self.running(lane)?;
        run.control.get()?.steer(&job.prompt).await.ok()?;
        Some(run.id.clone())
    }

    /// Ends the run or the use of a command that a message shows, or takes the message that it shows out of its queue.
    pub(super) async fn cancel_message(self: &Arc<Self>, link: &Link, message: &MessageRef) -> &'static str {
        if let Some(handle) = self.live.handle(&link.id, message) {
            return self.cancel_job(link, handle).await;
        }
        match self.uses.of_message(&link.id, message) {
            Some(used) => {
                used.cancel();
                "cancelling…"
            }
            None => "nothing is running",
        }
    }

    /// Ends a run, or takes what waits out of its queue.
    pub(super) async fn cancel_job(self: &Arc<Self>, link: &Link, handle: Handle) -> &'static str {
        let Handle { lane, job } = handle;
        let withdrawn = self.queue().withdraw(lane, job);
        match withdrawn {
            Withdrawn::Cancelled(waiting) => {
                self.live.end(job);
                self.close(link, waiting, MessageEnd::Cancelled, "`cancelled`").await;
                "dropped from the queue"
            }
            Withdrawn::AlreadyStarted => match self.live.run(job) {
                Some(run) => {
                    run.cancel();
                    "cancelling…"
                }
                None => "it is just starting; press again",
            },
            Withdrawn::NotFound => "nothing is running",
        }
    }

    /// Sends a message that waits into the turn before it.
    pub(super) async fn steer_message(self: &Arc<Self>, link: &Link, message: &MessageRef) -> &'static str {
        let Some(Handle { lane, job }) = self.live.handle(&link.id, message) else {
            return "nothing waits here";
        };
        if self.running(lane).and_then(|run| run.control.get().cloned()).is_none() {
            return "nothing runs that could take it";
        }
        let withdrawn = self.queue().withdraw(lane, job);
        let Withdrawn::Cancelled(mut waiting) = withdrawn else { return "it has started already" };
        if let (Continues::Lane(_), Some(thread)) = (&waiting.continues, self.queue().thread(lane).cloned()) {
            // The lane may be gone when it comes back.
            waiting.continues = Continues::Thread(thread);
        }
        if let Some(run) = self.steer_running(lane, &waiting).await {
            self.live.end(job);
            self.close(link, waiting, MessageEnd::Steered(run), "steered").await;
            return "sent into the running turn";
        }
        let target = waiting.target();
        let lane = self.queue().put_back(lane, &target, job, waiting);
        self.live.name(&link.id, message.clone(), Handle { lane, job });
        self.advance(lane);
        "the engine did not take it; it stays in the queue"
    }
}

/// What people see of a job that does not run.
fn card(job: &Job) -> Card {
    let footer = job.context.as_ref().map(Context::line).into_iter().collect();
    Card { engine: job.engine.clone(), about: job.about(), footer }
}
