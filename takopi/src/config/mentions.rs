//! Which plugins a configuration is about, whether they are compiled in or not.

use takopi_api::config::ConfigError;
use takopi_api::plugin::BackendKind;

use super::KeyPath;
use super::keys::{own_keys, tables_of};
use super::model::Config;

/// A plugin that a configuration is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// The kind of its backend.
    pub kind: BackendKind,
    /// The id of its backend.
    pub id: String,
    /// The key that names it, as a person would write it.
    pub key: String,
}

impl Config {
    /// The backends that keys of this configuration name, in the order of kinds and ids, each once.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table where tables belong.
    pub fn mentions(&self) -> Result<Vec<Mention>, ConfigError> {
        let mut mentions = Vec::new();
        let mut mention = |kind, id: &str, key: String| {
            mentions.push(Mention { kind, id: id.trim().to_ascii_lowercase(), key });
        };
        if let Some(engine) = &self.default_engine {
            mention(BackendKind::Engine, engine, "default_engine".to_owned());
        }
        for (alias, project) in &self.projects {
            if let Some(engine) = &project.default_engine {
                mention(BackendKind::Engine, engine, format!("projects.{}.default_engine", alias.as_str()));
            }
        }
        for id in self.chosen_transports() {
            mention(BackendKind::Transport, &id, "transport".to_owned());
        }
        for id in &self.hooks.order {
            mention(BackendKind::Hook, id, "hooks.order".to_owned());
        }
        for kind in BackendKind::ALL {
            let tables = self.tables_of(kind)?;
            let own: Vec<&str> = own_keys(kind).collect();
            // What is no table is a key that nobody knows, and a warning.
            let is_of_plugin = |id: &String| !own.contains(&id.as_str()) && tables.table(id).is_ok();
            for id in tables.keys().into_iter().filter(is_of_plugin) {
                mention(kind, &id, format!("[{}]", KeyPath::new(tables_of(kind), &id)));
            }
        }
        mentions.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        mentions.dedup_by(|a, b| (a.kind, &a.id) == (b.kind, &b.id));
        Ok(mentions)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, Reader, Vocabulary};

    #[test]
    fn every_key_that_names_a_plugin_counts_once() {
        let text = "\
            default_engine = 'Codex'\n\
            defualt = 1\n\
            [codex]\n\
            [zed]\n\
            [projects.web]\npath = '/w'\ndefault_engine = 'claude'\n\
            [transports.telegram]\n\
            [transports.web]\n\
            [plugins]\nenabled = ['x']\nauto_install = false\n\
            [plugins.multi]\n\
            [hooks]\norder = ['gate', 'audit']\n\
            [hooks.notify]\n\
            [hooks.gate]\n";
        let vocabulary = Vocabulary { engines: vec!["codex", "claude"], ..Vocabulary::default() };
        let reader = Reader::new("/takopi.toml", vocabulary, Overrides::default());
        let mentions = reader.parse(text).unwrap().mentions().unwrap();
        let found: Vec<_> =
            mentions.iter().map(|one| format!("{} {} {}", one.kind, one.id, one.key)).collect();
        assert_eq!(
            found,
            [
                "engine claude projects.web.default_engine",
                "engine codex default_engine",
                "engine zed [zed]",
                "transport telegram transport",
                "transport web [transports.web]",
                "command multi [plugins.multi]",
                "hook audit hooks.order",
                "hook gate hooks.order",
                "hook notify [hooks.notify]",
            ]
        );
    }
}
