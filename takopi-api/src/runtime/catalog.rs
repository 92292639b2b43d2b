//! What a message may name: engines, projects and commands.

use std::path::PathBuf;

use crate::engine::EngineId;
use crate::message::ChannelId;

/// The engines, projects and commands that there are at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Catalog {
    /// Counts up with every change.
    pub revision: u64,
    /// The engine for messages that name none, if any can run.
    pub default_engine: Option<EngineId>,
    /// The enabled engines, sorted by id.
    pub engines: Vec<EngineInfo>,
    /// The projects, sorted by alias.
    pub projects: Vec<ProjectInfo>,
    /// The commands, in the order of a menu.
    pub commands: Vec<CommandInfo>,
}

impl Catalog {
    /// An empty one.
    #[must_use]
    pub fn new(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    /// The engines to tell somebody of who asked for none by its name: all but those that are another way to run what there
    /// is already, unless that is what the person chose.
    pub fn offered(&self) -> impl Iterator<Item = &EngineInfo> {
        let is_default = |engine: &EngineInfo| self.default_engine.as_ref() == Some(&engine.id);
        self.engines.iter().filter(move |engine| engine.chosen == Chosen::ByItself || is_default(engine))
    }
}

/// When an engine is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chosen {
    /// Also where nobody names one.
    #[default]
    ByItself,
    /// Only where it is named.
    ByName,
}

/// Whether an engine can run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineState {
    /// It can.
    Available,
    /// Its program is not installed.
    Missing {
        /// How to install it.
        install: String,
    },
    /// It can not be used as it is configured, or at all.
    Broken {
        /// Why.
        reason: String,
    },
}

/// An engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// Its id.
    pub id: EngineId,
    /// One line about it.
    pub summary: String,
    /// Whether it can run.
    pub state: EngineState,
    /// When it is chosen.
    pub chosen: Chosen,
}

impl EngineInfo {
    /// An engine.
    #[must_use]
    pub fn new(id: EngineId, summary: impl Into<String>, state: EngineState) -> Self {
        Self { id, summary: summary.into(), state, chosen: Chosen::ByItself }
    }

    /// Sets when it is chosen.
    #[must_use]
    pub const fn chosen(mut self, chosen: Chosen) -> Self {
        self.chosen = chosen;
        self
    }
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectInfo {
    /// Its alias as it is written.
    pub alias: String,
    /// Its folder.
    pub path: PathBuf,
    /// The chat that is its own.
    pub channel: Option<ChannelId>,
}

impl ProjectInfo {
    /// A project.
    #[must_use]
    pub fn new(alias: impl Into<String>, path: impl Into<PathBuf>, channel: Option<ChannelId>) -> Self {
        Self { alias: alias.into(), path: path.into(), channel }
    }
}

/// A chat command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandInfo {
    /// Its word, without the slash.
    pub id: String,
    /// One line about it.
    pub description: String,
    /// What may follow it: `set <engine> | clear`. Empty if nothing.
    pub arguments: String,
}

impl CommandInfo {
    /// A command.
    #[must_use]
    pub fn new(id: impl Into<String>, description: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), description: description.into(), arguments: arguments.into() }
    }
}
