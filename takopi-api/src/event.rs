//! What a run says: the events that every engine's output is translated into.
//!
//! The JSON of an event is also what `takopi run --json` prints, one a line. The names of its fields are fixed:
//!
//! ```json
//! {"type":"started","engine":"codex","resume":{"engine":"codex","value":"0199…"},"title":"Codex"}
//! {"type":"action","engine":"codex","action":{"id":"item_2","kind":"command","title":"echo hi","detail":{"exit_code":0}},"phase":"completed","ok":true}
//! {"type":"completed","engine":"codex","ok":true,"answer":"…","resume":{"engine":"codex","value":"0199…"},"error":null,"usage":{}}
//! ```
//!
//! Of a run's events at most one is `started`, and exactly one is `completed`: the last. [`crate::runner`] enforces it.

mod action;
mod completed;
mod factory;
mod request;

use serde::{Deserialize, Serialize};

pub use action::{
    Action, ActionEvent, ActionId, ActionKind, ActionOutcome, ChangeKind, Detail, FileChange, Level, Phase,
};
pub use completed::{Completed, Outcome, Usage};
pub use factory::EventFactory;
pub use request::{
    Choice, Decision, Lasting, Permission, Question, Request, RequestEvent, RequestId, RequestResolved,
    RequestSubject, Resolution,
};

use crate::engine::EngineId;
use crate::resume::ResumeToken;

/// One thing that a run says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The engine works, and its thread has a name.
    Started(Started),
    /// A step of the engine began, went on or ended.
    Action(ActionEvent),
    /// A piece of text as the engine writes it.
    Text(Text),
    /// The engine asks a person.
    Request(RequestEvent),
    /// A request was answered or withdrawn.
    RequestResolved(RequestResolved),
    /// The run is over.
    Completed(Completed),
}

impl Event {
    /// The engine that said it.
    #[must_use]
    pub const fn engine(&self) -> &EngineId {
        match self {
            Self::Started(event) => &event.engine,
            Self::Action(event) => &event.engine,
            Self::Text(event) => &event.engine,
            Self::Request(event) => &event.engine,
            Self::RequestResolved(event) => &event.engine,
            Self::Completed(event) => &event.engine,
        }
    }
}

/// The engine works, and its thread has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Started {
    /// The engine.
    pub engine: EngineId,
    /// The thread, with which the conversation is continued.
    pub resume: ResumeToken,
    /// What to call the engine in this run, e.g. its name or its model.
    pub title: String,
}

impl Started {
    /// A started event; the engine is the token's.
    #[must_use]
    pub fn new(resume: ResumeToken, title: impl Into<String>) -> Self {
        Self { engine: resume.engine.clone(), resume, title: title.into() }
    }
}

/// Which of an engine's texts a piece belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextKind {
    /// The answer, as far as it is written.
    Answer,
    /// What the model thinks before it answers.
    Thinking,
}

/// A piece of text as the engine writes it. The whole answer comes again in `completed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Text {
    /// The engine.
    pub engine: EngineId,
    /// Which of its texts.
    pub kind: TextKind,
    /// What came since the last piece of this kind.
    pub delta: String,
}

impl Text {
    /// A piece of text.
    #[must_use]
    pub fn new(engine: EngineId, kind: TextKind, delta: impl Into<String>) -> Self {
        Self { engine, kind, delta: delta.into() }
    }
}
