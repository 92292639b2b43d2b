//! `takopi build from-config`: the command line that builds what a configuration needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use takopi_api::error::closest;
use takopi_api::plugin::{Backend, BackendKind};

use super::asked::PackageName;
use crate::bundled::{self, KNOWN};
use crate::cli::error::CliError;
use crate::config::{Config, Mention, Overrides, Reader, Vocabulary};
use crate::plugins::{FIRST_PARTY, is_same_package};

/// What a configuration needs of a binary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    features: BTreeSet<String>,
    /// What belongs behind `--with`.
    with: BTreeSet<String>,
    names_engine: bool,
    /// What a person should know before the line is used, one sentence each.
    pub(super) notes: Vec<String>,
    /// What nobody knows a plugin for, one sentence each.
    pub(super) unknown: Vec<String>,
}

/// Reads a configuration as it is, whatever this machine's environment says.
pub(super) fn read(path: PathBuf, vocabulary: Vocabulary) -> Result<Config, CliError> {
    let text = fs::read_to_string(&path)
        .map_err(|error| CliError::usage(format!("{} can not be read: {error}", path.display())))?;
    let vocabulary = with_engines_of(&text, vocabulary);
    Ok(Reader::new(path, vocabulary, Overrides::default()).load()?)
}

/// A file may name engines that this takopi does not know: that is what is asked about, and no mistake here.
fn with_engines_of(text: &str, mut vocabulary: Vocabulary) -> Vocabulary {
    // What is no TOML is told by whoever reads it next.
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let projects = table.get("projects").and_then(toml::Value::as_table).into_iter().flatten();
    let engines = projects.filter_map(|(_, project)| project.get("default_engine")?.as_str());
    let tables = table.iter().filter(|(_, value)| value.is_table()).map(|(key, _)| key.as_str());
    // The words of a vocabulary live as long as the program, which ends with this command.
    vocabulary.engines.extend(engines.chain(tables).map(|word| -> &'static str { word.to_owned().leak() }));
    vocabulary
}

/// What these mentions and these names in `plugins.enabled` need. `rows` are those of this binary, which may have plugins
/// from elsewhere.
pub(super) fn needs(mentions: &[Mention], enabled: &[String], rows: &[&Backend]) -> Needs {
    let mut needs = Needs::default();
    for entry in enabled {
        needs.package(entry, rows);
    }
    for mention in mentions {
        needs.names_engine |= mention.kind == BackendKind::Engine;
        needs.backend(mention, rows);
    }
    needs
}

impl Needs {
    fn package(&mut self, entry: &str, rows: &[&Backend]) {
        let linked = foreign(rows).find(|(name, _)| is_same_package(name, entry));
        if is_same_package(entry, FIRST_PARTY) {
        } else if let Some(known) = KNOWN.iter().find(|known| is_same_package(&known.package(), entry)) {
            self.features.insert(known.feature.to_owned());
        } else if let Some((name, version)) = linked {
            self.with.insert(format!("{name}@{version}"));
        } else if let Ok(name) = entry.parse::<PackageName>() {
            self.notes.push(format!(
                "`{entry}` in `plugins.enabled` is no plugin of this project: the line takes it for a published package"
            ));
            self.with.insert(name.to_string());
        } else {
            self.unknown
                .push(format!("`{}` in `plugins.enabled` is no name of a package", entry.escape_debug()));
        }
    }

    fn backend(&mut self, mention: &Mention, rows: &[&Backend]) {
        let Mention { kind, id, key } = mention;
        let of_kind = |row: &&&Backend| row.kind() == *kind;
        let known = KNOWN.iter().filter(|known| known.kind() == kind.as_str());
        let linked = rows.iter().filter(of_kind).find(|row| row.id == id).and_then(|row| row.distribution);
        if let Some(known) = known.clone().find(|known| known.id() == id) {
            self.features.insert(known.feature.to_owned());
        } else if let Some(from) = linked.filter(|from| !bundled::is_first_party(from.name)) {
            self.with.insert(format!("{}@{}", from.name, from.version));
        } else if !self.with.iter().any(|package| offers(package, id)) {
            let ids = known.map(bundled::Known::id).chain(rows.iter().filter(of_kind).map(|row| row.id));
            let meant = closest(id, ids).map(|id| format!("; did you mean `{id}`?")).unwrap_or_default();
            self.unknown.push(format!(
                "no plugin that is known here has the {kind} `{}` ({}){meant}",
                id.escape_debug(),
                key.escape_debug()
            ));
        }
    }

    /// The command line.
    pub(super) fn line(&self) -> String {
        let mut line = "takopi build".to_owned();
        // Without a word about engines the usual ones are meant, whichever of them are installed.
        if self.names_engine {
            line.push_str(" --no-default-features");
        }
        if !self.features.is_empty() {
            let features: Vec<&str> = self.features.iter().map(String::as_str).collect();
            line.push_str(&format!(" --features {}", features.join(",")));
        }
        for with in &self.with {
            line.push_str(&format!(" --with {with}"));
        }
        line
    }
}

/// Whether a package that is asked for is the one with an id, going by its name: `takopi-engine-zed` for `zed`.
fn offers(with: &str, id: &str) -> bool {
    let name = with.split('@').next().unwrap_or_default();
    let [name, id] = [name, id].map(|word| word.to_ascii_lowercase().replace('_', "-"));
    name.strip_suffix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
}

/// The packages in this binary that are none of this project's, with their versions.
fn foreign<'a>(rows: &'a [&Backend]) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    rows.iter()
        .filter_map(|row| row.distribution)
        .filter(|from| !bundled::is_first_party(from.name))
        .map(|from| (from.name, from.version))
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::{Availability, EngineBackend};
    use takopi_api::plugin::{Constructor, Distribution};

    use super::*;

    static ZED: Distribution = Distribution::new("takopi-engine-zed", "1.2.0", "");

    fn check(text: &str, line: &str, notes: &[&str], unknown: &[&str]) {
        let constructor = Constructor::Engine(|| {
            EngineBackend::new("zed", Availability::Embedded, |_| unreachable!("never built"))
        });
        let zed = Backend::new("zed", constructor).distribution(&ZED);
        let vocabulary = with_engines_of(text, Vocabulary::default());
        let reader = Reader::new("/takopi.toml", vocabulary, Overrides::default());
        let config = reader.parse(text).unwrap();
        let needs = needs(&config.mentions().unwrap(), config.enabled.entries(), &[&zed]);
        assert_eq!(needs.line(), line);
        assert_eq!((needs.notes.as_slice(), needs.unknown.as_slice()), (&*owned(notes), &*owned(unknown)));
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_a_configuration_names_is_in_the_line() {
        check(
            "default_engine = 'acme'\n[codex]\n[transports.terminal]\n[plugins.multi]\n[projects.a]\npath = '/a'\ndefault_engine = 'qwen'",
            "takopi build --no-default-features --features command-multi,engine-acme,engine-codex,engine-qwen,transport-terminal",
            &[],
            &[],
        );
    }

    #[test]
    fn without_an_engine_the_usual_ones_stay() {
        check("[plugins.multi]", "takopi build --features command-multi", &[], &[]);
        check("", "takopi build", &[], &[]);
    }

    #[test]
    fn plugins_from_elsewhere_come_as_this_binary_has_them() {
        check(
            "default_engine = 'zed'",
            "takopi build --no-default-features --with takopi-engine-zed@1.2.0",
            &[],
            &[],
        );
        check(
            "[plugins]\nenabled = ['Takopi_Engine.Zed', 'takopi', 'takopi-engine-acme']",
            "takopi build --features engine-acme --with takopi-engine-zed@1.2.0",
            &[],
            &[],
        );
    }

    #[test]
    fn what_is_not_known_is_told() {
        check(
            "[projects.a]\npath = '/a'\ndefault_engine = 'acne'\n[transports.other]",
            "takopi build --no-default-features",
            &[],
            &[
                "no plugin that is known here has the engine `acne` (projects.a.default_engine); did you mean `acme`?",
                "no plugin that is known here has the transport `other` ([transports.other])",
            ],
        );
        check(
            "[other]\n[plugins]\nenabled = ['takopi-engine-other', 'no name']",
            "takopi build --no-default-features --with takopi-engine-other",
            &[
                "`takopi-engine-other` in `plugins.enabled` is no plugin of this project: the line takes it for a published package",
            ],
            &["`no name` in `plugins.enabled` is no name of a package"],
        );
    }
}
