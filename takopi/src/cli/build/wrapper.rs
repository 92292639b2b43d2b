//! The crate of a takopi with plugins from elsewhere, as text. Names were checked before; everything else goes through
//! what writes TOML.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, table};

use super::asked::{Asked, Feature, Git, Place};

/// A file of the crate: its path in it, and its text.
pub(super) type File = (&'static str, String);

/// The file that makes the rest.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// The name of the package.
pub(super) const PACKAGE: &str = "takopi-custom";

/// What is the same for all.
const SKELETON: &str = r#"# Written by `takopi build`.
[package]
name = "takopi-custom"
version = "0.0.0"
edition = "2024"
publish = false

# `takopi build check` holds a binary against this: which of the dependencies are plugins.
[package.metadata.takopi]
plugins = []

# A workspace of its own, wherever it lies.
[workspace]

[[bin]]
name = ""
path = "src/main.rs"

[dependencies]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
debug = false

# As takopi itself is shipped.
[profile.dist]
inherits = "release"
opt-level = "s"
lto = "fat"
codegen-units = 1
strip = true
panic = "unwind"
"#;

/// What Cargo needs to build it. The binary is called as the package is: where several projects share a folder for what
/// they compile, it must not take the place of takopi's own.
pub(super) fn sources(asked: &Asked) -> Vec<File> {
    vec![(MANIFEST, manifest(asked, PACKAGE)), ("src/main.rs", main(asked))]
}

/// The same for a folder that somebody keeps.
pub(super) fn project(asked: &Asked) -> Vec<File> {
    vec![
        (MANIFEST, manifest(asked, "takopi")),
        ("src/main.rs", main(asked)),
        (".gitignore", "/target\n".to_owned()),
        ("README.md", README.to_owned()),
    ]
}

fn manifest(asked: &Asked, binary: &str) -> String {
    let mut document: DocumentMut = SKELETON.parse().expect("the skeleton is TOML, as a test shows");
    let plugins: Array = asked.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    document["package"]["metadata"]["takopi"]["plugins"] = Item::Value(plugins.into());
    document["bin"][0]["name"] = Item::Value(binary.into());
    let mut takopi = source(&asked.takopi);
    if !asked.default_features {
        takopi.insert("default-features", false.into());
    }
    if !asked.features.is_empty() {
        let features: Array = asked.features.iter().map(Feature::as_str).collect();
        takopi.insert("features", features.into());
    }
    let dependencies = &mut document["dependencies"];
    dependencies["takopi"] = Item::Value(Value::InlineTable(takopi));
    for plugin in &asked.plugins {
        // Under the name of the package, whatever it calls its library.
        let mut dependency = InlineTable::new();
        dependency.insert("package", plugin.name.as_str().into());
        dependency.extend(source(&plugin.place));
        dependencies[&plugin.name.crate_name()] = Item::Value(Value::InlineTable(dependency));
    }
    if let Some(api) = &asked.api {
        let mut registry = table();
        registry["takopi-api"] = Item::Value(Value::InlineTable(source(api)));
        let mut patch = Table::new();
        patch.set_implicit(true);
        patch.insert("crates-io", registry);
        document.insert("patch", Item::Table(patch));
        if let Some(table) = document["patch"]["crates-io"].as_table_mut() {
            table.decor_mut().set_prefix("\n# One takopi-api for all: that of this takopi.\n");
        }
    }
    document.to_string()
}

fn source(place: &Place) -> InlineTable {
    let mut table = InlineTable::new();
    match place {
        Place::Published(requirement) => {
            table.insert("version", requirement.to_string().into());
        }
        Place::Folder(path) => {
            table.insert("path", path.into());
        }
        Place::Git(Git { url, rev }) => {
            table.insert("git", url.into());
            if let Some(rev) = rev {
                table.insert("rev", rev.into());
            }
        }
    }
    table
}

fn main(asked: &Asked) -> String {
    let bundled: String = asked
        .plugins
        .iter()
        .map(|plugin| format!("        .bundle(&{}::TAKOPI_PLUGIN)\n", plugin.name.crate_name()))
        .collect();
    format!(
        "\
//! takopi with the plugins that Cargo.toml names.

fn main() -> std::process::ExitCode {{
    takopi::Host::new()
{bundled}        .run()
}}
"
    )
}

const README: &str = "\
# A takopi with plugins of your choice

Written by `takopi build new`; it is yours now.

* `cargo build --release` builds it, `target/release/takopi plugins` shows what is in it. `--profile dist` makes it small.
* `takopi build check target/release/takopi --manifest .` compares a binary with this crate: every plugin that `Cargo.toml`
  names is in it, in a version that fits, and no other.
* Another plugin is three lines: a dependency, its name in `package.metadata.takopi`, and in `src/main.rs`
  `.bundle(&its_crate::TAKOPI_PLUGIN)`.
* A plugin of takopi's own is a feature of the dependency `takopi`.
* Commit `Cargo.lock`: the next build has the same versions then. `cargo update` takes newer ones.
* Without a network: `cargo vendor` copies every source beside it and prints the lines for `.cargo/config.toml`; then
  `cargo build --release --frozen`.
";

#[cfg(test)]
mod tests {
    use semver::VersionReq;

    use super::super::asked::Plugin;
    use super::*;

    fn asked() -> Asked {
        let plugin = |name: &str, place| Plugin { name: name.parse().unwrap(), place };
        let git = |rev: Option<&str>| {
            Place::Git(Git { url: "https://e.org/x\"y".to_owned(), rev: rev.map(str::to_owned) })
        };
        Asked {
            takopi: Place::Published("=0.1.0".parse().unwrap()),
            api: None,
            features: vec!["engine-acme".parse().unwrap()],
            default_features: false,
            plugins: vec![
                plugin("from-git", git(Some("v1"))),
                plugin("mine", Place::Folder("/a \"b\"\n[x]".to_owned())),
                plugin("takopi-engine-zed", Place::Published(VersionReq::parse("1.2").unwrap())),
            ],
        }
    }

    fn read(manifest: &str) -> toml::Table {
        toml::from_str(manifest).unwrap_or_else(|error| panic!("{error}\n{manifest}"))
    }

    #[test]
    fn the_manifest_says_what_was_asked_whatever_stands_in_it() {
        let text = manifest(&asked(), "takopi");
        let table = read(&text);
        let expected = read(
            r#"
            takopi = { version = "=0.1.0", default-features = false, features = ["engine-acme"] }
            from_git = { package = "from-git", git = "https://e.org/x\"y", rev = "v1" }
            mine = { package = "mine", path = "/a \"b\"\n[x]" }
            takopi_engine_zed = { package = "takopi-engine-zed", version = "^1.2" }
            "#,
        );
        assert_eq!(table["dependencies"].as_table(), Some(&expected), "{text}");
        let plugins = &table["package"]["metadata"]["takopi"]["plugins"];
        assert_eq!(plugins, &toml::Value::try_from(["from-git", "mine", "takopi-engine-zed"]).unwrap());
        assert_eq!(table["bin"][0]["name"].as_str(), Some("takopi"));
        assert!(!table.contains_key("patch") && table.contains_key("workspace"));
    }

    #[test]
    fn a_takopi_from_a_folder_gives_its_api_to_all() {
        let folder = |path: &str| Place::Folder(path.to_owned());
        let asked = Asked { takopi: folder("/t/takopi"), api: Some(folder("/t/takopi-api")), ..asked() };
        let text = manifest(&asked, "takopi");
        let table = read(&text);
        assert_eq!(table["patch"]["crates-io"]["takopi-api"]["path"].as_str(), Some("/t/takopi-api"));
        assert_eq!(table["dependencies"]["takopi"]["path"].as_str(), Some("/t/takopi"));
        assert!(
            text.contains("\n\n# One takopi-api for all: that of this takopi.\n[patch.crates-io]\n"),
            "{text}"
        );
    }

    #[test]
    fn main_bundles_each_plugin() {
        let text = main(&asked());
        assert!(
            text.contains("        .bundle(&takopi_engine_zed::TAKOPI_PLUGIN)\n        .run()\n"),
            "{text}"
        );
        let none = main(&Asked { plugins: Vec::new(), ..asked() });
        assert!(none.contains("    takopi::Host::new()\n        .run()\n"), "{none}");
    }

    #[test]
    fn profiles_are_those_of_takopi() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let own = read(&std::fs::read_to_string(path).unwrap());
        let written = read(SKELETON);
        for profile in ["dev", "dist"] {
            assert_eq!(written["profile"][profile], own["profile"][profile], "{profile}");
        }
        assert_eq!(written["package"]["name"].as_str(), Some(PACKAGE));
        assert_eq!(written["package"]["edition"], own["workspace"]["package"]["edition"]);
    }
}
