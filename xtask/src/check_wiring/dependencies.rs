//! The one direction of dependencies: `takopi-api` ← `backends/*` ← `takopi`.

use cargo_metadata::{Dependency, Package};

use super::Violation;
use crate::workspace::Workspace;

/// A plugin's part of the command line is made by the program, from what the plugin declares.
const COMMAND_LINE: &str = "clap";

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let packages = workspace.packages();
    let is_backend = |name: &str| {
        let package = packages.iter().find(|package| package.name.as_str() == name);
        package.is_some_and(|package| is_plugin(&workspace.folder_of(package)))
    };
    let is_member = |name: &str| packages.iter().any(|package| package.name.as_str() == name);
    let rule = |package: &Package, dependency: &Dependency| {
        let (from, to) = (package.name.as_str(), dependency.name.as_str());
        match from {
            // Its own tests use its feature `testing`.
            "takopi-api" if to == from => None,
            "takopi-api" => {
                is_member(to).then_some("remove it: plugins and program stand on takopi-api, not under it")
            }
            "takopi" => (is_backend(to) && !dependency.optional).then_some(
                "make it an optional dependency with a feature, or move the test that needs it to tests/",
            ),
            _ if is_backend(from) => backend_rule(to, is_backend(to)),
            _ => None,
        }
    };
    let mut violations = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            if let Some(advice) = rule(package, dependency) {
                let place = format!("{}/Cargo.toml", workspace.folder_of(package));
                violations.push(Violation::new(
                    place,
                    format!("the dependency on {}", dependency.name),
                    advice,
                ));
            }
        }
    }
    violations
}

/// Whether a folder holds a plugin, or plugins that are of use in tests only.
fn is_plugin(folder: &str) -> bool {
    folder.starts_with("backends/") || folder == "tests/ports"
}

/// What a plugin must not depend on, neither in its code nor in its tests nor in its build script.
fn backend_rule(to: &str, is_backend: bool) -> Option<&'static str> {
    match to {
        "takopi" => {
            Some("remove it: a plugin needs takopi-api alone; if that is not enough, the API is wrong")
        }
        COMMAND_LINE => Some("remove it: the command line belongs to the program"),
        _ if is_backend => Some("remove it: plugins do not know each other"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_knows_the_api_and_nobody_else_here() {
        assert_eq!(backend_rule("takopi-api", false), None);
        assert_eq!(backend_rule("serde", false), None);
        assert!(backend_rule("takopi", false).is_some());
        assert!(backend_rule("clap", false).is_some());
        assert!(backend_rule("takopi-engine-codex", true).is_some());
        assert!(is_plugin("backends/engine-codex") && is_plugin("tests/ports"));
        assert!(!is_plugin("tests") && !is_plugin("takopi"));
    }
}
