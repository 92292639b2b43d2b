//! From what was typed to what can be built: folders are looked at, and names that are there twice are told.

use std::fs;
use std::path::{Component, Path, PathBuf};

use semver::{Comparator, Op, Version, VersionReq};

use super::asked::{Asked, Feature, PackageName, Place, Plugin, Takopi, With};
use crate::cli::error::CliError;

/// What was typed.
#[derive(Debug, Clone)]
pub(super) struct Typed<'a> {
    pub(super) takopi: Option<&'a Takopi>,
    pub(super) features: &'a [Feature],
    pub(super) default_features: bool,
    pub(super) with: &'a [With],
}

/// Finds everything that was typed. Folders are written as seen from `base`, or from the root without one.
pub(super) fn asked(typed: &Typed<'_>, base: Option<&Path>) -> Result<Asked, CliError> {
    let (takopi, api) = takopi(typed.takopi, base)?;
    let mut plugins = Vec::new();
    for with in typed.with {
        plugins.push(match with {
            With::Published { name, requirement } => {
                Plugin { name: name.clone(), place: Place::Published(requirement.clone()) }
            }
            With::Git { name, git } => Plugin { name: name.clone(), place: Place::Git(git.clone()) },
            With::Folder(folder) => {
                let (folder, name) = package(folder)?;
                let name = name.parse::<PackageName>().map_err(|error| {
                    CliError::usage(format!("{}: {error}", folder.join("Cargo.toml").display()))
                })?;
                Plugin { name, place: Place::Folder(written(&folder, base)?) }
            }
        });
    }
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names: Vec<String> = plugins.iter().map(|plugin| plugin.name.crate_name()).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CliError::usage(format!("--with names `{}` twice", twice[0]))
            .hint("one binary has one version of a plugin; `-` and `_` are the same in its name"));
    }
    let mut features = typed.features.to_vec();
    features.sort();
    features.dedup();
    Ok(Asked { takopi, api, features, default_features: typed.default_features, plugins })
}

/// Which takopi, and where its `takopi-api` lies if that is not where the published ones are.
fn takopi(typed: Option<&Takopi>, base: Option<&Path>) -> Result<(Place, Option<Place>), CliError> {
    match typed {
        None => {
            let own = Version::parse(env!("CARGO_PKG_VERSION"));
            Ok((Place::Published(exactly(&own.map_err(|error| CliError::new(error.to_string()))?)), None))
        }
        Some(Takopi::Published(version)) => Ok((Place::Published(exactly(version)), None)),
        Some(Takopi::Git(git)) => Ok((Place::Git(git.clone()), Some(Place::Git(git.clone())))),
        Some(Takopi::Folder(folder)) => {
            let folder = takopi_folder(folder)?;
            let api = folder.with_file_name("takopi-api");
            let api = match package(&api) {
                Ok((api, name)) if name == "takopi-api" => Some(Place::Folder(written(&api, base)?)),
                // An unpacked takopi has no neighbour: it takes the published one, as plugins do.
                _ => None,
            };
            Ok((Place::Folder(written(&folder, base)?), api))
        }
    }
}

/// The folder of the package `takopi`: the one that was named, or the one in the checkout that was named.
pub(super) fn takopi_folder(named: &Path) -> Result<PathBuf, CliError> {
    for folder in [named.to_owned(), named.join("takopi")] {
        if let Ok((folder, name)) = package(&folder)
            && name == "takopi"
        {
            return Ok(folder);
        }
    }
    Err(CliError::usage(format!("{} is no source of takopi", named.display()))
        .hint("--takopi names a checkout of its repository, the folder of its package, or a version"))
}

fn exactly(version: &Version) -> VersionReq {
    let Version { major, minor, patch, pre, .. } = version.clone();
    VersionReq {
        comparators: vec![Comparator { op: Op::Exact, major, minor: Some(minor), patch: Some(patch), pre }],
    }
}

/// A folder with a package, from the root, and the package's name.
fn package(folder: &Path) -> Result<(PathBuf, String), CliError> {
    let shown = folder.display();
    let folder = fs::canonicalize(folder)
        .map_err(|error| CliError::usage(format!("--with {shown}: there is no such folder: {error}")))?;
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| {
        CliError::usage(format!("{} can not be read: {error}", manifest.display()))
            .hint("a plugin is the folder of a Rust package")
    })?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| CliError::usage(format!("{} is no TOML: {error}", manifest.display())))?;
    match table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str) {
        Some(name) => Ok((folder, name.to_owned())),
        None => Err(CliError::usage(format!("{} has no `package.name`", manifest.display()))
            .hint("if it is a workspace, name the folder of the plugin in it")),
    }
}

/// A folder that need not be there yet, from the root and without links.
pub(super) fn from_root(folder: &Path) -> Result<PathBuf, CliError> {
    let folder = std::path::absolute(folder)?;
    let there = folder.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let (above, real) = there.unwrap_or((Path::new("/"), PathBuf::from("/")));
    Ok(folder.strip_prefix(above).map_or_else(|_| folder.clone(), |below| real.join(below)))
}

/// A folder as it stands in the manifest.
fn written(folder: &Path, base: Option<&Path>) -> Result<String, CliError> {
    let path = base.map_or_else(|| folder.to_owned(), |base| relative(base, folder));
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| CliError::usage(format!("{} is no UTF-8, as a manifest has to be", folder.display())))
}

/// The way from one folder to another one, both from the root.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    // Only the root in common: then the way up tells nobody anything.
    if shared <= 1 {
        return to.to_owned();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(shared)).collect();
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_folders() {
        let check = |from: &str, to: &str, expected: &str| {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(expected), "{from} {to}");
        };
        check("/a/b/c", "/a/b/d", "../d");
        check("/a/b", "/a/b/c/d", "c/d");
        check("/a/b/c", "/a", "../..");
        check("/a/b", "/a/b", ".");
        check("/a/b", "/x/y", "/x/y");
    }

    #[test]
    fn a_version_is_asked_for_exactly() {
        let check = |version: &str| {
            assert_eq!(exactly(&Version::parse(version).unwrap()).to_string(), format!("={version}"));
        };
        check("1.2.3");
        check("0.1.0-rc.1");
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn of(with: &[With], takopi: Option<&Takopi>) -> Result<Asked, CliError> {
        asked(&Typed { takopi, features: &[], default_features: true, with }, None)
    }

    #[test]
    fn a_folder_says_its_name_itself() {
        let root =
            folder(&[("p/Cargo.toml", "[package]\nname = 'my-plugin'\n"), ("w/Cargo.toml", "[workspace]\n")]);
        let with = |path: &str| [With::Folder(root.path().join(path))];
        let found = of(&with("p"), None).unwrap();
        assert_eq!(found.plugins[0].name.as_str(), "my-plugin");
        let check = |path: &str, part: &str| {
            let error = of(&with(path), None).unwrap_err().to_string();
            assert!(error.contains(part), "{path}: {error}");
        };
        check("w", "has no `package.name`");
        check("none", "there is no such folder");
        fs::write(root.path().join("p/Cargo.toml"), "[package]\nname = 'x\"]'\n").unwrap();
        check("p", "is no name of a package");
        fs::write(root.path().join("p/Cargo.toml"), "[package").unwrap();
        check("p", "is no TOML");
    }

    #[test]
    fn no_plugin_is_there_twice() {
        let with = ["a-b@1", "a_b@2"].map(|text| text.parse().unwrap());
        assert_eq!(of(&with, None).unwrap_err().to_string(), "--with names `a_b` twice");
    }

    #[test]
    fn a_checkout_brings_its_api_and_an_unpacked_package_does_not() {
        let root = folder(&[
            ("c/takopi/Cargo.toml", "[package]\nname = 'takopi'\n"),
            ("c/takopi-api/Cargo.toml", "[package]\nname = 'takopi-api'\n"),
            ("u/takopi-0.1.0/Cargo.toml", "[package]\nname = 'takopi'\n"),
        ]);
        let has_api = |path: &str| {
            of(&[], Some(&Takopi::Folder(root.path().join(path)))).map(|asked| asked.api.is_some())
        };
        assert!(has_api("c").unwrap() && has_api("c/takopi").unwrap());
        assert!(!has_api("u/takopi-0.1.0").unwrap());
        assert!(has_api("u").unwrap_err().to_string().ends_with("is no source of takopi"));
    }
}
