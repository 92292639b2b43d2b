//! Runs a program that prints JSON lines, and gives each line to the engine's translation.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::io::AsyncRead;

use super::silence::Silence;
use super::unread::Unread;
use super::{JsonlEngine, LINE_BYTES, Line, LineReader, RefusedRun, Unfinished};
use crate::engine::EngineId;
use crate::event::{Action, ActionKind, ActionOutcome, Event, EventFactory};
use crate::process::{Ask, Ending, Exit, Process, ProcessHandle};
use crate::resume::{ResumeError, ResumeToken};
use crate::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};

/// Runs a [`JsonlEngine`].
pub struct JsonlSubprocessRunner<E>(Arc<E>);

impl<E> fmt::Debug for JsonlSubprocessRunner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonlSubprocessRunner").finish_non_exhaustive()
    }
}

impl<E: JsonlEngine> JsonlSubprocessRunner<E> {
    /// A runner of the engine.
    #[must_use]
    pub fn new(engine: E) -> Self {
        Self(Arc::new(engine))
    }
}

impl<E: JsonlEngine> Runner for JsonlSubprocessRunner<E> {
    fn engine(&self) -> &EngineId {
        self.0.engine()
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        self.0.resume_lines().format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        self.0.resume_lines().extract(text)
    }

    #[cfg(feature = "testing")]
    fn translator(&self, spec: &RunSpec) -> Option<crate::testing::Translator> {
        let engine = Arc::clone(&self.0);
        let mut state = engine.state(spec);
        let mut out = EventFactory::new(engine.engine().clone(), spec.resume.clone());
        Some(Box::new(move |line| {
            engine.translate(line, &mut state, &mut out);
            std::iter::from_fn(|| out.pop()).count()
        }))
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let control = Arc::new(ProcessControl { ask: self.0.interrupt(), program: Mutex::default() });
        let run = JsonlRun {
            state: self.0.state(&spec),
            out: EventFactory::new(self.0.engine().clone(), spec.resume.clone()),
            engine: Arc::clone(&self.0),
            cwd: spec.cwd.clone(),
            stage: Stage::New(Box::new(spec)),
            control: Arc::clone(&control),
            unread: Unread::default(),
            silence: Silence::default(),
            is_completed: false,
        };
        let events = futures_util::stream::unfold(run, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        });
        EngineRun { events: events.boxed(), control: RunControl::new(SharedControl(control)) }
    }
}

struct JsonlRun<E: JsonlEngine> {
    engine: Arc<E>,
    state: E::State,
    out: EventFactory,
    /// Where the engine works.
    cwd: PathBuf,
    stage: Stage,
    control: Arc<ProcessControl>,
    unread: Unread,
    silence: Silence,
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

impl<E: JsonlEngine> JsonlRun<E> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop() {
                self.silence.note(&event);
                if let Event::Started(started) = &event {
                    self.engine.opened(&started.resume, &self.cwd);
                }
                return Some(event);
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::New(spec) => self.begin(spec).await,
                Stage::Waiting(spec, action) => {
                    let spawned = Self::spawn(Arc::clone(&self.engine), &spec).await;
                    self.out.action_completed(action, ActionOutcome::Ok);
                    self.spawned(spawned);
                }
                Stage::Reading { lines, handle } => self.read(lines, handle).await,
                Stage::Over => return None,
            }
        }
    }

    async fn begin(&mut self, spec: Box<RunSpec>) {
        if let Some(obstacle) = spec.processes.obstacle() {
            let action = Action::new(format!("{}.start", self.out.engine()), ActionKind::Note, obstacle);
            self.out.action_started(action.clone());
            self.stage = Stage::Waiting(spec, action);
        } else {
            let spawned = Self::spawn(Arc::clone(&self.engine), &spec).await;
            self.spawned(spawned);
        }
    }

    async fn spawn(engine: Arc<E>, spec: &RunSpec) -> Result<Process, String> {
        let refused = |RefusedRun(reason)| reason;
        engine.prepare(spec).await.map_err(refused)?;
        let command = engine.command(spec).map_err(refused)?;
        spec.processes.spawn(command).await.map_err(|error| error.to_string())
    }

    fn spawned(&mut self, spawned: Result<Process, String>) {
        match spawned {
            Ok(process) => {
                self.control.started(Arc::clone(&process.handle));
                let lines = LineReader::new(process.stdout, LINE_BYTES);
                self.stage = Stage::Reading { lines, handle: process.handle };
            }
            Err(error) => self.out.failed(error, "", None),
        }
    }

    async fn read(
        &mut self,
        mut lines: LineReader<Box<dyn AsyncRead + Send + Unpin>>,
        handle: Arc<dyn ProcessHandle>,
    ) {
        let Ok(next) = tokio::time::timeout(Silence::TICK, lines.message(E::FRAMING)).await else {
            self.silence.tick(&mut self.out);
            self.stage = Stage::Reading { lines, handle };
            return;
        };
        self.silence.end(&mut self.out);
        let is_end = match next {
            Ok(Some(Line::Complete(line) | Line::Torn(line))) => {
                if !line.trim_ascii().is_empty() {
                    // A line with a broken character is still a line. Looking for one is slow, and there is hardly ever one.
                    let line =
                        str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
                    let recognition = self.engine.translate(&line, &mut self.state, &mut self.out);
                    self.unread.note(recognition, &line, &mut self.out);
                    self.complete(&*handle).await;
                }
                false
            }
            Ok(Some(Line::TooLong { bytes })) => {
                let engine = self.out.engine();
                self.out.warning(format!(
                    "skipped a line of {bytes} bytes from {engine}: the limit is {LINE_BYTES}"
                ));
                false
            }
            Ok(None) => true,
            Err(error) => {
                self.out.warning(format!("the output of {} broke off: {error}", self.out.engine()));
                true
            }
        };
        if is_end {
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

    /// If the last line completed the run: what standard error has to add comes before that.
    async fn complete(&mut self, handle: &dyn ProcessHandle) {
        if let Some(completed) = self.out.take_completed() {
            if E::READS_STDERR {
                // What it said last may still be on its way. Most programs end right after their last line.
                let _ = tokio::time::timeout(STDERR_PATIENCE, handle.exited()).await;
            }
            self.engine.read_stderr(&handle.stderr_tail(), &mut self.state, &mut self.out);
            self.out.push(Event::Completed(completed));
            self.is_completed = true;
        }
    }

    fn exited(&mut self, exit: &Exit) {
        self.unread.log(self.out.engine());
        if self.is_completed {
            return;
        }
        self.engine.read_stderr(&exit.stderr_tail, &mut self.state, &mut self.out);
        let Unfinished { answer, reason, usage } = self.engine.on_exit(exit, &mut self.state, &mut self.out);
        let mut error = reason
            .unwrap_or_else(|| format!("{} {} before it finished its turn", self.out.engine(), exit.status));
        if let Some(line) = self.unread.first_malformed() {
            error.push_str("\nit printed a line that takopi can not read: ");
            error.push_str(line);
        }
        let tail = last_lines(&exit.stderr_tail);
        if !tail.is_empty() {
            error.push('\n');
            error.push_str(tail);
        }
        self.out.failed(error, answer, usage);
    }
}

/// The last lines of what a program said, as many as fit a message.
fn last_lines(tail: &str) -> &str {
    let tail = tail.trim_end();
    let start = tail.rmatch_indices('\n').nth(9).map_or(0, |(at, _)| at + 1);
    &tail[start..]
}

/// Interrupts a run by asking its program to end; it is killed when its time is up.
struct ProcessControl {
    ask: Ask,
    /// The program, once it is started.
    program: Mutex<Option<Arc<dyn ProcessHandle>>>,
}

impl ProcessControl {
    fn program(&self) -> std::sync::MutexGuard<'_, Option<Arc<dyn ProcessHandle>>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, handle: Arc<dyn ProcessHandle>) {
        *self.program() = Some(handle);
    }
}

struct SharedControl(Arc<ProcessControl>);

#[async_trait]
impl Control for SharedControl {
    async fn interrupt(&self) -> Result<(), ControlError> {
        match &*self.0.program() {
            Some(handle) => {
                handle.end(Ending::asking(self.0.ask));
                Ok(())
            }
            // There is nobody to ask yet; the run can just be given up.
            None => Err(ControlError::Unsupported("interrupting before the start")),
        }
    }
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
