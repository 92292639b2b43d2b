//! `takopi init`: the repository here becomes a project.

pub(super) mod save;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::error::CliError;
use super::{Session, output, question};
use crate::config::{Vocabulary, alias_fault};
use crate::process::LocalProcesses;
use crate::project::{Alias, Git, GitError, default_base, main_checkout};
use save::{Saved, save_project};

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The project's name, which messages begin with as `/NAME` [default: asked for]
    #[arg(value_name = "NAME")]
    alias: Option<String>,
    /// Make it the project of messages that name none
    #[arg(long)]
    default: bool,
    /// Do not ask before a project of this name moves here
    #[arg(short, long)]
    yes: bool,
}

/// What is here.
pub(super) struct Here {
    /// The top of the main checkout, or this folder where there is no repository.
    pub(super) root: PathBuf,
    /// From what new branches start.
    pub(super) base: Option<String>,
}

pub(super) fn run(args: &InitArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let here = look(&std::env::current_dir()?, session)?;
    let path = here.root.to_str().ok_or_else(|| {
        CliError::new(format!("{} is not UTF-8, as all texts in a configuration are", here.root.display()))
    })?;
    let alias = match &args.alias {
        Some(typed) => Alias::new(typed).map_err(|error| CliError::usage(error.to_string()))?,
        None => ask_for_alias(&here.root)?,
    };
    let Vocabulary { engines, reserved, .. } = session.reader.vocabulary();
    if let Some(fault) = alias_fault(&alias, engines, reserved) {
        return Err(
            CliError::usage(format!("`{alias}`: {fault}")).hint("choose another name: `takopi init NAME`")
        );
    }
    let existing = session.config.projects.get_key_value(&alias);
    if let Some((existing, settings)) = existing
        && std::fs::canonicalize(&settings.path).ok().as_ref() != Some(&here.root)
        && !args.yes
    {
        let question = format!("`{existing}` is {} now. Move it to {path}?", settings.path.display());
        if !question::somebody_is_there() {
            return Err(CliError::new(format!(
                "`{existing}` is another folder: {}",
                settings.path.display()
            ))
            .hint("choose another name, or move it here with --yes"));
        }
        if !question::confirm(&question)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    // A project keeps the name that it has in the file.
    let alias = existing.map_or(&alias, |(existing, _)| existing);
    let saved = Saved { alias: alias.as_str(), path, base: here.base.as_deref(), is_default: args.default };
    save_project(&session.reader, &saved)?;
    output::data(&format!("saved project '{alias}' to {}\n", session.config.path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Looks what is in a folder.
pub(super) fn look(folder: &Path, session: &Session<'_>) -> Result<Here, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let processes = LocalProcesses::new(session.config.limits);
        let git = Git::new(Arc::clone(&processes) as _);
        let here = async {
            let root = main_checkout(&git, folder).await?;
            let base = default_base(&git, &root).await?;
            Ok(Here { root, base })
        };
        let here = here.await;
        processes.shutdown().await;
        match here {
            Ok(here) => Ok(here),
            // Runs without branches need no git.
            Err(GitError::NotInstalled) => {
                output::warning(&GitError::NotInstalled.to_string());
                Ok(Here { root: folder.to_owned(), base: None })
            }
            Err(error) => Err(CliError::new(error.to_string())),
        }
    })
}

fn ask_for_alias(root: &Path) -> Result<Alias, CliError> {
    let suggestion = suggested_alias(root);
    if !question::somebody_is_there() {
        return Err(CliError::new("the project needs a name, and there is no terminal to ask on")
            .hint(format!("`takopi init {}`", suggestion.as_deref().unwrap_or("NAME"))));
    }
    let typed = match &suggestion {
        Some(name) => question::ask(&format!("name of the project [{}]: ", output::harmless(name)))?,
        None => question::ask("name of the project: ")?,
    };
    let name = match typed {
        Some(typed) if typed.is_empty() => suggestion.unwrap_or_default(),
        typed => typed.unwrap_or_default(),
    };
    Alias::new(&name).map_err(|error| CliError::new(error.to_string()))
}

/// The folder's name, without what bare repositories have at the end.
pub(super) fn suggested_alias(root: &Path) -> Option<String> {
    let name = root.file_name()?.to_str()?;
    let name = name.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(name);
    Alias::new(name).ok().map(|alias| alias.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_suggests_a_name() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(suggested_alias(Path::new(path)).as_deref(), expected, "{path}");
        };
        check("/src/website", Some("website"));
        check("/src/website.git", Some("website"));
        check("/src/My App", Some("My App"));
        check("/src/.git", Some(".git"));
        check("/src/@home", None);
        check("/", None);
    }
}
