//! Steps of a run: what the engine does, one action a step, told in phases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::EngineId;

/// The id of an action: stable over its phases, unique in its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(String);

impl ActionId {
    /// The id that the engine gave, or one made for it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ActionId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

/// What sort of step an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionKind {
    /// A shell command; the title is the command.
    Command,
    /// A call of a tool.
    Tool,
    /// A change of files, see [`Detail::changes`].
    FileChange,
    /// A search in the web; the title is the query.
    WebSearch,
    /// An agent that the engine started for a part of the work.
    Subagent,
    /// A turn of the model. Never shown and never counted.
    Turn,
    /// Something to be aware of.
    Warning,
    /// Figures.
    Telemetry,
    /// Anything worth a line.
    Note,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionOutcome {
    /// It did what it was meant to.
    Ok,
    /// It did not.
    Failed,
}

impl From<bool> for ActionOutcome {
    fn from(ok: bool) -> Self {
        if ok { Self::Ok } else { Self::Failed }
    }
}

/// Where an action stands. On the wire this is `phase` and, for a completed one, `ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It began.
    Started,
    /// It goes on, and title or detail may have changed.
    Updated,
    /// It ended.
    Completed(ActionOutcome),
}

/// How much an action matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For whoever debugs.
    Debug,
    /// The usual.
    Info,
    /// Worth a look.
    Warning,
    /// Something went wrong.
    Error,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Add,
    /// It is gone.
    Delete,
    /// It has other content; also what an engine calls by a name of its own.
    #[serde(other)]
    Update,
}

/// A change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path as the engine names it, usually absolute.
    pub path: String,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What is known about an action beyond its title.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detail {
    /// The exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The files that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FileChange>,
    /// The action of a sub-agent in which this one happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ActionId>,
    /// What only this engine knows, small enough to keep.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Action {
    /// Its id: stable over its phases, unique in its run.
    pub id: ActionId,
    /// What sort of step it is.
    pub kind: ActionKind,
    /// One line: the command, the query, the path.
    pub title: String,
    /// What else is known.
    #[serde(default)]
    pub detail: Detail,
}

impl Action {
    /// An action without detail.
    #[must_use]
    #[inline]
    pub fn new(id: impl Into<String>, kind: ActionKind, title: impl Into<String>) -> Self {
        Self { id: ActionId::new(id), kind, title: title.into(), detail: Detail::default() }
    }

    /// Sets the exit code of the command, if there is one.
    #[must_use]
    #[inline]
    pub const fn exit_code(mut self, code: Option<i32>) -> Self {
        self.detail.exit_code = code;
        self
    }

    /// Sets the files that change.
    #[must_use]
    pub fn changes(mut self, changes: Vec<FileChange>) -> Self {
        self.detail.changes = changes;
        self
    }

    /// Adds something that only this engine knows.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.extra.insert(key.to_owned(), value.into());
        self
    }
}

/// An action in one of its phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
#[non_exhaustive]
pub struct ActionEvent {
    /// The engine.
    pub engine: EngineId,
    /// The step.
    pub action: Action,
    /// Where it stands.
    pub phase: Phase,
    /// How much it matters, where it is not the usual.
    pub level: Option<Level>,
}

impl ActionEvent {
    /// An action in a phase, at the usual level.
    #[must_use]
    #[inline]
    pub const fn new(engine: EngineId, action: Action, phase: Phase) -> Self {
        Self { engine, action, phase, level: None }
    }

    /// Sets how much it matters.
    #[must_use]
    pub const fn at(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    engine: EngineId,
    action: Action,
    phase: WirePhase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WirePhase {
    Started,
    Updated,
    Completed,
}

impl From<ActionEvent> for Wire {
    fn from(event: ActionEvent) -> Self {
        let (phase, ok) = match event.phase {
            Phase::Started => (WirePhase::Started, None),
            Phase::Updated => (WirePhase::Updated, None),
            Phase::Completed(outcome) => (WirePhase::Completed, Some(outcome == ActionOutcome::Ok)),
        };
        Self { engine: event.engine, action: event.action, phase, ok, level: event.level }
    }
}

impl TryFrom<Wire> for ActionEvent {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let phase = match (wire.phase, wire.ok) {
            (WirePhase::Started, _) => Phase::Started,
            (WirePhase::Updated, _) => Phase::Updated,
            (WirePhase::Completed, Some(ok)) => Phase::Completed(ok.into()),
            (WirePhase::Completed, None) => return Err("a completed action needs `ok`"),
        };
        Ok(Self { engine: wire.engine, action: wire.action, phase, level: wire.level })
    }
}
