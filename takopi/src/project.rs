//! Projects, and the folders in which their runs happen: the checkout itself, or a worktree a branch.
//!
//! A message names a project and a branch ([`Context`]), [`Projects`] knows what the configuration says of the project,
//! and [`Worktrees`] makes a folder of the two. Everything about repositories is asked of the git CLI.

mod alias;
mod branch;
mod context;
mod git;
mod inventory;
mod registry;
mod repository;
mod setup;
mod worktree;

#[cfg(test)]
mod fixture;

pub use alias::{Alias, AliasError};
pub use branch::{Branch, BranchError, BranchFault};
pub use context::{Context, ContextError};
pub use git::{Git, GitError};
pub use inventory::{Details, Head, Merge, Obstacle, Operation, Reason, Removal, State, Verdict, Worktree};
pub use registry::{Project, Projects, UnknownProject};
pub(crate) use repository::real_path;
pub use repository::{default_base, main_checkout};
pub use setup::SetupError;
pub use worktree::{Occupant, WorktreeError, Worktrees};

/// How much of a name out of a message an error repeats.
const SHOWN_CHARS: usize = 80;

/// A name out of a message as an error shows it: on one line, and not longer than one.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
