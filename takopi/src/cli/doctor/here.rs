//! What is looked at besides the engines: the file, the state, the lock, git, transports and projects.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::config::ConfigError;
use takopi_api::plugin::{Backend, BackendKind};
use takopi_api::runtime::ProjectInfo;
use takopi_api::transport::{Check, CheckStatus, SetupContext};

use super::{Finding, Reach, Status, engines};
use crate::chat::settings::{FileSettings, Settings};
use crate::cli::Session;
use crate::hooks;
use crate::lock::{self, Standing};
use crate::plugins::{Loaded, LookupError, caught};
use crate::process::LocalProcesses;
use crate::project::{Project, Projects, WorktreeError, Worktrees};
use crate::store::{self, Look, OpenError};

const CONFIGURATION: &str = "configuration";

/// How long a transport may take to look at itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file, and each thing that is odd about it.
pub(super) fn configuration(
    session: &Session<'_>,
    broken: Option<ConfigError>,
    rows: &[&'static Backend],
) -> Vec<Finding> {
    let config = &session.config;
    if let Some(error) = broken {
        return vec![Finding::error(CONFIGURATION, error.to_string()).next(error.hints)];
    }
    let path = config.path.display();
    if !config.path.exists() {
        let none = Finding::ok(CONFIGURATION, format!("there is no {path} yet, and need not be"));
        return vec![none.next(["`takopi --onboard` asks what should be in it"])];
    }
    let mut findings = vec![Finding::ok(CONFIGURATION, path.to_string())];
    let enabled = session.registry.enabled().warnings(session.linked.distributions());
    let of_hooks = hooks::warnings(&session.registry, config);
    findings.extend(
        config
            .warnings
            .iter()
            .cloned()
            .chain(enabled)
            .chain(of_hooks)
            .map(|said| Finding::warning(CONFIGURATION, said)),
    );
    for row in rows {
        match config.unknown_keys_of(row) {
            Ok(unknown) => {
                findings.extend(unknown.iter().map(|key| Finding::warning(CONFIGURATION, key.to_string())));
            }
            Err(error) => findings.push(Finding::error(CONFIGURATION, error.to_string()).next(error.hints)),
        }
    }
    findings
}

/// What takopi remembers: whole, and of a version that this takopi reads.
pub(super) fn state(folder: &Path) -> Finding {
    const STATE: &str = "state";
    match Look::open(folder) {
        Ok(Some(_)) => Finding::ok(STATE, format!("{} is whole", folder.join(store::FILE).display())),
        Ok(None) => Finding::ok(STATE, "there is none yet: the first chat makes it"),
        // The next start mends it.
        Err(error @ OpenError::Older { .. }) => {
            Finding::warning(STATE, error.to_string()).next([error.hint()])
        }
        Err(error) => Finding::error(STATE, error.to_string()).next([error.hint()]),
    }
}

/// Whether a takopi runs.
pub(super) fn lock(config: &Path) -> Finding {
    const LOCK: &str = "lock";
    match lock::look(config) {
        Ok(Standing::Free) => Finding::ok(LOCK, "free: no takopi serves chats with this configuration"),
        Ok(Standing::Held { pid: Some(pid), .. }) => {
            Finding::ok(LOCK, format!("held by process {pid}, which serves chats"))
        }
        Ok(Standing::Held { pid: None, .. }) => Finding::ok(LOCK, "held by a process that it does not name"),
        Err(error) => Finding::error(LOCK, error.to_string()).next(error.hints()),
    }
}

/// git, without which there are no branches.
pub(super) async fn git(processes: &LocalProcesses) -> Finding {
    const GIT: &str = "git";
    let Ok(path) = which::which(GIT) else {
        return Finding::warning(GIT, "not installed").next(["install git: branches and worktrees need it"]);
    };
    match engines::version(&path, processes).await {
        Some(version) => Finding::ok(GIT, format!("{}, {version}", path.display())),
        None => Finding::warning(GIT, format!("{}, which does not say its version", path.display())),
    }
}

/// The transports that `takopi` would start.
pub(super) async fn transports(session: &Session<'_>, reach: Reach) -> Vec<Finding> {
    let ids = session.config.chosen_transports();
    if ids.is_empty() {
        let none = Finding::ok("transport", "none is configured");
        return vec![none.next(["`takopi chat` talks in a terminal, `takopi --onboard` sets a chat up"])];
    }
    let projects = Projects::new(&session.config).infos();
    let mut findings = Vec::new();
    for id in &ids {
        findings.extend(transport(id, session, &projects, reach).await);
    }
    findings
}

async fn transport(id: &str, session: &Session<'_>, projects: &[ProjectInfo], reach: Reach) -> Vec<Finding> {
    let check = format!("transport {id}");
    let unknown = |error: &LookupError| vec![Finding::error(&check, error.to_string()).next(error.hints())];
    let backend = match session.registry.load(BackendKind::Transport, id) {
        Ok(Loaded::Transport(backend)) => backend,
        Ok(_) => return vec![Finding::error(check, "this is no transport")],
        Err(error) => return unknown(&error),
    };
    let table = match session.config.transport(id) {
        Ok(table) => table,
        Err(error) => return vec![Finding::error(check, error.to_string()).next(error.hints)],
    };
    let context = SetupContext::new(&table, &session.config.path).projects(projects);
    let issues = match caught(|| backend.check_setup(&context)) {
        Ok(issues) => issues,
        Err(panic) => return vec![Finding::error(check, format!("reading its table panicked: {panic}"))],
    };
    if !issues.is_empty() {
        return issues
            .into_iter()
            .map(|issue| Finding::error(&check, issue.title).next(issue.steps))
            .collect();
    }
    let set_up = match Settings::read(&table) {
        Ok(settings) => vec![Finding::ok(&check, "set up"), files(id, &settings.files)],
        Err(error) => return vec![Finding::error(check, error.to_string()).next(error.hints)],
    };
    if reach == Reach::Here {
        return set_up;
    }
    // A plugin that panics says nothing, and keeps nobody from the rest.
    let examined = AssertUnwindSafe(backend.examine(&context)).catch_unwind();
    let found = match tokio::time::timeout(PATIENCE, examined).await {
        Ok(Ok(checks)) => checks.into_iter().map(|check| of_transport(id, check)).collect(),
        Ok(Err(_)) => vec![Finding::error(&check, "its own check panicked")],
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            vec![Finding::error(&check, format!("its own check took longer than {seconds} seconds"))]
        }
    };
    set_up.into_iter().chain(found).collect()
}

/// Who may put files into projects and get them from there. Nothing here is open to everybody.
fn files(id: &str, settings: &FileSettings) -> Finding {
    let who = match settings.allowed.len() {
        _ if !settings.is_enabled => "disabled".to_owned(),
        0 => "in a private chat for the person in it, in a group for its administrators".to_owned(),
        1 => "restricted to 1 person".to_owned(),
        count => format!("restricted to {count} people"),
    };
    Finding::ok(format!("{id} file transfer"), who)
}

fn of_transport(id: &str, check: Check) -> Finding {
    let status = match check.status {
        CheckStatus::Ok => Status::Ok,
        CheckStatus::Warning => Status::Warning,
        CheckStatus::Error => Status::Error,
    };
    Finding::new(format!("{id} {}", check.label), status, check.detail).next(check.hints)
}

/// The folders of the projects.
pub(super) async fn projects(session: &Session<'_>, processes: &Arc<LocalProcesses>) -> Vec<Finding> {
    let worktrees = Worktrees::new(Arc::clone(processes) as _);
    let projects = Projects::new(&session.config);
    let mut findings = Vec::new();
    for project in projects.iter() {
        findings.push(look_at(project, &worktrees).await);
    }
    findings
}

async fn look_at(project: &Project, worktrees: &Worktrees) -> Finding {
    let check = format!("project {}", project.alias);
    let path = project.settings.path.display();
    if !project.settings.path.is_dir() {
        return Finding::error(check, format!("{path} is no folder"))
            .next([format!("bring it back, or mend `projects.{}.path`", project.alias)]);
    }
    let folder = &project.settings.worktrees_dir;
    if folder.exists() && !folder.is_dir() {
        return Finding::error(
            check,
            format!("{} is no folder, and worktrees belong there", folder.display()),
        )
        .next([format!("move it away, or change `projects.{}.worktrees_dir`", project.alias)]);
    }
    match worktrees.list(project).await {
        Ok(found) => Finding::ok(check, format!("{path}, {} worktrees", found.len())),
        Err(WorktreeError::NoRepository { .. }) => {
            Finding::warning(check, format!("{path} is in no git repository: its runs have no branches"))
        }
        Err(error) => Finding::warning(check, error.to_string()).next(error.hints()),
    }
}
