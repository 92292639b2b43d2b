//! The engines as data: what they need, what they can do.

use std::sync::Arc;

use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::jsonl::DialogueRunner;
use takopi_api::runner::Runner;

use crate::agent::Agent;
use crate::engine::Acp;
use crate::presets::{self, Preset};
use crate::settings;

const ENGINE: EngineId = EngineId::from_static("acp");

/// What the protocol has. Texts into a turn that runs are not among it: they wait for the next turn.
const CAPABILITIES: EngineCapabilities = EngineCapabilities::none()
    .with_permissions()
    .with_questions()
    .with_plans()
    .with_live_text()
    .with_model()
    .with_modes(Modes::OfTheAgent);

/// The agent that `[acp]` names.
pub(crate) fn acp() -> EngineBackend {
    EngineBackend::new("acp", Availability::OnRequest, |config| {
        let agent = settings::chosen(ENGINE, config)?;
        Ok(Arc::new(DialogueRunner::new(Acp::new(ENGINE, agent))))
    })
    .with_capabilities(CAPABILITIES)
    .with_family(|config| settings::members(config, runner))
}

/// The engine of a preset.
macro_rules! preset {
    ($preset:ident) => {{
        const PRESET: &Preset = &presets::$preset;
        const PROGRAM: &[&str] = &[PRESET.program];
        let availability = Availability::Cli { commands: PROGRAM, install: PRESET.install };
        EngineBackend::new(PRESET.id, availability, |config| known(PRESET, config))
            .with_capabilities(CAPABILITIES)
            .with_tested_versions(PRESET.tested, PRESET.tested)
            // Most of these are a second way to an agent that another engine runs by its own.
            .only_by_name()
    }};
}

pub(crate) fn claude() -> EngineBackend {
    preset!(CLAUDE)
}

pub(crate) fn codex() -> EngineBackend {
    preset!(CODEX)
}

pub(crate) fn gemini() -> EngineBackend {
    preset!(GEMINI)
}

pub(crate) fn qwen() -> EngineBackend {
    preset!(QWEN)
}

pub(crate) fn opencode() -> EngineBackend {
    preset!(OPENCODE)
}

pub(crate) fn goose() -> EngineBackend {
    preset!(GOOSE)
}

fn known(preset: &'static Preset, config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(runner(settings::known(preset, config)?))
}

fn runner(agent: Agent) -> Arc<dyn Runner> {
    Arc::new(DialogueRunner::new(Acp::new(agent.engine.clone(), Ok(agent))))
}
