//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::jsonl::JsonlSubprocessRunner;
use takopi_api::resume::{ResumeSyntax, ResumeToken};
use takopi_api::runner::Runner;
use takopi_api::schemars::{self, JsonSchema};

use crate::app_server::AppServer;
use crate::exec::Exec;

pub(crate) const ENGINE: EngineId = EngineId::from_static("codex");
pub(crate) static ENGINE_ID: EngineId = ENGINE;
pub(crate) static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "codex", &["resume"]);

/// The levels of `model_reasoning_effort`.
const REASONING_LEVELS: &[&str] = &["minimal", "low", "medium", "high", "xhigh"];

/// What can be chosen however codex is driven.
pub(crate) const CHOICES: EngineCapabilities =
    EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS);

/// The table `[codex]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// How codex is driven.
    pub(crate) mode: Mode,
    /// Arguments before `app-server` or `exec`. A list here replaces the default.
    pub(crate) extra_args: Vec<String>,
    /// A profile of codex's own configuration.
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// One server for all runs, which asks before it does what its sandbox forbids.
    AppServer,
    /// One process a run, which asks nothing.
    Exec,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::AppServer,
            // The person's own notifier is for terminals.
            extra_args: vec!["-c".to_owned(), "notify=[]".to_owned()],
            profile: None,
        }
    }
}

impl Settings {
    /// What the engine is called in its runs.
    pub(crate) fn title(&self) -> &str {
        self.profile.as_deref().unwrap_or("Codex")
    }
}

pub(crate) fn new() -> EngineBackend {
    let availability = Availability::Cli { commands: &["codex"], install: "npm install -g @openai/codex" };
    let capabilities = CHOICES
        .with_permissions()
        .with_questions()
        .with_steer()
        .with_live_text()
        .with_modes(Modes::Named(crate::app_server::MODES));
    EngineBackend::new("codex", availability, build_runner)
        .with_tested_versions("0.169.0", "0.169.0")
        .with_capabilities(capabilities)
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if settings.profile.as_deref().is_some_and(|profile| profile.trim().is_empty()) {
        return Err(config.table.error_at("profile", "expected a name that is not blank"));
    }
    let refused = |message: String| config.table.error_at("extra_args", message);
    Ok(match settings.mode {
        Mode::AppServer => Arc::new(AppServer::new(settings).map_err(refused)?),
        Mode::Exec => Arc::new(JsonlSubprocessRunner::new(Exec::new(settings).map_err(refused)?)),
    })
}

/// What a person reads who continues what is not there.
pub(crate) fn no_such_thread(thread: &ResumeToken) -> String {
    format!("codex has no thread {}; leave out the resume line to start a new one", thread.value())
}
