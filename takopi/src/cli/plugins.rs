//! `takopi plugins`: what this build has, and whether it works.

mod info;
mod load;

use std::process::ExitCode;

use takopi_api::plugin::Backend;

use super::error::CliError;
use super::{Session, output};
use crate::bundled;
use crate::plugins::report::Report;
use crate::plugins::{Entry, check};
use crate::project::Alias;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PluginsArgs {
    #[command(subcommand)]
    about: Option<AboutOne>,
    /// Construct every enabled backend and say which of them fail
    #[arg(long)]
    load: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Compare what was compiled in with what was linked, and print nothing else
    #[arg(long, conflicts_with_all = ["load", "json"])]
    check: bool,
    /// Construct these backends and say what is wrong with each: the process that `--load` starts
    #[arg(long, hide = true, value_name = "KIND:ID", num_args = 1..)]
    probe: Vec<String>,
}

#[derive(Debug, clap::Subcommand)]
enum AboutOne {
    /// Show all there is to know of one: where it comes from, what it can do, its settings
    Info(info::InfoArgs),
}

pub(super) fn run(args: &PluginsArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    if let Some(AboutOne::Info(args)) = &args.about {
        return info::run(args, session);
    }
    if !args.probe.is_empty() {
        return load::probe(&args.probe, session);
    }
    if args.check {
        return compare(session);
    }
    // What is odd about the enabled list stands in the report itself.
    session.config.warnings.iter().for_each(|warning| output::warning(warning));
    let aliases: Vec<&Alias> = session.config.projects.keys().collect();
    let mut report = Report::new(&session.registry, session.linked, &aliases);
    let before = report.errors.len();
    if args.load {
        report.add_errors(load::all(session)?);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| CliError::new(error.to_string()))?;
        output::data(&(json + "\n"))?;
    } else {
        output::data(&report.text())?;
    }
    let is_broken = args.load && (report.errors.len() > before || before > 0);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn compare(session: &Session<'_>) -> Result<ExitCode, CliError> {
    let rows: Vec<&Backend> = session.registry.entries().iter().map(Entry::row).collect();
    let mismatches = check::mismatches(bundled::BUNDLED, session.linked, &rows);
    if mismatches.is_empty() {
        let bundled = bundled::BUNDLED.len() + session.linked.wrapped().len();
        let (linked, rows) = (session.linked.distributions().len(), rows.len());
        output::data(&format!("ok: {bundled} bundled, {linked} linked, {rows} backends\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::error("what was compiled in and what was linked do not fit", &[]);
    mismatches.iter().for_each(|mismatch| output::line(&format!("  {mismatch}")));
    Ok(ExitCode::FAILURE)
}
