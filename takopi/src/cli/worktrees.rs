//! `takopi worktrees`: the worktrees of the projects, and an end to those that nobody would miss.

mod list;
mod prune;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::error::CliError;
use super::{Session, output};
use crate::process::LocalProcesses;
use crate::project::{Project, Projects, Worktree, WorktreeError, Worktrees};

#[derive(Debug, clap::Args)]
pub(super) struct WorktreesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show each worktree: its branch, what is in it, how old that is, and where it lies
    List(list::ListArgs),
    /// Remove worktrees in which nothing is lost
    #[command(long_about = prune::ABOUT)]
    Prune(prune::PruneArgs),
}

pub(super) fn run(args: &WorktreesArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let projects = Projects::new(&session.config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let processes = LocalProcesses::new(session.config.limits);
        let worktrees = Worktrees::new(Arc::clone(&processes) as _);
        let code = match &args.command {
            Command::List(args) => list::run(args, &worktrees, &projects).await,
            Command::Prune(args) => prune::run(args, &worktrees, &projects).await,
        };
        processes.shutdown().await;
        code
    })
}

/// The project that was named, or all.
fn chosen<'a>(named: Option<&str>, projects: &'a Projects) -> Result<Vec<&'a Project>, CliError> {
    match named {
        Some(alias) => match projects.find(alias) {
            Ok(project) => Ok(vec![project]),
            Err(unknown) => Err(CliError::from(unknown).into_usage()),
        },
        None => Ok(projects.iter().collect()),
    }
}

/// The worktrees of a project. What is wrong with one of several projects keeps nobody from the others.
async fn worktrees_of(
    project: &Project,
    worktrees: &Worktrees,
    is_named: bool,
) -> Result<Vec<Worktree>, CliError> {
    match worktrees.list(project).await {
        Ok(found) => Ok(found),
        Err(error) if is_named => Err(error.into()),
        // Not every project has branches.
        Err(WorktreeError::NoRepository { .. }) => Ok(Vec::new()),
        Err(error) => {
            output::warning(&error.to_string());
            Ok(Vec::new())
        }
    }
}
