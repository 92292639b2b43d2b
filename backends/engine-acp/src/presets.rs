//! Agents that takopi knows how to start: each is an engine of its own.

use crate::agent::Asks;
use crate::minute::Sessions;

/// An agent that is known.
#[derive(Debug)]
pub(crate) struct Preset {
    /// The id of its engine.
    pub(crate) id: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) program: &'static str,
    /// Its arguments.
    pub(crate) args: &'static [&'static str],
    /// The command that installs it.
    pub(crate) install: &'static str,
    /// The version that was tested.
    pub(crate) tested: &'static str,
    /// The mode in which it asks before it does what could do harm, if it begins in another one.
    pub(crate) mode: Option<&'static str>,
    /// Variables that it sees if they are set.
    pub(crate) passed: &'static [&'static str],
    /// Variables that are kept from it.
    pub(crate) kept: &'static [&'static str],
    /// Variables that are set for it.
    pub(crate) set: &'static [(&'static str, &'static str)],
    /// How it is made to ask.
    pub(crate) asks: Asks,
    /// Its sessions, if they can not be opened again within a minute.
    pub(crate) sessions: Option<Sessions>,
}

pub(crate) const CLAUDE: Preset = Preset {
    id: "claude_acp",
    name: "Claude",
    program: "claude-agent-acp",
    args: &[],
    install: "npm install -g @agentclientprotocol/claude-agent-acp",
    tested: "0.101.0",
    // It begins in a mode in which a model decides for the person.
    mode: Some("default"),
    passed: &[
        "ANTHROPIC_*",
        "CLAUDE_*",
        "DISABLE_TELEMETRY",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_AUTOUPDATER",
    ],
    // With it claude bills the API, although the person has a subscription.
    kept: &["ANTHROPIC_API_KEY"],
    set: &[],
    asks: Asks::AsStarted,
    sessions: None,
};

pub(crate) const CODEX: Preset = Preset {
    id: "codex_acp",
    name: "Codex",
    program: "codex-acp",
    args: &[],
    install: "npm install -g @agentclientprotocol/codex-acp",
    tested: "2.6.0",
    // As above; in this one it asks before it changes files.
    mode: Some("read-only"),
    passed: &["CODEX_*", "OPENAI_*", "RUST_LOG"],
    kept: &[],
    set: &[],
    asks: Asks::AsStarted,
    sessions: None,
};

pub(crate) const GEMINI: Preset = Preset {
    id: "gemini_acp",
    name: "Gemini",
    program: "gemini",
    args: &["--acp"],
    install: "npm install -g @google/gemini-cli",
    tested: "0.61.0",
    mode: Some("default"),
    passed: &["GEMINI_*", "GOOGLE_*"],
    kept: &[],
    // It warns of a plain terminal on standard error, where a person would read it as the reason of a failure.
    set: &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
    asks: Asks::AsStarted,
    sessions: Some(Sessions { home: "GEMINI_CLI_HOME", folder: ".gemini/tmp" }),
};

pub(crate) const QWEN: Preset = Preset {
    id: "qwen_acp",
    name: "Qwen",
    program: "qwen",
    args: &["--acp"],
    install: "npm install -g @qwen-code/qwen-code",
    tested: "0.24.4",
    mode: Some("default"),
    passed: &["QWEN_*", "OPENAI_*", "DASHSCOPE_*", "GEMINI_*", "GOOGLE_*"],
    kept: &[],
    set: &[],
    asks: Asks::AsStarted,
    sessions: None,
};

pub(crate) const OPENCODE: Preset = Preset {
    id: "opencode_acp",
    name: "OpenCode",
    program: "opencode",
    args: &["acp"],
    install: "npm install -g opencode-ai",
    tested: "1.18.33",
    // Its modes are agents; whether it asks is a setting.
    mode: None,
    passed: &[
        "OPENCODE_*",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_GENERATIVE_AI_API_KEY",
        "GROQ_API_KEY",
        "MISTRAL_API_KEY",
        "OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
        "XAI_API_KEY",
    ],
    kept: &[],
    set: &[],
    asks: Asks::BesideItsConfiguration,
    sessions: None,
};

pub(crate) const GOOSE: Preset = Preset {
    id: "goose_acp",
    name: "Goose",
    program: "goose",
    args: &["acp"],
    install: "brew install block-goose-cli",
    tested: "1.52.0",
    mode: None,
    passed: &["GOOSE_*", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "OPENAI_*", "OPENROUTER_API_KEY"],
    kept: &[],
    // In its own default it does everything without a word.
    set: &[("GOOSE_MODE", "approve")],
    asks: Asks::AsStarted,
    sessions: None,
};
