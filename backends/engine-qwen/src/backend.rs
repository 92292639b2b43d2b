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

pub(crate) const ENGINE: EngineId = EngineId::from_static("qwen");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "qwen", &["--resume", "-r"]);

/// The table `[qwen]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, by the provider's name for it.
    pub(crate) model: Option<String>,
    /// What qwen may do, since nobody can be asked.
    pub(crate) approval_mode: ApprovalMode,
    /// Where its models come from. Without it qwen's own settings decide.
    pub(crate) auth_type: Option<AuthType>,
}

/// The values of `--approval-mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ApprovalMode {
    /// Read and plan.
    Plan,
    /// Read; what needs a permission is refused.
    #[default]
    Default,
    /// Edit files too.
    AutoEdit,
    /// What another model calls safe.
    Auto,
    /// Everything, shell commands too.
    Yolo,
}

/// The values of `--auth-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuthType {
    /// An API of OpenAI's form, by `OPENAI_API_KEY` and `OPENAI_BASE_URL`.
    Openai,
    /// The same, by its newer API.
    OpenaiResponses,
    /// Anthropic's API.
    Anthropic,
    /// The account at qwen.ai.
    QwenOauth,
    /// Google's Gemini API.
    Gemini,
    /// Google's Vertex AI.
    VertexAi,
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["qwen"], install: "npm install -g @qwen-code/qwen-code" };
    EngineBackend::new("qwen", availability, build_runner)
        .with_tested_versions("0.24.4", "0.24.4")
        .with_capabilities(EngineCapabilities::none().with_model())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(Arc::new(JsonlSubprocessRunner::new(Qwen { settings: config.parse()? })))
}

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Qwen {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Qwen {
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
        Translation::new(args::model(&self.settings, spec).unwrap_or("qwen"))
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.unfinished(exit, out)
    }
}
