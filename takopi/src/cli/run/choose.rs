//! Which engine a run has, and which thread it continues.

use std::sync::Arc;

use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities};
use takopi_api::plugin::BackendKind;
use takopi_api::process::Environment;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunOptions, Runner};

use super::super::Session;
use super::super::error::CliError;
use super::super::output;
use crate::chat::modes;
use crate::config::{Config, FIRST_CHOICE};
use crate::plugins::{LookupError, Member, Members, Program, build_runner};

/// What `--resume` names.
#[derive(Debug)]
pub(super) enum Thread {
    /// A resume line, which names its engine.
    Line(ResumeToken),
    /// A bare token: which engine's is said elsewhere.
    Token(String),
}

impl Thread {
    pub(super) fn token_of(self, runner: &dyn Runner) -> Result<ResumeToken, CliError> {
        match self {
            Self::Line(token) => Ok(token),
            Self::Token(value) => ResumeToken::new(runner.engine().clone(), value)
                .map_err(|error| CliError::usage(error.to_string())),
        }
    }
}

/// The engine of a run.
#[derive(Debug)]
pub(super) enum Chosen<'a> {
    /// One that a plugin registers.
    Row(&'a EngineBackend),
    /// One that a table makes.
    Member(Box<Member>),
}

impl Chosen<'_> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Row(engine) => engine.id,
            Self::Member(member) => member.id.as_str(),
        }
    }

    /// What the plugin says about it.
    pub(super) fn backend(&self) -> &EngineBackend {
        match self {
            Self::Row(engine) => engine,
            Self::Member(member) => &member.backend,
        }
    }

    /// What its programs see of takopi's variables, besides what it names itself.
    pub(super) fn environment(&self, config: &Config) -> Result<Environment, CliError> {
        match self {
            Self::Row(engine) => Ok(Environment::empty().pass(config.pass_env(engine.id)?)),
            // Its plugin reads the whole of its table.
            Self::Member(_) => Ok(Environment::empty()),
        }
    }

    pub(super) fn runner(&self, config: &Config) -> Result<Arc<dyn Runner>, CliError> {
        match self {
            Self::Row(engine) => Ok(build_runner(engine, &config.engine(engine.id)?)?),
            Self::Member(member) => Ok(member.build_runner()?),
        }
    }
}

/// Reads what was typed after `--resume`: a resume line of the engine that is named, or of any, or else one word.
pub(super) fn thread(typed: &str, engine: Option<&str>, session: &Session<'_>) -> Result<Thread, CliError> {
    let mut silent = Vec::new();
    for entry in session.registry.visible(BackendKind::Engine) {
        let id = entry.row().id;
        match resume_line(typed, id, session) {
            Ok(Some(token)) => return Ok(Thread::Line(token)),
            Ok(None) => {}
            // Whoever names an engine is told what is wrong with it; else it is one that could not be asked.
            Err(error) if engine == Some(id) => return Err(error),
            Err(error) => silent.push((id, error)),
        }
    }
    for member in Members::of(&session.registry, &session.config).members {
        if let Some(token) = member.build_runner().ok().and_then(|runner| runner.extract_resume(typed)) {
            return Ok(Thread::Line(token));
        }
    }
    let word = typed.trim().trim_matches('`');
    if !word.is_empty() && !word.contains(char::is_whitespace) && !word.starts_with('-') {
        return Ok(Thread::Token(word.to_owned()));
    }
    // It may be a line of an engine that is disabled or not compiled in.
    if let Some(Err(lookup)) =
        word.split_whitespace().next().map(|id| session.registry.find(BackendKind::Engine, id))
        && !matches!(lookup, LookupError::Unknown { not_compiled_in: None, .. })
    {
        return Err(CliError::from(lookup).into_usage());
    }
    let engines: Vec<&str> =
        session.registry.visible(BackendKind::Engine).map(|entry| entry.row().id).collect();
    let mut error =
        CliError::usage(format!("`{}` is no resume line of an engine of this build", typed.trim()))
            .hint("copy the whole line that a run printed at its end, or only the id in it")
            .hint(format!("engines: {}", list(&engines)));
    for (id, why) in silent {
        error = error.hint(format!("{id} could not be asked: {why}"));
    }
    Err(error)
}

fn resume_line(typed: &str, id: &str, session: &Session<'_>) -> Result<Option<ResumeToken>, CliError> {
    let engine = session.registry.engine(id)?;
    let runner = build_runner(engine, &session.config.engine(id)?)?;
    Ok(runner.extract_resume(typed))
}

/// The engine of a run: the one that is named, else that of the resume line, else `default_engine`, else the first that
/// is installed, else one that needs nothing.
pub(super) fn engine<'a>(
    typed: Option<&str>,
    thread: Option<&Thread>,
    session: &'a Session<'_>,
) -> Result<Chosen<'a>, CliError> {
    let of_line = match thread {
        Some(Thread::Line(token)) => Some(token.engine().as_str()),
        _ => None,
    };
    match (typed, of_line) {
        (Some(typed), Some(of_line)) if typed != of_line => {
            Err(CliError::usage(format!("the resume line is of {of_line}, and --engine says {typed}"))
                .hint("leave out --engine: a resume line names its engine"))
        }
        (Some(id), _) | (None, Some(id)) => {
            let engine = named(id, session).map_err(|error| CliError::from(error).into_usage())?;
            installed(engine, session)
        }
        (None, None) => match &session.config.default_engine {
            Some(id) => installed(default_engine(id, session)?, session),
            None => first_available(session).map(Chosen::Row),
        },
    }
}

/// The engine of this id. Tables are looked at only if no plugin registers it.
fn named<'a>(id: &str, session: &'a Session<'_>) -> Result<Chosen<'a>, LookupError> {
    match session.registry.engine(id) {
        Ok(engine) => Ok(Chosen::Row(engine)),
        Err(lookup) => {
            let member = Members::of(&session.registry, &session.config).take(id);
            member.map(|member| Chosen::Member(Box::new(member))).ok_or(lookup)
        }
    }
}

fn default_engine<'a>(id: &str, session: &'a Session<'_>) -> Result<Chosen<'a>, CliError> {
    named(id, session).map_err(|lookup| {
        let mut error = session.config.error_at("default_engine", lookup.to_string());
        error.hints = lookup.hints();
        error.into()
    })
}

fn first_available<'a>(session: &'a Session<'_>) -> Result<&'a EngineBackend, CliError> {
    let mut engines = loadable(session);
    engines.sort_by_key(|engine| engine.id != FIRST_CHOICE);
    let with_cli = engines
        .iter()
        .filter(|engine| matches!(engine.availability, Availability::Cli { .. }) && !engine.by_name)
        .find(|&&engine| program(&Chosen::Row(engine), session).is_there());
    let embedded = || engines.iter().find(|engine| engine.availability == Availability::Embedded);
    with_cli.or_else(embedded).copied().ok_or_else(|| {
        let mut error = CliError::new("no engine is installed");
        for engine in &engines {
            if let Availability::Cli { install, .. } = engine.availability {
                error = error.hint(format!("{}: {install}", engine.id));
            }
        }
        match crate::bundled::KNOWN
            .iter()
            .filter(|known| known.kind() == "engine")
            .find(|known| session.registry.find(BackendKind::Engine, known.id()).is_err())
        {
            Some(_) => {
                error.hint("`takopi plugins` shows engines that are not compiled in, with the feature to add")
            }
            None => error,
        }
    })
}

fn loadable<'a>(session: &'a Session<'_>) -> Vec<&'a EngineBackend> {
    session
        .registry
        .visible(BackendKind::Engine)
        .filter_map(|entry| match session.registry.engine(entry.row().id) {
            Ok(engine) => Some(engine),
            Err(error) => {
                output::warning(&error.to_string());
                None
            }
        })
        .collect()
}

fn installed<'a>(engine: Chosen<'a>, session: &Session<'_>) -> Result<Chosen<'a>, CliError> {
    match program(&engine, session) {
        Program::NotNeeded | Program::Found(_) => Ok(engine),
        Program::Missing { install } => {
            let error = CliError::new(format!("{} is not installed, or not on PATH", engine.id()));
            Err(error.hint(format!("install it with `{install}`")))
        }
        Program::Unknown { named } => {
            Err(CliError::new(format!("{}: {}", engine.id(), Program::not_there(&named))))
        }
    }
}

/// What is wrong with the engine's table is said when it is built for the run.
fn program(engine: &Chosen<'_>, session: &Session<'_>) -> Program {
    Program::of(engine.backend(), engine.runner(&session.config).ok().as_deref())
}

/// What was chosen, if the engine has it as it says. Names of models are the engine's own and not checked.
pub(super) fn options(
    engine: &str,
    can: &EngineCapabilities,
    mut chosen: RunOptions,
) -> Result<RunOptions, CliError> {
    if chosen.model.is_some() && !can.model {
        return Err(CliError::usage(format!("{engine} has no models to choose from")));
    }
    if let Some(level) = chosen.reasoning.as_deref().filter(|level| !can.reasoning_levels.contains(level)) {
        let error = CliError::usage(format!("{engine} has no reasoning level `{level}`"));
        return Err(error.hint(format!("levels: {}", list(can.reasoning_levels))));
    }
    if let Some(mode) = &chosen.mode {
        let found = modes::find(engine, can.modes, mode).map_err(|error| {
            let told = CliError::usage(error.to_string());
            error.hints().iter().fold(told, CliError::hint)
        })?;
        chosen.mode = Some(found);
    }
    Ok(chosen)
}

fn list(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
