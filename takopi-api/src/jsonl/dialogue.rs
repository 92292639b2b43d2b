//! What an engine is that talks in lines both ways: its arguments, its translation, and what it says to its program.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Framing, Recognition, RefusedRun, Unfinished};
use crate::engine::{EngineCapabilities, EngineId};
use crate::event::{Decision, EventFactory, RequestId};
use crate::process::{Ask, CommandSpec, Exit};
use crate::resume::{ResumeLines, ResumeToken};
use crate::runner::{ControlError, RunSpec};

/// What is said to a program, in the order in which it is said. The runner writes it to the program's standard input.
#[derive(Debug, Default)]
pub struct Says {
    lines: Vec<String>,
    is_closed: bool,
}

impl Says {
    /// Says a JSON value in a line of its own. What can not be written as JSON is a bug of the engine, is logged, and is not
    /// said.
    pub fn line(&mut self, message: &impl Serialize) {
        match serde_json::to_string(message) {
            Ok(line) => self.lines.push(line),
            Err(error) => tracing::error!(%error, "an engine said something that is no JSON"),
        }
    }

    /// Closes the program's standard input, once all that was said before is written. What is said later is lost.
    pub const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Takes what was said since the last time, without the ends of the lines.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Whether the standard input is to be closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }
}

/// Tells whoever sent a text into a running turn what became of it. Dropping it says that the turn was over.
pub struct Receipt(oneshot::Sender<Result<(), ControlError>>);

impl Receipt {
    /// A receipt, and where what it says arrives.
    #[must_use]
    pub fn new() -> (Self, oneshot::Receiver<Result<(), ControlError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// The program has it, and the model will read it.
    pub fn taken(self) {
        // Whoever wanted to know may be gone.
        let _ = self.0.send(Ok(()));
    }

    /// The program did not take it, and never will.
    pub fn refused(self, error: ControlError) {
        let _ = self.0.send(Err(error));
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

/// How a program is asked to end its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interruption {
    /// It was said to it, and it ends the turn by itself. One that does not do so within [`crate::process::GRACE`] is
    /// terminated.
    Said,
    /// By this.
    Signal(Ask),
}

/// An engine whose program talks in lines of JSON both ways, on its standard output and input, one program a run.
///
/// Everything but `obstacle` and `prepare` is pure and quick: it reads the line and the state, puts events into `out`, and
/// what is to be said to the program into `says`. The runner around it does all I/O, under one lock for all of it. Once a
/// `completed` is among the events, the standard input is closed and the program is expected to end.
#[async_trait]
pub trait DialogueEngine: Send + Sync + 'static {
    /// What one run remembers. Small: it must not grow with the run.
    type State: Send + 'static;

    /// Whether [`Self::read_stderr`] does anything: the end of a run then waits a moment for standard error.
    const READS_STDERR: bool = false;

    /// How the program's output is cut into what [`Self::hear`] gets.
    const FRAMING: Framing = Framing::Lines;

    /// The engine.
    fn engine(&self) -> &EngineId;

    /// The form of the engine's resume lines.
    fn resume_lines(&self) -> &dyn ResumeLines;

    /// What the engine can do as it is configured: see [`Runner::capabilities`](crate::runner::Runner::capabilities).
    fn capabilities(&self) -> Option<EngineCapabilities> {
        None
    }

    /// The program as its table names it: see [`Runner::program`](crate::runner::Runner::program).
    fn program(&self) -> Option<&str> {
        None
    }

    /// Why [`Self::prepare`] is going to wait, in a line that people see until it has.
    async fn obstacle(&self, spec: &RunSpec) -> Option<String> {
        let _ = spec;
        None
    }

    /// Looks whether the run can be: see [`super::JsonlEngine::prepare`].
    ///
    /// # Errors
    /// [`RefusedRun`] if it can not.
    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        let _ = spec;
        Ok(())
    }

    /// The program of a run, with its arguments and variables. Its standard input is the runner's.
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

    /// The program has started: what is said to it first.
    fn open(&self, state: &mut Self::State, says: &mut Says);

    /// The program said a line.
    fn hear(
        &self,
        line: &str,
        state: &mut Self::State,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Recognition;

    /// The program said something that is longer than [`LINE_BYTES`](super::LINE_BYTES), of which only the beginning is known.
    /// People are told of it. If it was a question, this says no: the program would wait for ever. [`super::value_in_head`]
    /// reads what stands there.
    fn too_long(&self, head: &str, state: &mut Self::State, out: &mut EventFactory, says: &mut Says) {
        let _ = (head, state, out, says);
    }

    /// A person wants the turn to end.
    fn interrupt(&self, state: &mut Self::State, says: &mut Says) -> Interruption;

    /// A person wants to send a text into the turn. The receipt is kept until the program has said what became of it.
    fn steer(&self, text: String, receipt: Receipt, state: &mut Self::State, says: &mut Says) {
        let _ = (text, state, says);
        receipt.refused(ControlError::Unsupported("steering"));
    }

    /// A person answered a request. It is asked only for one that is open, and once, unless it does not take the answer.
    ///
    /// # Errors
    /// [`ControlError::NoSuchRequest`] if the program does not wait for it any more, [`ControlError::Refused`] if the answer
    /// does not fit. The request then stays open, and the program goes on waiting. If it was told no instead, `out` says so:
    /// [`EventFactory::request_resolved`] with [`Decision::Deny`].
    fn answer(
        &self,
        request: &RequestId,
        decision: Decision,
        state: &mut Self::State,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        let _ = (request, decision, state, out, says);
        Err(ControlError::Unsupported("requests"))
    }

    /// Makes events of what the program said on standard error: see [`super::JsonlEngine::read_stderr`].
    fn read_stderr(&self, tail: &str, state: &mut Self::State, out: &mut EventFactory) {
        let _ = (tail, state, out);
    }

    /// The program has ended, and no `completed` came out of what it said: see [`super::JsonlEngine::on_exit`].
    fn on_exit(&self, exit: &Exit, state: &mut Self::State, out: &mut EventFactory) -> Unfinished {
        let _ = (exit, state, out);
        Unfinished::default()
    }
}
