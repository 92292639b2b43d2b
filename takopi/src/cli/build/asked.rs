//! What was asked for: which takopi, which of its features, which plugins from elsewhere. Names are checked here, so that
//! nothing else than a name gets into a manifest or a source text.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use semver::{Version, VersionReq};

/// The name of a package: ASCII letters, digits, `-` and `_`, and no word that a source text could take for something
/// else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackageName(String);

/// Words that can not be the name of a plugin's crate in a source text, as Rust, takopi or its wrapper has them.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "takopi",
    "takopi_api",
    "takopi_custom",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "_",
];

impl PackageName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its crate in the wrapper, whatever the package calls its library.
    pub(super) fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let starts_well = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !word.chars().all(is_letter) || word.len() > 64 {
            return Err(format!(
                "`{}` is no name of a package: letters, digits, - and _, 64 at most, and no digit first",
                word.escape_debug()
            ));
        }
        let name = Self(word.to_owned());
        if TAKEN.contains(&name.crate_name().to_ascii_lowercase().as_str()) {
            return Err(format!("`{word}` can not be a plugin's package: the name is taken"));
        }
        Ok(name)
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a feature of takopi.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Feature(String);

impl Feature {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Feature {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '.');
        if word.is_empty() || !word.chars().all(is_letter) {
            return Err(format!("`{}` is no name of a feature", word.escape_debug()));
        }
        Ok(Self(word.to_owned()))
    }
}

/// A repository, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Git {
    pub(super) url: String,
    /// A commit or a tag; the newest commit of the default branch if there is none.
    pub(super) rev: Option<String>,
}

const GIT: &str = "git+";

impl Git {
    fn parse(text: &str) -> Result<Self, String> {
        let (url, rev) = match text.split_once('#') {
            Some((_, "")) => return Err("behind the # of a repository belongs a commit or a tag".to_owned()),
            Some((url, rev)) => (url, Some(rev.to_owned())),
            None => (text, None),
        };
        if !url.contains("://") {
            return Err(format!(
                "expected a URL behind git+, as in git+https://…, git+ssh://… or git+file://…, and not `{url}`"
            ));
        }
        Ok(Self { url: url.to_owned(), rev })
    }
}

/// A plugin from elsewhere, as it was typed behind `--with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum With {
    /// A published package.
    Published { name: PackageName, requirement: VersionReq },
    /// A folder with a package, whose manifest says its name.
    Folder(PathBuf),
    /// A package in a repository.
    Git { name: PackageName, git: Git },
}

impl FromStr for With {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(GIT) {
            return Err(format!("which package of that repository? --with NAME={text}"));
        }
        // A folder may have any sign in its name, so it is told first. A repository's URL has slashes too.
        match text.split_once('=') {
            Some((name, source)) if source.starts_with(GIT) => {
                return Ok(Self::Git { name: name.parse()?, git: Git::parse(&source[GIT.len()..])? });
            }
            _ => {}
        }
        if is_path(text) {
            return Ok(Self::Folder(text.into()));
        }
        let (name, requirement) = match text.split_once('@') {
            Some((name, requirement)) => {
                let parsed = VersionReq::parse(requirement);
                let why = |error| format!("`{requirement}` is no version of {name}: {error}");
                (name, parsed.map_err(why)?)
            }
            None => (text, VersionReq::STAR),
        };
        let name = name.parse().map_err(|error| {
            format!("{error} (expected NAME, NAME@VERSION, ./FOLDER or NAME=git+URL#REV)")
        })?;
        Ok(Self::Published { name, requirement })
    }
}

/// Which takopi, as it was typed behind `--takopi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Takopi {
    /// A published one: exactly this version.
    Published(Version),
    /// A folder: its source.
    Folder(PathBuf),
    /// A repository of its source.
    Git(Git),
}

impl FromStr for Takopi {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(git) = text.strip_prefix(GIT) {
            return Git::parse(git).map(Self::Git);
        }
        if is_path(text) {
            return Ok(Self::Folder(text.into()));
        }
        let version = Version::parse(text);
        version.map(Self::Published).map_err(|error| {
            format!("`{text}` is no version: {error} (expected 1.2.3, ./FOLDER or git+URL#REV)")
        })
    }
}

/// Whether a word is meant as a path: `.`, `..`, or something with a slash.
fn is_path(text: &str) -> bool {
    matches!(text, "." | "..") || text.contains('/')
}

/// How the compiler is to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Optimized.
    Release,
    /// As takopi itself is shipped: small, and slow to build.
    Dist,
    /// Unoptimized: quick to build.
    Dev,
}

impl Profile {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dist => "dist",
            Self::Dev => "dev",
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::Release, Self::Dist, Self::Dev];
        let found = all.into_iter().find(|profile| profile.as_str() == word);
        found.ok_or_else(|| format!("there is no profile `{word}`: release, dist or dev"))
    }
}

/// The crate that is to be written: everything found and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) takopi: Place,
    /// Where takopi's own `takopi-api` lies, if takopi is no published one: plugins are to have the same.
    pub(super) api: Option<Place>,
    pub(super) features: Vec<Feature>,
    pub(super) default_features: bool,
    /// Sorted by name; no name twice.
    pub(super) plugins: Vec<Plugin>,
}

/// A plugin from elsewhere, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plugin {
    pub(super) name: PackageName,
    pub(super) place: Place,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Published(VersionReq),
    /// As it is to stand in the manifest.
    Folder(String),
    Git(Git),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(word: &str) -> PackageName {
        word.parse().unwrap()
    }

    #[test]
    fn plugins_come_from_three_places() {
        let check = |text: &str, expected: With| assert_eq!(text.parse::<With>(), Ok(expected), "{text}");
        let published = |word: &str, requirement: &str| With::Published {
            name: name(word),
            requirement: VersionReq::parse(requirement).unwrap(),
        };
        let git = |word: &str, url: &str, rev: Option<&str>| With::Git {
            name: name(word),
            git: Git { url: url.to_owned(), rev: rev.map(str::to_owned) },
        };
        check("my-plugin", published("my-plugin", "*"));
        check("my_plugin@1.2", published("my_plugin", "^1.2"));
        check("my-plugin@=1.2.3", published("my-plugin", "=1.2.3"));
        check("my-plugin@>=1, <3", published("my-plugin", ">=1, <3"));
        check(".", With::Folder(".".into()));
        check("./a@b=c", With::Folder("./a@b=c".into()));
        check("/opt/x", With::Folder("/opt/x".into()));
        check("a/b", With::Folder("a/b".into()));
        check("x=git+https://e.org/x", git("x", "https://e.org/x", None));
        check("x=git+ssh://git@e.org/x#v1", git("x", "ssh://git@e.org/x", Some("v1")));
    }

    #[test]
    fn what_is_no_plugin_is_told() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<With>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("", "is no name of a package");
        check("1st", "is no name of a package");
        check("a\"]\n[x]", "`a\\\"]\\n[x]` is no name of a package");
        check("ünder", "is no name of a package");
        check("match", "the name is taken");
        check("takopi-api", "the name is taken");
        check("Self", "the name is taken");
        check("x@latest", "`latest` is no version of x");
        check("git+https://e.org/x", "--with NAME=git+https://e.org/x");
        check("x=git+e.org", "expected a URL");
        check("x=git+https://e.org/x#", "a commit or a tag");
    }

    #[test]
    fn takopi_is_a_version_a_folder_or_a_repository() {
        let check = |text: &str, expected: Takopi| assert_eq!(text.parse::<Takopi>(), Ok(expected), "{text}");
        check("1.2.3", Takopi::Published(Version::new(1, 2, 3)));
        check("../takopi", Takopi::Folder("../takopi".into()));
        check(
            "git+https://e.org/x#a",
            Takopi::Git(Git { url: "https://e.org/x".to_owned(), rev: Some("a".to_owned()) }),
        );
        assert!("1.2".parse::<Takopi>().unwrap_err().contains("`1.2` is no version"));
        assert!("takopi".parse::<Takopi>().is_err());
    }
}
