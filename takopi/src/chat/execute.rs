//! Executing: a job becomes a run, and the end of it an answer.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use takopi_api::command::RunResult;
use takopi_api::engine::EngineCapabilities;
use takopi_api::event::Outcome;
use takopi_api::message::{MessageRef, SendOptions};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use tokio::sync::watch;
use tokio::time::Instant;

use super::bubble::{Bubble, Render, Shown};
use super::conversation::{Inner, Link, Mode};
use super::deliver::{Answer, Manner};
use super::drive::{Course, End, Stop, unwanted};
use super::engines::Engine;
use super::live::{LiveRun, Sequence, Wish};
use super::queue::LaneId;
use super::resolve::{Continues, Job, stored_context};
use super::settings::SessionMode;
use super::signs::Signs;
use super::snapshot::Snapshot;
use super::view::{self, Card};
use super::written::{Stage, Written};
use crate::project::Context;
use crate::store::{ClaimError, MessageEnd, NewRun, Resume, Seq, SessionChange};

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
            context: job.context.clone(),
            session: job.session.clone(),
            folder: OnceLock::new(),
            mode: job.options.mode.clone(),
            control: OnceLock::new(),
            wish: watch::Sender::new(Wish::GoOn),
            open_requests: AtomicUsize::new(0),
            steering: Sequence::default(),
            is_over: watch::Sender::new(false),
        });
        // From here on it can be cancelled, also before there is an engine to tell.
        self.live.begin(Arc::clone(&live));
        let inner = Arc::clone(self);
        self.spawn(async move {
            if AssertUnwindSafe(inner.execute(&live, job)).catch_unwind().await.is_err() {
                // What waits behind it is not to wait for ever. The next start says that it was cut off.
                tracing::error!(run = %live.id, "a run panicked");
            }
            live.is_over.send_replace(true);
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

    async fn run(
        self: &Arc<Self>,
        link: &Link,
        live: &Arc<LiveRun>,
        mut job: Job,
        resume: Option<ResumeToken>,
    ) {
        let mut watch = self.watch(link, &live.id, &job, resume.as_ref());
        let snapshot = Arc::clone(&job.snapshot);
        let settings = snapshot.settings(&link.id);
        let stage = Stage::of(
            settings.live_text,
            &link.outgoing.capabilities(),
            &link.access.people,
            &snapshot.engines.get(&job.engine).map_or_else(EngineCapabilities::none, Engine::capabilities),
        );
        let written = Arc::new(Written::new(stage));
        let course = Arc::new(Course {
            progress: Mutex::new(view::progress("")),
            card: Mutex::new(Card {
                engine: job.engine.clone(),
                about: job.about(),
                footer: self.footer(link, &job, resume.as_ref()),
            }),
            written: Arc::clone(&written),
            began: Instant::now(),
        });
        // Before there is a folder: making a worktree can take its time.
        let mut bubble = self.show(link, live, &job, &course);
        let mut wish = live.wish.subscribe();
        // What was wished before counts too.
        wish.mark_changed();
        let signs = Signs::of(link, &job.place.address, &live.id, settings, &written, stage);
        let asked = tokio::select! {
            asked = watch.ask() => asked.map_err(Stop::Denied),
            () = unwanted(&mut wish) => Err(Stop::Unwanted),
        };
        if let (Ok(()), Some(prompt)) = (&asked, watch.prompt()) {
            prompt.clone_into(&mut job.prompt);
        }
        let folder = match asked {
            Ok(()) => tokio::select! {
                folder = self.folder(&job) => folder.map_err(Stop::Failed),
                () = unwanted(&mut wish) => Err(Stop::Unwanted),
            },
            Err(stop) => Err(stop),
        };
        if let Ok(cwd) = &folder {
            // It is known once.
            let _ = live.folder.set(cwd.clone());
            *course.progress.lock().unwrap_or_else(PoisonError::into_inner) =
                view::progress(&cwd.to_string_lossy());
        }
        let (end, stop) = match folder {
            Ok(cwd) => {
                let shown = (&bubble, &mut watch);
                (self.drive(link, live, &job, &course, shown, resume, cwd).await, None)
            }
            Err(stop) => (End { completed: stop.completed(&job), has_started: false }, Some(stop)),
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
        self.tell_hooks(watch, &end.completed, stop.as_ref().and_then(Stop::denial));
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
                let line = end.completed.resume.as_ref();
                let line = line.and_then(|token| snapshot.engines.resume_line(token));
                let _ = done.send(RunResult::new(end.completed.clone(), card.clone()).resume_line(line));
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
    pub(super) fn footer(&self, link: &Link, job: &Job, resume: Option<&ResumeToken>) -> Vec<String> {
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
