//! The worktrees of a project: what is in each, and which of them nobody would miss.

mod look;
mod verdict;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures_util::StreamExt;

use look::Surroundings;
pub use verdict::{Obstacle, Reason, Verdict};

use super::alias::Alias;
use super::registry::Project;
use super::repository::{Record, real_path};
use super::worktree::{WorktreeError, Worktrees};

/// How many worktrees are looked at side by side.
const LOOKS: usize = 4;

/// A worktree that git knows of, in a project's folder for worktrees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worktree {
    /// The project.
    pub project: Alias,
    /// Its folder.
    pub path: PathBuf,
    /// What is checked out in it.
    pub head: Head,
    /// Why it is locked, if it is; often nothing is said.
    pub lock: Option<String>,
    /// What is in it.
    pub state: State,
}

/// What a worktree has checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// A branch.
    Branch(String),
    /// A commit.
    Detached(String),
}

/// What is in a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing: its folder is gone.
    Gone,
    /// Nothing, and the folder of all worktrees is gone too, which lies outside of the project: perhaps on a disk that is
    /// not there now.
    Unreachable,
    /// git could not say.
    Unreadable(String),
    /// Files.
    There(Details),
}

/// What is in a worktree that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// How many files are changed or new. What git ignores does not count.
    pub changed_files: usize,
    /// What was begun and not finished.
    pub operation: Option<Operation>,
    /// How it stands to the base of new branches.
    pub merge: Merge,
    /// When its last commit was made.
    pub last_commit: Option<SystemTime>,
    /// When HEAD moved or a changed file was written, whichever is later.
    pub last_change: Option<SystemTime>,
    /// A process that works in it: its name and id.
    pub used_by: Option<String>,
}

/// What can be under way in a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "git's own words")]
pub enum Operation {
    Rebase,
    Merge,
    CherryPick,
    Revert,
    Bisect,
}

/// How a worktree stands to the base of new branches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// Every commit of it is in the base.
    Merged {
        /// The base.
        base: String,
    },
    /// Merging it would change nothing, as after a squash merge.
    Contained {
        /// The base.
        base: String,
    },
    /// It has commits that the base has not.
    Ahead {
        /// The base.
        base: String,
        /// How many.
        commits: u64,
    },
    /// There is no base to compare with.
    NoBase,
}

/// How a worktree is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Only if it is clean at that moment too.
    IfClean,
    /// With the changes in it.
    WithChanges,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => write!(f, "@{branch}"),
            Self::Detached(commit) => write!(f, "(detached at {})", commit.get(..10).unwrap_or(commit)),
        }
    }
}

impl Worktrees {
    /// The worktrees in a project's folder for them, sorted by path. Those that somebody has elsewhere are not takopi's.
    ///
    /// # Errors
    /// [`WorktreeError`] if the project has no repository, or git can not say.
    pub async fn list(&self, project: &Project) -> Result<Vec<Worktree>, WorktreeError> {
        let path = &project.settings.path;
        if !path.is_dir() {
            return Err(WorktreeError::Gone { project: project.alias.clone(), path: path.clone() });
        }
        let repository = self.repository(project).await?;
        let folder = &project.settings.worktrees_dir;
        let real = |path: &Path| {
            real_path(path).map_err(|source| WorktreeError::Unreadable { path: path.to_owned(), source })
        };
        let (path, folder) = (real(path)?, real(folder)?);
        // The first is the main checkout, which may lie in there too: `worktrees_dir` can be the folder around it.
        let records = Record::all(&self.git, &path).await?.into_iter().skip(1);
        let records: Vec<Record> = records
            .filter(|record| {
                let record = real_path(&record.path).unwrap_or_else(|_| record.path.clone());
                record != path && record != folder && record.starts_with(&folder)
            })
            .collect();
        let surroundings = &Surroundings::of(self, project, repository, &path, &folder).await;
        let looks = records.into_iter().map(|record| look::look(&self.git, record, surroundings));
        let mut worktrees: Vec<Worktree> = futures_util::stream::iter(looks).buffered(LOOKS).collect().await;
        worktrees.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(worktrees)
    }

    /// Removes a worktree, or what git remembers of one that is gone. Its branch stays.
    ///
    /// # Errors
    /// [`WorktreeError`] if git refuses.
    pub async fn remove(
        &self,
        project: &Project,
        worktree: &Worktree,
        removal: Removal,
    ) -> Result<(), WorktreeError> {
        let _alone = self.alone(&worktree.path).await;
        let command = self.git.at(&project.settings.path).args(["worktree", "remove"]);
        let command = match removal {
            Removal::IfClean => command,
            Removal::WithChanges => command.arg("--force"),
        };
        command.arg("--").arg(&worktree.path).tell().await?;
        // `feature/x` had a folder `feature` around it. One that is not empty can not be removed.
        let folder = real_path(&project.settings.worktrees_dir).unwrap_or_default();
        for above in worktree.path.ancestors().skip(1).take_while(|above| *above != folder) {
            if !above.starts_with(&folder) || fs::remove_dir(above).is_err() {
                break;
            }
        }
        Ok(())
    }
}
