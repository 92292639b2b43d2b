//! What is in a worktree: asked of git, and of the system.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::alias::Alias;
use super::super::git::{Git, GitError};
use super::super::registry::Project;
use super::super::repository::{Place, Record, commit_of};
use super::super::worktree::Worktrees;
use super::{Details, Head, Merge, Operation, State, Worktree};

/// What git leaves while something is under way.
const TRACES: &[(&str, Operation)] = &[
    ("rebase-merge", Operation::Rebase),
    ("rebase-apply", Operation::Rebase),
    ("MERGE_HEAD", Operation::Merge),
    ("CHERRY_PICK_HEAD", Operation::CherryPick),
    ("REVERT_HEAD", Operation::Revert),
    ("BISECT_LOG", Operation::Bisect),
];

/// What is the same for all worktrees of a project.
pub(super) struct Surroundings {
    alias: Alias,
    repository: Place,
    /// The base of new branches, and the same branch of the other side if there is one: either may be the newer.
    bases: Vec<String>,
    processes: Vec<Process>,
    /// Whether a worktree that is not there may only be out of reach.
    may_be_away: bool,
}

/// A process of this machine, and the folder that it works in.
struct Process {
    id: u32,
    folder: PathBuf,
}

impl Surroundings {
    /// `path` and `folder` are those of the project and of its worktrees, without symbolic links.
    pub(super) async fn of(
        worktrees: &Worktrees,
        project: &Project,
        repository: Place,
        path: &Path,
        folder: &Path,
    ) -> Self {
        // Without a base nothing counts as merged; what is wrong with it is said where one is needed.
        let mut bases: Vec<String> = worktrees.base(project).await.ok().flatten().into_iter().collect();
        if let Some(base) = bases.first() {
            let other = base.strip_prefix("origin/").map_or_else(|| format!("origin/{base}"), str::to_owned);
            if let Ok(Some(_)) = commit_of(&worktrees.git, path, &other).await {
                bases.push(other);
            }
        }
        Self {
            alias: project.alias.clone(),
            repository,
            bases,
            processes: tokio::task::spawn_blocking(processes).await.unwrap_or_default(),
            may_be_away: !folder.is_dir() && !folder.starts_with(path),
        }
    }

    fn process_in(&self, folder: &Path) -> Option<String> {
        let process = self.processes.iter().find(|process| process.folder.starts_with(folder))?;
        let name = fs::read_to_string(format!("/proc/{}/comm", process.id)).unwrap_or_default();
        Some(format!("{} ({})", name.trim(), process.id))
    }
}

/// Looks at the worktree that a record is about.
pub(super) async fn look(git: &Git, record: Record, surroundings: &Surroundings) -> Worktree {
    let (branch, state) = match fs::canonicalize(&record.path) {
        Ok(path) => match contents(git, &path, &record, surroundings).await {
            Ok((branch, details)) => (branch, State::There(details)),
            Err(why) => (None, State::Unreadable(why)),
        },
        // A link to nowhere is there.
        Err(error) if fs::symlink_metadata(&record.path).is_ok() => {
            (None, State::Unreadable(error.to_string()))
        }
        Err(_) if surroundings.may_be_away => (None, State::Unreachable),
        Err(_) => (None, State::Gone),
    };
    let head = match branch.or(record.branch) {
        Some(branch) => Head::Branch(branch),
        None => Head::Detached(record.head.unwrap_or_default()),
    };
    Worktree { project: surroundings.alias.clone(), path: record.path, head, lock: record.lock, state }
}

/// The branch that is worked on in a worktree, and what else is in it.
async fn contents(
    git: &Git,
    path: &Path,
    record: &Record,
    surroundings: &Surroundings,
) -> Result<(Option<String>, Details), String> {
    let said = |error: GitError| error.to_string();
    let place = Place::of(git, path).await.map_err(said)?;
    let is_ours = |place: &Place| {
        place.root.as_deref() == Some(path) && place.common_dir == surroundings.repository.common_dir
    };
    let place = place.filter(is_ours).ok_or("there is something else in its place")?;
    let used_by = surroundings.process_in(path);
    let details = details(git, path, &place, used_by, &surroundings.bases).await.map_err(said)?;
    let branch = match &record.branch {
        Some(branch) => Some(branch.clone()),
        // During a rebase only a look into the worktree tells it.
        None => place.branch(git).await.map_err(said)?,
    };
    Ok((branch, details))
}

async fn details(
    git: &Git,
    path: &Path,
    place: &Place,
    used_by: Option<String>,
    bases: &[String],
) -> Result<Details, GitError> {
    let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"];
    let status = git.at(path).args(status).tell().await?;
    let changed: Vec<PathBuf> = changed(&status).map(|file| path.join(file)).collect();
    let head_moved = modified(&place.git_dir.join("logs/HEAD"));
    let last_change = changed.iter().filter_map(|file| modified(file)).chain(head_moved).max();
    Ok(Details {
        changed_files: changed.len(),
        operation: operation(&place.git_dir),
        merge: merge(git, path, bases).await?,
        last_commit: last_commit(git, path).await?,
        last_change,
        used_by,
    })
}

/// The files of `git status --porcelain -z`: two letters, a space and the name each.
fn changed(status: &[u8]) -> impl Iterator<Item = &OsStr> {
    status.split(|byte| *byte == 0).filter_map(|entry| entry.get(3..)).map(OsStr::from_bytes)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok()?.modified().ok()
}

fn operation(git_dir: &Path) -> Option<Operation> {
    TRACES.iter().find(|(trace, _)| git_dir.join(trace).exists()).map(|(_, operation)| *operation)
}

async fn last_commit(git: &Git, path: &Path) -> Result<Option<SystemTime>, GitError> {
    let answer = git.at(path).args(["log", "-1", "--format=%ct"]).tell().await?;
    let seconds = String::from_utf8_lossy(&answer).trim().parse().ok();
    Ok(seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))))
}

async fn merge(git: &Git, path: &Path, bases: &[String]) -> Result<Merge, GitError> {
    let mut nearest: Option<(u64, &String)> = None;
    for base in bases {
        let commits = commits_over(git, path, base).await?;
        if commits == 0 {
            return Ok(Merge::Merged { base: base.clone() });
        }
        nearest = nearest.into_iter().chain([(commits, base)]).min_by_key(|(commits, _)| *commits);
    }
    for base in bases {
        if adds_nothing(git, path, base).await {
            return Ok(Merge::Contained { base: base.clone() });
        }
    }
    Ok(nearest.map_or(Merge::NoBase, |(commits, base)| Merge::Ahead { base: base.clone(), commits }))
}

/// How many commits the worktree has that the base has not.
async fn commits_over(git: &Git, path: &Path, base: &str) -> Result<u64, GitError> {
    let count = git.at(path).args(["rev-list", "--count", "HEAD", "--not", base, "--"]).tell().await?;
    let count = String::from_utf8_lossy(&count);
    count.trim().parse().map_err(|_| GitError::Unreadable {
        command: "git rev-list".to_owned(),
        what: format!("`{}` is no number", count.trim()),
    })
}

/// Whether the base would not change by merging what is checked out. A git that can not say does not say so.
async fn adds_nothing(git: &Git, path: &Path, base: &str) -> bool {
    let merged = git.at(path).args(["merge-tree", "--write-tree", base, "HEAD"]).ask().await;
    let tree = git.at(path).args(["rev-parse", "--verify", "--quiet"]).arg(format!("{base}^{{tree}}"));
    matches!((merged, tree.ask().await), (Ok(Some(merged)), Ok(Some(tree))) if merged == tree)
}

/// The processes that can be looked at, with the folders that they work in.
#[cfg(target_os = "linux")]
fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Some(Process { id, folder: fs::read_link(format!("/proc/{id}/cwd")).ok()? }))
        .collect()
}

/// Elsewhere nothing tells where a process works.
#[cfg(not(target_os = "linux"))]
fn processes() -> Vec<Process> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_read_by_their_own_names() {
        let files: Vec<_> = changed(b" M a b\0?? new\nline\0AM x\0").collect();
        assert_eq!(files, ["a b", "new\nline", "x"]);
        assert_eq!(changed(b"").count(), 0);
    }
}
