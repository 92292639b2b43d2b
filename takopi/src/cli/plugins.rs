//! `takopi plugins`: what this build has, and whether it works.

use std::process::ExitCode;

use takopi_api::plugin::{Backend, BackendKind};

use super::error::CliError;
use super::{Session, output};
use crate::plugins::report::Report;
use crate::plugins::{Entry, LoadError, Problem, Standing, check};
use crate::{bundled, paths};

#[derive(Debug, clap::Args)]
pub(super) struct PluginsArgs {
    /// Construct every enabled backend and say which of them fail
    #[arg(long)]
    load: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Compare what was compiled in with what was linked, and print nothing else
    #[arg(long, conflicts_with_all = ["load", "json"])]
    check: bool,
    /// Construct one backend and say what is wrong with it: `--load` in a build that can not unwind
    #[arg(long, hide = true, value_names = ["KIND", "ID"], num_args = 2)]
    probe: Option<Vec<String>>,
}

pub(super) fn run(args: &PluginsArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    if let Some([kind, id]) = args.probe.as_deref() {
        return probe(kind, id, session);
    }
    if args.check {
        return compare(session);
    }
    // What is odd about the enabled list stands in the report itself.
    session.config.warnings.iter().for_each(|warning| output::warning(warning));
    let mut report = Report::new(&session.registry, session.linked);
    let before = report.errors.len();
    if args.load {
        report.add_errors(load_all(session)?);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| CliError::new(error.to_string()))?;
        output::data(&(json + "\n"))?;
    } else {
        output::data(&report.to_string())?;
    }
    let is_broken = args.load && (report.errors.len() > before || before > 0);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn compare(session: &Session<'_>) -> Result<ExitCode, CliError> {
    let rows: Vec<&Backend> = session.registry.entries().iter().map(Entry::row).collect();
    let mismatches = check::mismatches(bundled::BUNDLED, session.linked, &rows);
    if mismatches.is_empty() {
        let (bundled, linked, rows) = (bundled::BUNDLED.len(), session.linked.len(), rows.len());
        output::data(&format!("ok: {bundled} bundled, {linked} linked, {rows} backends\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::error("what was compiled in and what was linked do not fit", &[]);
    mismatches.iter().for_each(|mismatch| output::line(&format!("  {mismatch}")));
    Ok(ExitCode::FAILURE)
}

/// Constructs every usable backend.
fn load_all(session: &Session<'_>) -> Result<Vec<Problem>, CliError> {
    let mut problems = Vec::new();
    for entry in session.registry.entries().iter().filter(|entry| entry.standing() == Standing::Visible) {
        let row = entry.row();
        let failure = if cfg!(panic = "unwind") {
            entry.load().err().map(ToString::to_string)
        } else {
            load_in_child(row, session)?
        };
        problems.extend(failure.map(|text| Problem {
            kind: row.kind(),
            id: row.id.to_owned(),
            distribution: row.distribution,
            text,
        }));
    }
    Ok(problems)
}

/// Without unwinding a panic ends the process, so the process that tries is another one.
#[expect(clippy::disallowed_methods, reason = "no engine: this program itself")]
fn load_in_child(row: &Backend, session: &Session<'_>) -> Result<Option<String>, CliError> {
    let mut child = std::process::Command::new(std::env::current_exe()?);
    if session.config.path.exists() {
        child.env(paths::CONFIG_VARIABLE, &session.config.path);
    }
    let output = child.args(["plugins", "--probe", row.kind().as_str(), row.id]).output()?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Some(if said.is_empty() {
        format!("constructing it ended the process: {}", output.status)
    } else {
        said
    }))
}

/// The other side of [`load_in_child`]: what is wrong goes to standard output, a panic as well.
fn probe(kind: &str, id: &str, session: &Session<'_>) -> Result<ExitCode, CliError> {
    let Some(kind) = BackendKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
        return Err(CliError::usage(format!("there is no kind `{kind}`")));
    };
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message").to_owned();
        // Nothing can be done if the parent does not listen.
        let _ = output::data(&format!("{}\n", LoadError::Panicked(message)));
    }));
    match session.registry.find(kind, id)?.load() {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            output::data(&format!("{error}\n"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
