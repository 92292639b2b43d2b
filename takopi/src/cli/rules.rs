//! `takopi rules`: what takopi allows without asking, and how to take it back without a chat.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::state::{look, print_json, seconds};
use super::table::table;
use super::{Session, output};
use crate::age::ago;
use crate::chat::requests::rules::line;
use crate::store::{Covers, Revoked, Rule, RuleId, RuleScope, Store};

#[derive(Debug, clap::Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is allowed without asking, youngest last
    List(ListArgs),
    /// Take a rule back: its like is asked again, also by what runs now
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Print JSON: one array, times in seconds since 1970
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// The number of the rule
    #[arg(value_name = "N")]
    rule: String,
}

pub(super) fn run(args: &RulesArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let rules = match look(session)? {
        Some(look) => look.rules().map_err(|error| CliError::new(error.to_string()))?,
        None => Vec::new(),
    };
    match &args.command {
        Command::List(args) => list(args, &rules),
        Command::Revoke(args) => revoke(args, &rules, session),
    }
}

/// A rule as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    rule: RuleId,
    engine: &'a str,
    /// The thread that it is for; `null`: all of them.
    thread: Option<&'a str>,
    project: Option<&'a str>,
    folder: String,
    covers: &'a Covers,
    place: String,
    made_by: Option<&'a str>,
    made: Option<u64>,
}

impl<'a> Row<'a> {
    fn new(rule: &'a Rule) -> Self {
        Self {
            rule: rule.id,
            engine: rule.engine.as_str(),
            thread: match &rule.scope {
                RuleScope::Session(thread) => Some(thread.value()),
                RuleScope::Always => None,
            },
            project: rule.project.as_deref(),
            folder: rule.folder.display().to_string(),
            covers: &rule.covers,
            place: rule.place.to_string(),
            made_by: rule.made_by.as_ref().map(|maker| maker.id.as_str()),
            made: seconds(rule.made_at),
        }
    }
}

fn list(args: &ListArgs, rules: &[Rule]) -> Result<ExitCode, CliError> {
    if args.json {
        return print_json(&rules.iter().map(Row::new).collect::<Vec<_>>());
    }
    if rules.is_empty() {
        output::line("nothing is allowed without asking");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 4]> = rules
        .iter()
        .map(|rule| {
            let maker = rule.made_by.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            [rule.id.to_string(), ago(rule.made_at), maker, takopi_api::markdown::plain(&line(rule))]
        })
        .collect();
    output::data(&output::harmless(&table(&rows)))?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &RevokeArgs, rules: &[Rule], session: &Session<'_>) -> Result<ExitCode, CliError> {
    let no_such_rule = || {
        CliError::usage(format!("there is no rule `{}`", args.rule))
            .hint("`takopi rules list` has the numbers")
    };
    let named = RuleId::parse(&args.rule).filter(|id| rules.iter().any(|rule| rule.id == *id));
    let id = named.ok_or_else(no_such_rule)?;
    // A takopi that runs writes to the same file: SQLite lets one of the two wait.
    let (store, notices) = Store::open(session.config.folder())?;
    notices.iter().for_each(|notice| output::warning(notice));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let revoked = runtime.block_on(async {
        let revoked = store.revoke_rule(id, None).await;
        store.close().await;
        revoked
    });
    match revoked.map_err(|error| CliError::new(error.to_string()))? {
        Revoked::Now(rule) => {
            output::line(&format!("revoked: {}", takopi_api::markdown::plain(&line(&rule))));
            Ok(ExitCode::SUCCESS)
        }
        Revoked::NoSuchRule => Err(no_such_rule()),
    }
}
