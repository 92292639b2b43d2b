//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::ResumeLines;
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::session_line::SessionLine;
use crate::sessions::Sessions;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("pi");
static ENGINE_ID: EngineId = ENGINE;

/// The levels of `--thinking` that make the model think; pi has `off` besides.
const REASONING_LEVELS: &[&str] = &["minimal", "low", "medium", "high", "xhigh"];

/// The table `[pi]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, if none was chosen for a run.
    pub(crate) model: Option<String>,
    /// Whose model it is.
    pub(crate) provider: Option<String>,
    /// Arguments before all others.
    pub(crate) extra_args: Vec<String>,
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["pi"], install: "npm install -g @earendil-works/pi-coding-agent" };
    EngineBackend::new("pi", availability, build_runner)
        .with_tested_versions("0.73.1", "0.87.1")
        .with_capabilities(EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS))
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if let Some(refused) = args::refused(&settings.extra_args) {
        let message = format!("`{refused}` is not possible here: takopi sets it itself");
        return Err(config.table.error_at("extra_args", message));
    }
    let pi = Pi { settings, sessions: Sessions::of_this_user() };
    Ok(Arc::new(JsonlSubprocessRunner::new(pi)))
}

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

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::command(&self.settings, &self.sessions, spec)
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
