//! Reading the file.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use takopi_api::config::{ConfigError, ConfigTable, Flag, UnknownKey};
use takopi_api::plugin::{Backend, BackendKind, is_valid_id};

use super::environment::Overrides;
use super::file::{self, OnDisk};
use super::hooks::HookRules;
use super::keys::{LIMITS, PROJECT, ROOT};
use super::migrate::{self, Migrated, Migration};
use super::model::{Config, Project, SetupHook};
use super::values::{ChatId, OneOrMore};
use crate::paths;
use crate::plugins::EnabledList;
use crate::process::Limits;
use crate::project::Alias;

/// The words that a file is read against.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The engines that a table at the top may belong to.
    pub engines: Vec<&'static str>,
    /// The words that no alias may be.
    pub reserved: Vec<String>,
    /// The plugins that tables may belong to.
    pub rows: Vec<&'static Backend>,
}

/// Reads one file, once or whenever it changes.
#[derive(Debug, Clone)]
pub struct Reader {
    path: PathBuf,
    vocabulary: Vocabulary,
    overrides: Overrides,
}

impl Reader {
    /// A reader of a file, which need not exist: then it counts as empty.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, vocabulary: Vocabulary, overrides: Overrides) -> Self {
        Self { path: path.into(), vocabulary, overrides }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The words that the file is read against.
    #[must_use]
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Reads the file and changes nothing: what is old in it is understood as what took its place.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the line, the column, the key and what was expected.
    pub fn load(&self) -> Result<Config, ConfigError> {
        self.read(OnDisk::read(&self.path), |_, _| Written::No)
    }

    /// Reads the file, and writes it anew if something in it is old.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_and_migrate(&self) -> Result<Config, ConfigError> {
        self.migrating(OnDisk::read(&self.path))
    }

    /// As [`Self::load_and_migrate`], of what was just read.
    pub(super) fn migrating(&self, on_disk: OnDisk) -> Result<Config, ConfigError> {
        self.read(on_disk, |path, migrated| match file::replace(path, &migrated.text) {
            Ok(()) => {
                let names = names(&migrated.migrations);
                tracing::info!(path = %path.display(), migrations = names, "config.migrated");
                Written::Yes
            }
            Err(error) => Written::Failed(error.to_string()),
        })
    }

    /// What a text would mean as the file, without the environment.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(&self, text: &str) -> Result<Config, ConfigError> {
        let alone = Self { overrides: Overrides::default(), ..self.clone() };
        alone.read(OnDisk::Text(text.into()), |_, _| Written::No)
    }

    /// What a text would mean as the file, under what the environment says.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse_over(&self, text: &str) -> Result<Config, ConfigError> {
        self.read(OnDisk::Text(text.into()), |_, _| Written::No)
    }

    fn read(
        &self,
        on_disk: OnDisk,
        write: impl FnOnce(&Path, &Migrated) -> Written,
    ) -> Result<Config, ConfigError> {
        let text = match &on_disk {
            OnDisk::Missing => "",
            OnDisk::Text(text) => text,
            OnDisk::Unreadable(why) => return Err(ConfigError::new("", why)),
        };
        let table = ConfigTable::from_toml(&self.path, text)?;
        let Some(migrated) = migrate::migrate(&table, text)? else {
            return self.config(self.overrides.over(table)?, on_disk);
        };
        let written = write(&self.path, &migrated);
        let on_disk =
            if let Written::Yes = written { OnDisk::Text(migrated.text.as_str().into()) } else { on_disk };
        let table = ConfigTable::from_toml(&self.path, migrated.text)?;
        let config = self.overrides.over(table).and_then(|table| self.config(table, on_disk));
        let names = names(&migrated.migrations);
        match (config, written) {
            (config, Written::Yes) => config,
            (Ok(config), Written::No) => Ok(config),
            (Ok(mut config), Written::Failed(why)) => {
                config
                    .warnings
                    .push(format!("{why}; what is old in it ({names}) is understood all the same"));
                Ok(config)
            }
            (Err(error), Written::No | Written::Failed(_)) => {
                Err(error.hint(format!("lines count as if the file were migrated ({names})")))
            }
        }
    }

    fn config(&self, table: ConfigTable, on_disk: OnDisk) -> Result<Config, ConfigError> {
        let Vocabulary { engines, rows, .. } = &self.vocabulary;
        let mut warnings = Vec::new();
        let mut known: Vec<&str> = ROOT.names();
        known.extend(engines);
        warn(&mut warnings, &table.keys_other_than(&known));

        let plugins = table.table("plugins")?;
        if let Some(Flag(true)) = plugins.get("auto_install")? {
            warnings.push(
                "`plugins.auto_install` is reserved: plugins are compiled in, see `takopi plugins` for the features to add"
                    .to_owned(),
            );
        }
        let projects = projects(&table, &self.vocabulary, &mut warnings)?;
        let default_project = default_project(&table, &projects)?;
        Ok(Config {
            path: self.path.clone(),
            default_engine: text(&table, "default_engine")?,
            default_project,
            transports: transports(&table)?,
            watch: table.get("watch_config")?.is_none_or(|Flag(watch)| watch),
            enabled: EnabledList::new(plugins.get::<Vec<String>>("enabled")?.unwrap_or_default()),
            hooks: HookRules::read(&table.table("hooks")?)?,
            limits: limits(&table, &mut warnings)?,
            projects,
            warnings,
            table,
            rows: rows.as_slice().into(),
            on_disk,
        })
    }
}

/// Whether what was migrated is also in the file.
enum Written {
    Yes,
    No,
    Failed(String),
}

fn names(migrations: &[Migration]) -> String {
    migrations.iter().map(|migration| migration.id()).collect::<Vec<_>>().join(", ")
}

/// The transports that are named, each once.
fn transports(table: &ConfigTable) -> Result<Vec<String>, ConfigError> {
    let named = table.get::<OneOrMore>("transport")?.map_or_else(Vec::new, OneOrMore::into_vec);
    let mut transports: Vec<String> = Vec::new();
    for id in named {
        let id = id.trim();
        if !is_valid_id(id) {
            return Err(table.error_at("transport", format!("`{id}` is no id of a transport")));
        }
        if transports.iter().any(|other| other == id) {
            return Err(table.error_at("transport", format!("`{id}` is named twice")));
        }
        transports.push(id.to_owned());
    }
    Ok(transports)
}

fn limits(table: &ConfigTable, warnings: &mut Vec<String>) -> Result<Limits, ConfigError> {
    let table = table.table("limits")?;
    warn(warnings, &table.keys_other_than(&LIMITS.names()));
    let mut limits = Limits::default();
    if let Some(engines) = table.get::<NonZeroUsize>("engines")? {
        limits.engines = engines.get();
    }
    if let Some(megabytes) = table.get::<u32>("free_memory_mb")? {
        limits.free_memory = u64::from(megabytes) * 1024 * 1024;
    }
    Ok(limits)
}

fn projects(
    table: &ConfigTable,
    vocabulary: &Vocabulary,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<Alias, Project>, ConfigError> {
    let Vocabulary { engines: engine_ids, reserved, rows } = vocabulary;
    let all = table.table("projects")?;
    let main_chats = main_chats(table)?;
    let mut projects: BTreeMap<Alias, Project> = BTreeMap::new();
    for key in all.keys() {
        let alias = Alias::new(&key).map_err(|error| all.error_at(&key, error.to_string()))?;
        if projects.contains_key(&alias) {
            return Err(all.error_at(&key, "another project has this alias, in other letters"));
        }
        if let Some(fault) = alias_fault(&alias, engine_ids, reserved) {
            let is_engine = |row: &&&Backend| row.kind() == BackendKind::Engine && alias.matches(row.id);
            let engine = rows.iter().find(is_engine);
            return Err(all.error_at(&key, fault).of_plugin(engine.and_then(|row| row.distribution)));
        }
        let entry = all.table(&key)?;
        warn(warnings, &entry.keys_other_than(&PROJECT.names()));
        let project = project(&entry, table.file())?;
        if let Some(engine) = &project.default_engine
            && !engine_ids.iter().any(|id| id.eq_ignore_ascii_case(engine))
        {
            let known = list(engine_ids.iter().copied());
            return Err(entry
                .error_at("default_engine", format!("there is no engine `{engine}`"))
                .hint(format!("engines: {known}")));
        }
        if let Some(chat) = &project.chat_id
            && main_chats.contains(chat)
        {
            return Err(entry.error_at("chat_id", format!("{chat} is the main chat of a transport")));
        }
        if let Some(chat) = &project.chat_id
            && projects.values().any(|other| other.chat_id.as_ref() == Some(chat))
        {
            return Err(entry.error_at("chat_id", format!("another project has the chat {chat}")));
        }
        projects.insert(alias, project);
    }
    Ok(projects)
}

/// What keeps a project from having this alias, whatever other projects there are.
#[must_use]
pub fn alias_fault(alias: &Alias, engine_ids: &[&str], reserved: &[String]) -> Option<&'static str> {
    let mut words = engine_ids.iter().copied().chain(reserved.iter().map(String::as_str));
    let is_taken = words.any(|word| alias.matches(word));
    is_taken.then_some("an alias can not be the name of an engine or a command")
}

/// The project that `default_project` names, by its alias as it is written where the project is.
fn default_project(
    table: &ConfigTable,
    projects: &BTreeMap<Alias, Project>,
) -> Result<Option<Alias>, ConfigError> {
    let Some(word) = text(table, "default_project")? else { return Ok(None) };
    match projects.keys().find(|alias| alias.matches(&word)) {
        Some(alias) => Ok(Some(alias.clone())),
        None => Err(table
            .error_at("default_project", format!("there is no project `{word}`"))
            .hint(format!("projects: {}", list(projects.keys().map(Alias::as_str))))),
    }
}

/// The chats that belong to a transport itself, and so to no project.
fn main_chats(table: &ConfigTable) -> Result<Vec<String>, ConfigError> {
    let transports = table.table("transports")?;
    let mut chats = Vec::new();
    for id in transports.keys() {
        // Whoever starts a transport without a table is told.
        let Ok(transport) = transports.table(&id) else { continue };
        if let Some(ChatId(chat)) = transport.get("chat_id")? {
            chats.push(chat);
        }
    }
    Ok(chats)
}

fn project(entry: &ConfigTable, file: &Path) -> Result<Project, ConfigError> {
    let Some(path) = text(entry, "path")? else {
        return Err(entry.error_at("", "`path` is missing: the folder of the project"));
    };
    let path = file.parent().unwrap_or(Path::new("")).join(paths::expand_home(&path));
    let worktrees = text(entry, "worktrees_dir")?.unwrap_or_else(|| ".worktrees".to_owned());
    let chat_id = entry.get::<ChatId>("chat_id")?.map(|ChatId(id)| id);
    Ok(Project {
        worktrees_dir: path.join(paths::expand_home(&worktrees)),
        path,
        worktree_base: text(entry, "worktree_base")?,
        default_engine: text(entry, "default_engine")?,
        chat_id,
        setup: setup(entry)?,
    })
}

/// A program and its arguments: a list, as there is no shell that could take a line apart.
fn setup(entry: &ConfigTable) -> Result<Option<SetupHook>, ConfigError> {
    let Some(words) = entry.get::<Vec<String>>("setup")? else { return Ok(None) };
    match words.split_first() {
        Some((program, args)) if !program.trim().is_empty() => {
            Ok(Some(SetupHook { program: paths::expand_home(program.trim()), args: args.to_vec() }))
        }
        _ => Err(entry
            .error_at("setup", "expected a program and its arguments")
            .hint("for example `setup = [\"npm\", \"ci\"]`")),
    }
}

/// A text that says something, if the key is there.
fn text(table: &ConfigTable, key: &str) -> Result<Option<String>, ConfigError> {
    match table.get::<String>(key)?.map(|text| text.trim().to_owned()) {
        Some(text) if text.is_empty() => Err(table.error_at(key, "expected a text that is not blank")),
        text => Ok(text),
    }
}

fn warn(warnings: &mut Vec<String>, unknown: &[UnknownKey]) {
    warnings.extend(unknown.iter().map(ToString::to_string));
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests;
