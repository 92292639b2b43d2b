//! Runs a program that prints JSON lines, and gives each line to the engine's translation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::io::AsyncRead;

use super::{LINE_BYTES, Line, LineReader};
use crate::engine::EngineId;
use crate::event::{Action, ActionEvent, ActionKind, ActionOutcome, Event, EventFactory, Phase};
use crate::process::{Ask, CommandSpec, Ending, Exit, Process, ProcessHandle};
use crate::resume::{ResumeError, ResumeSyntax, ResumeToken};
use crate::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};

/// What a translation made of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recognition {
    /// The line is known; events may have come of it.
    Known,
    /// The line is known, and nothing comes of it on purpose.
    Ignored,
    /// The line has a type that this engine does not know; nothing came of it.
    Unknown {
        /// The type, as the engine names it.
        kind: String,
    },
    /// The line is no JSON, or not of the form that its type has.
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

/// Why an engine does not run what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RefusedRun(pub String);

/// What an engine knows about a run whose program ended before the turn did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// What it had answered by then.
    pub answer: String,
    /// Why it ended, if the engine can tell better than the exit and standard error do.
    pub reason: Option<String>,
}

/// An engine whose program prints one JSON value a line: its arguments and its translation, and nothing else.
///
/// `translate` and `on_exit` are pure: they read the line and the state, and put events into `out`. The runner around
/// them does all I/O, and what they leave out (no end, a panic) becomes a failed `completed`.
pub trait JsonlEngine: Send + Sync + 'static {
    /// What the translation of one run remembers between lines. Small: it must not grow with the run.
    type State: Send + 'static;

    /// Whether [`Self::read_stderr`] does anything: the end of a run then waits a moment for standard error.
    const READS_STDERR: bool = false;

    /// The form of the engine's resume lines, and its id.
    fn resume_syntax(&self) -> &ResumeSyntax;

    /// The engine.
    fn engine(&self) -> &EngineId;

    /// The program of a run, with its arguments, variables and standard input.
    ///
    /// # Errors
    /// [`RefusedRun`] if the run asks for what the engine does not have.
    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun>;

    /// The state before the first line.
    fn state(&self, spec: &RunSpec) -> Self::State;

    /// Makes events of a line.
    fn translate(&self, line: &str, state: &mut Self::State, out: &mut EventFactory) -> Recognition;

    /// Makes events of what the program said on standard error, for engines that tell some things only there. Called
    /// once, right before the run is completed; `tail` is its end, at most [`crate::process::STDERR_TAIL_BYTES`].
    fn read_stderr(&self, tail: &str, state: &mut Self::State, out: &mut EventFactory) {
        let _ = (tail, state, out);
    }

    /// The program has ended, and no `completed` came out of its lines. The exit and the end of standard error are told
    /// to the person in any case.
    fn on_exit(&self, exit: &Exit, state: &mut Self::State, out: &mut EventFactory) -> Unfinished {
        let _ = (exit, state, out);
        Unfinished::default()
    }

    /// How the program is asked to end its turn.
    fn interrupt(&self) -> Ask {
        Ask::Terminate
    }
}

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
        self.0.resume_syntax().format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        self.0.resume_syntax().extract(text)
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
            stage: Stage::Prepared(Box::new(spec)),
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
    stage: Stage,
    control: Arc<ProcessControl>,
    unread: Unread,
    silence: Silence,
    is_completed: bool,
}

enum Stage {
    Prepared(Box<RunSpec>),
    /// The program can not start yet; the action says why.
    Waiting(Box<RunSpec>, Action),
    Reading {
        lines: LineReader<Box<dyn AsyncRead + Send + Unpin>>,
        handle: Arc<dyn ProcessHandle>,
    },
    Over,
}

/// Notices when an engine says nothing while no step of it is open: it waits for its model, and many engines retry for
/// minutes without a word.
#[derive(Default)]
struct Silence {
    /// How many steps began and did not end.
    open: usize,
    ticks: u32,
    /// The action that tells of the silence that goes on.
    action: Option<Action>,
    count: u32,
}

impl Silence {
    /// How long a silence is before it is told, and how often it is told again.
    const TICK: Duration = Duration::from_secs(20);

    fn note(&mut self, event: &Event) {
        let Event::Action(event) = event else { return };
        if event.action.kind == ActionKind::Turn || Self::is_own(event) {
            return;
        }
        match event.phase {
            Phase::Started => self.open += 1,
            Phase::Completed(_) => self.open = self.open.saturating_sub(1),
            Phase::Updated => {}
        }
    }

    fn tick(&mut self, out: &mut EventFactory) {
        self.ticks += 1;
        if self.open > 0 {
            return;
        }
        let title = format!("waiting for the model, {} s", u64::from(self.ticks) * Self::TICK.as_secs());
        if let Some(action) = &mut self.action {
            action.title = title;
            out.action_updated(action.clone());
        } else {
            self.count += 1;
            let action =
                Action::new(format!("{}.waiting.{}", out.engine(), self.count), ActionKind::Note, title);
            self.action = Some(action.clone());
            out.action_started(action);
        }
    }

    fn end(&mut self, out: &mut EventFactory) {
        self.ticks = 0;
        if let Some(action) = self.action.take() {
            out.action_completed(action, ActionOutcome::Ok);
        }
    }

    fn is_own(event: &ActionEvent) -> bool {
        event.action.id.as_str().starts_with(&format!("{}.waiting.", event.engine))
    }
}

/// Lines that came to nothing, for the log and for the explanation of a failure.
#[derive(Default)]
struct Unread {
    first_malformed: Option<String>,
    malformed: u64,
    unknown: BTreeMap<String, u64>,
}

/// How long a program may go on after it closed its standard output.
const AFTER_OUTPUT: Duration = Duration::from_secs(2);

/// How long the end of a run waits for what is told on standard error.
const STDERR_PATIENCE: Duration = Duration::from_millis(50);

/// Kinds of unknown lines that are told apart; the rest is counted together. An engine may put anything there.
const UNKNOWN_KINDS: usize = 64;

/// How much of a line is shown to a person, in characters.
const SHOWN_CHARS: usize = 200;

impl<E: JsonlEngine> JsonlRun<E> {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop() {
                self.silence.note(&event);
                return Some(event);
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Prepared(spec) => self.prepare(spec).await,
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

    async fn prepare(&mut self, spec: Box<RunSpec>) {
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
        let command = engine.command(spec).map_err(|refused| refused.to_string())?;
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
        let Ok(next) = tokio::time::timeout(Silence::TICK, lines.next()).await else {
            self.silence.tick(&mut self.out);
            self.stage = Stage::Reading { lines, handle };
            return;
        };
        self.silence.end(&mut self.out);
        let is_end = match next {
            Ok(Some(Line::Complete(line) | Line::Torn(line))) => {
                if !line.trim_ascii().is_empty() {
                    // A line with a broken character is still a line.
                    let line = String::from_utf8_lossy(line);
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
        let Unfinished { answer, reason } = self.engine.on_exit(exit, &mut self.state, &mut self.out);
        let mut error = reason
            .unwrap_or_else(|| format!("{} {} before it finished its turn", self.out.engine(), exit.status));
        if let Some(line) = &self.unread.first_malformed {
            error.push_str("\nit printed a line that takopi can not read: ");
            error.push_str(line);
        }
        let tail = last_lines(&exit.stderr_tail);
        if !tail.is_empty() {
            error.push('\n');
            error.push_str(tail);
        }
        self.out.failed(error, answer, None);
    }
}

impl Unread {
    fn note(&mut self, recognition: Recognition, line: &str, out: &mut EventFactory) {
        match recognition {
            Recognition::Known | Recognition::Ignored => {}
            Recognition::Unknown { kind } => {
                let kind = if self.unknown.contains_key(&kind) || self.unknown.len() < UNKNOWN_KINDS {
                    shown(&kind)
                } else {
                    "others".to_owned()
                };
                *self.unknown.entry(kind).or_default() += 1;
            }
            Recognition::Malformed { reason } => {
                self.malformed += 1;
                if self.first_malformed.is_none() {
                    let shown = shown(line);
                    out.warning(format!("{} printed a line that takopi can not read: {shown}", out.engine()));
                    tracing::debug!(reason, "unreadable line");
                    self.first_malformed = Some(shown);
                }
            }
        }
    }

    fn log(&self, engine: &EngineId) {
        for (kind, count) in &self.unknown {
            tracing::info!(%engine, kind, count, "unknown events");
        }
        if self.malformed > 0 {
            tracing::warn!(%engine, count = self.malformed, "unreadable lines");
        }
    }
}

fn shown(line: &str) -> String {
    let mut shown: String =
        line.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > shown.len() {
        shown.push('…');
    }
    shown
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

    #[test]
    fn a_shown_line_is_short_and_plain() {
        assert_eq!(shown("a\tb\x1b[0m"), "a b [0m");
        assert_eq!(shown(&"ä".repeat(300)).chars().count(), SHOWN_CHARS + 1);
    }
}
