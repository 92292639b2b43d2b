//! Cargo: where it is, and one run of it. What it says is shown as it comes, and kept for whoever has to explain it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;

use super::asked::Profile;
use super::folder::Crate;
use super::wrapper;
use crate::cli::error::CliError;
use crate::cli::output;

// What is passed on to Cargo. (A doc comment here would become that of the command.)
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct CargoArgs {
    /// Build for this target triple
    #[arg(long, value_name = "TRIPLE")]
    pub(super) target: Option<String>,
    /// Leave the network out: everything is on this machine, or vendored
    #[arg(long)]
    pub(super) offline: bool,
    /// Build exactly the versions of the last build of this crate
    #[arg(long)]
    pub(super) locked: bool,
    /// --offline and --locked
    #[arg(long)]
    pub(super) frozen: bool,
    /// A setting for Cargo, or a file with such settings
    #[arg(long = "cargo-config", id = "cargo_config", value_name = "KEY=VALUE|PATH")]
    pub(super) settings: Vec<OsString>,
}

impl CargoArgs {
    /// Whether the network is left out.
    pub(super) const fn is_offline(&self) -> bool {
        self.offline || self.frozen
    }
}

/// How Cargo ended.
#[derive(Debug)]
pub(super) enum Built {
    /// With a binary.
    Binary(PathBuf),
    /// Without one, and what it said.
    Failed(String),
}

/// How much of what Cargo says is kept: why it failed stands at the end.
const KEPT: usize = 256 * 1024;

/// Builds a crate. Cargo runs where the person is, so it finds the settings and the toolchain that count there.
pub(super) fn build(there: &Crate, profile: Profile, args: &CargoArgs) -> Result<Built, CliError> {
    let mut cargo = command(&find()?);
    cargo
        .args(["build", "--message-format", "json-render-diagnostics", "--profile", profile.as_str()])
        .arg("--manifest-path")
        .arg(there.folder.join(wrapper::MANIFEST))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if std::env::var_os(TARGET_FOLDER).is_none_or(|folder| folder.is_empty()) {
        cargo.env(TARGET_FOLDER, &there.target);
    }
    if let Some(target) = &args.target {
        cargo.args(["--target", target]);
    }
    let flags = [("--offline", args.offline), ("--locked", args.locked), ("--frozen", args.frozen)];
    cargo.args(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag));
    for setting in &args.settings {
        cargo.arg("--config").arg(setting);
    }
    look_like_a_terminal(&mut cargo);
    let not_run = |error: io::Error| CliError::new(format!("Cargo could not be run: {error}"));
    let mut child = cargo.spawn().map_err(not_run)?;
    let messages = child.stdout.take().expect("standard output was just set to a pipe");
    let said = child.stderr.take().expect("standard error was just set to a pipe");
    let shown = thread::spawn(move || show(said));
    let binary = executable(BufReader::new(messages)).map_err(not_run)?;
    let ended = child.wait().map_err(not_run)?;
    // The thread does nothing that could panic.
    let said = shown.join().unwrap_or_default();
    match binary {
        Some(binary) if ended.success() => Ok(Built::Binary(binary)),
        _ => Ok(Built::Failed(console::strip_ansi_codes(&said).into_owned())),
    }
}

const TARGET_FOLDER: &str = "CARGO_TARGET_DIR";

/// Cargo sees a pipe, so it is told what a person would see.
fn look_like_a_terminal(cargo: &mut Command) {
    let terminal = console::Term::stderr();
    if terminal.is_term() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        let (_, width) = terminal.size();
        cargo.env("CARGO_TERM_COLOR", if console::colors_enabled_stderr() { "always" } else { "never" });
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", width.to_string());
    }
}

/// Shows what comes, at once, and keeps the end of it.
fn show(mut said: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = said.read(&mut buffer) {
        output::bytes(&buffer[..count]);
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A message of Cargo, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// The binary that Cargo tells of. Its messages are lines of JSON; a build script's own output may stand between.
fn executable(messages: impl BufRead) -> io::Result<Option<PathBuf>> {
    let mut found = None;
    for line in messages.split(b'\n') {
        if let Ok(Message { executable: Some(executable) }) = serde_json::from_slice(&line?) {
            found = Some(executable);
        }
    }
    Ok(found)
}

/// The Cargo that started this program, the one on `PATH`, or the one where rustup puts it.
fn find() -> Result<PathBuf, CliError> {
    if let Some(cargo) = std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty()) {
        return Ok(cargo.into());
    }
    if let Ok(cargo) = which::which("cargo") {
        return Ok(cargo);
    }
    let of_rustup = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .map(|home| home.join("bin/cargo"))
        .filter(|cargo| cargo.exists());
    of_rustup.ok_or_else(|| {
        CliError::new("there is no Cargo here: a takopi with plugins of your choice is compiled").hint(format!(
            "install Rust {} or newer: https://rustup.rs, or the packages `cargo` and `rustc` of your system",
            env!("CARGO_PKG_RUST_VERSION")
        ))
    })
}

/// A program of which this one waits for the end.
#[expect(clippy::disallowed_methods, reason = "no engine: Cargo, and the takopi that it built")]
pub(super) fn command(program: &Path) -> Command {
    Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_read_from_the_messages() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"kind\":[\"lib\"]},\"executable\":null}\n",
            "what a build script prints\n",
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/takopi\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(executable(messages.as_bytes()).unwrap(), Some("/t/release/takopi".into()));
        assert_eq!(executable(&b"\xff\n"[..]).unwrap(), None);
    }

    #[test]
    fn the_end_of_what_is_said_is_kept() {
        let long = format!("{}the end", "x".repeat(3 * KEPT));
        let kept = show(long.as_bytes());
        assert!(kept.len() <= 2 * KEPT && kept.ends_with("the end"));
    }
}
