//! The engines that tables make: an engine of a plugin may find further ones in its table, such as `[acp.agents.<id>]`.

use std::collections::HashSet;
use std::sync::Arc;

use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::engine::{EngineBackend, EngineId, EngineMember};
use takopi_api::plugin::BackendKind;
use takopi_api::runner::Runner;

use super::{Registry, caught};
use crate::config::Config;
use crate::project::Alias;

/// The engines that tables make, and what is wrong with those that they do not.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Sorted by id.
    pub(crate) members: Vec<Member>,
    /// Each names file, line and key.
    pub(crate) faults: Vec<ConfigError>,
}

/// An engine that a table makes.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: EngineId,
    pub(crate) summary: String,
    /// What the engine can do in whose table it stands.
    pub(crate) backend: EngineBackend,
    found: EngineMember,
}

impl Member {
    /// Its own table.
    pub(crate) const fn table(&self) -> &ConfigTable {
        &self.found.table
    }

    /// Builds its runner.
    pub(crate) fn build_runner(&self) -> Result<Arc<dyn Runner>, ConfigError> {
        let EngineMember { table, build_runner, .. } = &self.found;
        let panicked = |panic| {
            let said = format!("the plugin of {} panicked while it read this: {panic}", self.id);
            Err(table.error_at("", said))
        };
        let built = caught(|| build_runner(self.id.clone())).unwrap_or_else(panicked);
        built.map_err(|error| error.of_plugin(table.plugin()))
    }
}

impl Members {
    /// The engines that tables make. Only plugins whose table has something in it are asked.
    pub(crate) fn of(registry: &Registry, config: &Config) -> Self {
        let mut members = Self::default();
        let mut seen = HashSet::new();
        for entry in registry.visible(BackendKind::Engine) {
            let Ok(table) = config.engine(entry.row().id) else { continue };
            if table.table.keys().is_empty() {
                continue;
            }
            let Ok(backend) = registry.engine(entry.row().id) else { continue };
            let Some(family) = backend.family else { continue };
            let panicked = |panic| {
                let said = format!("the plugin of {} panicked while it read this: {panic}", backend.id);
                Err(table.table.error_at("", said))
            };
            match caught(|| family(&table)).unwrap_or_else(panicked) {
                // What is wrong with the whole table is said where its engine is built.
                Err(_) => {}
                Ok(found) => {
                    for member in found {
                        members.add(member, backend, registry, config, &mut seen);
                    }
                }
            }
        }
        members.members.sort_by(|one, other| one.id.cmp(&other.id));
        members
    }

    fn add(
        &mut self,
        found: EngineMember,
        backend: &EngineBackend,
        registry: &Registry,
        config: &Config,
        seen: &mut HashSet<String>,
    ) {
        let aliases = config.projects.keys();
        match standing(&found, registry, aliases, seen) {
            Err(fault) => self.faults.push(fault.of_plugin(found.table.plugin())),
            Ok(id) => {
                seen.insert(found.id.clone());
                self.members.push(Member {
                    id,
                    summary: found.summary.clone(),
                    backend: backend.clone(),
                    found,
                });
            }
        }
    }

    /// The engine of this id.
    pub(crate) fn take(self, id: &str) -> Option<Member> {
        self.members.into_iter().find(|member| member.id.as_str() == id)
    }
}

fn standing<'a>(
    found: &EngineMember,
    registry: &Registry,
    mut aliases: impl Iterator<Item = &'a Alias>,
    seen: &HashSet<String>,
) -> Result<EngineId, ConfigError> {
    let EngineMember { id, table, .. } = found;
    let parsed = EngineId::parse(id).map_err(|error| table.error_at("", error.to_string()))?;
    let taken = if aliases.any(|alias| alias.matches(id)) {
        Some("a project")
    } else if seen.contains(id) {
        Some("an engine of another table")
    } else {
        registry.meaning_of(id)
    };
    match taken {
        Some(what) => {
            let fault = table.error_at("", format!("`{id}` is {what} already, so it is not shown"));
            Err(fault.hint("give it another id"))
        }
        None => Ok(parsed),
    }
}
