//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{CommandSpec, Exit};
use takopi_api::resume::{ResumeLines, ResumeSyntax};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("gemini");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "gemini", &["--resume", "-r"]);

/// The table `[gemini]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, if none was chosen for a run.
    pub(crate) model: Option<String>,
    /// What gemini may do without asking.
    pub(crate) approval_mode: ApprovalMode,
    /// Whether gemini works in folders that it was not told to trust.
    pub(crate) skip_trust: bool,
}

/// What gemini may do without asking. It can not ask here, so what would need a question is left out of its tools.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApprovalMode {
    /// What needs no permission.
    #[default]
    Default,
    /// Changes of files besides.
    AutoEdit,
    /// Everything.
    Yolo,
    /// Reading, for a plan.
    Plan,
}

impl ApprovalMode {
    /// The value of `--approval-mode`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AutoEdit => "auto_edit",
            Self::Yolo => "yolo",
            Self::Plan => "plan",
        }
    }
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["gemini"], install: "npm install -g @google/gemini-cli" };
    EngineBackend::new("gemini", availability, build_runner)
        .with_tested_versions("0.61.0", "0.61.0")
        .with_capabilities(EngineCapabilities::none().with_model())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    Ok(Arc::new(JsonlSubprocessRunner::new(Gemini { settings })))
}

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Gemini {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Gemini {
    type State = Translation;

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::command(&self.settings, spec)
    }

    fn state(&self, spec: &RunSpec) -> Translation {
        Translation::new(args::model(&self.settings, spec).unwrap_or("gemini"))
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }
}
