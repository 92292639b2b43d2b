//! Executing: a job becomes a run, its events become what people see, and its end becomes an answer.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::{FutureExt, StreamExt};
use takopi_api::command::RunResult;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Decision, Event, Outcome, TextKind};
use takopi_api::message::{MessageRef, SendOptions};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Run, RunControl, RunId, RunSpec};
use takopi_api::runtime::EngineState;
use tokio::sync::watch;
use tokio::time::Instant;

use super::bubble::{Bubble, Render, Shown};
use super::conversation::{Inner, Link, Mode};
use super::deliver::{Answer, Manner};
use super::files::Outbox;
use super::live::{LiveRun, Wish};
use super::progress::Progress;
use super::queue::LaneId;
use super::resolve::{Continues, Job, stored_context};
use super::settings::SessionMode;
use super::signs::Signs;
use super::snapshot::Snapshot;
use super::view::{self, Card};
use crate::project::Context;
use crate::store::{ClaimError, MessageEnd, NewRun, Resume, Seq, SessionChange};

/// A run as far as it has come: what its progress message is made of.
struct Course {
    progress: Mutex<Progress>,
    card: Mutex<Card>,
    began: Instant,
}

impl Course {
    fn message(&self, label: &str) -> takopi_api::message::OutgoingMessage {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        card.working(label, &progress, self.began.elapsed())
    }

    fn card(&self) -> Card {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who sees a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// People in the chat: what it leaves for them is sent.
    Shown,
    /// Only the command that wanted it.
    Captured,
}

/// How a run came out, besides what the engine says.
struct End {
    completed: Completed,
    /// Whether the engine got so far as to name its thread.
    has_started: bool,
}

impl Inner {
    /// Starts what is next in a lane, if nothing of it runs.
    pub(super) fn advance(self: &Arc<Self>, lane: LaneId) {
        if self.mode() == Mode::Draining {
            return;
        }
        let Some((id, job)) = self.queue().next(lane) else { return };
        let live = Arc::new(LiveRun {
            id: RunId::unique(),
            lane,
            job: id,
            place: job.place.clone(),
            person: job.sender.as_ref().map(|sender| sender.id.clone()),
            engine: job.engine.clone(),
            session: job.session.clone(),
            control: OnceLock::new(),
            wish: watch::Sender::new(Wish::GoOn),
            open_requests: AtomicUsize::new(0),
        });
        // From here on it can be cancelled, also before there is an engine to tell.
        self.live.begin(Arc::clone(&live));
        let inner = Arc::clone(self);
        self.spawn(async move {
            if AssertUnwindSafe(inner.execute(&live, job)).catch_unwind().await.is_err() {
                // What waits behind it is not to wait for ever. The next start says that it was cut off.
                tracing::error!(run = %live.id, "a run panicked");
            }
            inner.live.end(id);
            inner.queue().ended(lane, id);
            inner.advance(lane);
        });
    }

    async fn execute(self: &Arc<Self>, live: &Arc<LiveRun>, mut job: Job) {
        let Some(link) = self.link(&job.place.transport) else { return };
        link.topics.follow(&mut job);
        let resume = match self.resume_of(&job, live.lane) {
            Ok(resume) => resume,
            Err(text) => return self.refuse(&link, &job, &text).await,
        };
        let folder = self.session_folder(job.context.as_ref());
        let new = new_run(live, &job, resume, folder);
        let resume = match self.store().begin_run(new).await {
            Ok(resume) => resume,
            // Somebody else has it; running it twice would be worse than anything.
            Err(ClaimError::AlreadyBegun(_)) => return,
            Err(ClaimError::Store(error)) => return self.refuse(&link, &job, &error.to_string()).await,
        };
        if let Some(thread) = &resume {
            // A reply to an older answer of it waits here too, and not only for the thread.
            self.queue().thread_known(live.lane, thread);
        }
        self.run(&link, live, job, resume).await;
    }

    /// What a job continues, as it is known now.
    fn resume_of(&self, job: &Job, lane: LaneId) -> Result<Resume, String> {
        match &job.continues {
            Continues::Nothing => Ok(Resume::Nothing),
            Continues::Thread(token) => Ok(Resume::Thread(token.clone())),
            // The thread may be another one by now than when the message came in.
            Continues::Session(kept, _) => Ok(Resume::Session(kept.key.clone())),
            Continues::Lane(_) => self
                .queue()
                .thread(lane)
                .cloned()
                .map(Resume::Thread)
                .ok_or_else(|| "the run that this answers ended without a thread to continue".to_owned()),
        }
    }

    /// A job that can not run: people are told, and the message is done with.
    async fn refuse(&self, link: &Link, job: &Job, text: &str) {
        let options = SendOptions::default().reply_to(Some(job.reply_to.clone()));
        let card = job.card.clone().settled().await;
        let said = link.amend(card.as_ref(), &job.place.address, view::error(text, &[]), options).await;
        if let Err(error) = said {
            tracing::warn!(%error, "a refusal could not be sent");
        }
        self.finish(&job.messages, &MessageEnd::Failed).await;
    }

    async fn run(self: &Arc<Self>, link: &Link, live: &Arc<LiveRun>, job: Job, resume: Option<ResumeToken>) {
        let snapshot = Arc::clone(&job.snapshot);
        let settings = snapshot.settings(&link.id);
        let course = Arc::new(Course {
            progress: Mutex::new(view::progress("")),
            card: Mutex::new(Card {
                engine: job.engine.clone(),
                about: job.about(),
                footer: self.footer(link, &job, resume.as_ref()),
            }),
            began: Instant::now(),
        });
        // Before there is a folder: making a worktree can take its time.
        let mut bubble = self.show(link, live, &job, &course);
        let mut wish = live.wish.subscribe();
        // What was wished before counts too.
        wish.mark_changed();
        let signs = Signs::of(link, &job.place.address, &live.id, settings);
        let folder = tokio::select! {
            folder = self.folder(&job) => folder.map_err(|error| failed(&job, error)),
            () = unwanted(&mut wish) => Err(cancelled(&job)),
        };
        if let Ok(cwd) = &folder {
            *course.progress.lock().unwrap_or_else(PoisonError::into_inner) =
                view::progress(&cwd.to_string_lossy());
        }
        let end = match folder {
            Ok(cwd) => self.drive(link, live, &job, &course, (&bubble, &signs), resume, cwd).await,
            Err(completed) => End { completed, has_started: false },
        };
        drop(signs);
        // Its topic may have been made again meanwhile.
        let session = match session_after(&job, &end) {
            SessionChange::Remember(mut key, token) => {
                link.topics.follow_place(&mut key.place);
                SessionChange::Remember(key, token)
            }
            other => other,
        };
        if let Err(error) = self.store().answered(&live.id, &end.completed, session).await {
            tracing::error!(run = %live.id, %error, "an answer could not be stored");
        }
        // What waits need not wait for the chat.
        let inner = Arc::clone(self);
        let (link, live) = (link.clone(), Arc::clone(live));
        let settings = settings.clone();
        self.spawn(async move {
            let shown = course.card();
            let (elapsed, steps) = {
                let progress = course.progress.lock().unwrap_or_else(PoisonError::into_inner);
                (course.began.elapsed(), progress.steps())
            };
            let (messages, manner) = if end.completed.outcome == Outcome::Interrupted {
                let progress = course.progress.lock().unwrap_or_else(PoisonError::into_inner);
                (vec![shown.cancelled(&progress, elapsed, &end.completed.answer)], Manner::InPlace)
            } else {
                let limit = link.outgoing.capabilities().text;
                let manner = Manner::of(&link, settings.final_notify);
                (shown.answer(&end.completed, steps, elapsed, limit, settings.overflow), manner)
            };
            if manner == Manner::InPlace {
                bubble.settled().await;
            }
            let card = bubble.stop();
            let options = SendOptions::default().reply_to(Some(job.reply_to.clone()));
            let options = if manner == Manner::InPlace { options.silent() } else { options };
            if let Some(done) = &job.done {
                // Whoever wanted to know may be gone.
                let _ = done.send(RunResult::new(end.completed.clone(), card.clone()));
            }
            let answer = Answer {
                link: &link,
                place: &job.place,
                messages,
                arrived: 0,
                options,
                key: live.id.to_string(),
                card,
                manner,
            };
            inner.hand_over(&live.id, answer).await;
            drop(job.busy);
        });
    }

    /// Delivers a stored answer, stores what of it people have, and takes away what it took the place of.
    pub(super) async fn hand_over(&self, run: &RunId, mut answer: Answer<'_>) {
        let mut last = None;
        while let Some(sent) = answer.deliver_next().await {
            let message = match sent {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%run, %error, "an answer could not be delivered; it will be at the next start");
                    return;
                }
            };
            if answer.is_under_way() {
                if let Err(error) = self.store().part_delivered(run, &message, answer.card.as_ref()).await {
                    tracing::error!(%run, %error, "that a part of an answer arrived could not be stored");
                }
            } else {
                last = Some(message);
            }
        }
        let last = self.hand_over_files(run, &answer, last).await;
        let left = answer.card;
        if let Err(error) = self.store().delivered(run, last.as_ref(), left.as_ref()).await {
            tracing::error!(%run, %error, "that an answer arrived could not be stored");
        }
        // Only now: until here the progress message was all that people had, or that a killed takopi would find.
        if let Some(left) = left {
            self.clear_away(answer.link, run, &left).await;
        }
    }

    /// Takes the progress message of a delivered run away.
    pub(super) async fn clear_away(&self, link: &Link, run: &RunId, progress: &MessageRef) {
        link.retire(progress).await;
        if let Err(error) = self.store().progress_gone(run).await {
            tracing::warn!(%run, %error, "that a progress message is gone could not be stored");
        }
    }

    /// Where a run happens.
    pub(super) async fn folder(&self, job: &Job) -> Result<PathBuf, String> {
        self.folder_of(&job.snapshot, job.context.as_ref()).await
    }

    /// Where runs of a project and branch happen.
    pub(super) async fn folder_of(
        &self,
        snapshot: &Snapshot,
        context: Option<&Context>,
    ) -> Result<PathBuf, String> {
        let Some(context) = context else { return Ok(self.surroundings.start_folder.clone()) };
        let project = snapshot.projects.of(context).map_err(|error| error.to_string())?;
        self.surroundings
            .worktrees
            .resolve(project, context.branch.as_ref())
            .await
            .map_err(|error| error.to_string())
    }

    fn show(self: &Arc<Self>, link: &Link, live: &Arc<LiveRun>, job: &Job, course: &Arc<Course>) -> Bubble {
        let render: Render = {
            let course = Arc::clone(course);
            let is_first = std::sync::atomic::AtomicBool::new(true);
            Arc::new(move || {
                let label = if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                    "starting"
                } else {
                    "working"
                };
                course.message(label)
            })
        };
        let shown = Shown {
            link: link.clone(),
            place: job.place.clone(),
            options: SendOptions::default()
                .reply_to(Some(job.reply_to.clone()))
                .silent()
                .key(progress_key(live, job)),
            existing: job.card.clone(),
            mode: job.snapshot.settings(&link.id).progress,
            pace: Arc::clone(&self.pace),
            render,
        };
        let inner = Arc::clone(self);
        let live = Arc::clone(live);
        let transport = link.id.clone();
        Bubble::new(shown, move |message: MessageRef| {
            inner.live.name_run(&transport, message.clone(), &live);
            async move {
                if let Err(error) = inner.store().progress_message(&live.id, &message).await {
                    tracing::warn!(run = %live.id, %error, "the progress message could not be stored");
                }
            }
        })
    }

    /// The lines below every message of a run.
    fn footer(&self, link: &Link, job: &Job, resume: Option<&ResumeToken>) -> Vec<String> {
        let context = job.context.as_ref().map(Context::line);
        let is_kept = job.session.is_some() && self.session_mode(link) == SessionMode::Chat
            || job.place.address.topic.id().is_some();
        let is_shown = job.snapshot.settings(&link.id).show_resume_line || !is_kept;
        let resume = resume
            .filter(|_| is_shown)
            .and_then(|token| job.snapshot.engines.resume_line(token))
            .map(|line| takopi_api::markdown::code(&line));
        context.into_iter().chain(resume).collect()
    }

    /// Starts the engine of a job.
    async fn begin(
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
        let runner = engine.runner().map_err(str::to_owned)?;
        if let EngineState::Missing { install } = engine.state() {
            return Err(format!(
                "{} is not installed, or not on PATH\ninstall it with `{install}`",
                job.engine
            ));
        }
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
            .outbox(outbox);
        spec.id = id.clone();
        Ok(runner.run(spec))
    }

    /// Runs a job that people do not see. What its engine asks is denied: there is nobody to ask.
    pub(super) async fn capture(&self, job: Job) -> Result<RunResult, Error> {
        let link = self
            .link(&job.place.transport)
            .ok_or_else(|| Error::new(format!("{} is not connected", job.place.transport)))?;
        let cwd = self.folder(&job).await.map_err(Error::new)?;
        let resume = match &job.continues {
            Continues::Thread(token) => Some(token.clone()),
            _ => None,
        };
        let run = self
            .begin(&link, &RunId::unique(), &job, resume, cwd, Sight::Captured)
            .await
            .map_err(Error::new)?;
        let (mut events, control) = (run.events, run.control);
        while let Some(event) = events.next().await {
            match event {
                Event::Completed(completed) => return Ok(RunResult::new(completed, None)),
                Event::Request(event) => {
                    let reason = Some("there is nobody who could answer".to_owned());
                    // A request that is not open any more needs no answer.
                    let _ = control.answer(&event.request.id, Decision::Deny { reason }).await;
                }
                _ => {}
            }
        }
        Err(Error::new("the run ended without a word"))
    }

    /// Runs a job as any other, and waits for its end.
    pub(super) async fn run_and_wait(self: &Arc<Self>, mut job: Job) -> Result<RunResult, Error> {
        let (done, mut result) = tokio::sync::mpsc::unbounded_channel();
        job.done = Some(done);
        let (lane, _, _) = self.queue().place(&job.target(), job);
        self.advance(lane);
        result.recv().await.ok_or_else(|| Error::new("the run was cancelled before it began"))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of it is the run's; a struct would only name it twice"
    )]
    async fn drive(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        job: &Job,
        course: &Course,
        (bubble, signs): (&Bubble, &Signs),
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
        let (mut events, control) = (run.events, run.control);
        // The only one that sets it is here.
        let _ = live.control.set(control.clone());
        let mut has_started = false;
        let completed = loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Completed(completed)) => break completed,
                    // It changes nothing of the progress message.
                    Some(Event::Text(text)) if text.kind == TextKind::Answer => signs.wrote(&text.delta),
                    Some(event) => {
                        has_started |= matches!(event, Event::Started(_));
                        signs.acted();
                        self.event(link, live, job, course, event).await;
                        bubble.changed();
                    }
                    // The contract gives `completed` before the end.
                    None => break failed(job, "the run ended without a word".to_owned()),
                },
                wish = wished(&mut wish) => obey(&control, wish).await,
            }
        };
        self.withdraw_requests(link, &live.id);
        End { completed, has_started }
    }

    async fn event(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        job: &Job,
        course: &Course,
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
            Event::Request(event) => self.ask(link, live, job, event.request).await,
            Event::RequestResolved(event) => self.request_resolved(link, &live.id, &event.request_id),
            _ => {}
        }
    }

    /// These messages came to no run.
    pub(super) async fn finish(&self, messages: &[Seq], end: &MessageEnd) {
        for seq in messages {
            if let Err(error) = self.store().finish(*seq, end.clone()).await {
                tracing::error!(%error, "what became of a message could not be stored");
            }
        }
    }
}

/// The next message goes on with the thread of a run that had one, and not with one that its engine does not know.
fn session_after(job: &Job, end: &End) -> SessionChange {
    match (&job.session, &end.completed.resume) {
        (Some(kept), Some(token)) if end.has_started => {
            SessionChange::Remember(kept.key.clone(), token.clone())
        }
        (Some(_), Some(token)) if matches!(job.continues, Continues::Session(..)) => {
            SessionChange::Forget(token.clone())
        }
        _ => SessionChange::None,
    }
}

fn failed(job: &Job, error: String) -> Completed {
    without_engine(job, Outcome::Failed { error })
}

/// A person ended it before its engine began.
fn cancelled(job: &Job) -> Completed {
    without_engine(job, Outcome::Interrupted)
}

fn without_engine(job: &Job, outcome: Outcome) -> Completed {
    let resume = match &job.continues {
        Continues::Thread(token) => Some(token.clone()),
        _ => None,
    };
    Completed::new(job.engine.clone(), outcome).resume(resume)
}

/// The key under which the message is sent that shows a run.
fn progress_key(live: &LiveRun, job: &Job) -> String {
    job.card_key().unwrap_or_else(|| format!("{}.card", live.id))
}

fn new_run(live: &LiveRun, job: &Job, resume: Resume, cwd: PathBuf) -> NewRun {
    NewRun {
        id: live.id.clone(),
        messages: job.messages.clone(),
        place: job.place.clone(),
        person: live.person.clone(),
        engine: job.engine.clone(),
        context: stored_context(job.context.as_ref()),
        cwd,
        resume,
        reply_to: Some(job.reply_to.clone()),
        progress: job.card.now(),
        progress_key: progress_key(live, job),
    }
}

async fn wished(wish: &mut watch::Receiver<Wish>) -> Wish {
    if wish.changed().await.is_err() {
        // The run itself holds the sender.
        std::future::pending::<()>().await;
    }
    *wish.borrow_and_update()
}

/// Waits until somebody wants the run to end.
async fn unwanted(wish: &mut watch::Receiver<Wish>) {
    while wished(wish).await == Wish::GoOn {}
}

async fn obey(control: &RunControl, wish: Wish) {
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
