//! `takopi sessions`: what ran in chats, read from the state beside a takopi that may be running.

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::state::{look, print_json, seconds};
use super::table::table;
use super::{Session, output};
use crate::age::ago;
use crate::paths;
use crate::plugins::{Members, build_runner};
use crate::store::{RunOutcome, RunState, RunSummary};

#[derive(Debug, clap::Args)]
pub(super) struct SessionsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the youngest runs, youngest first
    List(ListArgs),
    /// Show all that is known of one run
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// Print JSON: one array, times in seconds since 1970
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The run or the thread, or the beginning of either
    #[arg(value_name = "ID")]
    id: String,
    /// Print JSON, times in seconds since 1970
    #[arg(long)]
    json: bool,
}

/// How many runs `show` looks through.
const LOOKED_THROUGH: u32 = 10_000;

pub(super) fn run(args: &SessionsArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    let look = look(session)?;
    let recent = |limit| match &look {
        Some(look) => look.recent_runs(limit).map_err(|error| CliError::new(error.to_string())),
        None => Ok(Vec::new()),
    };
    match &args.command {
        Command::List(args) => list(args, &recent(args.limit)?, session),
        Command::Show(args) => show(args, &recent(LOOKED_THROUGH)?, session),
    }
}

/// A run as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    run: &'a str,
    state: &'static str,
    engine: &'a str,
    /// The thread, once its engine has named it.
    thread: Option<&'a str>,
    resume_line: Option<String>,
    project: Option<&'a str>,
    branch: Option<&'a str>,
    cwd: String,
    transport: &'a str,
    channel: &'a str,
    topic: Option<&'a str>,
    begun: Option<u64>,
    ended: Option<u64>,
}

impl<'a> Row<'a> {
    fn new(run: &'a RunSummary, session: &Session<'_>) -> Self {
        let address = &run.place.address;
        Self {
            run: run.run.as_str(),
            state: state(run),
            engine: run.engine.as_str(),
            thread: run.token.as_ref().map(takopi_api::resume::ResumeToken::value),
            resume_line: resume_line(run, session),
            project: run.context.project.as_deref(),
            branch: run.context.branch.as_deref(),
            cwd: run.cwd.display().to_string(),
            transport: run.place.transport.as_str(),
            channel: address.channel.as_str(),
            topic: address.topic.id().map(takopi_api::message::TopicId::as_str),
            begun: seconds(run.begun_at),
            ended: run.ended_at.and_then(seconds),
        }
    }
}

const fn state(run: &RunSummary) -> &'static str {
    match (run.state, run.outcome) {
        (RunState::Running, _) => "running",
        (RunState::CutOff | RunState::Interrupted | RunState::Reopened, _) => "cut off",
        (_, Some(RunOutcome::Done)) => "done",
        (_, Some(RunOutcome::Interrupted)) => "cancelled",
        (_, _) => "failed",
    }
}

/// The engine may be gone or disabled by now; then there is no such line.
fn resume_line(run: &RunSummary, session: &Session<'_>) -> Option<String> {
    let token = run.token.as_ref()?;
    let id = token.engine().as_str();
    let runner = match session.registry.engine(id) {
        Ok(engine) => build_runner(engine, &session.config.engine(engine.id).ok()?),
        Err(_) => Members::of(&session.registry, &session.config).take(id)?.build_runner(),
    };
    let runner = runner.ok()?;
    runner.format_resume(token).ok()
}

fn list(args: &ListArgs, runs: &[RunSummary], session: &Session<'_>) -> Result<ExitCode, CliError> {
    if args.json {
        let rows: Vec<Row<'_>> = runs.iter().map(|run| Row::new(run, session)).collect();
        return print_json(&rows);
    }
    if runs.is_empty() {
        output::line("nothing ran in a chat yet; `takopi chat` is one");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 5]> = runs
        .iter()
        .map(|run| {
            let place = match run.context.to_string() {
                context if context.is_empty() => paths::with_short_home(&run.cwd.display().to_string()),
                context => context,
            };
            let line = resume_line(run, session).unwrap_or_else(|| "-".to_owned());
            [ago(run.begun_at), state(run).to_owned(), run.engine.to_string(), place, line]
        })
        .collect();
    output::data(&output::harmless(&table(&rows)))?;
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowArgs, runs: &[RunSummary], session: &Session<'_>) -> Result<ExitCode, CliError> {
    let is_named = |run: &&RunSummary| {
        run.run.as_str().starts_with(&args.id)
            || run.token.as_ref().is_some_and(|token| token.value().starts_with(&args.id))
    };
    let Some(run) = runs.iter().find(is_named).filter(|_| !args.id.is_empty()) else {
        return Err(CliError::usage(format!("nothing that ran is called `{}`", args.id))
            .hint("`takopi sessions list --json` has the ids"));
    };
    let row = Row::new(run, session);
    if args.json {
        return print_json(&row);
    }
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let time = |time: Option<SystemTime>| time.map_or_else(|| "-".to_owned(), ago);
    let rows = [
        ["run", row.run].map(str::to_owned),
        ["state", row.state].map(str::to_owned),
        ["engine", row.engine].map(str::to_owned),
        ["thread".to_owned(), text(row.thread)],
        ["resume".to_owned(), text(row.resume_line.as_deref())],
        ["context".to_owned(), run.context.to_string()],
        ["folder".to_owned(), paths::with_short_home(&row.cwd)],
        ["chat".to_owned(), run.place.to_string()],
        ["begun".to_owned(), time(Some(run.begun_at))],
        ["ended".to_owned(), time(run.ended_at)],
    ];
    output::data(&output::harmless(&table(&rows)))?;
    Ok(ExitCode::SUCCESS)
}
