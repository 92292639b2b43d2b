//! A binary: what it says is in it, and how it gets to its place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde::Deserialize;

use super::cargo::command;
use crate::cli::error::CliError;

/// What is in a binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    /// The version of its takopi.
    pub(super) takopi: String,
    /// The plugin crates in it.
    pub(super) distributions: Vec<Distribution>,
    /// What it has of each kind.
    pub(super) groups: Vec<Group>,
    /// What it finds wrong with itself.
    pub(super) faults: Vec<String>,
}

/// A plugin crate in a binary.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Distribution {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) origin: Origin,
    pub(super) feature: Option<String>,
}

/// Who wanted it there; see [`crate::plugins::Origin`], of which this is the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    Feature,
    Bundle,
    Linked,
}

/// The backends of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Group {
    pub(super) kind: String,
    pub(super) backends: Vec<Backend>,
}

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Backend {
    pub(super) id: String,
    pub(super) distribution: Option<String>,
    pub(super) version: Option<String>,
}

#[derive(Deserialize)]
struct Listing {
    distributions: Vec<Distribution>,
    groups: Vec<Group>,
}

/// Why a binary says nothing.
#[derive(Debug)]
pub(super) enum Silent {
    /// It is for another machine.
    Foreign,
    /// Anything else.
    Failed(CliError),
}

impl From<CliError> for Silent {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

/// Asks a binary. No code of a plugin runs for that.
pub(super) fn ask(binary: &Path) -> Result<Contents, Silent> {
    // Whatever this machine is configured for is no matter of the binary.
    let nothing = tempfile::tempdir().map_err(CliError::from)?;
    let config = nothing.path().join("takopi.toml");
    fs::write(&config, "").map_err(CliError::from)?;
    let listing = succeed(binary, &config, &["plugins", "--json"])?;
    let listing: Listing = serde_json::from_slice(&listing.stdout)
        .map_err(|error| no_takopi(binary, &format!("`plugins --json` of it can not be read: {error}")))?;
    let takopi = succeed(binary, &config, &["--version"])?;
    let check = run(binary, &config, &["plugins", "--check"])?;
    let faults =
        if check.status.success() { Vec::new() } else { faults(&String::from_utf8_lossy(&check.stderr)) };
    Ok(Contents {
        takopi: String::from_utf8_lossy(&takopi.stdout).trim().to_owned(),
        distributions: listing.distributions,
        groups: listing.groups,
        faults,
    })
}

/// What `plugins --check` finds stands below a headline, indented; what else it says counts where there is nothing so.
fn faults(told: &str) -> Vec<String> {
    let indented: Vec<&str> = told.lines().filter(|line| line.starts_with("  ")).collect();
    let lines = if indented.is_empty() { vec![told] } else { indented };
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

fn succeed(binary: &Path, config: &Path, args: &[&str]) -> Result<Output, Silent> {
    let output = run(binary, config, args)?;
    if output.status.success() {
        return Ok(output);
    }
    let (args, status) = (args.join(" "), output.status);
    let said = String::from_utf8_lossy(&output.stderr);
    Err(no_takopi(binary, &format!("`{args}` of it ended with {status}: {}", said.trim())).into())
}

fn no_takopi(binary: &Path, why: &str) -> CliError {
    CliError::new(format!("{} does not tell what is in it: {why}", binary.display()))
        .hint("it has to be a takopi of 0.1.0 or newer")
}

fn run(binary: &Path, config: &Path, args: &[&str]) -> Result<Output, Silent> {
    // A name without a slash would be looked for on `PATH`.
    let program = std::path::absolute(binary).map_err(CliError::from)?;
    let mut command = command(&program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"TAKOPI_") {
            command.env_remove(name);
        }
    }
    command.args(args).arg("--config").arg(config);
    command.output().map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NOEXEC.raw_os_error() => Silent::Foreign,
        _ => CliError::new(format!("{} can not be run: {error}", binary.display())).into(),
    })
}

/// Where the binary goes, after a look at what would only be found wrong after a long build.
pub(super) fn destination(output: &Path) -> Result<PathBuf, CliError> {
    let path = std::path::absolute(output)
        .map_err(|error| CliError::usage(format!("{}: {error}", output.display())))?;
    if path.is_dir() {
        return Err(CliError::usage(format!("{} is a folder", output.display()))
            .hint("--output names the binary itself"));
    }
    match path.parent() {
        Some(folder) if folder.is_dir() => Ok(path),
        Some(folder) => Err(CliError::usage(format!("there is no folder {}", folder.display()))),
        None => Err(CliError::usage(format!("{} is no file", output.display()))),
    }
}

/// Copies a binary to its place: what was there stays until the new one is whole, and may be running.
pub(super) fn put(binary: &Path, destination: &Path) -> Result<(), CliError> {
    let copy = || -> io::Result<()> {
        let folder = destination.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut fs::File::open(binary)?, &mut file)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        file.persist(destination)?;
        Ok(())
    };
    copy().map_err(|error| CliError::new(format!("{} can not be written: {error}", destination.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_the_same_words_for_who_wanted_a_crate() {
        use crate::plugins::{self, Source};
        let check = |origin, expected, feature: Option<&str>| {
            let json = serde_json::to_value(Source { name: "x", version: "1.0.0", origin }).unwrap();
            let read: Distribution = serde_json::from_value(json).unwrap();
            assert_eq!((read.origin, read.feature.as_deref()), (expected, feature));
        };
        check(plugins::Origin::Feature { feature: "engine-x" }, Origin::Feature, Some("engine-x"));
        check(plugins::Origin::Bundle, Origin::Bundle, None);
        check(plugins::Origin::Linked, Origin::Linked, None);
    }

    #[test]
    fn what_a_check_finds_is_told_without_its_headline() {
        assert_eq!(faults("error: they do not fit\n  a: no\n  b: no\n"), ["a: no", "b: no"]);
        assert_eq!(faults("error: something\n"), ["error: something"]);
    }

    #[test]
    fn a_binary_comes_to_its_place_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("a"), root.path().join("b"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        put(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(put(&root.path().join("none"), &to).is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn where_nothing_can_be_put_is_told_before() {
        let root = tempfile::tempdir().unwrap();
        assert!(destination(&root.path().join("x")).is_ok());
        let check = |path: &Path, part: &str| {
            let error = destination(path).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check(root.path(), "is a folder");
        check(&root.path().join("none/x"), "there is no folder");
    }
}
