//! Why there is no worktree for a branch.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::super::alias::Alias;
use super::super::branch::Branch;
use super::super::git::GitError;
use super::super::setup::SetupError;

/// Why there is no folder for a run. What was found is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorktreeError {
    /// The project's folder is not there.
    #[error("the folder of the project `{project}` is gone: {}", path.display())]
    Gone {
        /// The project.
        project: Alias,
        /// Where its folder should be.
        path: PathBuf,
    },
    /// There is no repository in the project's folder.
    #[error("the project `{project}` has no branches: {} is in no git repository", path.display())]
    NoRepository {
        /// The project.
        project: Alias,
        /// Its folder.
        path: PathBuf,
    },
    /// A symbolic link leads out of the folder for worktrees.
    #[error(
        "the worktree of `{branch}` would be outside of {}: a link leads to {}", folder.display(), path.display()
    )]
    Outside {
        /// The branch.
        branch: Branch,
        /// Where it would be.
        path: PathBuf,
        /// The folder that it belongs into.
        folder: PathBuf,
    },
    /// Something else is in its place.
    #[error("{} {by}, where the worktree of `{branch}` belongs", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// The branch.
        branch: Branch,
        /// What is there.
        by: Box<Occupant>,
    },
    /// git checks out a branch in one place only.
    #[error("`{branch}` is checked out in {} already", path.display())]
    CheckedOutElsewhere {
        /// The branch.
        branch: Branch,
        /// The place.
        path: PathBuf,
    },
    /// The folder is gone, and git was told to keep its place.
    #[error("the worktree {} is gone, and locked{}", path.display(), in_brackets(reason))]
    Locked {
        /// The place.
        path: PathBuf,
        /// Why, as whoever locked it said.
        reason: String,
    },
    /// There is nothing that a new branch could start from.
    #[error(
        "there is nothing to start `{branch}` from: the repository of `{project}` has no default branch, and no commit \
         on a branch that is checked out, on `master` or on `main`"
    )]
    NoBase {
        /// The project.
        project: Alias,
        /// The branch.
        branch: Branch,
    },
    /// What new branches start from is not there.
    #[error("`projects.{project}.worktree_base` is `{}`, which the repository does not have", base.escape_debug())]
    BadBase {
        /// The project.
        project: Alias,
        /// What is configured.
        base: String,
    },
    /// The file system says no.
    #[error("{} can not be looked at: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The worktree is there, and not prepared.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// What is where a worktree belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occupant {
    /// A file.
    File,
    /// A folder that is no worktree.
    Folder,
    /// A checkout of something else.
    OtherRepository {
        /// What git keeps of that.
        git_dir: PathBuf,
    },
    /// A worktree of the repository that is on another branch.
    OtherBranch {
        /// That branch.
        found: String,
    },
    /// A worktree of the repository that is on no branch.
    NoBranch,
    /// It would be a folder of another worktree.
    Enclosing {
        /// That worktree.
        worktree: PathBuf,
    },
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("is a file"),
            Self::Folder => f.write_str("is a folder and no worktree"),
            Self::OtherRepository { git_dir } => {
                write!(f, "is a checkout of another repository ({})", git_dir.display())
            }
            Self::OtherBranch { found } => write!(f, "is on the branch `{found}`"),
            Self::NoBranch => f.write_str("is on no branch (its HEAD is detached)"),
            Self::Enclosing { worktree } => write!(f, "is in the worktree {}", worktree.display()),
        }
    }
}

impl WorktreeError {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Gone { project, .. } => {
                vec![format!("bring it back, or mend `projects.{project}.path` in the configuration")]
            }
            Self::NoRepository { project, .. } => {
                vec![format!("leave out the branch, or mend `projects.{project}.path` in the configuration")]
            }
            Self::Occupied { path, branch, by } => match &**by {
                Occupant::OtherBranch { .. } | Occupant::NoBranch => {
                    vec![format!("`git -C {} switch {branch}` brings it back", path.display())]
                }
                Occupant::Enclosing { .. } => vec!["choose another name for the branch".to_owned()],
                _ => vec!["move it away, or choose another name for the branch".to_owned()],
            },
            Self::CheckedOutElsewhere { path, .. } if !path.exists() => {
                vec!["that folder is gone: `git worktree prune` in the repository forgets it".to_owned()]
            }
            Self::CheckedOutElsewhere { .. } => {
                vec!["a branch can be checked out in one place only: switch that one to another".to_owned()]
            }
            Self::Locked { path, .. } => {
                vec![format!("`git worktree unlock {}` gives the place free", path.display())]
            }
            Self::NoBase { project, .. } => {
                vec![format!("make a first commit, or set `projects.{project}.worktree_base`")]
            }
            Self::BadBase { .. } => vec!["fetch it, or name another branch there".to_owned()],
            Self::Git(error) => error.hints(),
            Self::Setup(error) => error.hints(),
            Self::Outside { .. } | Self::Unreadable { .. } => Vec::new(),
        }
    }
}

fn in_brackets(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
