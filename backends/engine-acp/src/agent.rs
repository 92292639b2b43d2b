//! An agent: how it is started, and what takopi asks of it before the prompt.

use takopi_api::engine::EngineId;
use takopi_api::process::Environment;

use crate::minute::Sessions;

/// How an agent is made to ask before it does what could do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// By its mode, its variables, or by nature.
    AsStarted,
    /// By rules for what the person's own configuration leaves open, as opencode takes them.
    BesideItsConfiguration,
}

/// An agent, as its row and its table make it.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    /// The engine that it is here.
    pub(crate) engine: EngineId,
    /// What people call it.
    pub(crate) name: String,
    /// The program.
    pub(crate) program: String,
    /// Whether its table names the program.
    pub(crate) is_named: bool,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// The variables that it sees.
    pub(crate) environment: Environment,
    /// The mode in which it works, if a run says nothing else.
    pub(crate) mode: Option<String>,
    /// The model, if a run says nothing else.
    pub(crate) model: Option<String>,
    /// How it is told to log in before a session begins, if it is.
    pub(crate) auth: Option<String>,
    /// How it is made to ask.
    pub(crate) asks: Asks,
    /// Its sessions, if they can not be opened again within a minute.
    pub(crate) sessions: Option<Sessions>,
    /// Where its table says that, for messages: `[claude_acp]`.
    pub(crate) table: String,
}
