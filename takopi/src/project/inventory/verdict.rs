//! Which worktrees nobody would miss.

use std::fmt;

use super::{Details, Merge, Operation, State, Worktree};

/// Whether a worktree can go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing is lost with it.
    Remove(Reason),
    /// Something speaks against it.
    Keep(Obstacle),
}

/// Why nothing is lost with a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is gone already; only git remembers it.
    Gone,
    /// Nothing in it is changed, and everything that was committed is in the base.
    Merged {
        /// The base.
        base: String,
    },
}

/// What speaks against removing a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Somebody locked it, and may have said why.
    Locked(String),
    /// A process works in it.
    InUse(String),
    /// git could not say what is in it.
    Unreadable(String),
    /// Its disk may only be away.
    Unreachable,
    /// Something is under way in it.
    Unfinished(Operation),
    /// Files are changed or new.
    Changed(usize),
    /// Commits are in no other place.
    Ahead {
        /// The base that does not have them.
        base: String,
        /// How many.
        commits: u64,
    },
    /// There is no base that could have its commits.
    NoBase,
}

impl Worktree {
    /// Whether it can go.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if let Some(reason) = &self.lock {
            return Verdict::Keep(Obstacle::Locked(reason.clone()));
        }
        match &self.state {
            State::Gone => Verdict::Remove(Reason::Gone),
            State::Unreachable => Verdict::Keep(Obstacle::Unreachable),
            State::Unreadable(why) => Verdict::Keep(Obstacle::Unreadable(why.clone())),
            State::There(details) => details.verdict(),
        }
    }
}

impl Details {
    fn verdict(&self) -> Verdict {
        if let Some(process) = &self.used_by {
            return Verdict::Keep(Obstacle::InUse(process.clone()));
        }
        if let Some(operation) = self.operation {
            return Verdict::Keep(Obstacle::Unfinished(operation));
        }
        if self.changed_files > 0 {
            return Verdict::Keep(Obstacle::Changed(self.changed_files));
        }
        match &self.merge {
            Merge::Merged { base } | Merge::Contained { base } => {
                Verdict::Remove(Reason::Merged { base: base.clone() })
            }
            Merge::Ahead { base, commits } => {
                Verdict::Keep(Obstacle::Ahead { base: base.clone(), commits: *commits })
            }
            Merge::NoBase => Verdict::Keep(Obstacle::NoBase),
        }
    }
}

impl Obstacle {
    /// Whether somebody who names the branch may remove the worktree all the same: it is their work that is lost, and no
    /// one else's is disturbed.
    #[must_use]
    pub const fn can_be_overruled(&self) -> bool {
        match self {
            Self::Unfinished(_)
            | Self::Changed(_)
            | Self::Ahead { .. }
            | Self::NoBase
            | Self::Unreachable => true,
            Self::Locked(_) | Self::InUse(_) | Self::Unreadable(_) => false,
        }
    }
}

/// Everything that is to be said of it, where [`Worktree::verdict`] takes the first thing that counts.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => Reason::Gone.fmt(f),
            Self::Unreachable => Obstacle::Unreachable.fmt(f),
            Self::Unreadable(why) => f.write_str(why),
            Self::There(details) => details.fmt(f),
        }
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation {
            write!(f, "{}, ", Obstacle::Unfinished(operation))?;
        }
        match self.changed_files {
            0 => f.write_str("clean, ")?,
            files => write!(f, "{}, ", Obstacle::Changed(files))?,
        }
        match &self.merge {
            Merge::Merged { base } => write!(f, "in {base}"),
            Merge::Contained { base } => write!(f, "in {base} by its changes"),
            Merge::Ahead { base, commits } => {
                Obstacle::Ahead { base: base.clone(), commits: *commits }.fmt(f)
            }
            Merge::NoBase => Obstacle::NoBase.fmt(f),
        }?;
        match &self.used_by {
            Some(process) => write!(f, ", {}", Obstacle::InUse(process.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("its folder is gone"),
            Self::Merged { base } => write!(f, "clean, and in {base}"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(reason) if reason.is_empty() => f.write_str("locked"),
            Self::Locked(reason) => write!(f, "locked ({reason})"),
            Self::InUse(process) => write!(f, "in use by {process}"),
            Self::Unreadable(why) => f.write_str(why),
            Self::Unreachable => {
                f.write_str("not there, as all worktrees of the project; a disk may be away")
            }
            Self::Unfinished(operation) => write!(f, "in the middle of {operation}"),
            Self::Changed(files) => counted(f, *files as u64, "changed file"),
            Self::Ahead { base, commits } => {
                counted(f, *commits, "commit")?;
                write!(f, " not in {base}")
            }
            Self::NoBase => f.write_str("nothing to compare it with"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebase => "a rebase",
            Self::Merge => "a merge",
            Self::CherryPick => "a cherry-pick",
            Self::Revert => "a revert",
            Self::Bisect => "a bisection",
        })
    }
}

fn counted(f: &mut fmt::Formatter<'_>, count: u64, thing: &str) -> fmt::Result {
    write!(f, "{count} {thing}{}", if count == 1 { "" } else { "s" })
}
