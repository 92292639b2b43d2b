//! The engine as data: what it needs, what it can do, what can be set.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::jsonl::{DialogueRunner, JsonlSubprocessRunner};
use takopi_api::resume::{ResumeLines, ResumeSyntax};
use takopi_api::runner::{RunSpec, Runner};
use takopi_api::schemars::{self, JsonSchema};

use crate::args;
use crate::control::Control;
use crate::print::Print;
use crate::translate::Translation;

pub(crate) const ENGINE: EngineId = EngineId::from_static("claude");

/// The levels of `--effort`.
const REASONING_LEVELS: &[&str] = &["low", "medium", "high", "xhigh", "max"];

/// The ways of working that a person may choose for a run. Those in which claude asks for nothing are not among them.
pub(crate) const MODES: &[&str] = &["default", "acceptEdits", PLAN];

/// The mode in which claude plans and changes nothing.
pub(crate) const PLAN: &str = "plan";

/// What claude can do however it is called.
pub(crate) const CAPABILITIES_OF_BOTH: EngineCapabilities =
    EngineCapabilities::none().with_model().with_reasoning_levels(REASONING_LEVELS);

/// How takopi works with claude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Both talk: claude asks, takopi answers and can say something meanwhile.
    #[default]
    Control,
    /// Claude prints. Nobody can be asked.
    Print,
}

/// The table `[claude]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Settings {
    /// The model, by a name that claude knows, e.g. `opus`.
    #[serde(deserialize_with = "any_as_text")]
    #[schemars(with = "Option<String>")]
    pub(crate) model: Option<String>,
    /// How takopi works with claude: `control`, in which claude asks and takes messages while it works, or `print`, in which
    /// nobody can be asked.
    pub(crate) mode: Mode,
    /// The tools that claude may use without asking: a list, or one text with commas. Unless it is set, claude asks for what
    /// its own settings do not allow; where nobody can be asked, Bash, Read, Edit and Write are allowed then, and an empty
    /// list leaves it to claude's own settings.
    #[serde(deserialize_with = "tools")]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) allowed_tools: Option<String>,
    /// Whether claude may do everything without asking. Only `true` counts.
    #[serde(deserialize_with = "literal_true")]
    #[schemars(with = "bool")]
    pub(crate) dangerously_skip_permissions: bool,
    /// Whether claude sees `ANTHROPIC_API_KEY`, and so bills the API and not the subscription. Only `true` counts.
    #[serde(deserialize_with = "literal_true")]
    #[schemars(with = "bool")]
    pub(crate) use_api_billing: bool,
}

/// Configurations of the Python program may hold a number or a date here.
fn any_as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

fn tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Tools {
        Text(String),
        List(Vec<String>),
    }
    match Tools::deserialize(deserializer) {
        Ok(Tools::Text(text)) => Ok(Some(text.trim().to_owned())),
        Ok(Tools::List(list)) => Ok(Some(list.join(","))),
        Err(_) => Err(D::Error::custom("expected a list of the names of tools")),
    }
}

/// What widens permissions or costs money needs more than a truthy value.
fn literal_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

impl Settings {
    /// The state before the first line, however claude is called.
    pub(crate) fn translation(&self, spec: &RunSpec) -> Translation {
        let model = args::model(self, spec);
        Translation::new(model.unwrap_or("claude"), self.use_api_billing)
    }
}

pub(crate) fn engine_id() -> &'static EngineId {
    static ID: EngineId = ENGINE;
    &ID
}

pub(crate) fn resume_lines() -> &'static dyn ResumeLines {
    static LINES: ResumeSyntax = ResumeSyntax::new(ENGINE, "claude", &["--resume", "-r"]);
    &LINES
}

pub(crate) fn new() -> EngineBackend {
    let availability =
        Availability::Cli { commands: &["claude"], install: "npm install -g @anthropic-ai/claude-code" };
    let capabilities = CAPABILITIES_OF_BOTH
        .with_steer()
        .with_permissions()
        .with_questions()
        .with_plans()
        .with_live_text()
        .with_modes(Modes::Named(MODES));
    EngineBackend::new("claude", availability, build_runner)
        .with_tested_versions("2.1.197", "2.1.330")
        .with_capabilities(capabilities)
}

fn build_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let settings: Settings = config.parse()?;
    Ok(match settings.mode {
        Mode::Control => Arc::new(DialogueRunner::new(Control::new(settings))),
        Mode::Print => Arc::new(JsonlSubprocessRunner::new(Print { settings })),
    })
}
