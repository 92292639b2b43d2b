//! Runs a program that prints JSON lines, gives each line to the engine's translation, and what the engine says to the
//! program.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::one_way::OneWay;
use super::silence::Silence;
use super::talk::{Talk, TalkControl};
use super::unread::Unread;
use super::{DialogueEngine, JsonlEngine, LINE_BYTES, Line, LineReader, RefusedRun, Unfinished};
use crate::engine::{EngineCapabilities, EngineId};
use crate::event::{Action, ActionKind, ActionOutcome, Event, EventFactory};
use crate::process::{Ask, Ending, Exit, Process, ProcessHandle, Stdin};
use crate::resume::{ResumeError, ResumeToken};
use crate::runner::{EngineRun, RunControl, RunSpec, Runner};

/// Runs a [`JsonlEngine`].
pub struct JsonlSubprocessRunner<E>(LineRunner<OneWay<E>>);

/// Runs a [`DialogueEngine`].
pub struct DialogueRunner<E>(LineRunner<E>);

struct LineRunner<E> {
    engine: Arc<E>,
    listens: Listens,
}

/// Whether a program is talked to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listens {
    Never,
    UntilTheEnd,
}

impl<E> fmt::Debug for JsonlSubprocessRunner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonlSubprocessRunner").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for DialogueRunner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialogueRunner").finish_non_exhaustive()
    }
}

impl<E: JsonlEngine> JsonlSubprocessRunner<E> {
    /// A runner of the engine.
    #[must_use]
    pub fn new(engine: E) -> Self {
        Self(LineRunner { engine: Arc::new(OneWay(engine)), listens: Listens::Never })
    }
}

impl<E: DialogueEngine> DialogueRunner<E> {
    /// A runner of the engine.
    #[must_use]
    pub fn new(engine: E) -> Self {
        Self(LineRunner { engine: Arc::new(engine), listens: Listens::UntilTheEnd })
    }
}

macro_rules! run_lines {
    ($runner:ident: $engine:ident) => {
        impl<E: $engine> Runner for $runner<E> {
            fn engine(&self) -> &EngineId {
                self.0.engine.engine()
            }

            fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
                self.0.engine.resume_lines().format(token)
            }

            fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
                self.0.engine.resume_lines().extract(text)
            }

            fn capabilities(&self) -> Option<EngineCapabilities> {
                self.0.engine.capabilities()
            }

            fn program(&self) -> Option<&str> {
                self.0.engine.program()
            }

            #[cfg(feature = "testing")]
            fn translator(&self, spec: &RunSpec) -> Option<crate::testing::Translator> {
                Some(self.0.translator(spec))
            }

            fn start(&self, spec: RunSpec) -> EngineRun {
                self.0.start(spec)
            }
        }
    };
}

run_lines!(JsonlSubprocessRunner: JsonlEngine);
run_lines!(DialogueRunner: DialogueEngine);

impl<E: DialogueEngine> LineRunner<E> {
    #[cfg(feature = "testing")]
    fn translator(&self, spec: &RunSpec) -> crate::testing::Translator {
        let engine = Arc::clone(&self.engine);
        let mut state = engine.state(spec);
        let mut out = EventFactory::new(engine.engine().clone(), spec.resume.clone());
        let mut says = super::Says::default();
        Box::new(move |line| {
            engine.hear(line, &mut state, &mut out, &mut says);
            says.take();
            std::iter::from_fn(|| out.pop()).count()
        })
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let engine = Arc::clone(&self.engine);
        let out = EventFactory::new(engine.engine().clone(), spec.resume.clone());
        let talk = Arc::new(Talk::new(Arc::clone(&engine), engine.state(&spec), out));
        let control = RunControl::new(TalkControl(Arc::clone(&talk)));
        let run = LineRun {
            engine,
            talk,
            listens: self.listens,
            cwd: spec.cwd.clone(),
            stage: Stage::New(Box::new(spec)),
            unread: Unread::default(),
            next_tick: Instant::now() + Silence::TICK,
            is_completed: false,
        };
        let events = futures_util::stream::unfold(run, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        });
        EngineRun { events: events.boxed(), control }
    }
}

struct LineRun<E: DialogueEngine> {
    engine: Arc<E>,
    talk: Arc<Talk<E>>,
    listens: Listens,
    /// Where the engine works.
    cwd: PathBuf,
    stage: Stage,
    unread: Unread,
    /// When the silence of the program is looked at.
    next_tick: Instant,
    is_completed: bool,
}

enum Stage {
    New(Box<RunSpec>),
    /// The program can not start yet; the action says why.
    Waiting(Box<RunSpec>, Action),
    Reading {
        lines: LineReader<Box<dyn AsyncRead + Send + Unpin>>,
        handle: Arc<dyn ProcessHandle>,
    },
    Over,
}

/// How long a program may go on after it closed its standard output.
const AFTER_OUTPUT: Duration = Duration::from_secs(2);

/// How long the end of a run waits for what is told on standard error.
const STDERR_PATIENCE: Duration = Duration::from_millis(50);

impl<E: DialogueEngine> LineRun<E> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.talk.pop() {
                if let Event::Started(started) = &event {
                    self.engine.opened(&started.resume, &self.cwd);
                }
                return Some(event);
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::New(spec) => self.begin(spec).await,
                Stage::Waiting(spec, action) => {
                    let spawned = Self::spawn(Arc::clone(&self.engine), self.listens, &spec).await;
                    self.talk.out(|out| out.action_completed(action, ActionOutcome::Ok));
                    self.spawned(spawned);
                }
                Stage::Reading { lines, handle } => self.read(lines, handle).await,
                Stage::Over => return None,
            }
        }
    }

    async fn begin(&mut self, spec: Box<RunSpec>) {
        let obstacle = match spec.processes.obstacle() {
            Some(obstacle) => Some(obstacle),
            None => self.engine.obstacle(&spec).await,
        };
        if let Some(obstacle) = obstacle {
            let id = format!("{}.start", self.engine.engine());
            let action = Action::new(id, ActionKind::Note, obstacle);
            self.talk.out(|out| out.action_started(action.clone()));
            self.stage = Stage::Waiting(spec, action);
        } else {
            let spawned = Self::spawn(Arc::clone(&self.engine), self.listens, &spec).await;
            self.spawned(spawned);
        }
    }

    async fn spawn(engine: Arc<E>, listens: Listens, spec: &RunSpec) -> Result<Process, String> {
        let refused = |RefusedRun(reason)| reason;
        engine.prepare(spec).await.map_err(refused)?;
        let mut command = engine.command(spec).map_err(refused)?;
        if listens == Listens::UntilTheEnd {
            command.stdin = Stdin::Open;
        }
        spec.processes.spawn(command).await.map_err(|error| error.to_string())
    }

    fn spawned(&mut self, spawned: Result<Process, String>) {
        match spawned {
            Ok(process) => {
                self.talk.started(Arc::clone(&process.handle), process.stdin);
                let lines = LineReader::new(process.stdout, LINE_BYTES);
                self.next_tick = Instant::now() + Silence::TICK;
                self.stage = Stage::Reading { lines, handle: process.handle };
            }
            Err(error) => self.talk.out(|out| out.failed(error, "", None)),
        }
    }

    async fn read(
        &mut self,
        mut lines: LineReader<Box<dyn AsyncRead + Send + Unpin>>,
        handle: Arc<dyn ProcessHandle>,
    ) {
        let deadline = self.talk.deadline();
        // Looked at first: a program may always have more to say.
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            // It was told to end its turn, and did not.
            handle.end(Ending::asking(Ask::Terminate));
            self.talk.close();
            self.stage = Stage::Reading { lines, handle };
            return;
        }
        let next = tokio::select! {
            biased;
            next = lines.message(E::FRAMING) => next,
            () = self.talk.stirred.notified() => {
                self.complete(&*handle).await;
                self.stage = Stage::Reading { lines, handle };
                return;
            }
            () = tokio::time::sleep_until(deadline.unwrap_or(self.next_tick)), if deadline.is_some() => {
                self.stage = Stage::Reading { lines, handle };
                return;
            }
            () = tokio::time::sleep_until(self.next_tick) => {
                self.next_tick = Instant::now() + Silence::TICK;
                self.talk.tick();
                self.stage = Stage::Reading { lines, handle };
                return;
            }
        };
        self.next_tick = Instant::now() + Silence::TICK;
        self.talk.broke_silence();
        let is_end = match next {
            Ok(Some(Line::Complete(line) | Line::Torn(line))) => {
                if !line.trim_ascii().is_empty() {
                    // A line with a broken character is still a line. Looking for one is slow, and there is hardly ever one.
                    let line =
                        str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
                    self.talk.hear(&line, |recognition, out| self.unread.note(recognition, &line, out));
                    self.complete(&*handle).await;
                }
                false
            }
            Ok(Some(Line::TooLong { bytes, head })) => {
                let engine = self.engine.engine();
                self.talk.out(|out| {
                    out.warning(format!(
                        "skipped a line of {bytes} bytes from {engine}: the limit is {LINE_BYTES}"
                    ));
                });
                self.talk.too_long(&String::from_utf8_lossy(head));
                self.complete(&*handle).await;
                false
            }
            Ok(None) => true,
            Err(error) => {
                let engine = self.engine.engine();
                self.talk.out(|out| out.warning(format!("the output of {engine} broke off: {error}")));
                true
            }
        };
        if is_end {
            self.talk.close();
            // A program that has closed its output has nothing more to say, so it is not waited for without end.
            if tokio::time::timeout(AFTER_OUTPUT, handle.exited()).await.is_err() {
                handle.end(Ending::asking(Ask::Terminate));
            }
            let exit = handle.exited().await;
            self.exited(&exit);
        } else {
            self.stage = Stage::Reading { lines, handle };
        }
    }

    /// If the run is completed by now: what standard error has to add comes before that.
    async fn complete(&mut self, handle: &dyn ProcessHandle) {
        if let Some(completed) = self.talk.take_completed() {
            self.talk.close();
            if E::READS_STDERR {
                // What it said last may still be on its way. Most programs end right after their last line.
                let _ = tokio::time::timeout(STDERR_PATIENCE, handle.exited()).await;
            }
            self.talk.read_stderr(&handle.stderr_tail());
            self.talk.out(|out| out.push(Event::Completed(completed)));
            self.is_completed = true;
        }
    }

    fn exited(&mut self, exit: &Exit) {
        let engine = self.engine.engine();
        self.unread.log(engine);
        if self.is_completed {
            return;
        }
        self.talk.read_stderr(&exit.stderr_tail);
        let Unfinished { answer, reason, usage } = self.talk.on_exit(exit);
        let mut error =
            reason.unwrap_or_else(|| format!("{engine} {} before it finished its turn", exit.status));
        if let Some(line) = self.unread.first_malformed() {
            error.push_str("\nit printed a line that takopi can not read: ");
            error.push_str(line);
        }
        let tail = last_lines(&exit.stderr_tail);
        if !tail.is_empty() {
            error.push('\n');
            error.push_str(tail);
        }
        self.talk.out(|out| out.failed(error, answer, usage));
    }
}

impl<E: DialogueEngine> Drop for LineRun<E> {
    fn drop(&mut self) {
        self.talk.close();
    }
}

/// The last lines of what a program said, as many as fit a message.
fn last_lines(tail: &str) -> &str {
    let tail = tail.trim_end();
    let start = tail.rmatch_indices('\n').nth(9).map_or(0, |(at, _)| at + 1);
    &tail[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_complaint_is_shown() {
        let tail: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        assert!(last_lines(&tail).starts_with("line 21\n"));
        assert!(last_lines(&tail).ends_with("line 30"));
        assert_eq!(last_lines("one\n"), "one");
        assert_eq!(last_lines(""), "");
    }
}
