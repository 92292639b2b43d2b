//! The engine as data: what it needs, what it can do, what can be set.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::{ResumeLines, ResumeToken};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::folder::Folders;
use crate::resume_line::SessionLine;
use crate::serve::ServeRunner;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("opencode");
static ENGINE_ID: EngineId = ENGINE;

/// The table `[opencode]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, if none was chosen for a run, as `provider/model`.
    pub(crate) model: Option<String>,
    /// How opencode is run.
    pub(crate) mode: Mode,
    /// What opencode asks before it does it: only with `mode = "serve"`.
    pub(crate) permissions: Option<Permissions>,
}

/// What opencode asks before it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Permissions {
    /// Everything that could do harm and that opencode's own configuration says nothing about.
    #[default]
    Ask,
    /// What its own configuration says, and nothing else.
    Configured,
}

/// How opencode is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// `opencode serve`: it asks before it does what could do harm.
    #[default]
    Serve,
    /// `opencode run`: it can ask nobody, so what it would ask for is refused.
    Run,
}

/// The agents that opencode brings along for a conversation.
const MODES: Modes = Modes::Named(&["build", "plan"]);

const SERVE: EngineCapabilities = EngineCapabilities::none()
    .with_model()
    .with_modes(MODES)
    .with_permissions()
    .with_questions()
    .with_steer()
    .with_live_text();

const RUN: EngineCapabilities = EngineCapabilities::none().with_model().with_modes(MODES);

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["opencode"], install: "npm install -g opencode-ai@latest" };
    EngineBackend::new("opencode", availability, build_runner)
        .with_tested_versions("1.18.33", "1.18.33")
        .with_capabilities(SERVE)
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if settings.mode == Mode::Run && settings.permissions == Some(Permissions::Ask) {
        let message = "opencode can only ask with `opencode.mode = \"serve\"`";
        return Err(config.table.error_at("permissions", message));
    }
    Ok(match settings.mode {
        Mode::Serve => Arc::new(ServeRunner::new(settings)),
        Mode::Run => Arc::new(JsonlSubprocessRunner::new(Opencode { settings, folders: Folders::default() })),
    })
}

/// `opencode run` with its settings.
#[derive(Debug)]
pub(crate) struct Opencode {
    pub(crate) settings: Settings,
    /// Where threads belong, as far as it is known.
    pub(crate) folders: Folders,
}

#[async_trait]
impl JsonlEngine for Opencode {
    type State = Translation;

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &SessionLine
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        Some(RUN)
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        self.folders.check(spec).await
    }

    fn opened(&self, thread: &ResumeToken, cwd: &Path) {
        self.folders.learn(thread, cwd);
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
