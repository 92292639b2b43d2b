//! The manifests agree: with the workspace in what it decides for all, and with the toolchain in use.

use cargo_metadata::Package;
use toml_edit::{DocumentMut, Item};

use super::Violation;
use crate::cargo::command;
use crate::error::Error;
use crate::manifest;
use crate::workspace::Workspace;

/// Packages that are of use here only.
const UNPUBLISHED: &[&str] = &["xtask", "tests", "tests/ports"];

pub(super) fn check(workspace: &Workspace) -> Result<Vec<Violation>, Error> {
    let root = manifest::read(workspace, manifest::ROOT)?;
    let mut violations: Vec<Violation> = rust_version(&root, &rustc_version()?).into_iter().collect();
    for package in workspace.packages() {
        let folder = workspace.folder_of(package);
        let file = format!("{folder}/Cargo.toml");
        let own = manifest::read(workspace, &file)?;
        violations.extend(not_inherited(&root, &own).into_iter().map(|key| {
            let advice = format!("write `{key}.workspace = true`: the workspace decides it for all packages");
            Violation::new(&file, format!("`{key}` is not the workspace's"), advice)
        }));
        if UNPUBLISHED.contains(&folder.as_str()) && !is_unpublished(&own) {
            let advice = "write `publish = false`: it is of use here only";
            violations.push(Violation::new(&file, "the package can be published", advice));
        }
        if !is_unpublished(&own) {
            violations.extend(unsaid(package).map(|(what, advice)| {
                Violation::new(&file, format!("the package is published without {what}"), advice)
            }));
        }
    }
    Ok(violations)
}

/// `rust-version` names the toolchain that is really tested.
fn rust_version(root: &DocumentMut, rustc: &str) -> Option<Violation> {
    let package = manifest::table(root, &["workspace", "package"]);
    let written = package.and_then(|package| package.get("rust-version")).and_then(Item::as_str);
    (written != Some(rustc)).then(|| {
        let problem = format!("rust-version is {}, and rustc is {rustc}", written.unwrap_or("not there"));
        let advice = format!("write `rust-version = \"{rustc}\"`, or use that toolchain");
        Violation::new(manifest::ROOT, problem, advice)
    })
}

fn rustc_version() -> Result<String, Error> {
    let output = command("rustc")
        .arg("--version")
        .output()
        .map_err(|error| Error::new(format!("`rustc --version` could not be run: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    major_minor(&said).ok_or_else(|| Error::new(format!("`rustc --version` says no version: {said}")))
}

/// `1.95` of `rustc 1.95.0 (…)`.
fn major_minor(said: &str) -> Option<String> {
    let mut numbers = said.strip_prefix("rustc ")?.split('.');
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
}

/// The keys that the workspace decides and the package does not take from it.
fn not_inherited(root: &DocumentMut, own: &DocumentMut) -> Vec<String> {
    let inherits = |item: Option<&Item>| {
        item.and_then(|item| item.get("workspace")).and_then(Item::as_bool).unwrap_or_default()
    };
    let package = manifest::table(own, &["package"]);
    let decided = manifest::table(root, &["workspace", "package"]).into_iter().flat_map(|table| table.iter());
    let mut missing: Vec<String> = decided
        .map(|(key, _)| key)
        .filter(|key| !inherits(package.and_then(|package| package.get(key))))
        .map(str::to_owned)
        .collect();
    if manifest::table(root, &["workspace", "lints"]).is_some() && !inherits(own.get("lints")) {
        missing.push("lints".to_owned());
    }
    missing
}

/// What strangers would look for in vain.
fn unsaid(package: &Package) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_there = [package.description.is_some(), package.readme.is_some()];
    let wanted = [
        ("a description", "write `description = …`: lists show it"),
        ("a README", "write a README.md beside it: it is the first thing that people see"),
    ];
    is_there.into_iter().zip(wanted).filter_map(|(is_there, wanted)| (!is_there).then_some(wanted))
}

fn is_unpublished(own: &DocumentMut) -> bool {
    let publish = manifest::table(own, &["package"]).and_then(|package| package.get("publish"));
    publish.and_then(Item::as_bool) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str =
        "[workspace.package]\nversion = \"1.0.0\"\nrust-version = \"1.95\"\n[workspace.lints.rust]\n";

    fn manifest(text: &str) -> DocumentMut {
        text.parse().unwrap()
    }

    #[test]
    fn a_package_takes_from_the_workspace_what_that_decides() {
        let check = |own: &str, expected: &[&str]| {
            assert_eq!(not_inherited(&manifest(ROOT), &manifest(own)), expected, "{own}");
        };
        let package = "[package]\nversion.workspace = true\nrust-version = { workspace = true }\n";
        check(&format!("{package}[lints]\nworkspace = true\n"), &[]);
        check(package, &["lints"]);
        check("[package]\nversion = \"1.0.0\"\n", &["version", "rust-version", "lints"]);
    }

    #[test]
    fn only_major_and_minor_of_the_toolchain_count() {
        assert_eq!(major_minor("rustc 1.95.0 (59807616e 2026-04-14)").as_deref(), Some("1.95"));
        assert_eq!(major_minor("rustc 1.97.0-beta.2 (x)").as_deref(), Some("1.97"));
        assert_eq!(major_minor("gcc 14"), None);
        assert_eq!(rust_version(&manifest(ROOT), "1.95"), None);
        assert!(rust_version(&manifest(ROOT), "1.96").is_some());
    }

    #[test]
    fn publish_false_is_seen() {
        assert!(is_unpublished(&manifest("[package]\npublish = false\n")));
        assert!(!is_unpublished(&manifest("[package]\nname = \"a\"\n")));
    }
}
