//! Each folder under `backends/` is a plugin, named in each of the places where plugins are named, and no place names
//! one that is not there.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Package};
use toml_edit::Item;

use super::Violation;
use crate::error::Error;
use crate::plugin::{PluginName, feature_of_package, is_plugin_feature};
use crate::workspace::{Plugin, Workspace};
use crate::{bundled, docs, manifest};

/// What each plugin's folder has, so that whoever knows one knows all. A name with `/` at its end is a folder.
const SHAPE: &[&str] = &["README.md", "sample.toml", "src/lib.rs", "src/backend.rs", "tests/"];

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Violation>, Error> {
    let (folders, mut violations) = folders(workspace)?;
    let plugins = workspace.plugins();
    for plugin in plugins.values() {
        violations.extend(package(plugin));
        violations.extend(shape(workspace, &plugin.name));
    }
    violations.extend(workspace_dependencies(workspace, &folders)?);
    violations.extend(features(workspace.program()?, &folders));
    violations.extend(features_of_tests(workspace, &folders)?);
    violations.extend(bundled_rows(workspace, &folders)?);
    violations.extend(docs_rows(workspace, &folders)?);
    Ok(violations)
}

type Features = BTreeSet<String>;

/// The plugins that there must be: one a folder.
fn folders(workspace: &Workspace) -> Result<(Features, Vec<Violation>), Error> {
    let (good, bad): (Vec<_>, Vec<_>) =
        workspace.backend_folders()?.into_iter().partition(|folder| PluginName::of_feature(folder).is_some());
    let advice = "call it <kind>-<id>: the kind is engine, transport, command or hook, the id of the characters a-z, 0-9 and _";
    let violation =
        |folder: String| Violation::new(format!("backends/{folder}"), "the name is no plugin's", advice);
    Ok((good.into_iter().collect(), bad.into_iter().map(violation).collect()))
}

fn package(plugin: &Plugin<'_>) -> Option<Violation> {
    let (found, expected) = (plugin.package.name.as_str(), plugin.name.package());
    let place = format!("{}/Cargo.toml", plugin.name.folder());
    if found != expected {
        return Some(Violation::new(
            place,
            format!("the package is called `{found}`"),
            format!("call it `{expected}`"),
        ));
    }
    let advice = "add one: it is the plugin's line in `takopi plugins` and in the docs";
    plugin.summary().is_empty().then(|| Violation::new(place, "the package has no description", advice))
}

fn shape(workspace: &Workspace, plugin: &PluginName) -> Vec<Violation> {
    let is_there = |part: &str| {
        let path = workspace.path(&format!("{}/{part}", plugin.folder()));
        if part.ends_with('/') { path.is_dir() } else { path.is_file() }
    };
    let missing = SHAPE.iter().filter(|part| !is_there(part));
    let advice = "add it: every plugin's folder has the same shape";
    missing.map(|part| Violation::new(plugin.folder(), format!("{part} is missing"), advice)).collect()
}

/// One of the places where plugins are named.
struct Place {
    file: &'static str,
    /// What names a plugin there.
    what: &'static str,
    /// How a plugin is named there.
    entry: fn(&PluginName) -> String,
}

impl Place {
    /// The entries that are missing, and those that are too many.
    fn compare(&self, found: &Features, folders: &Features) -> Vec<Violation> {
        let missing =
            folders.difference(found).filter_map(|feature| PluginName::of_feature(feature)).map(|plugin| {
                let problem = format!("{} of the plugin {} is missing", self.what, plugin.feature());
                Violation::new(self.file, problem, format!("add `{}`", (self.entry)(&plugin)))
            });
        let extra = found.difference(folders).map(|feature| {
            let problem = format!("{} of a plugin {feature}, which has no folder", self.what);
            Violation::new(self.file, problem, format!("remove it, or make backends/{feature}"))
        });
        missing.chain(extra).collect()
    }
}

fn workspace_dependencies(workspace: &Workspace, folders: &Features) -> Result<Vec<Violation>, Error> {
    let place = Place {
        file: manifest::ROOT,
        what: "the workspace dependency",
        entry: |plugin| {
            format!("{} = {{ path = \"{}\", version = \"…\" }}", plugin.package(), plugin.folder())
        },
    };
    let root = manifest::read(workspace, place.file)?;
    let dependencies = manifest::table(&root, &["workspace", "dependencies"]);
    let found: Vec<(&str, &Item)> = dependencies
        .into_iter()
        .flat_map(|table| table.iter())
        .filter_map(|(package, dependency)| Some((feature_of_package(package)?, dependency)))
        .collect();
    let mut violations =
        place.compare(&found.iter().map(|(feature, _)| (*feature).to_owned()).collect(), folders);
    for (feature, dependency) in found.into_iter().filter(|(feature, _)| folders.contains(*feature)) {
        let expected = format!("backends/{feature}");
        if dependency.get("path").and_then(Item::as_str) != Some(&expected) {
            let problem = format!("the workspace dependency takopi-{feature} has another path");
            violations.push(Violation::new(place.file, problem, format!("write `path = \"{expected}\"`")));
        }
    }
    Ok(violations)
}

/// The optional dependencies of the program, and the features that switch them on.
fn features(program: &Package, folders: &Features) -> Vec<Violation> {
    let dependencies = Place {
        file: manifest::PROGRAM,
        what: "the optional dependency",
        entry: |plugin| format!("{} = {{ workspace = true, optional = true }}", plugin.package()),
    };
    let normal = program.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    let found =
        normal.filter_map(|dependency| feature_of_package(&dependency.name)).map(str::to_owned).collect();
    let mut violations = dependencies.compare(&found, folders);

    let line = |plugin: &PluginName| format!("{} = [\"dep:{}\"]", plugin.feature(), plugin.package());
    let features = Place { file: manifest::PROGRAM, what: "the feature", entry: line };
    let found = program.features.keys().filter(|feature| is_plugin_feature(feature)).cloned().collect();
    violations.extend(features.compare(&found, folders));
    for plugin in found.intersection(folders).filter_map(|feature| PluginName::of_feature(feature)) {
        if program.features[&plugin.feature()] != [format!("dep:{}", plugin.package())] {
            let problem = format!("the feature {} does not stand for its dependency alone", plugin.feature());
            violations.push(Violation::new(features.file, problem, format!("write `{}`", line(&plugin))));
        }
    }
    violations
}

fn features_of_tests(workspace: &Workspace, folders: &Features) -> Result<Vec<Violation>, Error> {
    let place = Place {
        file: manifest::TESTS,
        what: "the feature of the dependency `takopi`",
        entry: |plugin| format!("\"{}\"", plugin.feature()),
    };
    let found = manifest::features_of_tests(&manifest::read(workspace, place.file)?);
    Ok(place.compare(&found.into_iter().collect(), folders))
}

fn bundled_rows(workspace: &Workspace, folders: &Features) -> Result<Vec<Violation>, Error> {
    let row = |plugin: &PluginName| format!("\"{}\" => {},", plugin.feature(), plugin.krate());
    let place = Place { file: bundled::FILE, what: "the row in `bundled!`", entry: row };
    let table = bundled::parse(&workspace.read(place.file)?)
        .map_err(|error| Error::new(format!("{} {error}", place.file)))?;
    let found = table.rows.iter().map(|row| row.feature.clone()).collect();
    let mut violations = place.compare(&found, folders);
    violations.extend(repeated(&place, table.rows.iter().map(|row| row.feature.as_str())));
    for (entry, plugin) in
        table.rows.iter().filter_map(|row| Some((row, PluginName::of_feature(&row.feature)?)))
    {
        if entry.krate != plugin.krate() {
            let problem = format!("the row of {} names the crate {}", entry.feature, entry.krate);
            violations.push(Violation::new(place.file, problem, format!("write `{}`", row(&plugin))));
        }
    }
    Ok(violations)
}

fn docs_rows(workspace: &Workspace, folders: &Features) -> Result<Vec<Violation>, Error> {
    let place = Place { file: docs::PLUGINS, what: "the row", entry: PluginName::feature };
    let page = workspace.read(place.file)?;
    let found = docs::features(&page).map_err(|error| Error::new(format!("{} {error}", place.file)))?;
    let mut violations = place.compare(&found.iter().cloned().collect(), folders);
    violations.extend(repeated(&place, found.iter().map(String::as_str)));
    let defaults = docs::default_features(workspace)?;
    for (feature, plugin) in workspace.plugins() {
        let row = docs::row(&plugin, defaults.contains(&feature));
        if found.contains(&feature) && !page.lines().any(|line| line == row) {
            let problem = format!("the row of {feature} is out of date");
            violations.push(Violation::new(place.file, problem, ""));
        }
    }
    // There is nothing to write by hand in a generated table.
    violations.iter_mut().for_each(|violation| violation.advice = "run `cargo xtask docs`".to_owned());
    Ok(violations)
}

fn repeated<'a>(place: &Place, features: impl Iterator<Item = &'a str>) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    let again = features.filter(|feature| !seen.insert(*feature)).collect::<Vec<_>>();
    let violation = |feature| {
        Violation::new(place.file, format!("{} of {feature} stands there twice", place.what), "remove one")
    };
    again.into_iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { file: "file", what: "the row", entry: PluginName::krate };

    fn set(features: &[&str]) -> Features {
        features.iter().map(|&feature| feature.to_owned()).collect()
    }

    #[test]
    fn both_directions_are_compared() {
        let check = |found: &[&str], folders: &[&str], expected: &[&str]| {
            let violations = PLACE.compare(&set(found), &set(folders));
            assert_eq!(violations.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        };
        check(&["engine-a"], &["engine-a"], &[]);
        check(
            &[],
            &["engine-a"],
            &["file: the row of the plugin engine-a is missing: add `takopi_engine_a`"],
        );
        check(
            &["engine-a", "engine-B"],
            &["engine-a"],
            &[
                "file: the row of a plugin engine-B, which has no folder: remove it, or make backends/engine-B",
            ],
        );
    }

    #[test]
    fn a_repeated_entry_is_told_once() {
        let found = repeated(&PLACE, ["engine-a", "engine-b", "engine-a"].into_iter());
        assert_eq!(found, [Violation::new("file", "the row of engine-a stands there twice", "remove one")]);
    }
}
