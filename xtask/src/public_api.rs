//! `cargo xtask public-api`: what plugins can use of `takopi-api`, as text, against the text that lies beside it. A change
//! of it is then seen where it is reviewed, and not by those whose plugins do not compile any more.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use public_api::{PublicApi, PublicItem};

use crate::cargo::{cargo, command};
use crate::error::Error;
use crate::workspace::Workspace;

/// The package that is guarded.
const PACKAGE: &str = "takopi-api";

/// Where its public API is written down.
const SNAPSHOT: &str = "takopi-api/public-api.txt";

/// Its own folder: what rustdoc needs to write JSON would make cargo build everything else anew as well.
const FOLDER: &str = "public-api";

pub(crate) fn write(workspace: &Workspace) -> Result<ExitCode, Error> {
    workspace.write(SNAPSHOT, &current(workspace)?)?;
    println!("wrote {SNAPSHOT}");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check(workspace: &Workspace) -> Result<ExitCode, Error> {
    let differences = differences(&workspace.read(SNAPSHOT)?, &current(workspace)?);
    if !differences.is_empty() {
        differences.iter().for_each(|line| eprintln!("{line}"));
        return Err(Error::new(format!("the public API of {PACKAGE} is not that of {SNAPSHOT}")).hint(
            "what is gone (`-`) breaks plugins that use it; if all of this is meant, run `cargo xtask public-api --write` \
             and tell it in CHANGELOG.md",
        ));
    }
    println!("ok: the public API of {PACKAGE} is that of {SNAPSHOT}");
    semver_checks(workspace)
}

/// The public API as it is now, one item a line.
fn current(workspace: &Workspace) -> Result<String, Error> {
    let api = public_api::Builder::from_rustdoc_json(rustdoc_json(workspace)?)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .map_err(|error| {
            Error::new(format!("what rustdoc wrote can not be read: {error}")).hint(
                "each Rust has a form of its own: the `public-api` of xtask/Cargo.toml fits `rust-version`",
            )
        })?;
    Ok(lines(&api))
}

/// Of a trait's implementation that it is there: what it has stands where the trait does.
fn lines(api: &PublicApi) -> String {
    let is_of_trait = |line: &str| line.starts_with("impl") && line.contains(" for ");
    let rendered: Vec<(&PublicItem, String)> = api.items().map(|item| (item, item.to_string())).collect();
    let implementations: HashSet<_> =
        rendered.iter().filter(|(_, line)| is_of_trait(line)).map(|(item, _)| item.id()).collect();
    let mut lines: Vec<String> = Vec::new();
    for (item, line) in rendered {
        let is_told = item.parent_id().is_some_and(|parent| implementations.contains(&parent));
        // The compiler's own companion of `PartialEq`.
        if !is_told && !line.contains("StructuralPartialEq") {
            lines.push(line);
        }
    }
    // An implementation that concerns two types is listed with both.
    let mut seen = HashSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines.join("\n") + "\n"
}

/// Lets rustdoc describe the package, with its tests' part. It does so on a nightly only, or if it takes itself for one.
fn rustdoc_json(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.target(FOLDER);
    let mut rustdoc = cargo(workspace);
    rustdoc.args(["rustdoc", "--quiet", "--package", PACKAGE, "--lib", "--all-features", "--target-dir"]);
    rustdoc.arg(&folder).args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    let status = rustdoc.env("RUSTC_BOOTSTRAP", "1").status();
    let status = status.map_err(|error| Error::new(format!("`cargo rustdoc` could not be run: {error}")))?;
    if !status.success() {
        return Err(Error::new(format!("`cargo rustdoc --package {PACKAGE}` ended with {status}")));
    }
    Ok(folder.join("doc").join(format!("{}.json", PACKAGE.replace('-', "_"))))
}

/// Lines that are gone, and lines that came. Both texts are sorted in the same way, so their order says nothing.
fn differences(written: &str, current: &str) -> Vec<String> {
    let without = |text: &str, other: &str, sign: char| -> Vec<String> {
        let mut other: Vec<&str> = other.lines().collect();
        let is_new = |line: &&str| match other.iter().position(|known| known == line) {
            Some(at) => {
                other.swap_remove(at);
                false
            }
            None => true,
        };
        text.lines().filter(is_new).map(|line| format!("{sign} {line}")).collect()
    };
    let mut differences = without(written, current, '-');
    differences.extend(without(current, written, '+'));
    differences
}

/// Compares with the last release as well, where there is one and somebody to do it.
fn semver_checks(workspace: &Workspace) -> Result<ExitCode, Error> {
    let is_installed = {
        let mut checks = cargo(workspace);
        checks.args(["semver-checks", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        checks.status().is_ok_and(|status| status.success())
    };
    if !is_installed {
        println!("skipped: the comparison with the last release (no cargo-semver-checks is installed)");
        return Ok(ExitCode::SUCCESS);
    }
    let Some(release) = last_release(workspace) else {
        println!("skipped: the comparison with the last release (there is no tag `v…`)");
        return Ok(ExitCode::SUCCESS);
    };
    let mut checks = cargo(workspace);
    checks.args(["semver-checks", "--package", PACKAGE, "--baseline-rev", &release]);
    let status = checks.status().map_err(|error| Error::new(format!("cargo semver-checks: {error}")))?;
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::new(format!("{PACKAGE} breaks plugins that were made for {release}"))
        .hint("mend it, or raise the version in Cargo.toml and tell it in CHANGELOG.md"))
}

/// The tag of the last release before what is checked out.
fn last_release(workspace: &Workspace) -> Option<String> {
    let mut git = command("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v*"]).current_dir(workspace.path(""));
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn what_is_gone_and_what_came_is_told() {
        assert_eq!(differences("a\nb\nb\n", "b\na\nb\n"), [""; 0]);
        assert_eq!(differences("a\nb\nb\n", "a\nb\nc\n"), ["- b", "+ c"]);
    }
}
