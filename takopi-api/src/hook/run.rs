//! The run that a hook looks at: what is planned, where it comes from, how it ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::EngineId;
use crate::event::Completed;
use crate::resume::ResumeToken;
use crate::runner::{RunId, RunOptions};
use crate::runtime::{Origin, RunContext};

/// A run, as it is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedRun {
    /// Its id.
    pub id: RunId,
    /// What started it.
    pub source: Source,
    /// The engine.
    pub engine: EngineId,
    /// What the engine is to do, as the hooks before this one left it.
    pub prompt: String,
    /// The project and branch.
    pub context: RunContext,
    /// The folder in which the engine works. Before the run begins it need not be there yet.
    pub cwd: Option<PathBuf>,
    /// The thread that it continues.
    pub resume: Option<ResumeToken>,
    /// The model and the like.
    pub options: RunOptions,
}

impl PlannedRun {
    /// A run of a new thread, without a project, with nothing chosen.
    #[must_use]
    pub fn new(id: RunId, source: Source, engine: EngineId, prompt: impl Into<String>) -> Self {
        Self {
            id,
            source,
            engine,
            prompt: prompt.into(),
            context: RunContext::default(),
            cwd: None,
            resume: None,
            options: RunOptions::default(),
        }
    }

    /// Where it happens.
    #[must_use]
    pub fn place(mut self, context: RunContext, cwd: Option<PathBuf>) -> Self {
        self.context = context;
        self.cwd = cwd;
        self
    }

    /// The thread that it continues.
    #[must_use]
    pub fn resume(mut self, resume: Option<ResumeToken>) -> Self {
        self.resume = resume;
        self
    }

    /// The model and the like.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }
}

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Somebody's message in a chat.
    Message(Origin),
    /// A chat command of a plugin.
    Command {
        /// The command.
        id: String,
        /// Where it was used, and by whom.
        origin: Origin,
    },
    /// Somebody on the command line of this machine.
    Terminal,
}

impl Source {
    /// Who, and where in a chat, if it was in one.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Message(origin) | Self::Command { origin, .. } => Some(origin),
            Self::Terminal => None,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunEnd {
    /// Its last event: outcome, answer, thread, usage.
    pub completed: Completed,
    /// How long it took, from the moment at which its hooks were asked.
    pub duration: Duration,
    /// The hook that denied it, if one did; its engine then never knew of it.
    pub denied_by: Option<String>,
}

impl RunEnd {
    /// The end of a run that no hook denied.
    #[must_use]
    pub const fn new(completed: Completed, duration: Duration) -> Self {
        Self { completed, duration, denied_by: None }
    }

    /// The hook that denied it.
    #[must_use]
    pub fn denied_by(mut self, hook: Option<String>) -> Self {
        self.denied_by = hook;
        self
    }
}
