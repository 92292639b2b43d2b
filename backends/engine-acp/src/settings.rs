//! The tables of the configuration, and the agents that they make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use takopi_api::config::{ConfigError, ConfigTable, EngineConfig};
use takopi_api::engine::{EngineId, EngineMember};
use takopi_api::process::Environment;
use takopi_api::runner::Runner;
use takopi_api::schemars::{self, JsonSchema};

use crate::agent::{Agent, Asks};
use crate::presets::Preset;

/// The table `[acp]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The agent of `[acp.agents]` that the engine `acp` runs; the only one, if there is one only.
    pub(crate) agent: Option<String>,
    /// Agents: `[acp.agents.<id>]`.
    pub(crate) agents: BTreeMap<String, AgentSettings>,
}

/// The table of an agent.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct AgentSettings {
    /// The program and its arguments, e.g. `["my-agent", "--acp"]`.
    pub(crate) command: Vec<String>,
    /// What to call the agent.
    pub(crate) name: Option<String>,
    /// The mode in which it works, if none was chosen for a run.
    pub(crate) mode: Option<String>,
    /// The model, if none was chosen for a run.
    pub(crate) model: Option<String>,
    /// The agent's login that is used before a session begins; none, if the agent needs no telling.
    pub(crate) auth: Option<String>,
    /// Variables that are set for it.
    pub(crate) env: BTreeMap<String, String>,
    /// Variables of takopi's own that it sees besides those that are known; `*` at the end stands for any rest.
    pub(crate) pass_env: Vec<String>,
}

/// The table of an agent that is known, e.g. `[claude_acp]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct PresetSettings(AgentSettings);

/// The agent of a preset, as its table changes it.
///
/// # Errors
/// [`ConfigError`] if the table can not be read, or has no program.
pub(crate) fn known(preset: &'static Preset, config: &EngineConfig) -> Result<Agent, ConfigError> {
    let PresetSettings(settings) = config.parse()?;
    let environment = Environment::base().pass(preset.passed.iter().copied());
    let is_kept = |name: &&&str| !settings.pass_env.iter().any(|passed| passed == **name);
    let environment =
        preset.kept.iter().filter(is_kept).fold(environment, |environment, name| environment.remove(*name));
    let environment =
        preset.set.iter().fold(environment, |environment, (name, value)| environment.set(name, value));
    let is_named = config.table.contains("command");
    let (program, args) = if is_named {
        command(&settings, &config.table)?
    } else {
        (preset.program.to_owned(), preset.args.iter().map(|&arg| arg.to_owned()).collect())
    };
    let agent = Agent {
        engine: EngineId::from_static(preset.id),
        name: preset.name.to_owned(),
        program,
        is_named,
        args,
        environment,
        mode: preset.mode.map(str::to_owned),
        model: None,
        auth: None,
        asks: preset.asks,
        sessions: preset.sessions,
        table: format!("[{}]", preset.id),
    };
    Ok(with(agent, settings))
}

/// The agent of a table of `[acp.agents]`.
///
/// # Errors
/// [`ConfigError`] if the table can not be read, or names no program.
pub(crate) fn own(engine: EngineId, id: &str, config: &EngineConfig) -> Result<Agent, ConfigError> {
    let table = config.table.table("agents")?.table(id)?;
    let settings: AgentSettings = table.parse()?;
    let (program, args) = command(&settings, &table)?;
    let agent = Agent {
        engine,
        name: id.to_owned(),
        program,
        is_named: true,
        args,
        environment: Environment::base(),
        mode: None,
        model: None,
        auth: None,
        asks: Asks::AsStarted,
        sessions: None,
        table: format!("[acp.agents.{id}]"),
    };
    Ok(with(agent, settings))
}

/// The agent of `[acp]`; why there is none, if that is only for a run to say.
///
/// # Errors
/// [`ConfigError`] if the table is wrong.
pub(crate) fn chosen(engine: EngineId, config: &EngineConfig) -> Result<Result<Agent, String>, ConfigError> {
    let settings: Settings = config.parse()?;
    let ids: Vec<&str> = settings.agents.keys().map(String::as_str).collect();
    let id = match (&settings.agent, &ids[..]) {
        (Some(id), ids) if ids.contains(&id.as_str()) => id.as_str(),
        (Some(id), _) => {
            let error = config.table.error_at("agent", format!("there is no agent `{id}` in [acp.agents]"));
            return Err(error.hint(format!("agents there: {}", listed(&ids))));
        }
        (None, [only]) => only,
        (None, []) => {
            return Ok(Err(
                "no agent is set up: `[acp.agents.<id>] command = [\"…\"]` makes one; claude_acp, \
                           codex_acp, gemini_acp, qwen_acp, opencode_acp and goose_acp need no setting"
                    .to_owned(),
            ));
        }
        (None, ids) => {
            return Ok(Err(format!("`agent` in [acp] has to name one of {}", listed(ids))));
        }
    };
    own(engine, id, config).map(Ok)
}

/// The engines that `[acp.agents]` makes.
///
/// # Errors
/// [`ConfigError`] if the table can not be read.
pub(crate) fn members(config: &EngineConfig, build: BuildAgent) -> Result<Vec<EngineMember>, ConfigError> {
    let settings: Settings = config.parse()?;
    let agents = config.table.table("agents")?;
    let member = |(id, agent): (String, AgentSettings)| {
        let summary = format!("Runs {}", agent.name.as_deref().unwrap_or(&id));
        let (config, key) = (config.clone(), id.clone());
        let build = move |engine: EngineId| Ok(build(own(engine, &key, &config)?));
        Ok(EngineMember::new(id.as_str(), summary, agents.table(&id)?, Box::new(build)))
    };
    settings.agents.into_iter().map(member).collect()
}

/// Makes the runner of an agent.
type BuildAgent = fn(Agent) -> Arc<dyn Runner>;

fn command(settings: &AgentSettings, table: &ConfigTable) -> Result<(String, Vec<String>), ConfigError> {
    match &settings.command[..] {
        [program, args @ ..] if !program.trim().is_empty() => Ok((program.clone(), args.to_vec())),
        _ => {
            Err(table.error_at("command", "an agent needs a program: command = [\"program\", \"argument\"]"))
        }
    }
}

/// What a table says wins.
fn with(agent: Agent, settings: AgentSettings) -> Agent {
    Agent {
        name: settings.name.unwrap_or(agent.name),
        mode: settings.mode.or(agent.mode),
        model: settings.model.or(agent.model),
        auth: settings.auth.or(agent.auth),
        environment: settings
            .env
            .into_iter()
            .fold(agent.environment.pass(settings.pass_env), |environment, (name, value)| {
                environment.set(name, value)
            }),
        ..agent
    }
}

fn listed(ids: &[&str]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}
