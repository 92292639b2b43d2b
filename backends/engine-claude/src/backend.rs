//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun, Unfinished};
use takopi_api::process::{Ask, CommandSpec, Exit};
use takopi_api::resume::{ResumeLines, ResumeSyntax};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("claude");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "claude", &["--resume", "-r"]);

/// The levels of `--effort`.
const REASONING_LEVELS: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// The table `[claude]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, by a name that claude knows, e.g. `opus`.
    #[serde(deserialize_with = "any_as_text")]
    #[schemars(with = "Option<String>")]
    pub(crate) model: Option<String>,
    /// The tools that claude may use without asking, since nobody can be asked: a list, or one text with commas. An
    /// empty list leaves it to claude's own settings.
    #[serde(deserialize_with = "tools")]
    #[schemars(with = "Vec<String>")]
    pub(crate) allowed_tools: String,
    /// Whether claude may do everything without asking. Only `true` counts.
    #[serde(deserialize_with = "literal_true")]
    #[schemars(with = "bool")]
    pub(crate) dangerously_skip_permissions: bool,
    /// Whether claude sees `ANTHROPIC_API_KEY`, and so bills the API and not the subscription. Only `true` counts.
    #[serde(deserialize_with = "literal_true")]
    #[schemars(with = "bool")]
    pub(crate) use_api_billing: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            allowed_tools: "Bash,Read,Edit,Write".to_owned(),
            dangerously_skip_permissions: false,
            use_api_billing: false,
        }
    }
}

/// Configurations of the Python program may hold a number or a date here.
fn any_as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

fn tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Tools {
        Text(String),
        List(Vec<String>),
    }
    match Tools::deserialize(deserializer) {
        Ok(Tools::Text(text)) => Ok(text.trim().to_owned()),
        Ok(Tools::List(list)) => Ok(list.join(",")),
        Err(_) => Err(D::Error::custom("expected a list of the names of tools")),
    }
}

/// What widens permissions or costs money needs more than a truthy value.
fn literal_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["claude"], install: "npm install -g @anthropic-ai/claude-code" };
    EngineBackend::new("claude", availability, build_runner)
        .with_tested_versions("2.1.197", "2.1.330")
        .with_capabilities(EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS))
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(Arc::new(JsonlSubprocessRunner::new(Claude { settings: config.parse()? })))
}

/// The engine with its settings.
#[derive(Debug)]
pub(crate) struct Claude {
    pub(crate) settings: Settings,
}

impl JsonlEngine for Claude {
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
        let model = args::model(&self.settings, spec);
        Translation::new(model.unwrap_or("claude"), self.settings.use_api_billing)
    }

    fn translate(&self, line: &str, state: &mut Translation, out: &mut EventFactory) -> Recognition {
        state.line(line, out)
    }

    fn on_exit(&self, exit: &Exit, state: &mut Translation, out: &mut EventFactory) -> Unfinished {
        state.exited(exit, out)
    }

    /// On SIGINT claude ends its tools, writes its transcript and prints a result.
    fn interrupt(&self) -> Ask {
        Ask::Interrupt
    }
}
