//! The end of a run: what came out of it and what it used.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::engine::EngineId;
use crate::resume::ResumeToken;

/// How a run ended. On the wire this is `ok` and `error`; an interrupted run has `"interrupted": true` beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The engine finished its turn.
    Done,
    /// It did not, and this is why: one or more lines that tell the person what happened.
    Failed {
        /// What happened.
        error: String,
    },
    /// A person ended it.
    Interrupted,
}

/// What an engine says that a run used. Absent figures are unknown, not zero.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens that the model read, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of these that came out of a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// Tokens that the model wrote, those of its reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens of these that it wrote while it thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_output_tokens: Option<u64>,
    /// What it cost, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// How long it took, in milliseconds, by the engine's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Usage {
    /// The figures, if there is one at least.
    #[must_use]
    pub fn known(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// The figures of two parts of a run together; the model is that of the later part.
impl AddAssign for Usage {
    fn add_assign(&mut self, part: Self) {
        let sum =
            |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).reduce(u64::saturating_add);
        self.input_tokens = sum(self.input_tokens, part.input_tokens);
        self.cached_input_tokens = sum(self.cached_input_tokens, part.cached_input_tokens);
        self.output_tokens = sum(self.output_tokens, part.output_tokens);
        self.reasoning_output_tokens = sum(self.reasoning_output_tokens, part.reasoning_output_tokens);
        self.duration_ms = sum(self.duration_ms, part.duration_ms);
        self.cost_usd = self.cost_usd.into_iter().chain(part.cost_usd).reduce(|one, other| one + other);
        self.model = part.model.or_else(|| self.model.take());
    }
}

/// The run is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", from = "Wire")]
#[non_exhaustive]
pub struct Completed {
    /// The engine.
    pub engine: EngineId,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer: the engine's last words, also of a run that failed after it had said something. May be empty.
    pub answer: String,
    /// The thread, with which the conversation is continued.
    pub resume: Option<ResumeToken>,
    /// What it used.
    pub usage: Option<Usage>,
}

impl Completed {
    /// The end of a run without answer, thread and figures.
    #[must_use]
    pub const fn new(engine: EngineId, outcome: Outcome) -> Self {
        Self { engine, outcome, answer: String::new(), resume: None, usage: None }
    }

    /// Sets the answer.
    #[must_use]
    pub fn answer(mut self, answer: impl Into<String>) -> Self {
        self.answer = answer.into();
        self
    }

    /// Sets the thread, if there is one.
    #[must_use]
    pub fn resume(mut self, resume: Option<ResumeToken>) -> Self {
        self.resume = resume;
        self
    }

    /// Sets the figures, if there are any.
    #[must_use]
    pub fn usage(mut self, usage: Option<Usage>) -> Self {
        self.usage = usage;
        self
    }

    /// Whether the engine finished its turn.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    engine: EngineId,
    ok: bool,
    answer: String,
    #[serde(default)]
    resume: Option<ResumeToken>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
}

impl From<Completed> for Wire {
    fn from(event: Completed) -> Self {
        let (ok, error, interrupted) = match event.outcome {
            Outcome::Done => (true, None, false),
            Outcome::Failed { error } => (false, Some(error), false),
            Outcome::Interrupted => (false, Some("interrupted".to_owned()), true),
        };
        Self {
            engine: event.engine,
            ok,
            answer: event.answer,
            resume: event.resume,
            error,
            usage: event.usage,
            interrupted,
        }
    }
}

impl From<Wire> for Completed {
    fn from(wire: Wire) -> Self {
        let outcome = match (wire.ok, wire.interrupted) {
            (true, _) => Outcome::Done,
            (false, true) => Outcome::Interrupted,
            (false, false) => {
                Outcome::Failed { error: wire.error.unwrap_or_else(|| "the run failed".to_owned()) }
            }
        };
        Self { engine: wire.engine, outcome, answer: wire.answer, resume: wire.resume, usage: wire.usage }
    }
}
