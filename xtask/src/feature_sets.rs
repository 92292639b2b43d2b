//! `cargo xtask feature-sets`: builds the program with all of the plugins, and unoptimized with none, and asks each build
//! what it has. A plugin whose rows the linker drops shows up here, in the profile in which it does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output};

use serde_json::Value;

use crate::cargo::{Profile, build_program, with_empty_home};
use crate::error::Error;
use crate::plugin::{Kind, PluginName, feature_of_package};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, profiles: &[Profile]) -> Result<ExitCode, Error> {
    let plugins: Vec<PluginName> = workspace.plugins().into_values().map(|plugin| plugin.name).collect();
    let home = tempfile::tempdir().map_err(|error| Error::new(format!("no temporary folder: {error}")))?;
    for &profile in profiles {
        for set in sets(&plugins, profile) {
            let features: Vec<String> = set.chosen.iter().map(|plugin| plugin.feature()).collect();
            let args = ["--no-default-features", "--features", &features.join(",")];
            let program = build_program(workspace, profile, &args)?;
            let build =
                Build { program, home: home.path(), name: format!("{profile} {}", set.name), set: &set };
            build.check()?;
            println!("ok {}", build.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Some of the plugins, and the others.
struct FeatureSet<'a> {
    name: String,
    chosen: Vec<&'a PluginName>,
    others: Vec<&'a PluginName>,
}

impl<'a> FeatureSet<'a> {
    fn new(
        name: impl Into<String>,
        plugins: &'a [PluginName],
        is_chosen: impl Fn(&PluginName) -> bool,
    ) -> Self {
        let (chosen, others) = plugins.iter().partition(|&plugin| is_chosen(plugin));
        Self { name: name.into(), chosen, others }
    }
}

fn sets(plugins: &[PluginName], profile: Profile) -> Vec<FeatureSet<'_>> {
    let all = FeatureSet::new("all", plugins, |_| true);
    // What an optimizing linker drops is missing among all of them, and its builds take long.
    if profile == Profile::Dev { vec![FeatureSet::new("none", plugins, |_| false), all] } else { vec![all] }
}

/// A built program, and what must be true of it.
struct Build<'a> {
    program: PathBuf,
    home: &'a Path,
    name: String,
    set: &'a FeatureSet<'a>,
}

impl Build<'_> {
    fn check(&self) -> Result<(), Error> {
        self.expect_exit(0, &["plugins", "--check"])?;
        let listing = self.expect_exit(0, &["plugins", "--json"])?;
        let listing: Value = serde_json::from_slice(&listing.stdout)
            .map_err(|error| self.wrong("plugins --json", &format!("JSON, but: {error}"), &listing))?;
        self.expect_ids(&self.set.chosen, &ids_compiled_in(&listing), "compiled in")?;
        self.expect_ids(&self.set.others, &ids_not_compiled_in(&listing), "under `not_compiled_in`")?;
        self.expect_exit(0, &["plugins", "--load"])?;
        for engine in self.set.others.iter().filter(|plugin| plugin.kind == Kind::Engine) {
            self.check_missing(engine)?;
        }
        Ok(())
    }

    /// Whoever asks for an engine that is not compiled in is told which feature to add.
    fn check_missing(&self, engine: &PluginName) -> Result<(), Error> {
        let args = ["run", "--engine", &engine.id, "x"];
        let output = self.expect_exit(2, &args)?;
        let advice = format!("rebuild with --features {}", engine.feature());
        if String::from_utf8_lossy(&output.stderr).contains(&advice) {
            return Ok(());
        }
        Err(self.wrong(&args.join(" "), &format!("`{advice}` on standard error"), &output))
    }

    fn expect_ids(
        &self,
        expected: &[&PluginName],
        found: &BTreeSet<String>,
        place: &str,
    ) -> Result<(), Error> {
        let expected: BTreeSet<String> = expected.iter().map(|plugin| plugin.feature()).collect();
        if expected == *found {
            return Ok(());
        }
        let name = &self.name;
        Err(Error::new(format!("{name}: expected {expected:?} {place}, found {found:?}"))
            .hint("`cargo xtask check-wiring` compares the places where a plugin is named"))
    }

    fn expect_exit(&self, code: i32, args: &[&str]) -> Result<Output, Error> {
        let output = with_empty_home(&self.program, self.home)
            .args(args)
            .output()
            .map_err(|error| Error::at(&self.program, error))?;
        if output.status.code() == Some(code) {
            return Ok(output);
        }
        Err(self.wrong(&args.join(" "), &format!("exit code {code}"), &output))
    }

    fn wrong(&self, args: &str, expected: &str, output: &Output) -> Error {
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Error::new(format!(
            "{}: expected of `takopi {args}`: {expected}\nit ended with {}\n{stdout}{stderr}",
            self.name, output.status
        ))
    }
}

fn ids_compiled_in(listing: &Value) -> BTreeSet<String> {
    let groups = listing["groups"].as_array().into_iter().flatten();
    let rows: Vec<&Value> =
        groups.flat_map(|group| group["backends"].as_array().into_iter().flatten()).collect();
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| feature(row)).collect();
    // A plugin may have further rows besides the one that is named as it is.
    let is_further = |row: &Value| {
        let of = row["distribution"].as_str().and_then(feature_of_package);
        of.is_some_and(|of| feature(row).is_some_and(|own| own != of) && ids.contains(of))
    };
    rows.into_iter().filter(|row| !is_further(row)).filter_map(feature).collect()
}

fn ids_not_compiled_in(listing: &Value) -> BTreeSet<String> {
    listing["not_compiled_in"].as_array().into_iter().flatten().filter_map(feature).collect()
}

/// Rows of both lists name the kind and the id; together these are the feature.
fn feature(row: &Value) -> Option<String> {
    Some(format!("{}-{}", row["kind"].as_str()?, row["id"].as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_all() {
        let plugins =
            [PluginName::new(Kind::Engine, "a").unwrap(), PluginName::new(Kind::Command, "b").unwrap()];
        let shape = |profile| -> Vec<_> {
            let shape = |set: FeatureSet<'_>| (set.name, set.chosen.len(), set.others.len());
            sets(&plugins, profile).into_iter().map(shape).collect()
        };
        let set = |name: &str, chosen, others| (name.to_owned(), chosen, others);
        let [none, all] = [set("none", 0, 2), set("all", 2, 0)];
        assert_eq!(shape(Profile::Dist), std::slice::from_ref(&all));
        assert_eq!(shape(Profile::Dev), [none, all]);
    }

    #[test]
    fn both_lists_of_the_listing_are_read() {
        let listing: Value = serde_json::from_str(
            r#"{"groups":[{"kind":"engine","backends":[{"kind":"engine","id":"a"}]},{"kind":"command","backends":[
                {"kind":"command","id":"c","distribution":"takopi-command-c"},
                {"kind":"command","id":"further","distribution":"takopi-command-c"},
                {"kind":"command","id":"stray","distribution":"takopi-command-d"}]}],
                "not_compiled_in":[{"kind":"command","id":"b","feature":"command-b"}]}"#,
        )
        .unwrap();
        let compiled_in = ["command-c", "command-stray", "engine-a"].map(str::to_owned);
        assert_eq!(ids_compiled_in(&listing), BTreeSet::from(compiled_in));
        assert_eq!(ids_not_compiled_in(&listing), BTreeSet::from(["command-b".to_owned()]));
    }
}
