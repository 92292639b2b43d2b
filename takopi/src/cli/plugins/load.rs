//! `takopi plugins --load`: every backend is constructed in a process of its own, so that one which ends or aborts the
//! process, or hangs, is a row like any other. That process is this program again; it goes on with the next backend as long
//! as it lives.

use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use takopi_api::plugin::{Backend, BackendKind};

use crate::cli::error::CliError;
use crate::cli::{Session, output};
use crate::paths;
use crate::plugins::{Entry, LoadError, Problem, Standing};

/// What the process that constructs says, a line each. Lines that are something else are the plugins' own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    /// It constructs this one of those that it was asked for.
    Begun(usize),
    /// That came to an end, with what is wrong with the backend if something is.
    Ended(usize, Option<String>),
}

/// Constructs every usable backend.
pub(super) fn all(session: &Session<'_>) -> Result<Vec<Problem>, CliError> {
    let entries = session.registry.entries().iter();
    let usable: Vec<_> = entries.filter(|e| e.standing() == Standing::Visible).map(Entry::row).collect();
    let mut problems = Vec::new();
    let mut rest = usable.as_slice();
    while !rest.is_empty() {
        let faults = attempt(rest, session)?;
        let (tried, untried) = rest.split_at(faults.len());
        rest = untried;
        problems.extend(tried.iter().zip(faults).filter_map(|(row, fault)| {
            Some(Problem { kind: row.kind(), id: row.id, distribution: row.distribution, text: fault? })
        }));
    }
    Ok(problems)
}

/// Constructs one backend.
pub(super) fn one(row: &'static Backend, session: &Session<'_>) -> Result<Option<String>, CliError> {
    Ok(attempt(&[row], session)?.into_iter().next().flatten())
}

/// Constructs backends until one ends the process; what is wrong with each that was tried, which is at least one.
#[expect(clippy::disallowed_methods, reason = "no engine: this program itself")]
fn attempt(rows: &[&'static Backend], session: &Session<'_>) -> Result<Vec<Option<String>>, CliError> {
    let mut child = std::process::Command::new(std::env::current_exe()?);
    if session.config.path.exists() {
        child.env(paths::CONFIG_VARIABLE, &session.config.path);
    }
    child.args(["plugins", "--probe"]).args(rows.iter().map(|row| name(row)));
    let ended = child.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let mut begun = 0;
    let mut faults: Vec<Option<String>> = Vec::new();
    for said in
        String::from_utf8_lossy(&ended.stdout).lines().filter_map(|line| serde_json::from_str(line).ok())
    {
        match said {
            Said::Begun(at) if at < rows.len() => begun = at + 1,
            Said::Ended(at, fault) if at < begun && at == faults.len() => faults.push(fault),
            // Nothing comes twice, unless a plugin says so.
            Said::Begun(_) | Said::Ended(..) => {}
        }
    }
    match begun {
        0 => {
            Err(CliError::new(format!("takopi can not start itself to construct plugins: {}", ended.status)))
        }
        _ if faults.len() < begun => {
            faults.push(Some(format!("constructing it ended the process: {}", ended.status)));
            Ok(faults)
        }
        _ => Ok(faults),
    }
}

fn name(row: &Backend) -> OsString {
    format!("{}:{}", row.kind(), row.id).into()
}

/// The other side of [`attempt`].
pub(super) fn probe(names: &[String], session: &Session<'_>) -> Result<ExitCode, CliError> {
    let current = Arc::new(AtomicUsize::new(0));
    if cfg!(panic = "abort") {
        let current = Arc::clone(&current);
        std::panic::set_hook(Box::new(move |panic| {
            let message = panic.payload_as_str().unwrap_or("no message").to_owned();
            let fault = LoadError::Panicked(message).to_string();
            // Nothing can be done if the parent does not listen.
            let _ = say(&Said::Ended(current.load(Ordering::SeqCst), Some(fault)));
        }));
    }
    for (at, name) in names.iter().enumerate() {
        current.store(at, Ordering::SeqCst);
        say(&Said::Begun(at))?;
        say(&Said::Ended(at, construct(name, session)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn construct(name: &str, session: &Session<'_>) -> Option<String> {
    let found = name.split_once(':').and_then(|(kind, id)| {
        let kind = BackendKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Some(session.registry.find(kind, id))
    });
    match found {
        Some(Ok(entry)) => entry.load().err().map(ToString::to_string),
        Some(Err(error)) => Some(error.to_string()),
        None => Some("there is no such kind".to_owned()),
    }
}

fn say(said: &Said) -> Result<(), CliError> {
    let line = serde_json::to_string(said).map_err(|error| CliError::new(error.to_string()))?;
    // What a plugin wrote last may have no end of line.
    output::data(&format!("\n{line}\n"))?;
    Ok(())
}
