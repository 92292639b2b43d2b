//! What an engine of JSON lines is: its arguments and its translation.

use std::path::Path;

use async_trait::async_trait;

use super::Framing;
use crate::engine::{EngineCapabilities, EngineId};
use crate::event::{EventFactory, Usage};
use crate::process::{Ask, CommandSpec, Exit};
use crate::resume::{ResumeLines, ResumeToken};
use crate::runner::RunSpec;

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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unfinished {
    /// What it had answered by then.
    pub answer: String,
    /// Why it ended, if the engine can tell better than the exit and standard error do.
    pub reason: Option<String>,
    /// What it had used by then, as far as the engine told: tokens are paid for, also those of a run that came to nothing.
    pub usage: Option<Usage>,
}

/// An engine whose program prints one JSON value a line: its arguments and its translation, and nothing else.
///
/// `translate`, `read_stderr` and `on_exit` are pure: they read the line and the state, and put events into `out`. The
/// runner around them does all I/O, and what they leave out (no end, a panic) becomes a failed `completed`.
#[async_trait]
pub trait JsonlEngine: Send + Sync + 'static {
    /// What the translation of one run remembers between lines. Small: it must not grow with the run.
    type State: Send + 'static;

    /// Whether [`Self::read_stderr`] does anything: the end of a run then waits a moment for standard error.
    const READS_STDERR: bool = false;

    /// How the program's output is cut into what [`Self::translate`] gets.
    const FRAMING: Framing = Framing::Lines;

    /// The engine.
    fn engine(&self) -> &EngineId;

    /// The form of the engine's resume lines.
    fn resume_lines(&self) -> &dyn ResumeLines;

    /// What the engine can do as it is configured: see [`Runner::capabilities`](crate::runner::Runner::capabilities).
    fn capabilities(&self) -> Option<EngineCapabilities> {
        None
    }

    /// Looks whether the run can be, for engines that must ask or wait for the answer. Done right before the program
    /// starts; the run may be given up meanwhile.
    ///
    /// # Errors
    /// [`RefusedRun`] if it can not.
    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        let _ = spec;
        Ok(())
    }

    /// The program of a run, with its arguments, variables and standard input.
    ///
    /// # Errors
    /// [`RefusedRun`] if the run asks for what the engine does not have.
    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun>;

    /// The state before the first line.
    fn state(&self, spec: &RunSpec) -> Self::State;

    /// The engine works on this thread in this folder, for engines that must know later where a thread belongs.
    fn opened(&self, thread: &ResumeToken, cwd: &Path) {
        let _ = (thread, cwd);
    }

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
