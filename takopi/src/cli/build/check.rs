//! What a crate promises, held against what a binary has.

use std::fs;
use std::path::Path;

use semver::{Version, VersionReq};
use takopi_api::plugin::BackendKind;

use super::binary::{Contents, Origin};
use super::wrapper;
use crate::cli::error::CliError;

/// What the manifest of a crate promises of its binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    takopi: VersionReq,
    features: Vec<String>,
    default_features: bool,
    plugins: Vec<(String, VersionReq)>,
}

/// Something that a binary lacks, or has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// It was promised otherwise.
    Broken(String),
    /// Nobody promised it.
    Unpromised(String),
}

impl Difference {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Broken(text) | Self::Unpromised(text) => text,
        }
    }
}

impl Promise {
    /// Reads the manifest of a crate: its folder, or the file itself.
    pub(super) fn read(named: &Path) -> Result<Self, CliError> {
        let file = if named.is_dir() { named.join(wrapper::MANIFEST) } else { named.to_owned() };
        let text = fs::read_to_string(&file)
            .map_err(|error| CliError::usage(format!("{} can not be read: {error}", file.display())))?;
        Self::of_manifest(&text).map_err(|why| CliError::usage(format!("{}: {why}", file.display())))
    }

    /// What the text of a manifest promises.
    pub(super) fn of_manifest(text: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| format!("no TOML: {error}"))?;
        let at = |path: &[&str]| {
            path.iter().try_fold(&toml::Value::Table(table.clone()), |value, key| value.get(key)).cloned()
        };
        let plugins = at(&["package", "metadata", "takopi", "plugins"])
            .ok_or("no `package.metadata.takopi.plugins`, which `takopi build new` writes")?;
        let plugins: Vec<String> = plugins
            .try_into()
            .map_err(|_| "`package.metadata.takopi.plugins` is no list of names".to_owned())?;
        let takopi = at(&["dependencies", "takopi"]).ok_or("no dependency `takopi`")?;
        let features = match takopi.get("features") {
            Some(features) => features
                .clone()
                .try_into()
                .map_err(|_| "the features of `takopi` are no list of names".to_owned())?,
            None => Vec::new(),
        };
        let default_features = takopi.get("default-features").and_then(toml::Value::as_bool).unwrap_or(true);
        let dependencies = at(&["dependencies"]).unwrap_or(toml::Value::Table(toml::Table::new()));
        let plugins = plugins
            .into_iter()
            .map(|name| {
                let found = dependencies.as_table().into_iter().flatten().find(|(key, dependency)| {
                    let package = dependency.get("package").and_then(toml::Value::as_str);
                    package.unwrap_or(key.as_str()) == name
                });
                let (_, dependency) = found.ok_or_else(|| {
                    format!("`package.metadata.takopi.plugins` names `{name}`, which is no dependency")
                })?;
                Ok((name, requirement(dependency)?))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { takopi: requirement(&takopi)?, features, default_features, plugins })
    }

    /// What a binary has otherwise, in the order of the promise.
    pub(super) fn differences(&self, contents: &Contents) -> Vec<Difference> {
        let mut found: Vec<Difference> = contents.faults.iter().cloned().map(Difference::Broken).collect();
        if let Some(fault) = misfit("takopi", &contents.takopi, &self.takopi) {
            found.push(Difference::Broken(fault));
        }
        for feature in self.features.iter().filter(|feature| is_plugin(feature)) {
            if !contents.distributions.iter().any(|has| has.feature.as_ref() == Some(feature)) {
                found.push(Difference::Broken(format!("feature {feature}: its plugin is not in it")));
            }
        }
        for (name, requirement) in &self.plugins {
            match contents.distributions.iter().find(|has| has.name == *name) {
                None => found.push(Difference::Broken(format!("{name}: not in it"))),
                Some(has) => found.extend(misfit(name, &has.version, requirement).map(Difference::Broken)),
            }
        }
        for has in &contents.distributions {
            let is_promised = match (has.origin, &has.feature) {
                (Origin::Feature, Some(feature)) => self.default_features || self.features.contains(feature),
                _ => self.plugins.iter().any(|(name, _)| *name == has.name),
            };
            if !is_promised {
                let by = has
                    .feature
                    .iter()
                    .map(|feature| format!(" by the feature {feature}"))
                    .collect::<String>();
                found.push(Difference::Unpromised(format!(
                    "{} {}: in it{by}, and nobody asked for it",
                    has.name, has.version
                )));
            }
        }
        found
    }
}

/// What a binary has that it does not promise itself: the same without a manifest.
pub(super) fn own_differences(contents: &Contents) -> Vec<Difference> {
    let linked = contents.distributions.iter().filter(|has| has.origin == Origin::Linked);
    let unpromised = linked.map(|has| {
        Difference::Unpromised(format!(
            "{} {}: linked, and no feature and no bundle() names it",
            has.name, has.version
        ))
    });
    contents.faults.iter().cloned().map(Difference::Broken).chain(unpromised).collect()
}

/// Whether a feature of takopi stands for a plugin: its name begins with a kind.
fn is_plugin(feature: &str) -> bool {
    let kind = feature.split_once('-').map(|(kind, _)| kind);
    BackendKind::ALL.iter().any(|known| Some(known.as_str()) == kind)
}

/// The versions that fit a dependency; all of them where a folder or a repository is named.
fn requirement(dependency: &toml::Value) -> Result<VersionReq, String> {
    let Some(text) = dependency.as_str().or_else(|| dependency.get("version")?.as_str()) else {
        return Ok(VersionReq::STAR);
    };
    VersionReq::parse(text).map_err(|error| format!("`{text}` is no version: {error}"))
}

fn misfit(name: &str, version: &str, requirement: &VersionReq) -> Option<String> {
    // `*` means whatever is there, a version for testing as well.
    let fits = *requirement == VersionReq::STAR
        || Version::parse(version).is_ok_and(|version| requirement.matches(&version));
    (!fits).then(|| format!("{name}: {version} is in it, and {requirement} was asked for"))
}

#[cfg(test)]
mod tests {
    use super::super::binary::Distribution;
    use super::*;

    const MANIFEST: &str = r#"
        [package.metadata.takopi]
        plugins = ["mine", "takopi-engine-zed"]
        [dependencies]
        takopi = { version = "=0.1.0", default-features = false, features = ["engine-acme", "no-plugin"] }
        mine = { path = "../mine" }
        takopi_engine_zed = { package = "takopi-engine-zed", version = "1.2" }
        tokio = "1"
    "#;

    fn distribution(text: &str) -> Distribution {
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (name, version, feature) = (word(), word(), word());
        let feature = (!feature.is_empty()).then_some(feature);
        let origin = if feature.is_some() { Origin::Feature } else { Origin::Bundle };
        Distribution { name, version, origin, feature }
    }

    fn contents(takopi: &str, distributions: &[&str]) -> Contents {
        Contents {
            takopi: takopi.to_owned(),
            distributions: distributions.iter().map(|text| distribution(text)).collect(),
            groups: Vec::new(),
            faults: Vec::new(),
        }
    }

    const GOOD: [&str; 3] =
        ["mine 0.0.1-pre", "takopi-engine-acme 0.1.0 engine-acme", "takopi-engine-zed 1.2.9"];

    #[track_caller]
    fn check(contents: &Contents, expected: &[&str]) {
        let promise = Promise::of_manifest(MANIFEST).unwrap();
        let found = promise.differences(contents);
        assert_eq!(found.iter().map(Difference::text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_binary_of_its_manifest_has_no_difference() {
        check(&contents("0.1.0", &GOOD), &[]);
    }

    #[test]
    fn each_difference_is_told() {
        check(
            &contents("0.2.0", &["takopi-engine-zed 2.0.0", "other 3.0.0", "takopi-engine-b 0.2.0 engine-b"]),
            &[
                "takopi: 0.2.0 is in it, and =0.1.0 was asked for",
                "feature engine-acme: its plugin is not in it",
                "mine: not in it",
                "takopi-engine-zed: 2.0.0 is in it, and ^1.2 was asked for",
                "other 3.0.0: in it, and nobody asked for it",
                "takopi-engine-b 0.2.0: in it by the feature engine-b, and nobody asked for it",
            ],
        );
        let broken = Contents {
            faults: vec!["acme: linked, but registers no backend".to_owned()],
            ..contents("0.1.0", &GOOD)
        };
        check(&broken, &["acme: linked, but registers no backend"]);
    }

    #[test]
    fn with_the_default_features_more_may_be_in_it() {
        let manifest = MANIFEST.replace("default-features = false, ", "");
        let mut has = GOOD.to_vec();
        has.push("takopi-engine-b 0.1.0 engine-b");
        assert!(Promise::of_manifest(&manifest).unwrap().differences(&contents("0.1.0", &has)).is_empty());
    }

    #[test]
    fn a_binary_answers_for_itself() {
        let mut has = contents("0.1.0", &GOOD);
        assert!(own_differences(&has).is_empty());
        has.distributions[0].origin = Origin::Linked;
        let found = own_differences(&has);
        let expected = "mine 0.0.1-pre: linked, and no feature and no bundle() names it";
        assert_eq!(found, [Difference::Unpromised(expected.to_owned())]);
    }

    #[test]
    fn what_is_no_manifest_of_a_build_is_told() {
        let check = |text: &str, part: &str| {
            let error = Promise::of_manifest(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check("[", "no TOML");
        check("", "no `package.metadata.takopi.plugins`");
        check("[package.metadata.takopi]\nplugins = 1", "is no list of names");
        check("[package.metadata.takopi]\nplugins = []", "no dependency `takopi`");
        check(
            "[package.metadata.takopi]\nplugins = ['x']\n[dependencies]\ntakopi = '1'",
            "names `x`, which is no dependency",
        );
        check(
            "[package.metadata.takopi]\nplugins = []\n[dependencies]\ntakopi = 'new'",
            "`new` is no version",
        );
    }
}
