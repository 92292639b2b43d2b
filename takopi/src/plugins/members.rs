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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_api::config::EngineConfig;
    use takopi_api::engine::Availability;
    use takopi_api::plugin::{Backend, Constructor};

    use super::*;
    use crate::config::{Overrides, Reader, Vocabulary};
    use crate::plugins::EnabledList;

    fn no_runner(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
        Err(config.table.error_at("", "there is no runner in this test"))
    }

    fn many() -> EngineBackend {
        EngineBackend::new("many", Availability::OnRequest, no_runner).with_family(|config| {
            let agents = config.table.table("agents")?;
            assert!(!agents.contains("panic"), "on purpose");
            let member = |id: String| {
                let (table, own) = (agents.table(&id)?, agents.table(&id)?);
                let build = move |engine: EngineId| Err(own.error_at("", format!("{engine} is not built")));
                Ok(EngineMember::new(id, "one of many", table, Box::new(build)))
            };
            agents.keys().into_iter().map(member).collect()
        })
    }

    fn other() -> EngineBackend {
        EngineBackend::new("other", Availability::OnRequest, no_runner)
    }

    static ROWS: [Backend; 2] =
        [Backend::new("many", Constructor::Engine(many)), Backend::new("other", Constructor::Engine(other))];

    fn members(text: &str) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("takopi.toml");
        std::fs::write(&path, text).unwrap();
        let vocabulary = Vocabulary { engines: vec!["many", "other"], ..Vocabulary::default() };
        let config = Reader::new(Path::to_owned(&path), vocabulary, Overrides::default()).load().unwrap();
        let registry = Registry::new(&ROWS, &["doctor"], EnabledList::default());
        let Members { members, faults } = Members::of(&registry, &config);
        let place = format!("{}:", path.display());
        let faults = faults.iter().map(|fault| fault.to_string().replace(&place, ""));
        (members.iter().map(|member| member.id.to_string()).collect(), faults.collect())
    }

    #[test]
    fn a_table_makes_engines_with_ids_of_their_own() {
        let (ids, faults) = members("[many.agents.b]\n[many.agents.a]\n[other.agents.c]\n");
        assert_eq!((ids, faults), (vec!["a".to_owned(), "b".to_owned()], Vec::new()));
        assert_eq!(members(""), (Vec::new(), Vec::new()));
    }

    #[test]
    fn an_id_that_is_taken_or_none_is_a_fault_with_its_place() {
        let text = "[many.agents.other]\n[many.agents.doctor]\n[many.agents.Shop]\n[many.agents.transport]\n\
                    [many.agents.shop]\n[many.agents.fine]\n[projects.shop]\npath = \"/\"\n";
        let (ids, faults) = members(text);
        assert_eq!(ids, ["fine"]);
        assert_eq!(
            faults,
            [
                "3:1: `many.agents.Shop`: `Shop` is no backend id: an id has 1 to 32 of the characters a-z, 0-9 and _",
                "2:1: `many.agents.doctor`: `doctor` is a command of takopi already, so it is not shown",
                "1:1: `many.agents.other`: `other` is an engine already, so it is not shown",
                "5:1: `many.agents.shop`: `shop` is a project already, so it is not shown",
                "4:1: `many.agents.transport`: `transport` is a key of takopi's own already, so it is not shown",
            ]
        );
    }

    #[test]
    fn a_family_that_panics_has_no_members() {
        assert_eq!(members("[many.agents.panic]\n[many.agents.a]\n"), (Vec::new(), Vec::new()));
    }
}
