//! `codex exec --json`: one process a run, which is told everything at its start and asks nothing.

mod args;
pub(crate) mod event;
mod translate;

use takopi_api::engine::{EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{Ask, CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::RunSpec;

use self::translate::Translation;
use crate::backend::{CHOICES, ENGINE_ID, RESUME, Settings};

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Exec {
    settings: Settings,
}

impl Exec {
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        match args::refused(&settings.extra_args) {
            Some(refused) => Err(format!("`{refused}` is not possible here: takopi sets it itself")),
            None => Ok(Self { settings }),
        }
    }
}

impl JsonlEngine for Exec {
    type State = Translation;

    const READS_STDERR: bool = true;

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        Some(CHOICES)
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::command(&self.settings, spec)
    }

    fn state(&self, _spec: &RunSpec) -> Translation {
        Translation::new(self.settings.title())
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn read_stderr(&self, tail: &str, _state: &mut Translation, out: &mut EventFactory) {
        translate::refused_calls(tail, out);
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }

    fn interrupt(&self) -> Ask {
        Ask::Interrupt
    }
}
