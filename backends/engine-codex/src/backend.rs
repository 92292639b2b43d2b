//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{Ask, CommandSpec, Exit};
use takopi_api::resume::{ResumeLines, ResumeSyntax};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::translate::Translation;
use crate::{args, translate};

pub(crate) const ENGINE: EngineId = EngineId::from_static("codex");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "codex", &["resume"]);

/// The levels of `model_reasoning_effort`.
const REASONING_LEVELS: &[&str] = &["minimal", "low", "medium", "high", "xhigh"];

/// The table `[codex]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// How codex is driven. Accepted for configurations of the Python program; takopi uses `codex exec` for both.
    pub(crate) mode: Mode,
    /// Arguments before `exec`. A list here replaces the default.
    pub(crate) extra_args: Vec<String>,
    /// A profile of codex's own configuration.
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The default of the Python program.
    AppServer,
    /// One process a run.
    Exec,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Exec,
            // The person's own notifier is for terminals.
            extra_args: vec!["-c".to_owned(), "notify=[]".to_owned()],
            profile: None,
        }
    }
}

pub(crate) fn new() -> EngineBackend {
    let availability = Availability::Cli { commands: &["codex"], install: "npm install -g @openai/codex" };
    EngineBackend::new("codex", availability, build_runner)
        .with_tested_versions("0.169.0", "0.169.0")
        .with_capabilities(EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS))
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if settings.profile.as_deref().is_some_and(|profile| profile.trim().is_empty()) {
        return Err(config.table.error_at("profile", "expected a name that is not blank"));
    }
    if let Some(refused) = args::refused(&settings.extra_args) {
        let message = format!("`{refused}` is not possible here: takopi sets it itself");
        return Err(config.table.error_at("extra_args", message));
    }
    Ok(Arc::new(JsonlSubprocessRunner::new(Codex { settings })))
}

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Codex {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Codex {
    type State = Translation;

    const READS_STDERR: bool = true;

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        args::command(&self.settings, spec)
    }

    fn state(&self, _spec: &RunSpec) -> Translation {
        Translation::new(self.settings.profile.as_deref().unwrap_or("Codex"))
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
