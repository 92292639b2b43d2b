//! `takopi worktrees prune`.

use std::process::ExitCode;

use super::super::error::CliError;
use super::super::output::{self, Written};
use super::{chosen, worktrees_of};
use crate::paths;
use crate::project::{Branch, Head, Obstacle, Project, Projects, Removal, Verdict, Worktree, Worktrees};

pub(super) const ABOUT: &str = "\
Remove worktrees in which nothing is lost: those that are clean and whose commits are in the base of new branches \
(`worktree_base`, else the remote's default branch), and what git remembers of those whose folder is gone.

Each one is named before it is removed, and the branches stay. What stays is named with the reason: changed or new files, \
commits that are nowhere else, a rebase under way, a lock, a process that works in it. Files that git ignores do not count.";

#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// The project [default: all]
    #[arg(value_name = "PROJECT")]
    project: Option<String>,
    /// Say what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Remove the worktree of this branch with all changes in it, and no other; may be given more than once
    #[arg(long, value_name = "BRANCH", requires = "project")]
    force: Vec<String>,
}

/// Whether the next worktree may be removed.
#[derive(PartialEq, Eq)]
enum Step {
    Done,
    Failed,
    /// Nobody reads any more what is removed, so nothing more is.
    Unheard,
}

pub(super) async fn run(
    args: &PruneArgs,
    worktrees: &Worktrees,
    projects: &Projects,
) -> Result<ExitCode, CliError> {
    let named = args.project.as_deref();
    let forced = args.force.iter().map(|name| Branch::new(name)).collect::<Result<Vec<_>, _>>();
    let forced = forced.map_err(|error| CliError::usage(error.to_string()))?;
    let mut has_failed = false;
    let mut count = 0;
    for project in chosen(named, projects)? {
        // Looked at only now: two projects may share their worktrees.
        let found = worktrees_of(project, worktrees, named.is_some()).await?;
        count += found.len();
        let plan = if forced.is_empty() {
            found.iter().map(|worktree| (worktree, Plan::of(worktree))).collect()
        } else {
            named_plans(project, &found, &forced)?
        };
        for (worktree, plan) in plan {
            match carry_out(project, worktree, &plan, args.dry_run, worktrees).await? {
                Step::Done => {}
                Step::Failed => has_failed = true,
                Step::Unheard => return Ok(ExitCode::SUCCESS),
            }
        }
    }
    if count == 0 {
        output::line("there are no worktrees");
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What becomes of a worktree, and why.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Keep(Obstacle),
    /// It should have gone, and can not.
    Refuse(Obstacle),
    Remove {
        removal: Removal,
        why: String,
    },
}

impl Plan {
    fn of(worktree: &Worktree) -> Self {
        match worktree.verdict() {
            Verdict::Keep(obstacle) => Self::Keep(obstacle),
            Verdict::Remove(reason) => Self::Remove { removal: Removal::IfClean, why: reason.to_string() },
        }
    }

    /// What becomes of one that was named with `--force`.
    fn by_force(worktree: &Worktree) -> Self {
        match Self::of(worktree) {
            Self::Keep(obstacle) if obstacle.can_be_overruled() => {
                Self::Remove { removal: Removal::WithChanges, why: format!("by force, {}", worktree.state) }
            }
            Self::Keep(obstacle) => Self::Refuse(obstacle),
            plan => plan,
        }
    }
}

/// The worktrees of the branches that were named, all of which must be there before one is removed.
fn named_plans<'a>(
    project: &Project,
    found: &'a [Worktree],
    forced: &[Branch],
) -> Result<Vec<(&'a Worktree, Plan)>, CliError> {
    let of_branch = |branch: &Branch| {
        let is_of =
            |worktree: &&Worktree| matches!(&worktree.head, Head::Branch(found) if found == branch.as_str());
        let worktree = found.iter().find(is_of).ok_or_else(|| {
            CliError::usage(format!("`{}` has no worktree of `{branch}`", project.alias))
                .hint(format!("`takopi worktrees list '{}'` shows those that there are", project.alias))
        })?;
        Ok((worktree, Plan::by_force(worktree)))
    };
    forced.iter().map(of_branch).collect()
}

async fn carry_out(
    project: &Project,
    worktree: &Worktree,
    plan: &Plan,
    is_dry: bool,
    worktrees: &Worktrees,
) -> Result<Step, CliError> {
    let (verb, why) = match plan {
        Plan::Keep(obstacle) | Plan::Refuse(obstacle) => ("keeping", obstacle.to_string()),
        Plan::Remove { why, .. } if is_dry => ("would remove", why.clone()),
        Plan::Remove { why, .. } => ("removing", why.clone()),
    };
    let path = paths::with_short_home(&worktree.path.display().to_string());
    let line = format!("{verb} {} {}: {why} ({path})", worktree.project, worktree.head);
    if output::data(&(output::harmless(&line) + "\n"))? == Written::NobodyReads {
        return Ok(Step::Unheard);
    }
    match plan {
        Plan::Keep(_) => Ok(Step::Done),
        Plan::Refuse(_) => Ok(Step::Failed),
        Plan::Remove { .. } if is_dry => Ok(Step::Done),
        Plan::Remove { removal, .. } => match worktrees.remove(project, worktree, *removal).await {
            Ok(()) => Ok(Step::Done),
            Err(error) => {
                output::error(&error.to_string(), &error.hints());
                Ok(Step::Failed)
            }
        },
    }
}
