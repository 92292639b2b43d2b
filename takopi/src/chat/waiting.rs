//! Waiting: where a job goes while something of its thread runs, what people see of it meanwhile, and how it is taken back.

use std::sync::Arc;

use takopi_api::message::{MessageRef, SendOptions};
use tokio::sync::watch;

use super::bubble::Showing;
use super::conversation::{Inner, Link};
use super::deliver::fit;
use super::live::{Handle, LiveRun};
use super::orders::Order;
use super::queue::{LaneId, Placed, Withdrawn};
use super::resolve::Job;
use super::settings::QueueMode;
use super::steer::{self, Obstacle, Receipt};
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

/// What is to say that a job waits. Until it is sent, what begins with the job waits for it.
pub(super) struct Announcement {
    /// The job as it was placed.
    pub(super) job: Box<Job>,
    /// A message that shows the job already.
    existing: Option<MessageRef>,
    told: watch::Sender<Option<MessageRef>>,
}

impl Announcement {
    /// That of a job, which will be shown by it.
    pub(super) fn of(job: &mut Job) -> Self {
        let existing = job.card.now();
        let (told, soon) = watch::channel(None);
        let said = Box::new(job.clone());
        job.card = Showing::Soon(soon);
        Self { job: said, existing, told }
    }

    /// It is not sent: the job did not have to wait.
    pub(super) fn drop_unsent(self) {
        self.told.send_replace(self.existing);
    }
}

impl Inner {
    /// Puts a job into its queue, in the manner that the chat wants.
    pub(super) async fn place(self: &Arc<Self>, link: &Link, job: Job) {
        let Some(lane) = self.busy_lane(&job) else {
            self.say_receipt(link, &job, Receipt::Queued(Obstacle::NothingRuns));
            return self.enqueue(link, job, Turn::Last, None);
        };
        match job.queue {
            QueueMode::Queue => self.enqueue(link, job, Turn::Last, None),
            QueueMode::Steer => match self.running(lane) {
                Some(live) => self.place_steered(link, &live, job),
                None => self.enqueue(link, job, Turn::Last, Some(Obstacle::Starting)),
            },
            QueueMode::Interrupt => {
                let running = self.running(lane);
                self.enqueue(link, job, Turn::Next, None);
                if let Some(run) = running {
                    run.cancel();
                }
            }
            QueueMode::Collect => {
                let own = job.card.now();
                match (self.collect(lane, job), own) {
                    (Some(job), _) => self.enqueue(link, job, Turn::Last, None),
                    // It waited by itself before the last start.
                    (None, Some(own)) => link.retire(&own).await,
                    (None, None) => {}
                }
            }
        }
    }

    /// Puts a job into its queue, and says so if it has to wait; also why, if it was to be sent into the turn that runs.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        link: &Link,
        mut job: Job,
        turn: Turn,
        obstacle: Option<Obstacle>,
    ) {
        let target = job.target();
        let (handle, ahead, announcement) = {
            let mut queue = self.queue();
            let will_wait = queue.find(&target).is_some();
            let said = job.clone();
            // Whoever starts it before that is sent waits for it there.
            let announcement = will_wait.then(|| Announcement::of(&mut job));
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
            self.name_said(link, &said, handle);
            (handle, ahead, announcement)
        };
        match announcement {
            Some(announcement) if ahead > 0 => {
                let inner = Arc::clone(self);
                let link = link.clone();
                self.spawn(async move { inner.announce(&link, announcement, handle, ahead, obstacle).await });
            }
            Some(announcement) => announcement.drop_unsent(),
            None => {}
        }
        // Also where something was before it: that may have ended meanwhile.
        self.advance(handle.lane);
    }

    /// Who replies to a message means what became of it.
    pub(super) fn name_said(&self, link: &Link, job: &Job, handle: Handle) {
        if !job.messages.is_empty() {
            let message = MessageRef::new(job.place.address.clone(), job.reply_to.clone());
            self.live.name(&link.id, message, handle);
        }
    }

    /// Says that a message waits, with buttons to take it back.
    pub(super) async fn announce(
        self: &Arc<Self>,
        link: &Link,
        announcement: Announcement,
        handle: Handle,
        ahead: usize,
        obstacle: Option<Obstacle>,
    ) {
        let Announcement { job, existing, told } = announcement;
        let can_steer = obstacle.is_none()
            && job.order != Some(Order::Plan)
            && job.files.is_empty()
            && job.snapshot.engines.get(&job.engine).is_some_and(|engine| engine.capabilities().steer)
            && !job.snapshot.hooks().have_a_say();
        let steering = if can_steer { Steering::Offered } else { Steering::Impossible };
        let queued = card(&job).queued(ahead, steering, &steer::why(obstacle.as_ref()));
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
        told.send_replace(Some(message));
    }

    /// A job that waited comes to no run. That is stored before it is said: what people saw cancelled, or went into a turn,
    /// does not run after a restart. The chat is not waited for.
    pub(super) async fn close(
        self: &Arc<Self>,
        link: &Link,
        mut job: Job,
        end: MessageEnd,
        label: impl Into<String>,
    ) {
        let label = label.into();
        self.finish(&job.messages, &end).await;
        let link = link.clone();
        self.spawn(async move {
            let options = SendOptions::default().reply_to(Some(job.reply_to.clone())).silent();
            let last = card(&job).ended_before(&label);
            // What says that it waits may be on its way still.
            let shown = job.card.settled().await;
            if let Err(error) = link.amend(shown.as_ref(), &job.place.address, last, options).await {
                tracing::warn!(transport = %link.id, %error, "what became of a message could not be said");
            }
        });
    }

    pub(super) fn busy_lane(&self, job: &Job) -> Option<LaneId> {
        let queue = self.queue();
        let lane = queue.find(&job.target())?;
        queue.running(lane).map(|_| lane)
    }

    /// The run of a lane.
    pub(super) fn running(&self, lane: LaneId) -> Option<Arc<LiveRun>> {
        let job = self.queue().running(lane)?;
        self.live.run(job)
    }

    /// Adds a message to the last one that waits, if it is of the same sender and to be run in the same way: they run as one.
    /// One before that would overtake what others said in between. Gives it back if it can not be added.
    fn collect(&self, lane: LaneId, job: Job) -> Option<Job> {
        let mut queue = self.queue();
        let sender = job.sender.as_ref().map(|sender| &sender.id);
        let is_alike = |waiting: &Job| {
            waiting.sender.as_ref().map(|sender| &sender.id) == sender
                && waiting.options == job.options
                && waiting.order == job.order
        };
        let last = queue.last_waiting(lane).filter(|(_, waiting)| is_alike(waiting)).map(|(id, _)| id);
        match last.and_then(|id| queue.waiting_mut(lane, id)) {
            Some(waiting) => {
                waiting.add(job);
                None
            }
            None => Some(job),
        }
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
            Withdrawn::Offered => steer::IN_BETWEEN,
            Withdrawn::NotFound => "nothing is running",
        }
    }
}

/// What people see of a job that does not run.
pub(super) fn card(job: &Job) -> Card {
    let footer = job.context.as_ref().map(Context::line).into_iter().collect();
    Card { engine: job.engine.clone(), about: job.about(), footer }
}
