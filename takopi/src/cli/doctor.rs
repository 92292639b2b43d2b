//! `takopi doctor`: whether what takopi needs on this machine is there and works.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use takopi_api::engine::{Availability, EngineBackend, TestedVersions, VersionStanding};
use takopi_api::plugin::BackendKind;
use takopi_api::process::{CommandSpec, Ending, ProcessHost};
use tokio::io::AsyncReadExt;

use super::error::CliError;
use super::{Session, output};
use crate::plugins::build_runner;
use crate::process::LocalProcesses;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Look at the engines: where each is, its version, and whether that version was tested
    #[arg(long, required = true)]
    engines: bool,
}

/// What was found out about one thing.
struct Finding {
    label: String,
    status: Status,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Error,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

pub(super) fn run(args: &DoctorArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let findings = if args.engines { engines(session)? } else { Vec::new() };
    let mut text = "takopi doctor\n".to_owned();
    for Finding { label, status, detail } in &findings {
        text.push_str(&format!("- {label}: {} ({detail})\n", status.as_str()));
    }
    output::data(&text)?;
    let is_broken = findings.iter().any(|finding| finding.status == Status::Error);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn engines(session: &Session<'_>) -> Result<Vec<Finding>, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(async {
        let processes = LocalProcesses::new(session.config.limits);
        let looks = session.registry.visible(BackendKind::Engine).map(|entry| {
            let id = entry.row().id;
            let engine = session.registry.engine(id);
            let processes = &processes;
            async move {
                let (status, detail) = match engine {
                    Ok(engine) => look(engine, session, processes).await,
                    Err(error) => (Status::Error, error.to_string()),
                };
                Finding { label: id.to_owned(), status, detail }
            }
        });
        let findings = futures_util::future::join_all(looks).await;
        processes.shutdown().await;
        findings
    });
    Ok(findings)
}

async fn look(engine: &EngineBackend, session: &Session<'_>, processes: &LocalProcesses) -> (Status, String) {
    let built = session.config.engine(engine.id).and_then(|config| build_runner(engine, &config));
    if let Err(error) = built {
        return (Status::Error, error.to_string());
    }
    let (commands, install) = match engine.availability {
        Availability::Cli { commands, install } => (commands, install),
        Availability::Embedded => return (Status::Ok, "embedded".to_owned()),
        _ => return (Status::Ok, "needs no program".to_owned()),
    };
    let Some(path) = commands.iter().find_map(|command| which::which(command).ok()) else {
        // Nobody needs every engine, but the one that is chosen by default must be there.
        let is_default = session.config.default_engine.as_deref() == Some(engine.id);
        let status = if is_default { Status::Error } else { Status::Warning };
        return (status, format!("not installed; {install}"));
    };
    match version(&path, processes).await {
        Some(version) => judge(&path.display().to_string(), &version, engine.tested),
        None => (Status::Warning, format!("{}, which does not say its version", path.display())),
    }
}

fn judge(path: &str, version: &str, tested: Option<TestedVersions>) -> (Status, String) {
    let Some(tested) = tested else { return (Status::Ok, format!("{path}, {version}")) };
    let TestedVersions { oldest, newest } = tested;
    let range = if oldest == newest { newest.to_owned() } else { format!("{oldest} to {newest}") };
    match tested.standing(version) {
        VersionStanding::Tested => (Status::Ok, format!("{path}, {version}, tested")),
        VersionStanding::Newer => {
            (Status::Warning, format!("{path}, {version}, newer than the tested {range}"))
        }
        VersionStanding::Older => {
            (Status::Warning, format!("{path}, {version}, older than the tested {range}"))
        }
    }
}

async fn version(path: &Path, processes: &LocalProcesses) -> Option<String> {
    let folder = std::env::temp_dir();
    let process = processes.spawn(CommandSpec::new(path, folder).arg("--version")).await.ok()?;
    let mut said = Vec::new();
    let mut stdout = process.stdout.take(4096);
    let read = tokio::time::timeout(PATIENCE, stdout.read_to_end(&mut said)).await;
    process.handle.end(Ending::now());
    read.ok()?.ok()?;
    parse_version(&String::from_utf8_lossy(&said))
}

/// The first word of the form `1.2.3` in what a program prints about itself.
fn parse_version(said: &str) -> Option<String> {
    said.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '/' | ','))
        .map(|word| word.trim_start_matches('v'))
        .find(|word| {
            let mut parts = word.split('.');
            let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
            parts.next().is_some_and(is_number) && parts.next().is_some_and(is_number)
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let check = |said: &str, expected: Option<&str>| assert_eq!(parse_version(said).as_deref(), expected);
        check("codex-cli 0.169.0\n", Some("0.169.0"));
        check("2.1.330 (Claude Code)\n", Some("2.1.330"));
        check("tool/v1.2.3-beta linux\n", Some("1.2.3-beta"));
        check("no number here 12\n", None);
    }
}
