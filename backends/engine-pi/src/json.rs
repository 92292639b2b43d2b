//! Pi as a program that is not talked to: one `pi --print --mode json` a run.

use takopi_api::engine::{EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::RunSpec;

use crate::args;
use crate::backend::{ENGINE_ID, Settings};
use crate::session_line::SessionLine;
use crate::sessions::Sessions;
use crate::translate::Translation;

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Pi {
    pub(crate) settings: Settings,
    /// Where pi keeps its threads.
    pub(crate) sessions: Sessions,
}

impl JsonlEngine for Pi {
    type State = Translation;

    fn resume_lines(&self) -> &dyn ResumeLines {
        &SessionLine
    }

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        Some(self.settings.capabilities())
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::json(&self.settings, &self.sessions, spec)
    }

    fn state(&self, spec: &RunSpec) -> Translation {
        Translation::new(spec.resume.clone())
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }
}
