//! What Cargo said when it could not build: the sentence that a person needs, with the names of packages in it.
//!
//! Cargo's words are no interface. What is not understood here is left to stand as Cargo wrote it.

use std::cmp::Ordering;
use std::fmt;

/// Why there is no binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Two packages need a `takopi-api` that the other one can not have.
    TwoApis([Need; 2]),
    /// The crate of a package has no `TAKOPI_PLUGIN`.
    NoPlugin {
        /// The name of the crate.
        krate: String,
    },
    /// A package does not compile.
    DoesNotCompile {
        /// Its name.
        package: String,
    },
    /// Nobody published a package of this name.
    NoPackage {
        /// The name.
        package: String,
    },
    /// No version of a package fits.
    NoVersion {
        /// What was looked for, as Cargo writes it: `name = "^9"`.
        requirement: String,
        /// What there is.
        there: String,
    },
    /// A package has no feature of this name.
    NoFeature {
        /// The feature.
        feature: String,
        /// The package.
        package: String,
        /// The features that it has, as Cargo lists them; empty if it has none.
        there: String,
    },
    /// A package needs a newer compiler.
    OldRust {
        /// The compiler.
        has: String,
        /// The package and what it needs, as Cargo writes it: `name@1.0.0 requires rustc 1.99`.
        needs: String,
    },
    /// There is no C compiler: it links, and compiles the database.
    NoLinker,
    /// Something else.
    Other,
}

/// A package that needs `takopi-api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// Its name and version.
    package: String,
    /// Which `takopi-api` it needs.
    api: String,
    /// Where that one lies, if it is no published one.
    place: Option<String>,
}

const API: &str = "takopi-api";

impl Said {
    /// Reads what Cargo said, without colours. `wrapper` is the package that takopi wrote.
    pub(super) fn of(text: &str, wrapper: &str) -> Self {
        two_apis(text)
            .or_else(|| no_linker(text))
            .or_else(|| no_plugin(text))
            .or_else(|| does_not_compile(text, wrapper))
            .or_else(|| no_package(text))
            .or_else(|| no_version(text))
            .or_else(|| no_feature(text))
            .or_else(|| old_rust(text))
            .unwrap_or(Self::Other)
    }

    /// What to do next.
    pub(super) fn hints(&self, is_offline: bool) -> Vec<String> {
        let hint = match self {
            Self::TwoApis(needs) => Some(match older(needs) {
                Some("takopi") => "take a newer takopi (--takopi VERSION), or an older version of the other one".to_owned(),
                Some(name) => format!("take a version of {name} that needs the newer takopi-api (--with {name}@VERSION)"),
                None => "let both take it from one place: `--takopi FOLDER` gives the takopi-api beside it to each plugin that names a published one".to_owned(),
            }),
            Self::NoPlugin { .. } => {
                Some("a plugin calls `takopi_api::plugin!` once, at the root of its library".to_owned())
            }
            Self::NoPackage { package } if package == "takopi" => {
                Some("--takopi takes a folder with its source as well, or a repository".to_owned())
            }
            Self::NoPackage { .. } => {
                Some("--with takes a folder (./FOLDER) as well, or a repository (NAME=git+URL)".to_owned())
            }
            Self::OldRust { .. } => {
                Some("`rustup update` brings a newer Rust, where Rust came from rustup".to_owned())
            }
            Self::NoLinker => Some("install gcc or clang; systems call their package build-essential, base-devel or gcc".to_owned()),
            Self::NoVersion { .. } | Self::NoFeature { .. } => None,
            Self::DoesNotCompile { .. } | Self::Other => Some("what is wrong stands above".to_owned()),
        };
        let looks_elsewhere = matches!(self, Self::NoPackage { .. } | Self::NoVersion { .. } | Self::Other);
        let offline = (is_offline && looks_elsewhere).then(|| {
            "--offline and --frozen leave the network out: what is not on this machine is not there"
                .to_owned()
        });
        hint.into_iter().chain(offline).collect()
    }
}

/// The name of the package that needs the older one of two `takopi-api`, if one is older.
fn older(needs: &[Need; 2]) -> Option<&str> {
    let numbers =
        |need: &Need| -> Vec<u64> { need.api.split('.').map_while(|part| part.parse().ok()).collect() };
    let [a, b] = needs;
    let older = match numbers(a).cmp(&numbers(b)) {
        Ordering::Less => a,
        Ordering::Greater => b,
        Ordering::Equal => return None,
    };
    older.package.split(' ').next()
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoApis([a, b]) => {
                write!(f, "{a}, {b}: one binary has one takopi-api")
            }
            Self::NoPlugin { krate } => {
                write!(f, "`{krate}` exports no TAKOPI_PLUGIN: it is no plugin of takopi")
            }
            Self::DoesNotCompile { package } => write!(f, "`{package}` does not compile"),
            Self::NoPackage { package } => write!(f, "there is no package `{package}`"),
            Self::NoVersion { requirement, there } => {
                write!(f, "no version fits {requirement}: there is {there}")
            }
            Self::NoFeature { feature, package, there } if there.is_empty() => {
                write!(f, "`{package}` has no feature `{feature}`")
            }
            Self::OldRust { has, needs } => write!(f, "rustc {has} is too old: {needs}"),
            Self::NoLinker => f.write_str("there is no C compiler here, which every build needs"),
            Self::NoFeature { feature, package, there } => {
                write!(f, "`{package}` has no feature `{feature}`: there is {there}")
            }
            Self::Other => f.write_str("Cargo could not build it"),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs takopi-api {}", self.package, self.api)?;
        self.place.iter().try_for_each(|place| write!(f, " of {place}"))
    }
}

/// Cargo refuses two packages with one `links`. It tells of the one that it could not take, then of the one before.
fn two_apis(text: &str) -> Option<Said> {
    let (before, after) = text.split_once(&format!("package `{API}` links to the native library"))?;
    let failed = before.rfind(&format!("failed to select a version for `{API}`")).map(|at| &before[at..])?;
    let (first, _) = split_place(quoted_after(failed, "required by package `")?);
    let (requirement, there) =
        failed.split_once("versions that meet the requirements `")?.1.split_once("` are: ")?;
    // A folder or a repository is asked for without a version.
    let requirement = if requirement == "*" { there.lines().next().unwrap_or_default() } else { requirement };
    let (version, place) = split_place(quoted_after(after, &format!("\npackage `{API} "))?);
    let (second, _) = split_place(quoted_after(after, "of package `")?);
    let first = Need { package: first, api: short(requirement), place: None };
    let second = Need { package: second, api: short(&version), place };
    Some(Said::TwoApis([first, second]))
}

/// `name v1.2.3 (/somewhere)` as `name 1.2.3` and `/somewhere`.
fn split_place(package: &str) -> (String, Option<String>) {
    let (name, place) = match package.split_once(" (") {
        Some((name, place)) => (name, Some(place.trim_end_matches(')').to_owned())),
        None => (package, None),
    };
    (name.replacen(" v", " ", 1), place)
}

/// A requirement or a version without the marks of Cargo, `^0.1.0` and `v0.1.0` as `0.1.0`.
fn short(version: &str) -> String {
    version.trim_start_matches(['^', 'v', '=']).split(" (locked").next().unwrap_or_default().to_owned()
}

fn no_plugin(text: &str) -> Option<Said> {
    let krate = quoted_after(text, "`TAKOPI_PLUGIN` in crate `")?;
    Some(Said::NoPlugin { krate: krate.to_owned() })
}

fn does_not_compile(text: &str, wrapper: &str) -> Option<Said> {
    let package = quoted_after(text, "could not compile `")?;
    (package != wrapper).then(|| Said::DoesNotCompile { package: package.to_owned() })
}

fn no_package(text: &str) -> Option<Said> {
    let package = quoted_after(text, "no matching package named `")
        .or_else(|| quoted_after(text, "searched package name: `"))?;
    Some(Said::NoPackage { package: package.to_owned() })
}

fn no_version(text: &str) -> Option<Said> {
    let requirement = quoted_after(text, "failed to select a version for the requirement `")?;
    let (_, there) = text.split_once("candidate versions found which didn't match: ")?;
    let there = there.lines().next().unwrap_or_default();
    Some(Said::NoVersion { requirement: requirement.to_owned(), there: there.to_owned() })
}

fn no_feature(text: &str) -> Option<Said> {
    let (_, rest) = text.split_once(" depends on `")?;
    let (package, rest) = rest.split_once("` with feature `")?;
    let (feature, rest) = rest.split_once('`')?;
    let there = rest.split_once("available features:").and_then(|(_, rest)| rest.lines().next());
    let there = there.unwrap_or_default().trim();
    Some(Said::NoFeature {
        feature: feature.to_owned(),
        package: package.to_owned(),
        there: there.to_owned(),
    })
}

fn old_rust(text: &str) -> Option<Said> {
    let (before, rest) = text.split_once(" is not supported by the following package")?;
    let (_, has) = before.rsplit_once("rustc ")?;
    let needs = rest.lines().map(str::trim).find(|line| line.contains(" requires rustc "))?;
    Some(Said::OldRust { has: has.to_owned(), needs: needs.to_owned() })
}

fn no_linker(text: &str) -> Option<Said> {
    let is_missing = text.contains("error: linker `cc` not found");
    is_missing.then_some(Said::NoLinker)
}

/// What stands between a beginning and the next backquote.
fn quoted_after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(beginning)?;
    rest.split_once('`').map(|(quoted, _)| quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Cargo 1.95 said, word by word; only the folders have other names.
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("said/", $name, ".txt"))
        };
    }

    #[track_caller]
    fn check(said: &str, expected: &str, hint: &str) {
        let said = Said::of(said, "takopi-custom");
        assert_eq!(said.to_string(), expected);
        assert!(said.hints(false).concat().contains(hint), "{:?}", said.hints(false));
    }

    #[test]
    fn two_versions_of_the_api_are_one_sentence_with_both() {
        check(
            recorded!("two-apis-published"),
            "takopi-engine-old 1.2.0 needs takopi-api 0.1.0, takopi 0.2.0 needs takopi-api 0.2.0: one binary has one takopi-api",
            "take a version of takopi-engine-old that needs the newer",
        );
        check(
            recorded!("two-apis-published-and-folder"),
            "takopi 0.2.0 needs takopi-api 0.2.0, my-old 0.3.0 needs takopi-api 0.1.0: one binary has one takopi-api",
            "take a version of my-old that",
        );
        check(
            recorded!("two-apis-checkout-and-published"),
            "takopi 0.2.0 needs takopi-api 0.2.0, my-old 0.3.0 needs takopi-api 0.1.0: one binary has one takopi-api",
            "my-old",
        );
        check(
            recorded!("two-apis-one-version-of-a-folder"),
            "takopi 0.2.0 needs takopi-api 0.2.0, my-pathapi 0.3.0 needs takopi-api 0.2.0 of /home/ada/api: one binary has one takopi-api",
            "let both take it from one place",
        );
    }

    #[test]
    fn what_does_not_compile_is_named() {
        check(recorded!("does-not-compile"), "`my-bad` does not compile", "stands above");
        check(
            recorded!("no-plugin"),
            "`my_none` exports no TAKOPI_PLUGIN: it is no plugin of takopi",
            "`takopi_api::plugin!` once",
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        check(recorded!("no-package"), "there is no package `takopi`", "--takopi takes a folder");
        check(recorded!("no-package-vendored"), "there is no package `takopi-engine-zed`", "./FOLDER");
        check(recorded!("no-version"), "no version fits takopi-engine-old = \"^9\": there is 1.2.0", "");
        check(recorded!("no-feature"), "`takopi` has no feature `engine-zed`: there is engine-acme", "");
        assert!(
            Said::of(recorded!("no-version"), "takopi-custom").hints(true).concat().contains("--offline")
        );
    }

    #[test]
    fn what_this_machine_lacks_is_named() {
        let old = "rustc 1.95.0 is too old: takopi@0.3.0 requires rustc 1.99";
        check(recorded!("old-rust"), old, "`rustup update`");
        check(recorded!("no-linker"), "there is no C compiler here, which every build needs", "install gcc");
    }

    #[test]
    fn what_is_not_understood_is_left_to_cargo() {
        for text in [
            "",
            "error: linking failed",
            "package `takopi-api` links to the native library",
            "could not compile `takopi-custom` (bin)",
        ] {
            check(text, "Cargo could not build it", "stands above");
        }
    }
}
