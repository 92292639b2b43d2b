//! Starts other programs, above all cargo itself.

use std::ffi::OsStr;
use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use clap::ValueEnum;

use crate::error::Error;
use crate::workspace::Workspace;

/// A profile of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Unoptimized, for work.
    Dev,
    /// Optimized.
    Release,
    /// What is shipped: fat LTO, stripped.
    Dist,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        })
    }
}

/// A program that is about to be started. The ban on starting programs is meant for engines, and there are none here.
#[expect(clippy::disallowed_methods, reason = "a tool of the project starts cargo, rustc and what it built")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// The cargo that started this command, so that its toolchain is the one that is meant.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace.path(""));
    // What cargo said about this package. Build scripts that look at it, such as the one of `ring`, would run anew.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| OF_THIS_PACKAGE.iter().any(|start| name.starts_with(start))) {
            cargo.env_remove(variable);
        }
    }
    cargo
}

/// How the variables begin that cargo sets for a package that it runs.
const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// Builds the program and says where it is. What the compiler has to say goes to standard error.
pub(crate) fn build_program(
    workspace: &Workspace,
    profile: Profile,
    args: &[&str],
) -> Result<PathBuf, Error> {
    build(workspace, ["takopi", "takopi"], profile, args)
}

/// Builds one of the programs of `tests/`.
pub(crate) fn build_test_program(
    workspace: &Workspace,
    name: &str,
    profile: Profile,
) -> Result<PathBuf, Error> {
    build(workspace, ["takopi-tests", name], profile, &[])
}

fn build(
    workspace: &Workspace,
    [package, program]: [&str; 2],
    profile: Profile,
    args: &[&str],
) -> Result<PathBuf, Error> {
    let mut cargo = cargo(workspace);
    cargo
        .args(["build", "--quiet", "--package", package, "--bin", program])
        .args(["--message-format", "json-render-diagnostics", "--profile", &profile.to_string()])
        .args(args)
        .stdout(Stdio::piped());
    let tried = format!("cargo build --package {package} --profile {profile} {}", args.join(" "));
    let failed = |error: std::io::Error| Error::new(format!("`{tried}` could not be run: {error}"));
    let mut child = cargo.spawn().map_err(failed)?;
    let stdout = child.stdout.take().expect("standard output was just set to a pipe");
    let built = executable(BufReader::new(stdout)).map_err(failed);
    if !child.wait().map_err(failed)?.success() {
        return Err(Error::new(format!("`{tried}` failed")).hint("mend what the compiler says above"));
    }
    built?.ok_or_else(|| Error::new(format!("`{tried}` built no program")))
}

fn executable(messages: impl std::io::BufRead) -> std::io::Result<Option<PathBuf>> {
    let mut found = None;
    for message in Message::parse_stream(messages) {
        if let Message::CompilerArtifact(artifact) = message? {
            found = artifact.executable.map(Into::into).or(found);
        }
    }
    Ok(found)
}

/// The program as somebody has it who never used it: an empty home folder and no variable of its own.
pub(crate) fn with_empty_home(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = command(program);
    command.env("HOME", home).env_remove("TAKOPI_CONFIG").current_dir(home);
    command
}
