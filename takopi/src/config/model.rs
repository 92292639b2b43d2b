//! What a configuration means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::config::{ConfigError, ConfigTable, EngineConfig, UnknownKey};
use takopi_api::plugin::{Backend, BackendKind, Distribution};

use super::file::OnDisk;
use super::hooks::HookRules;
use super::keys;
use crate::plugins::EnabledList;
use crate::process::Limits;
use crate::project::Alias;

/// A configuration, with what is not said filled in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The file; it need not exist.
    pub path: PathBuf,
    /// The engine for runs that name none.
    pub default_engine: Option<String>,
    /// The project for messages that name none.
    pub default_project: Option<Alias>,
    /// The transports to start, as they are named; empty if none is.
    pub transports: Vec<String>,
    /// Whether changes of the file apply while takopi runs.
    pub watch: bool,
    /// Which distributions are visible.
    pub enabled: EnabledList,
    /// In which order hooks look at runs, and how takopi deals with each.
    pub hooks: HookRules,
    /// How many engines run at a time, and how much memory is left to the machine.
    pub limits: Limits,
    /// The projects by their aliases.
    pub projects: BTreeMap<Alias, Project>,
    /// What a person should know about the file and what is no error, one sentence each.
    pub warnings: Vec<String>,
    pub(super) table: ConfigTable,
    /// The plugins that its tables may belong to.
    pub(super) rows: Arc<[&'static Backend]>,
    /// What the file held when this was read.
    pub(super) on_disk: OnDisk,
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
    /// What is run in a new worktree before the first run in it.
    pub setup: Option<SetupHook>,
}

/// A program that prepares a new worktree. There is no shell in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupHook {
    /// The program: a path, or a name that is looked up on `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// The engine that the Python program took where nothing was configured. It comes first if it is installed.
pub const FIRST_CHOICE: &str = "codex";

/// The transport that the Python program started where none was named.
pub const DEFAULT_TRANSPORT: &str = "telegram";

/// Keys that every engine's table may have besides the engine's own.
const ENGINE_KEYS: &[&str] = &[keys::PASS_ENV.name];

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
        let table = self.table_of(BackendKind::Engine, id)?;
        Ok(EngineConfig::new(table, self.folder().join("engines").join(id)))
    }

    /// The variables that an engine's programs see besides those that the engine names: `[<id>] pass_env`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no list of names.
    pub fn pass_env(&self, id: &str) -> Result<Vec<String>, ConfigError> {
        Ok(self.table_of(BackendKind::Engine, id)?.get(keys::PASS_ENV.name)?.unwrap_or_default())
    }

    /// The table of a plugin, whatever its kind.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn table_of(&self, kind: BackendKind, id: &str) -> Result<ConfigTable, ConfigError> {
        self.tables_of(kind)?.of_plugin(self.distribution_of(kind, id)).table(id)
    }

    /// The table in which those of a kind of plugins stand, among keys of takopi's own.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub(super) fn tables_of(&self, kind: BackendKind) -> Result<ConfigTable, ConfigError> {
        keys::tables_of(kind).map_or_else(|| Ok(self.table.clone()), |tables| self.table.table(tables))
    }

    /// Whose the backend of an id is.
    fn distribution_of(&self, kind: BackendKind, id: &str) -> Option<&'static Distribution> {
        let is_meant = |row: &&&Backend| row.kind() == kind && row.id == id;
        let mut named = self.rows.iter().filter(is_meant).filter_map(|row| row.distribution);
        named.find(|distribution| self.enabled.allows(Some(distribution)))
    }

    /// The table of a transport.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn transport(&self, id: &str) -> Result<ConfigTable, ConfigError> {
        self.table_of(BackendKind::Transport, id)
    }

    /// The transports that are to run: those that are named, else the default one if there is a table of it.
    #[must_use]
    pub fn chosen_transports(&self) -> Vec<String> {
        let has_default = self.table.table("transports").is_ok_and(|table| table.contains(DEFAULT_TRANSPORT));
        if self.transports.is_empty() && has_default {
            return vec![DEFAULT_TRANSPORT.to_owned()];
        }
        self.transports.clone()
    }

    /// The table of a chat command of a plugin: `[plugins.<id>]`.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn command(&self, id: &str) -> Result<ConfigTable, ConfigError> {
        self.table_of(BackendKind::Command, id)
    }

    /// The table of a hook: `[hooks.<id>]`.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn hook(&self, id: &str) -> Result<ConfigTable, ConfigError> {
        self.table_of(BackendKind::Hook, id)
    }

    /// The table of a command as it is in a project: what `[plugins.<id>.projects.<alias>]` says wins.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub fn command_in(&self, id: &str, project: Option<&Alias>) -> Result<ConfigTable, ConfigError> {
        let table = self.command(id)?;
        let written = match project {
            Some(alias) => {
                let cases = table.table(keys::PROJECTS_OF_COMMAND)?.keys();
                cases.into_iter().find(|case| alias.matches(case))
            }
            None => None,
        };
        table.in_case(keys::PROJECTS_OF_COMMAND, written.as_deref().unwrap_or_default())
    }

    /// The keys in the tables of a command for single projects that nobody knows, and projects that there are not.
    fn unknown_keys_in_projects(
        &self,
        row: &Backend,
        table: &ConfigTable,
    ) -> Result<Vec<UnknownKey>, ConfigError> {
        let cases = table.table(keys::PROJECTS_OF_COMMAND)?;
        let written = cases.keys();
        let is_project = |case: &&String| self.projects.keys().any(|alias| alias.matches(case));
        let of_projects = written.iter().filter(is_project).map(String::as_str);
        let known: Vec<&str> = self.projects.keys().map(Alias::as_str).chain(of_projects).collect();
        let mut unknown = cases.keys_other_than(&known);
        if let Some(schema) = row.config_schema {
            for case in &written {
                unknown.extend(cases.table(case)?.unknown_keys(&schema(), &[]));
            }
        }
        Ok(unknown)
    }

    /// The keys in a plugin's table that neither the plugin nor takopi knows.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn unknown_keys_of(&self, row: &Backend) -> Result<Vec<UnknownKey>, ConfigError> {
        let also = match row.kind() {
            BackendKind::Engine => ENGINE_KEYS,
            BackendKind::Transport => keys::CHAT_NAMES,
            BackendKind::Command => &[keys::PROJECTS_OF_COMMAND][..],
            BackendKind::Hook => keys::OF_HOOK_NAMES,
            _ => return Ok(Vec::new()),
        };
        let table = self.table_of(row.kind(), row.id)?;
        let mut unknown =
            row.config_schema.map_or_else(Vec::new, |schema| table.unknown_keys(&schema(), also));
        if row.kind() == BackendKind::Transport {
            for (name, shape) in keys::tables_of_chats() {
                unknown.extend(table.table(name)?.keys_other_than(&shape.names()));
            }
        }
        if row.kind() == BackendKind::Command {
            unknown.extend(self.unknown_keys_in_projects(row, &table)?);
        }
        Ok(unknown)
    }

    /// The engine for runs that name none: of their project if it has one of its own, else of the whole file.
    #[must_use]
    pub fn default_engine_of<'a>(&'a self, project: Option<&'a Project>) -> Option<&'a str> {
        project.and_then(|project| project.default_engine.as_deref()).or(self.default_engine.as_deref())
    }

    /// An error about a key at the top of the file.
    #[must_use]
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> ConfigError {
        self.table.error_at(key, message)
    }
}
