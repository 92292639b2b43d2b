//! `takopi run`: one run of an engine, from a prompt to an answer.

mod ask;
mod choose;
mod display;
mod drive;
mod hooks;
mod inner;
mod interview;

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use takopi_api::runner::{Attachment, Engines, RunOptions, RunSpec, Runner, ThreadLocks};

use super::error::CliError;
use super::{Session, output};
use crate::plugins::capabilities;
use crate::process::LocalProcesses;
use choose::{Chosen, Thread};
use display::Display;
use inner::InnerEngines;

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The engine [default: `default_engine`, else the first that is installed]
    #[arg(short, long, value_name = "ID")]
    engine: Option<String>,
    #[command(flatten)]
    args: EngineArgs,
}

/// What a run can be told besides its engine; also the arguments of `takopi <engine>`.
#[derive(Debug, clap::Args)]
pub(super) struct EngineArgs {
    /// The prompt; `-` reads it from standard input
    #[arg(value_name = "PROMPT", allow_hyphen_values = false, required = true)]
    prompt: Option<String>,
    /// Continue a thread: its resume line, which a run prints last, or the id in it
    #[arg(short, long, value_name = "LINE-OR-TOKEN")]
    resume: Option<String>,
    /// The folder in which the engine works [default: this one]
    #[arg(short = 'C', long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// The model, by the engine's own name for it
    #[arg(short, long)]
    model: Option<String>,
    /// The level of reasoning effort
    #[arg(long, value_name = "LEVEL")]
    reasoning: Option<String>,
    /// The mode in which the engine works, by the engine's own name for it
    #[arg(long)]
    mode: Option<String>,
    /// A file for the engine to look at; may be given more than once
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// Print the events as JSON, one a line, and nothing else
    #[arg(long)]
    json: bool,
}

impl EngineArgs {
    /// Whether there is something to run.
    pub(super) const fn has_prompt(&self) -> bool {
        self.prompt.is_some()
    }
}

impl RunArgs {
    /// What `takopi <engine>` stands for.
    pub(super) fn of_engine(engine: &str, args: EngineArgs) -> Self {
        Self { engine: Some(engine.to_owned()), args }
    }
}

pub(super) fn run(args: RunArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    let RunArgs { engine, args } = args;
    session.warn();
    let thread =
        args.resume.as_deref().map(|typed| choose::thread(typed, engine.as_deref(), session)).transpose()?;
    let engine = choose::engine(engine.as_deref(), thread.as_ref(), session)?;
    let runner = build_runner(&engine, session)?;
    let options = RunOptions::default().model(args.model).reasoning(args.reasoning).mode(args.mode);
    let options = choose::options(engine.id(), &capabilities(engine.backend(), &*runner), options)?;
    let resume = thread.map(|thread: Thread| thread.token_of(&*runner)).transpose()?;
    let cwd = folder(args.cwd)?;
    let attachments = args.attach.iter().map(attachment).collect::<Result<Vec<_>, _>>()?;
    let prompt = prompt(args.prompt.unwrap_or_default(), resume.is_some())?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let processes = LocalProcesses::new(session.config.limits);
        let environment = engine.environment(&session.config)?;
        let inner = InnerEngines::new(session);
        let spec = RunSpec::new(prompt, &cwd, Arc::clone(&processes) as _, ThreadLocks::default())
            .resume(resume)
            .attachments(attachments)
            .options(options)
            .environment(environment)
            .engines(Engines::new(Arc::clone(&inner) as _));
        let display = Display::new(engine.id(), &cwd.to_string_lossy(), args.json);
        let watch = hooks::watch(session, runner.engine(), &spec);
        let code = drive::drive(&runner, spec, display, watch).await;
        runner.shutdown().await;
        inner.shutdown().await;
        drive::shut_down(&processes).await?;
        code
    });
    // A thread that waits for a line from the terminal would be waited for.
    runtime.shutdown_background();
    code
}

fn build_runner(engine: &Chosen<'_>, session: &Session<'_>) -> Result<Arc<dyn Runner>, CliError> {
    if let Chosen::Row(engine) = engine {
        let row = session.registry.find(takopi_api::plugin::BackendKind::Engine, engine.id)?.row();
        for unknown in session.config.unknown_keys_of(row)? {
            output::warning(&unknown.to_string());
        }
    }
    engine.runner(&session.config)
}

fn folder(typed: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let folder = match typed {
        Some(typed) => typed,
        None => std::env::current_dir()?,
    };
    match std::fs::canonicalize(&folder) {
        Ok(found) if found.is_dir() => Ok(found),
        Ok(_) => Err(CliError::usage(format!("{} is no folder", folder.display()))),
        Err(error) => Err(CliError::usage(format!("{}: {error}", folder.display()))),
    }
}

fn attachment(typed: &PathBuf) -> Result<Attachment, CliError> {
    match std::fs::canonicalize(typed) {
        Ok(path) if path.is_file() => Ok(Attachment::new(path)),
        Ok(_) => Err(CliError::usage(format!("{} is no file", typed.display()))),
        Err(error) => Err(CliError::usage(format!("{}: {error}", typed.display()))),
    }
}

/// An empty prompt means "go on", which needs something to go on with.
fn prompt(typed: String, continues: bool) -> Result<String, CliError> {
    let prompt = if typed == "-" {
        if std::io::stdin().is_terminal() {
            output::line("the prompt is read from here; end it with Ctrl-D");
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        typed
    };
    match (prompt.trim().is_empty(), continues) {
        (false, _) => Ok(prompt),
        (true, true) => Ok("continue".to_owned()),
        (true, false) => Err(CliError::usage("the prompt is empty").hint("say what the engine should do")),
    }
}
