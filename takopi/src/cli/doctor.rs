//! `takopi doctor`: whether what takopi needs is there and works. It looks, makes nothing and changes nothing. Only the
//! transports ask outside, each its own chat system.

mod engines;
mod here;
mod hooks;

use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use takopi_api::config::ConfigError;
use takopi_api::plugin::Backend;

use super::error::CliError;
use super::{Session, output, registry};
use crate::config::Reader;
use crate::paths;
use crate::plugins::Linked;
use crate::process::LocalProcesses;

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Look at the engines only: where each is, its version, and whether that version was tested
    #[arg(long)]
    engines: bool,
    /// Ask no chat system: look at this machine only
    #[arg(long)]
    offline: bool,
    /// Print JSON: one array
    #[arg(long)]
    json: bool,
}

/// How far it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// At this machine.
    Here,
    /// Chat systems are asked, too.
    Outside,
}

/// What was found out about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    status: Status,
    detail: String,
    /// What to do.
    next: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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

impl Finding {
    fn new(check: impl Into<String>, status: Status, detail: impl Into<String>) -> Self {
        Self { check: check.into(), status, detail: detail.into(), next: Vec::new() }
    }

    fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Ok, detail)
    }

    fn warning(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Warning, detail)
    }

    fn error(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Error, detail)
    }

    fn next(mut self, steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.next.extend(steps.into_iter().map(Into::into));
        self
    }

    /// As one line.
    fn line(&self) -> String {
        let mut said = self.detail.clone();
        for step in &self.next {
            said.push_str("; ");
            said.push_str(step);
        }
        format!(
            "- {}: {} ({})\n",
            self.check,
            self.status.as_str(),
            output::harmless(&said).replace('\n', " ")
        )
    }
}

pub(super) fn run(
    args: &DoctorArgs,
    reader: Reader,
    rows: &[&'static Backend],
    linked: &Linked,
) -> Result<ExitCode, CliError> {
    // What is broken in the file keeps nobody from looking at the rest.
    let (config, broken) = match reader.load() {
        Ok(config) => (config, None),
        Err(error) if args.engines => return Err(error.into()),
        Err(error) => (reader.parse("")?, Some(error)),
    };
    let registry = registry(rows, &reader, &config);
    let session = Session { registry: Arc::new(registry), config, linked, reader };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reach = if args.offline { Reach::Here } else { Reach::Outside };
    let findings = runtime.block_on(async {
        let processes = LocalProcesses::new(session.config.limits);
        let findings = if args.engines {
            session.warn();
            engines::all(&session, &processes).await
        } else {
            everything(&session, broken, rows, &processes, reach).await
        };
        processes.shutdown().await;
        findings
    });
    if args.json {
        let json =
            serde_json::to_string_pretty(&findings).map_err(|error| CliError::new(error.to_string()))?;
        output::data(&(json + "\n"))?;
    } else {
        let lines: String = findings.iter().map(Finding::line).collect();
        output::data(&paths::with_short_home(&format!("takopi doctor\n{lines}")))?;
    }
    let is_broken = findings.iter().any(|finding| finding.status == Status::Error);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn everything(
    session: &Session<'_>,
    broken: Option<ConfigError>,
    rows: &[&'static Backend],
    processes: &std::sync::Arc<LocalProcesses>,
    reach: Reach,
) -> Vec<Finding> {
    let mut findings = here::configuration(session, broken, rows);
    findings.push(here::state(session.config.folder()));
    findings.push(here::lock(&session.config.path));
    findings.push(here::git(processes).await);
    findings.extend(here::transports(session, reach).await);
    let engines = engines::all(session, processes).await;
    if engines.iter().all(|engine| engine.status != Status::Ok && engine.detail == engines::NOT_INSTALLED) {
        findings.push(Finding::error("engines", "none is installed").next(["install one of those below"]));
    }
    findings.extend(
        engines.into_iter().map(|found| Finding { check: format!("engine {}", found.check), ..found }),
    );
    findings.extend(hooks::all(session));
    findings.extend(here::projects(session, processes).await);
    findings
}
