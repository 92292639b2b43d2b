//! `takopi worktrees list`.

use std::process::ExitCode;

use serde::Serialize;

use super::super::error::CliError;
use super::super::output;
use super::super::state::seconds;
use super::super::table::table;
use super::{chosen, worktrees_of};
use crate::age::ago;
use crate::paths;
use crate::project::{Head, Merge, Projects, State, Verdict, Worktree, Worktrees};

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The project [default: all]
    #[arg(value_name = "PROJECT")]
    project: Option<String>,
    /// Print JSON: one array, times in seconds since 1970
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(
    args: &ListArgs,
    worktrees: &Worktrees,
    projects: &Projects,
) -> Result<ExitCode, CliError> {
    let named = args.project.as_deref();
    let mut found = Vec::new();
    for project in chosen(named, projects)? {
        found.extend(worktrees_of(project, worktrees, named.is_some()).await?);
    }
    if args.json {
        let rows: Vec<Row<'_>> = found.iter().map(Row::new).collect();
        let json = serde_json::to_string_pretty(&rows).map_err(|error| CliError::new(error.to_string()))?;
        output::data(&(json + "\n"))?;
    } else if found.is_empty() {
        output::line("there are no worktrees; a run on a branch that is not checked out makes one");
    } else {
        let lines: Vec<_> = found.iter().map(columns).collect();
        output::data(&output::harmless(&table(&lines)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A worktree as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    project: &'a str,
    /// `null` if HEAD is detached.
    branch: Option<&'a str>,
    path: String,
    /// What a person reads.
    state: String,
    gone: bool,
    locked: bool,
    /// Whether `prune` would remove it.
    prunable: bool,
    /// `null` if it could not be looked at, as everything from here on.
    changed_files: Option<usize>,
    merged: Option<bool>,
    base: Option<&'a str>,
    used_by: Option<&'a str>,
    last_commit: Option<u64>,
    last_change: Option<u64>,
}

impl<'a> Row<'a> {
    fn new(worktree: &'a Worktree) -> Self {
        let details = match &worktree.state {
            State::There(details) => Some(details),
            _ => None,
        };
        let (merged, base) = match details.map(|details| &details.merge) {
            Some(Merge::Merged { base } | Merge::Contained { base }) => (Some(true), Some(base.as_str())),
            Some(Merge::Ahead { base, .. }) => (Some(false), Some(base.as_str())),
            _ => (None, None),
        };
        Self {
            project: worktree.project.as_str(),
            branch: match &worktree.head {
                Head::Branch(branch) => Some(branch),
                _ => None,
            },
            path: worktree.path.display().to_string(),
            state: worktree.state.to_string(),
            gone: worktree.state == State::Gone,
            locked: worktree.lock.is_some(),
            prunable: matches!(worktree.verdict(), Verdict::Remove(_)),
            changed_files: details.map(|details| details.changed_files),
            merged,
            base,
            used_by: details.and_then(|details| details.used_by.as_deref()),
            last_commit: details.and_then(|details| seconds(details.last_commit?)),
            last_change: details.and_then(|details| seconds(details.last_change?)),
        }
    }
}

/// Project, branch, state, age, path.
fn columns(worktree: &Worktree) -> [String; 5] {
    let mut state = worktree.state.to_string();
    match &worktree.lock {
        Some(reason) if reason.is_empty() => state.push_str(", locked"),
        Some(reason) => state.push_str(&format!(", locked ({reason})")),
        None => {}
    }
    let changed = match &worktree.state {
        State::There(details) => details.last_change.max(details.last_commit),
        _ => None,
    };
    [
        worktree.project.to_string(),
        worktree.head.to_string(),
        state,
        changed.map_or_else(|| "-".to_owned(), ago),
        paths::with_short_home(&worktree.path.display().to_string()),
    ]
}
