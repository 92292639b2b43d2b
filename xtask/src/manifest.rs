//! Manifests: what they say, and additions that leave comments and order as they are.

use std::cmp::Ordering;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::error::Error;
use crate::plugin::{PluginName, feature_of_package, is_plugin_feature};
use crate::workspace::Workspace;

/// The manifest of the workspace.
pub(crate) const ROOT: &str = "Cargo.toml";

/// The manifest of the program.
pub(crate) const PROGRAM: &str = "takopi/Cargo.toml";

/// The manifest of the end-to-end tests, whose program has every plugin.
pub(crate) const TESTS: &str = "tests/Cargo.toml";

/// Reads a manifest, by its path from the root.
pub(crate) fn read(workspace: &Workspace, file: &str) -> Result<DocumentMut, Error> {
    workspace.read(file)?.parse().map_err(|error| Error::at(&workspace.path(file), error))
}

/// A table of a manifest, by its path.
pub(crate) fn table<'a>(manifest: &'a DocumentMut, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(manifest.as_table(), |table, key| table.get(key)?.as_table())
}

/// Adds the plugin to `[workspace.dependencies]`.
pub(crate) fn add_to_workspace(manifest: &mut DocumentMut, plugin: &PluginName) -> Result<(), String> {
    let version = table(manifest, &["workspace", "package"]).and_then(|package| package.get("version"));
    let version = version.and_then(Item::as_str).ok_or("has no `version` in [workspace.package]")?.to_owned();
    let mut dependency = InlineTable::new();
    dependency.insert("path", plugin.folder().into());
    dependency.insert("version", version.into());
    let dependencies = table_mut(manifest, &["workspace", "dependencies"])?;
    insert(dependencies, &plugin.package(), dependency.into(), |key| feature_of_package(key).is_some());
    Ok(())
}

/// Adds the plugin's optional dependency and its feature to the manifest of the program.
pub(crate) fn add_to_program(manifest: &mut DocumentMut, plugin: &PluginName) -> Result<(), String> {
    let mut dependency = InlineTable::new();
    dependency.insert("workspace", true.into());
    dependency.insert("optional", true.into());
    let dependencies = table_mut(manifest, &["dependencies"])?;
    insert(dependencies, &plugin.package(), dependency.into(), |key| feature_of_package(key).is_some());
    let feature = Array::from_iter([format!("dep:{}", plugin.package())]);
    insert(table_mut(manifest, &["features"])?, &plugin.feature(), feature.into(), is_plugin_feature);
    Ok(())
}

/// Adds the plugin's feature to the program of the end-to-end tests.
pub(crate) fn add_to_tests(manifest: &mut DocumentMut, plugin: &PluginName) -> Result<(), String> {
    let dependencies = table_mut(manifest, &["dependencies"])?;
    let features = dependencies
        .get_mut("takopi")
        .and_then(|takopi| takopi.get_mut("features"))
        .and_then(Item::as_array_mut)
        .ok_or("has no list of features in its dependency `takopi`")?;
    let mut names: Vec<String> = features.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    names.push(plugin.feature());
    names.sort();
    *features = Array::from_iter(names);
    Ok(())
}

/// The features that the program of the end-to-end tests has.
pub(crate) fn features_of_tests(manifest: &DocumentMut) -> Vec<String> {
    let features = table(manifest, &["dependencies"])
        .and_then(|dependencies| dependencies.get("takopi")?.get("features")?.as_array());
    features.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn table_mut<'a>(manifest: &'a mut DocumentMut, path: &[&str]) -> Result<&'a mut Table, String> {
    path.iter()
        .try_fold(manifest.as_table_mut(), |table, key| table.get_mut(key)?.as_table_mut())
        .ok_or_else(|| format!("has no table [{}]", path.join(".")))
}

/// Puts a value among the keys of its group, in their alphabetical order; after all keys if there is no group yet.
fn insert(table: &mut Table, key: &str, value: Value, is_in_group: fn(&str) -> bool) {
    let mut order: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let group: Vec<usize> = (0..order.len()).filter(|&at| is_in_group(&order[at])).collect();
    let after = group.iter().copied().find(|&at| *order[at] > *key);
    let at = after.or_else(|| group.last().map(|last| last + 1)).unwrap_or(order.len());
    table.insert(key, Item::Value(value));
    if after.is_some() && after == group.first().copied() {
        take_heading(table, key, &order[at]);
    }
    order.insert(at, key.to_owned());
    let position = |key: &str| order.iter().position(|known| known == key);
    table.sort_values_by(|a, _, b, _| match (position(a), position(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        // Keys of a dotted key's own table.
        _ => Ordering::Equal,
    });
}

/// The blank line and the comment above the first key of a group are about the group: they stay at its top.
fn take_heading(table: &mut Table, key: &str, from: &str) {
    let Some(mut first) = table.key_mut(from) else { return };
    let heading = first.leaf_decor().prefix().cloned();
    first.leaf_decor_mut().set_prefix("");
    if let (Some(mut key), Some(heading)) = (table.key_mut(key), heading) {
        key.leaf_decor_mut().set_prefix(heading);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Kind;

    const ROOT: &str = "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\n\
        takopi-api = { path = \"takopi-api\" }\ntakopi-engine-b = { path = \"b\" }\n\n# others\nasync-trait = \"1\"\n";

    const PROGRAM: &str = "[features]\ndefault = []\n# One feature a plugin.\nengine-b = [\"dep:takopi-engine-b\"]\n\n\
        [dependencies]\nclap.workspace = true\n\n# plugins\ntakopi-engine-b = { workspace = true, optional = true }\n\n[lints]\n";

    fn plugin(kind: Kind, id: &str) -> PluginName {
        PluginName::new(kind, id).unwrap()
    }

    #[test]
    fn a_plugin_stands_among_the_plugins() {
        let mut manifest: DocumentMut = ROOT.parse().unwrap();
        add_to_workspace(&mut manifest, &plugin(Kind::Engine, "c")).unwrap();
        let line = "takopi-engine-c = { path = \"backends/engine-c\", version = \"0.1.0\" }\n";
        let expected = ROOT.replace("\n\n# others", &format!("\n{line}\n# others"));
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn a_comment_above_the_first_plugin_stays_above_the_first() {
        let mut manifest: DocumentMut = PROGRAM.parse().unwrap();
        add_to_program(&mut manifest, &plugin(Kind::Command, "a")).unwrap();
        let expected =
            PROGRAM.replace("engine-b = [", "command-a = [\"dep:takopi-command-a\"]\nengine-b = [").replace(
                "takopi-engine-b = {",
                "takopi-command-a = { workspace = true, optional = true }\ntakopi-engine-b = {",
            );
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn the_tests_have_every_plugin() {
        let mut manifest: DocumentMut =
            "[dependencies]\ntakopi = { path = \"../takopi\", features = [\"engine-b\"] }\n".parse().unwrap();
        add_to_tests(&mut manifest, &plugin(Kind::Engine, "a")).unwrap();
        assert_eq!(features_of_tests(&manifest), ["engine-a", "engine-b"]);
        let mut manifest: DocumentMut = "[dependencies]\n".parse().unwrap();
        assert!(add_to_tests(&mut manifest, &plugin(Kind::Engine, "a")).is_err());
    }

    #[test]
    fn a_manifest_without_the_table_is_told() {
        let mut manifest: DocumentMut = "[package]\n".parse().unwrap();
        let error = add_to_program(&mut manifest, &plugin(Kind::Engine, "a")).unwrap_err();
        assert_eq!(error, "has no table [dependencies]");
    }
}
