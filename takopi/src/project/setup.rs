//! The setup hook: what a project runs in a new worktree before the first run in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use takopi_api::process::{
    Ask, CommandSpec, Ending, Environment, ExitStatus, Process, ProcessHost, SpawnError,
};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::branch::Branch;
use super::registry::Project;
use crate::config::SetupHook;

/// The file in the worktree's git folder that says that the hook has succeeded there.
const MARKER: &str = "takopi-setup-done";

/// How long a hook may take: fetching and building all dependencies of a large project.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How much of the end of its output is kept, in bytes.
const TAIL_BYTES: usize = 8 * 1024;

/// How many lines of each output an error repeats.
const TAIL_LINES: usize = 8;

/// How much of a line is repeated.
const LINE_CHARS: usize = 200;

/// Why a worktree is not prepared. It stays, and the hook runs again before the next run in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// It could not be started.
    #[error("the setup hook of `{project}` could not be started: {source}")]
    NotStarted {
        /// The project's alias.
        project: String,
        /// Why.
        #[source]
        source: SpawnError,
    },
    /// It failed.
    #[error("the setup hook of `{project}` {status}{}", after_colon(output))]
    Failed {
        /// The project's alias.
        project: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// It took too long.
    #[error("the setup hook of `{project}` took longer than {} minutes and was ended", PATIENCE.as_secs() / 60)]
    TookTooLong {
        /// The project's alias.
        project: String,
    },
    /// It succeeded, and that can not be remembered.
    #[error("{} can not be written, so the setup hook would run again: {source}", path.display())]
    NotRemembered {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SetupError {
    /// What to do next.
    pub(super) fn hints(&self) -> Vec<String> {
        match self {
            Self::NotStarted { project, .. }
            | Self::Failed { project, .. }
            | Self::TookTooLong { project } => {
                vec![format!(
                    "the worktree stays, and the hook runs again next time; it is `projects.{project}.setup` in the \
                     configuration"
                )]
            }
            Self::NotRemembered { .. } => Vec::new(),
        }
    }
}

fn after_colon(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(":\n{output}") }
}

/// Runs the hook in a worktree, unless it has succeeded there before. Nothing that it starts is left behind.
pub(super) async fn prepare(
    processes: &dyn ProcessHost,
    project: &Project,
    branch: &Branch,
    worktree: &Path,
    git_dir: &Path,
) -> Result<(), SetupError> {
    let Some(hook) = &project.settings.setup else { return Ok(()) };
    let marker = git_dir.join(MARKER);
    if marker.exists() {
        return Ok(());
    }
    tracing::info!(project = %project.alias, worktree = %worktree.display(), "setup hook");
    run(processes, hook, project, branch, worktree).await?;
    fs::write(&marker, "").map_err(|source| SetupError::NotRemembered { path: marker, source })
}

async fn run(
    processes: &dyn ProcessHost,
    hook: &SetupHook,
    project: &Project,
    branch: &Branch,
    worktree: &Path,
) -> Result<(), SetupError> {
    let alias = || project.alias.to_string();
    // What is not in the repository (an `.env`, a local database) can only be taken from the project's own folder.
    let environment = Environment::base()
        .set("TAKOPI_PROJECT", alias())
        .set("TAKOPI_PROJECT_PATH", &project.settings.path)
        .set("TAKOPI_BRANCH", branch.as_str());
    let command = CommandSpec::new(&hook.program, worktree).args(&hook.args).environment(environment);
    let process = processes
        .spawn(command)
        .await
        .map_err(|source| SetupError::NotStarted { project: alias(), source })?;
    let Process { stdout, handle, .. } = process;
    let ended = async {
        // The output of a hook that left something running ends when the host has ended that.
        let (stdout, exit) = tokio::join!(tail(stdout), handle.exited());
        (stdout, exit)
    };
    let Ok((stdout, exit)) = tokio::time::timeout(PATIENCE, ended).await else {
        handle.end(Ending::asking(Ask::Terminate));
        handle.exited().await;
        return Err(SetupError::TookTooLong { project: alias() });
    };
    if exit.status.is_zero() {
        return Ok(());
    }
    let output = last_lines(&stdout).chain(last_lines(&exit.stderr_tail)).collect::<Vec<_>>().join("\n");
    Err(SetupError::Failed { project: alias(), status: exit.status, output })
}

/// The end of an output.
async fn tail(mut output: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = vec![0; TAIL_BYTES];
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(TAIL_BYTES));
    }
    console::strip_ansi_codes(&String::from_utf8_lossy(&kept)).into_owned()
}

fn last_lines(text: &str) -> impl Iterator<Item = String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines.into_iter().skip(first).map(|line| line.chars().take(LINE_CHARS).collect())
}
