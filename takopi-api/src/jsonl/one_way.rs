//! An engine of JSON lines as one that listens to nobody.

use std::path::Path;

use async_trait::async_trait;

use super::{DialogueEngine, Framing, Interruption, JsonlEngine, Recognition, RefusedRun, Says, Unfinished};
use crate::engine::{EngineCapabilities, EngineId};
use crate::event::EventFactory;
use crate::process::{CommandSpec, Exit};
use crate::resume::{ResumeLines, ResumeToken};
use crate::runner::RunSpec;

/// A program that prints, and is not talked to.
pub(super) struct OneWay<E>(pub(super) E);

#[async_trait]
impl<E: JsonlEngine> DialogueEngine for OneWay<E> {
    type State = E::State;

    const READS_STDERR: bool = E::READS_STDERR;
    const FRAMING: Framing = E::FRAMING;

    fn engine(&self) -> &EngineId {
        self.0.engine()
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        self.0.resume_lines()
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        self.0.capabilities()
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        self.0.prepare(spec).await
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        self.0.command(spec)
    }

    fn state(&self, spec: &RunSpec) -> E::State {
        self.0.state(spec)
    }

    fn opened(&self, thread: &ResumeToken, cwd: &Path) {
        self.0.opened(thread, cwd);
    }

    fn open(&self, _state: &mut E::State, _says: &mut Says) {}

    fn hear(
        &self,
        line: &str,
        state: &mut E::State,
        out: &mut EventFactory,
        _says: &mut Says,
    ) -> Recognition {
        self.0.translate(line, state, out)
    }

    fn interrupt(&self, _state: &mut E::State, _says: &mut Says) -> Interruption {
        Interruption::Signal(self.0.interrupt())
    }

    fn read_stderr(&self, tail: &str, state: &mut E::State, out: &mut EventFactory) {
        self.0.read_stderr(tail, state, out);
    }

    fn on_exit(&self, exit: &Exit, state: &mut E::State, out: &mut EventFactory) -> Unfinished {
        self.0.on_exit(exit, state, out)
    }
}
