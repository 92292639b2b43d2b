//! What an engine asks a person, and the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::EngineId;

/// The id of a request: unique in its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
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

/// One question of several that an engine may ask at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its id: unique in its request.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// The answers to choose from; empty if only free text fits.
    #[serde(default)]
    pub options: Vec<String>,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestSubject {
    /// May the engine do this?
    Permission {
        /// The command that it would run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
        /// The folder in which it would run it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cwd: Option<String>,
        /// The files that it would touch.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
        /// What would change in them, as a unified diff or the new content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diff: Option<String>,
    },
    /// Is this plan good?
    Plan {
        /// The plan, as markdown.
        text: String,
    },
    /// What does the person want?
    Question {
        /// One or more questions.
        questions: Vec<Question>,
    },
}

/// Something that an engine asks a person. The run waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// One line: what is asked.
    pub title: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: RequestSubject,
}

impl Request {
    /// A request.
    #[must_use]
    pub fn new(id: RequestId, title: impl Into<String>, subject: RequestSubject) -> Self {
        Self { id, title: title.into(), subject }
    }
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Do it, this once.
    AllowOnce,
    /// Do it, and do not ask for its like again in this thread.
    AllowSession,
    /// Do it, and never ask for its like again.
    AllowAlways,
    /// Do not do it.
    Deny {
        /// What the person said about it, for the engine to read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The answers to questions, by the question's id.
    Answer {
        /// One or more answers a question.
        answers: BTreeMap<String, Vec<String>>,
    },
}

/// The engine asks a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestEvent {
    /// The engine.
    pub engine: EngineId,
    /// What it asks.
    pub request: Request,
}

impl RequestEvent {
    /// A request event.
    #[must_use]
    pub const fn new(engine: EngineId, request: Request) -> Self {
        Self { engine, request }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resolution", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resolution {
    /// It was answered.
    Decided(Decision),
    /// The engine no longer asks.
    Withdrawn,
}

/// A request was answered or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestResolved {
    /// The engine.
    pub engine: EngineId,
    /// Which request.
    pub request_id: RequestId,
    /// What became of it.
    #[serde(flatten)]
    pub resolution: Resolution,
}

impl RequestResolved {
    /// A resolved event.
    #[must_use]
    pub const fn new(engine: EngineId, request_id: RequestId, resolution: Resolution) -> Self {
        Self { engine, request_id, resolution }
    }
}
