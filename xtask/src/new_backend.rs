//! `cargo xtask new-backend`: makes the crate of a new plugin, which compiles and passes its tests, and wires it in.
//!
//! Every edit is worked out before anything is written, so that what can not be done leaves nothing half done.

use std::process::ExitCode;

use crate::cargo::cargo;
use crate::error::Error;
use crate::plugin::{Kind, PluginName};
use crate::workspace::Workspace;
use crate::{bundled, docs, manifest};

/// A file of a new crate. In its text `{{id}}` stands for the plugin's id, `{{ID}}` for the same in capitals.
struct Template {
    path: &'static str,
    text: &'static str,
}

macro_rules! templates {
    ($kind:literal: $($path:literal),+ $(,)?) => {
        &[$(Template { path: $path, text: include_str!(concat!("../templates/", $kind, "/", $path, ".template")) }),+]
    };
}

const ENGINE: &[Template] = templates!("engine":
    "Cargo.toml",
    "README.md",
    "sample.toml",
    "src/lib.rs",
    "src/backend.rs",
    "src/args.rs",
    "src/event.rs",
    "src/translate.rs",
    "tests/contract.rs",
);

const TRANSPORT: &[Template] = templates!("transport":
    "Cargo.toml",
    "README.md",
    "sample.toml",
    "src/lib.rs",
    "src/backend.rs",
    "tests/registration.rs",
);

const COMMAND: &[Template] = templates!("command":
    "Cargo.toml",
    "README.md",
    "sample.toml",
    "src/lib.rs",
    "src/backend.rs",
    "tests/registration.rs",
);

const HOOK: &[Template] = templates!("hook":
    "Cargo.toml",
    "README.md",
    "sample.toml",
    "src/lib.rs",
    "src/backend.rs",
    "tests/registration.rs",
);

pub(crate) fn run(workspace: &Workspace, kind: Kind, id: &str) -> Result<ExitCode, Error> {
    let plugin = PluginName::new(kind, id)?;
    let folder = workspace.path(&plugin.folder());
    if folder.exists() {
        return Err(Error::new(format!("there is a folder {} already", plugin.folder()))
            .hint("choose another id, or remove the folder"));
    }
    let mut files = wired(workspace, &plugin)?;
    files.extend(
        templates(kind)
            .iter()
            .map(|template| (format!("{}/{}", plugin.folder(), template.path), fill(template.text, &plugin))),
    );
    for (file, text) in files {
        workspace.write(&file, &text)?;
        println!("wrote {file}");
    }
    format(workspace, &plugin);
    // The row in the docs is made from the new manifest, so the workspace is read again.
    docs::write(&Workspace::open()?)?;
    println!("next: cargo test --package {}", plugin.package());
    println!("      cargo run --package takopi --features {} -- plugins --load", plugin.feature());
    println!("      then read {}/README.md", plugin.folder());
    Ok(ExitCode::SUCCESS)
}

/// The files that name every plugin, with the new one.
fn wired(workspace: &Workspace, plugin: &PluginName) -> Result<Vec<(String, String)>, Error> {
    let told = |file: &str, problem: String| Error::new(format!("{file} {problem}"));
    let mut root = manifest::read(workspace, manifest::ROOT)?;
    manifest::add_to_workspace(&mut root, plugin).map_err(|problem| told(manifest::ROOT, problem))?;
    let mut program = manifest::read(workspace, manifest::PROGRAM)?;
    manifest::add_to_program(&mut program, plugin).map_err(|problem| told(manifest::PROGRAM, problem))?;
    let mut tests = manifest::read(workspace, manifest::TESTS)?;
    manifest::add_to_tests(&mut tests, plugin).map_err(|problem| told(manifest::TESTS, problem))?;
    let table = bundled::with_row(&workspace.read(bundled::FILE)?, plugin)
        .map_err(|problem| told(bundled::FILE, problem))?;
    Ok(vec![
        (manifest::ROOT.to_owned(), root.to_string()),
        (manifest::PROGRAM.to_owned(), program.to_string()),
        (manifest::TESTS.to_owned(), tests.to_string()),
        (bundled::FILE.to_owned(), table),
    ])
}

const fn templates(kind: Kind) -> &'static [Template] {
    match kind {
        Kind::Engine => ENGINE,
        Kind::Transport => TRANSPORT,
        Kind::Command => COMMAND,
        Kind::Hook => HOOK,
    }
}

fn fill(template: &str, plugin: &PluginName) -> String {
    template.replace("{{id}}", &plugin.id).replace("{{ID}}", &plugin.id.to_uppercase())
}

/// Where lines break depends on how long the id is.
fn format(workspace: &Workspace, plugin: &PluginName) {
    let formatted = cargo(workspace).args(["fmt", "--package", &plugin.package()]).status();
    if !formatted.is_ok_and(|status| status.success()) {
        eprintln!("warning: `cargo fmt` did not work; run it on the new crate yourself");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        for kind in Kind::ALL {
            let plugin = PluginName::new(kind, "zebra").unwrap();
            for template in templates(kind) {
                let text = fill(template.text, &plugin);
                assert!(!text.to_lowercase().contains("{{id"), "{kind} {}", template.path);
            }
        }
    }

    #[test]
    fn every_kind_has_the_shape_of_a_plugin() {
        for kind in Kind::ALL {
            let paths: Vec<_> = templates(kind).iter().map(|template| template.path).collect();
            for part in ["Cargo.toml", "README.md", "sample.toml", "src/lib.rs", "src/backend.rs"] {
                assert!(paths.contains(&part), "{kind} has no {part}");
            }
            assert!(paths.iter().any(|path| path.starts_with("tests/")), "{kind} has no tests");
        }
    }
}
