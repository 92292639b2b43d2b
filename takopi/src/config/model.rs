//! What a configuration means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use takopi_api::config::{ConfigError, ConfigTable, EngineConfig};

use crate::plugins::EnabledList;
use crate::process::Limits;

/// A configuration, with what is not said filled in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The file; it need not exist.
    pub path: PathBuf,
    /// The engine for runs that name none.
    pub default_engine: Option<String>,
    /// The alias of the project for messages that name none.
    pub default_project: Option<String>,
    /// Which distributions are visible.
    pub enabled: EnabledList,
    /// How many engines run at a time, and how much memory is left to the machine.
    pub limits: Limits,
    /// The projects by their aliases as they are written.
    pub projects: BTreeMap<String, Project>,
    /// What a person should know about the file and what is no error, one sentence each.
    pub warnings: Vec<String>,
    pub(super) table: ConfigTable,
}

/// A repository that runs happen in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its folder.
    pub path: PathBuf,
    /// The folder of its worktrees.
    pub worktrees_dir: PathBuf,
    /// The base of new branches.
    pub worktree_base: Option<String>,
    /// The engine for its runs that name none.
    pub default_engine: Option<String>,
    /// The chat that is its own.
    pub chat_id: Option<String>,
}

/// The engine that the Python program took where nothing was configured. It comes first if it is installed.
pub const FIRST_CHOICE: &str = "codex";

/// Keys that every engine's table may have besides the engine's own.
pub const ENGINE_KEYS: &[&str] = &["pass_env"];

impl Config {
    /// The folder of the file, where state is kept too.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The table of an engine.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn engine(&self, id: &str) -> Result<EngineConfig, ConfigError> {
        Ok(EngineConfig::new(self.table.table(id)?, self.folder().join("engines").join(id)))
    }

    /// The variables that an engine's programs see besides those that the engine names: `[<id>] pass_env`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no list of names.
    pub fn pass_env(&self, id: &str) -> Result<Vec<String>, ConfigError> {
        Ok(self.table.table(id)?.get("pass_env")?.unwrap_or_default())
    }

    /// An error about a key at the top of the file.
    #[must_use]
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> ConfigError {
        self.table.error_at(key, message)
    }
}
