//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::ResumeSyntax;
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::runner::OpencodeRunner;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("opencode");
static ENGINE_ID: EngineId = ENGINE;
pub(crate) static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "opencode", &["--session", "-s"]);

/// The table `[opencode]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, if none was chosen for a run, as `provider/model`.
    pub(crate) model: Option<String>,
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["opencode"], install: "npm install -g opencode-ai@latest" };
    EngineBackend::new("opencode", availability, build_runner)
        .with_tested_versions("1.18.33", "1.18.33")
        .with_capabilities(EngineCapabilities::none().with_model())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    Ok(Arc::new(OpencodeRunner::new(Opencode { settings })))
}

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Opencode {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Opencode {
    type State = Translation;

    fn resume_syntax(&self) -> &ResumeSyntax {
        &RESUME
    }

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::command(&self.settings, spec)
    }

    fn state(&self, spec: &RunSpec) -> Translation {
        Translation::new(args::model(&self.settings, spec).unwrap_or("opencode"))
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn read_stderr(&self, tail: &str, state: &mut Translation, out: &mut EventFactory) {
        state.refused_permissions(tail, out);
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }
}
