//! What the configuration says now. A run keeps the snapshot that it began with; a change makes a new one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use takopi_api::config::ConfigError;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::message::ChannelId;
use takopi_api::plugin::{BackendKind, is_valid_id};
use takopi_api::runner::{FindEngine, FoundEngine};
use takopi_api::runtime::{Catalog, CommandInfo};
use takopi_api::transport::TransportId;

use super::commands;
use super::directives::{Names, slash_command};
use super::engines::Engines;
use super::settings::Settings;
use crate::config::Config;
use crate::hooks::Hooks;
use crate::plugins::Registry;
use crate::project::{Project, Projects};

/// What may be named, and how chats are, under one configuration.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) config: Config,
    pub(crate) registry: Arc<Registry>,
    pub(crate) engines: Engines,
    pub(crate) projects: Projects,
    pub(crate) catalog: Arc<Catalog>,
    hooks: OnceLock<Hooks>,
    settings: HashMap<TransportId, Settings>,
    fallback: Settings,
}

impl Snapshot {
    /// Reads all that a conversation needs of a configuration. `chosen` and `final_notify` were said on the command line,
    /// and win.
    ///
    /// # Errors
    /// [`ConfigError`] about a key of a transport's table.
    pub(crate) fn new(
        config: Config,
        registry: Arc<Registry>,
        chosen: Option<&EngineId>,
        revision: u64,
        final_notify: Option<bool>,
    ) -> Result<Self, ConfigError> {
        let engines = Engines::new(&registry, &config, chosen);
        let projects = Projects::new(&config);
        let mut settings = HashMap::new();
        for entry in registry.visible(BackendKind::Transport) {
            // The registry shows only ids that are well formed.
            let Ok(id) = TransportId::parse(entry.row().id) else { continue };
            let table = config.transport(entry.row().id)?;
            let mut read = Settings::read(&table)?;
            read.final_notify = final_notify.unwrap_or(read.final_notify);
            settings.insert(id, read);
        }
        let catalog = Arc::new(catalog(revision, &engines, &projects, &registry));
        let fallback = Settings::read(&takopi_api::config::ConfigTable::empty())?;
        let hooks = OnceLock::new();
        Ok(Self { config, registry, engines, projects, catalog, hooks, settings, fallback })
    }

    /// What the chats of a transport are like.
    pub(crate) fn settings(&self, transport: &TransportId) -> &Settings {
        self.settings.get(transport).unwrap_or(&self.fallback)
    }

    /// The hooks that look at runs. They are constructed here, and not before there is a run.
    pub(crate) fn hooks(&self) -> &Hooks {
        self.hooks.get_or_init(|| Hooks::new(&self.registry, &self.config))
    }

    /// The command that a message is, with what follows it. Other words behind a slash are words, such as a path.
    pub(crate) fn command<'a>(&self, text: &'a str) -> Option<(String, &'a str)> {
        slash_command(text).filter(|(word, _)| {
            commands::find(word).is_some()
                || self.engine(word).is_some()
                || self.project(word).is_some()
                || self.registry.find(BackendKind::Command, word).is_ok()
        })
    }

    /// The project whose own chat this is.
    pub(crate) fn project_of(&self, channel: &ChannelId) -> Option<&Project> {
        self.projects.of_chat(channel.as_str())
    }
}

impl Names for Snapshot {
    fn engine(&self, word: &str) -> Option<EngineId> {
        self.engines.named(word)
    }

    fn project(&self, word: &str) -> Option<String> {
        self.projects.find(word).ok().map(|project| project.alias.to_string())
    }
}

/// A run may run the engines of the snapshot that it began with.
impl FindEngine for Snapshot {
    fn find(&self, id: &str) -> Result<FoundEngine, Error> {
        self.engines.find(&self.registry, id)
    }
}

/// What a transport shows in its menu: engines, projects, commands of plugins, and takopi's own, `cancel` last.
fn catalog(revision: u64, engines: &Engines, projects: &Projects, registry: &Registry) -> Catalog {
    let mut catalog = Catalog::new(revision);
    catalog.default_engine = engines.default().cloned();
    catalog.engines = engines.infos();
    let mut menu: BTreeMap<usize, CommandInfo> = BTreeMap::new();
    let mut add = |id: &str, description: String, arguments: &str| {
        if !menu.values().any(|info| info.id == id) {
            menu.insert(menu.len(), CommandInfo::new(id, description, arguments));
        }
    };
    for engine in engines.ids() {
        add(engine.as_str(), format!("use engine: {engine}"), "<prompt>");
    }
    for project in projects.iter() {
        catalog.projects.push(project.info());
        let word = project.alias.as_str().to_lowercase();
        if is_valid_id(&word) {
            add(&word, format!("work on: {}", project.alias), "<prompt>");
        }
    }
    for entry in registry.visible(BackendKind::Command) {
        add(entry.row().id, entry.row().summary.to_owned(), "");
    }
    for command in commands::BUILT_IN {
        add(command.id, command.description.to_owned(), command.arguments);
    }
    catalog.commands = menu.into_values().collect();
    catalog
}
