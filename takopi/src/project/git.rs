//! The git CLI: asked in the background, for a bounded time, and never through a shell.
//!
//! It is started by the process host as everything else is. So it has no terminal on which it could ask for a password,
//! it sees none of the variables that would lead it to another repository, and whatever it starts itself (hooks,
//! filters, credential helpers) ends with it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::process::{
    Ask, CommandSpec, Ending, Environment, ExitStatus, Process, ProcessHost, SpawnError,
};
use tokio::io::AsyncReadExt;

/// How long git may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much git may say: the changes of a worktree with 200,000 of them.
const OUTPUT_BYTES: u64 = 16 * 1024 * 1024;

/// How many lines of git's errors are repeated.
const ERROR_LINES: usize = 4;

/// How much of such a line is repeated.
const LINE_CHARS: usize = 300;

/// The git CLI.
#[derive(Clone)]
pub struct Git {
    pub(super) processes: Arc<dyn ProcessHost>,
    program: OsString,
    patience: Duration,
}

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no git.
    #[error("git is not installed, or not on PATH")]
    NotInstalled,
    /// It could not be started.
    #[error("git could not be started: {0}")]
    NotStarted(#[source] SpawnError),
    /// It took too long.
    #[error("`{command}` took longer than {} seconds and was ended", patience.as_secs())]
    TookTooLong {
        /// What it was told.
        command: String,
        /// How long it had.
        patience: Duration,
    },
    /// It failed, and said why.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// What it was told.
        command: String,
        /// What it said.
        said: String,
    },
    /// It said something else than it was asked for.
    #[error("`{command}` gave an answer that can not be read: {what}")]
    Unreadable {
        /// What it was told.
        command: String,
        /// What is wrong with the answer.
        what: String,
    },
}

impl GitError {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotInstalled => vec!["install git: branches and worktrees need it".to_owned()],
            _ => Vec::new(),
        }
    }
}

impl Git {
    /// git as it is found on `PATH`, started by this host.
    #[must_use]
    pub fn new(processes: Arc<dyn ProcessHost>) -> Self {
        Self { processes, program: "git".into(), patience: PATIENCE }
    }

    /// A command that works in a folder.
    pub(super) fn at(&self, folder: &Path) -> GitCommand<'_> {
        let spec = CommandSpec::new(&self.program, folder).environment(environment());
        GitCommand { git: self, spec, patience: self.patience }
    }
}

impl fmt::Debug for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Git").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What git sees: the usual, so nothing that names another repository, index or configuration for this one call.
fn environment() -> Environment {
    Environment::base()
        // Its messages are read below, and shown to people who read everything else in English too.
        .set("LC_ALL", "C")
        // Nobody is there whom it could ask.
        .set("GIT_TERMINAL_PROMPT", "0")
        .set("SSH_ASKPASS_REQUIRE", "never")
        // A look must not take the lock that a git of the agent's needs at the same moment.
        .set("GIT_OPTIONAL_LOCKS", "0")
}

/// A command that is not started yet.
pub(super) struct GitCommand<'a> {
    git: &'a Git,
    spec: CommandSpec,
    patience: Duration,
}

struct Answer {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl GitCommand<'_> {
    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.spec = self.spec.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.spec = self.spec.args(args);
        self
    }

    /// Gives it this long.
    pub(super) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Runs it; it must succeed.
    pub(super) async fn tell(self) -> Result<Vec<u8>, GitError> {
        let command = self.name();
        let answer = self.run().await?;
        if answer.status.is_zero() { Ok(answer.stdout) } else { Err(answer.into_error(command)) }
    }

    /// Runs a question, which git answers with "no" by exit code 1.
    pub(super) async fn ask(self) -> Result<Option<Vec<u8>>, GitError> {
        let command = self.name();
        let answer = self.run().await?;
        match answer.status {
            ExitStatus::Code(0) => Ok(Some(answer.stdout)),
            ExitStatus::Code(1) => Ok(None),
            _ => Err(answer.into_error(command)),
        }
    }

    /// What it is called in an error: the words before the first that could be long.
    fn name(&self) -> String {
        let words = self.spec.args.iter().map(|arg| arg.to_string_lossy());
        let words = words.take_while(|word| !word.starts_with('-') && !word.contains('/')).take(2);
        words.fold("git".to_owned(), |name, word| name + " " + &word)
    }

    async fn run(self) -> Result<Answer, GitError> {
        let command = self.name();
        let patience = self.patience;
        let process = self.git.processes.spawn(self.spec).await.map_err(|error| match error {
            SpawnError::NotFound { .. } => GitError::NotInstalled,
            error => GitError::NotStarted(error),
        })?;
        let Process { stdout, handle, .. } = process;
        let answer = async {
            let mut said = Vec::new();
            let read = stdout.take(OUTPUT_BYTES + 1).read_to_end(&mut said).await;
            let what = match read {
                Ok(length) if length as u64 <= OUTPUT_BYTES => {
                    let exit = handle.exited().await;
                    return Ok(Answer { status: exit.status, stdout: said, stderr: exit.stderr_tail });
                }
                Ok(_) => format!("it is longer than {} MiB", OUTPUT_BYTES / (1024 * 1024)),
                Err(error) => error.to_string(),
            };
            Err(GitError::Unreadable { command: command.clone(), what })
        };
        let answer = tokio::time::timeout(patience, answer).await;
        if !matches!(answer, Ok(Ok(_))) {
            // Asked first, so that it takes away its locks and what is half done.
            handle.end(Ending::asking(Ask::Terminate));
            handle.exited().await;
        }
        answer.unwrap_or(Err(GitError::TookTooLong { command, patience }))
    }
}

impl Answer {
    fn into_error(self, command: String) -> GitError {
        let said = match last_error(&self.stderr) {
            said if said.is_empty() => format!("it {}", self.status),
            said => said,
        };
        GitError::Failed { command, said }
    }
}

/// What is wrong, out of everything that git said on standard error: from its last `fatal:` or `error:` on, or else the
/// last lines, without the advice for people who type commands.
fn last_error(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:") && !line.starts_with("warning:"))
        .collect();
    let is_error = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let first = lines.iter().rposition(is_error).unwrap_or(lines.len().saturating_sub(ERROR_LINES));
    let lines: Vec<String> = lines[first..]
        .iter()
        .take(ERROR_LINES)
        .map(|line| line.trim_start_matches("fatal:").trim_start_matches("error:").trim())
        .map(|line| line.chars().take(LINE_CHARS).collect())
        .collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::process::{Limits, LocalProcesses};

    fn git(program: impl Into<OsString>, patience: Duration) -> Git {
        Git { processes: LocalProcesses::new(Limits::default()), program: program.into(), patience }
    }

    fn script(folder: &Path, text: &str) -> Git {
        let path = folder.join("git");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        git(path, PATIENCE)
    }

    #[test]
    fn nothing_leads_git_to_another_repository() {
        let names = [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_COMMON_DIR",
            "GIT_NAMESPACE",
            "GIT_CONFIG_COUNT",
            "GIT_ASKPASS",
            "LC_ALL",
        ];
        let own = names.map(|name| (OsString::from(name), OsString::from("x")));
        let seen: Vec<_> = environment().select(own).collect();
        let seen: Vec<_> =
            seen.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect();
        assert_eq!(
            seen,
            ["GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "SSH_ASKPASS_REQUIRE=never"]
        );
    }

    #[tokio::test]
    async fn a_missing_git_is_said() {
        let error = git("no-such-git", PATIENCE).at(Path::new("/")).arg("status").tell().await.unwrap_err();
        assert_eq!(error.to_string(), "git is not installed, or not on PATH");
        assert!(!error.hints().is_empty());
    }

    #[tokio::test]
    async fn a_git_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let hangs = script(folder.path(), "echo $$ > pid\nsleep 314159 & sleep 314159");
        let patience = Duration::from_millis(500);
        let error =
            hangs.at(folder.path()).args(["worktree", "add"]).patience(patience).tell().await.unwrap_err();
        assert_eq!(error.to_string(), "`git worktree add` took longer than 0 seconds and was ended");
        // On a busy machine its time may be up before it does anything.
        if let Ok(pid) = std::fs::read_to_string(&pid) {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
        }
    }

    #[tokio::test]
    async fn what_git_says_is_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let git = script(
            folder.path(),
            "echo 'Preparing worktree' >&2; echo 'fatal: it is so;' >&2; echo 'and so' >&2; echo 'hint: x' >&2
             exit 128",
        );
        let command = || git.at(folder.path()).args(["worktree", "add", "--", "/some/where"]);
        let error = command().tell().await.unwrap_err();
        assert_eq!(error.to_string(), "`git worktree add` failed: it is so; and so");
        assert!(command().ask().await.is_err());
        let silent = script(folder.path(), "exit 1");
        let error = silent.at(folder.path()).arg("status").tell().await.unwrap_err();
        assert_eq!(error.to_string(), "`git status` failed: it exited with code 1");
        assert!(silent.at(folder.path()).arg("status").ask().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_flood_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let error = script(folder.path(), "exec yes").at(folder.path()).arg("log").tell().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`git log` gave an answer that can not be read: it is longer than 16 MiB"
        );
    }
}
