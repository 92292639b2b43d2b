//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::jsonl::{DialogueRunner, JsonlSubprocessRunner};
use takopi_api::runner::Runner;
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::json::Pi;
use crate::rpc::TalkingPi;
use crate::sessions::Sessions;

pub(crate) const ENGINE: EngineId = EngineId::from_static("pi");
pub(crate) static ENGINE_ID: EngineId = ENGINE;

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
    /// How takopi talks with pi.
    pub(crate) mode: Mode,
    /// Whether pi asks before it uses a tool that can change something: only with `mode = "rpc"`.
    pub(crate) permissions: Option<Permissions>,
    /// Arguments before all others.
    pub(crate) extra_args: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Both ways: pi asks, and takes texts while it works.
    #[default]
    Rpc,
    /// Pi works and asks nothing.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Permissions {
    /// It asks each time, by an extension of takopi's.
    #[default]
    Ask,
    /// It does what it wants to.
    Off,
}

/// What pi can do in either mode.
const EITHER_WAY: EngineCapabilities =
    EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS);

impl Settings {
    /// What pi can do as it is configured.
    pub(crate) fn capabilities(&self) -> EngineCapabilities {
        match (self.mode, self.permissions.unwrap_or_default()) {
            (Mode::Json, _) => EITHER_WAY,
            (Mode::Rpc, Permissions::Off) => EITHER_WAY.with_questions().with_steer().with_live_text(),
            (Mode::Rpc, Permissions::Ask) => {
                EITHER_WAY.with_permissions().with_questions().with_steer().with_live_text()
            }
        }
    }
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["pi"], install: "npm install -g @earendil-works/pi-coding-agent" };
    EngineBackend::new("pi", availability, build_runner)
        .with_tested_versions("0.73.1", "0.87.1")
        .with_capabilities(Settings::default().capabilities())
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    if let Some(refused) = args::refused(&settings.extra_args) {
        let message = format!("`{refused}` is not possible here: takopi sets it itself");
        return Err(config.table.error_at("extra_args", message));
    }
    if settings.mode == Mode::Json && settings.permissions == Some(Permissions::Ask) {
        let message = "pi can only ask with `pi.mode = \"rpc\"`";
        return Err(config.table.error_at("permissions", message));
    }
    let sessions = Sessions::of_this_user();
    Ok(match settings.mode {
        Mode::Json => Arc::new(JsonlSubprocessRunner::new(Pi { settings, sessions })),
        Mode::Rpc => Arc::new(DialogueRunner::new(TalkingPi::new(settings, sessions, &config.data_dir))),
    })
}
