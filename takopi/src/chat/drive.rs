//! Driving: an engine is started for a job, its events become what people see, and what people wish reaches it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Event, Outcome, TextKind};
use takopi_api::message::OutgoingMessage;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Engines, Run, RunControl, RunId, RunSpec};
use tokio::sync::watch;
use tokio::time::Instant;

use super::bubble::Bubble;
use super::conversation::{Inner, Link};
use super::files::Outbox;
use super::live::{LiveRun, Wish};
use super::progress::Progress;
use super::resolve::{Continues, Job};
use super::view::Card;
use super::written::Written;
use crate::hooks::{Denial, Watch};

/// A run as far as it has come: what its progress message is made of.
pub(super) struct Course {
    pub(super) progress: Mutex<Progress>,
    pub(super) card: Mutex<Card>,
    pub(super) written: Arc<Written>,
    pub(super) began: Instant,
}

impl Course {
    pub(super) fn message(&self, label: &str) -> OutgoingMessage {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        card.working(label, &progress, self.began.elapsed(), self.written.on_card().as_deref())
    }

    pub(super) fn card(&self) -> Card {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who sees a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// People in the chat: what it leaves for them is sent.
    Shown,
    /// Only the command that wanted it.
    Captured,
}

/// How a run came out, besides what the engine says.
pub(super) struct End {
    pub(super) completed: Completed,
    /// Whether the engine got so far as to name its thread.
    pub(super) has_started: bool,
}

/// Why an engine is not even started.
pub(super) enum Stop {
    /// A hook does not let it.
    Denied(Denial),
    /// Somebody ended the run.
    Unwanted,
    /// It has nowhere to work.
    Failed(String),
}

impl Stop {
    /// How a run ends by this.
    pub(super) fn completed(&self, job: &Job) -> Completed {
        match self {
            Self::Denied(denial) => failed(job, denial.to_string()),
            Self::Unwanted => cancelled(job),
            Self::Failed(error) => failed(job, error.clone()),
        }
    }

    pub(super) const fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Denied(denial) => Some(denial),
            Self::Unwanted | Self::Failed(_) => None,
        }
    }
}

impl Inner {
    /// Starts the engine of a job.
    pub(super) async fn begin(
        &self,
        link: &Link,
        id: &RunId,
        job: &Job,
        resume: Option<ResumeToken>,
        cwd: PathBuf,
        sight: Sight,
    ) -> Result<Run, String> {
        let engine = job
            .snapshot
            .engines
            .get(&job.engine)
            .ok_or_else(|| format!("there is no engine {} any more", job.engine))?;
        let runner = engine.usable().map_err(|error| with_hints(&error))?;
        let brought = self.bring(link, job, id, &cwd).await?;
        let outbox = match sight {
            Sight::Shown => {
                let (files, state) =
                    (&job.snapshot.settings(&link.id).files, &self.surroundings.state_folder);
                Outbox::open(link, files, state, id).await
            }
            Sight::Captured => None,
        };
        let processes = Arc::clone(&self.surroundings.processes);
        let mut spec = RunSpec::new(brought.prompt, cwd, processes, self.threads.clone())
            .resume(resume)
            .attachments(brought.attachments)
            .options(job.options.clone())
            .environment(engine.environment().clone())
            .engines(Engines::new(Arc::clone(&job.snapshot) as _))
            .outbox(outbox);
        spec.id = id.clone();
        Ok(runner.run(spec))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of it is the run's; a struct would only name it twice"
    )]
    pub(super) async fn drive(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        job: &Job,
        course: &Arc<Course>,
        (bubble, watch): (&Bubble, &mut Watch),
        resume: Option<ResumeToken>,
        cwd: PathBuf,
    ) -> End {
        let not_started = |completed| End { completed, has_started: false };
        let mut wish = live.wish.subscribe();
        // What was wished before counts too.
        wish.mark_changed();
        let run = tokio::select! {
            run = self.begin(link, &live.id, job, resume, cwd, Sight::Shown) => match run {
                Ok(run) => run,
                Err(text) => return not_started(failed(job, text)),
            },
            // Files of the message may take their time.
            () = unwanted(&mut wish) => return not_started(cancelled(job)),
        };
        watch.begin();
        let (mut events, control) = (run.events, run.control);
        // The only one that sets it is here.
        let _ = live.control.set(control.clone());
        let mut has_started = false;
        let completed = loop {
            tokio::select! {
                event = events.next() => match event.inspect(|event| watch.event(event)) {
                    Some(Event::Completed(completed)) => break completed,
                    Some(Event::Text(text)) if text.kind == TextKind::Answer => {
                        if course.written.wrote(&text.delta) {
                            bubble.changed();
                        }
                    }
                    Some(event) => {
                        has_started |= matches!(event, Event::Started(_));
                        course.written.acted();
                        self.event(link, live, job, course, event).await;
                        bubble.changed();
                    }
                    // The contract gives `completed` before the end.
                    None => break failed(job, "the run ended without a word".to_owned()),
                },
                wish = wished(&mut wish) => obey(&control, wish).await,
            }
        };
        self.withdraw_requests(&live.id);
        End { completed, has_started }
    }

    async fn event(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        job: &Job,
        course: &Arc<Course>,
        event: Event,
    ) {
        match event {
            Event::Started(started) => {
                self.queue().thread_known(live.lane, &started.resume);
                let footer = self.footer(link, job, Some(&started.resume));
                course.card.lock().unwrap_or_else(PoisonError::into_inner).footer = footer;
                if let Err(error) = self.store().thread_known(&live.id, &started.resume).await {
                    tracing::warn!(run = %live.id, %error, "the thread of a run could not be stored");
                }
            }
            Event::Action(event) => {
                course.progress.lock().unwrap_or_else(PoisonError::into_inner).action(&event);
            }
            Event::Request(event) => self.ask(link, live, job, course, event.request).await,
            Event::RequestResolved(event) => self.request_resolved(&live.id, &event.request_id),
            _ => {}
        }
    }
}

/// An error as the reason why a run came to nothing.
fn with_hints(error: &Error) -> String {
    std::iter::once(error.to_string()).chain(error.hints().iter().cloned()).collect::<Vec<_>>().join("\n")
}

pub(super) fn failed(job: &Job, error: String) -> Completed {
    without_engine(job, Outcome::Failed { error })
}

/// A person ended it before its engine began.
pub(super) fn cancelled(job: &Job) -> Completed {
    without_engine(job, Outcome::Interrupted)
}

fn without_engine(job: &Job, outcome: Outcome) -> Completed {
    let resume = match &job.continues {
        Continues::Thread(token) => Some(token.clone()),
        _ => None,
    };
    Completed::new(job.engine.clone(), outcome).resume(resume)
}

pub(super) async fn wished(wish: &mut watch::Receiver<Wish>) -> Wish {
    if wish.changed().await.is_err() {
        // The run itself holds the sender.
        std::future::pending::<()>().await;
    }
    *wish.borrow_and_update()
}

/// Waits until somebody wants the run to end.
pub(super) async fn unwanted(wish: &mut watch::Receiver<Wish>) {
    while wished(wish).await == Wish::GoOn {}
}

pub(super) async fn obey(control: &RunControl, wish: Wish) {
    match wish {
        Wish::GoOn => {}
        // An engine that can not be asked is ended; a run that is over says so by its last event.
        Wish::End => {
            if control.interrupt().await.is_err() {
                control.kill();
            }
        }
        Wish::Kill => control.kill(),
    }
}
