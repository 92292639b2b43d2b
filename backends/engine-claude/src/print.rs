//! Claude as a program that prints and is not talked to: nobody can be asked. One program a run.

use takopi_api::engine::{EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{Ask, CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::RunSpec;

use crate::args;
use crate::backend::{self, Settings};
use crate::translate::Translation;

/// The engine with its settings, in the mode `print`.
#[derive(Debug)]
pub(crate) struct Print {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Print {
    type State = Translation;

    fn engine(&self) -> &EngineId {
        backend::engine_id()
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        backend::resume_lines()
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        Some(backend::CAPABILITIES_OF_BOTH)
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::print(&self.settings, spec)
    }

    fn state(&self, spec: &RunSpec) -> Translation {
        self.settings.translation(spec)
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.exited(exit, out)
    }

    /// On SIGINT claude ends its tools, writes its transcript and prints a result.
    fn interrupt(&self) -> Ask {
        Ask::Interrupt
    }
}
