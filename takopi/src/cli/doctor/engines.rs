//! The engines: where each is, its version, and whether that version was tested.

use std::path::Path;
use std::time::Duration;

use takopi_api::config::ConfigError;
use takopi_api::engine::{Availability, EngineBackend, TestedVersions, VersionStanding};
use takopi_api::plugin::BackendKind;
use takopi_api::process::{CommandSpec, Ending, ProcessHost};
use tokio::io::AsyncReadExt;

use super::{Finding, Status};
use crate::cli::Session;
use crate::plugins::{Member, Members, Program, build_runner};
use crate::process::LocalProcesses;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said of an engine whose program is not there.
pub(super) const NOT_INSTALLED: &str = "not installed";

/// What there is to say of each enabled engine.
pub(super) async fn all(session: &Session<'_>, processes: &LocalProcesses) -> Vec<Finding> {
    let looks = session.registry.visible(BackendKind::Engine).map(|entry| {
        let id = entry.row().id;
        let engine = session.registry.engine(id);
        async move {
            match engine {
                Ok(engine) => look(engine, session, processes).await,
                Err(error) => Finding::error(id, error.to_string()),
            }
        }
    });
    let mut findings = futures_util::future::join_all(looks).await;
    let Members { members, faults } = Members::of(&session.registry, &session.config);
    findings.extend(members.iter().map(look_at_member));
    let of_fault =
        |fault: ConfigError| Finding::error(fault.key.as_str(), fault.to_string()).next(fault.hints);
    findings.extend(faults.into_iter().map(of_fault));
    findings
}

/// An engine that a table makes: nobody knows how its program says its version.
fn look_at_member(member: &Member) -> Finding {
    let id = member.id.as_str();
    match member.build_runner() {
        Err(error) => Finding::error(id, error.to_string()).next(error.hints),
        Ok(runner) => match Program::of(&member.backend, Some(&*runner)) {
            Program::Found(path) => Finding::ok(id, path.display().to_string()),
            Program::Unknown { named } => Finding::new(id, Status::Warning, Program::not_there(&named)),
            Program::Missing { .. } | Program::NotNeeded => Finding::ok(id, "needs no program"),
        },
    }
}

async fn look(engine: &EngineBackend, session: &Session<'_>, processes: &LocalProcesses) -> Finding {
    let built = session.config.engine(engine.id).and_then(|config| build_runner(engine, &config));
    let runner = match built {
        Ok(runner) => runner,
        Err(error) => return Finding::error(engine.id, error.to_string()).next(error.hints),
    };
    // Nobody needs every engine, but the one that is chosen by default must be there.
    let is_default = session.config.default_engine.as_deref() == Some(engine.id);
    let status = if is_default { Status::Error } else { Status::Warning };
    let path = match Program::of(engine, Some(&*runner)) {
        Program::Found(path) => path,
        Program::Missing { install } => {
            return Finding::new(engine.id, status, NOT_INSTALLED).next([install]);
        }
        Program::Unknown { named } => return Finding::new(engine.id, status, Program::not_there(&named)),
        Program::NotNeeded if engine.availability == Availability::Embedded => {
            return Finding::ok(engine.id, "embedded");
        }
        Program::NotNeeded if engine.family.is_some() => {
            return Finding::ok(engine.id, "none of its own is set up");
        }
        Program::NotNeeded => return Finding::ok(engine.id, "needs no program"),
    };
    let (status, detail) = match version(&path, processes).await {
        Some(version) => judge(&path.display().to_string(), &version, engine.tested),
        None => (Status::Warning, format!("{}, which does not say its version", path.display())),
    };
    Finding::new(engine.id, status, detail)
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

/// The version that a program says it has.
pub(super) async fn version(path: &Path, processes: &LocalProcesses) -> Option<String> {
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
