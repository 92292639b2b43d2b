//! `takopi` and `takopi chat`: the conversation, through one transport or several, until it is told to stop.

mod reload;
mod transports;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::engine::EngineId;
use takopi_api::plugin::{Backend, BackendKind};
use takopi_api::runtime::StoreError;

use super::error::CliError;
use super::onboard::given::{Given, given, write};
use super::onboard::{self, Occasion, Outcome};
use super::question;
use super::signals::Signals;
use super::{Session, output};
use crate::chat::conversation::{Chat, Left, Surroundings};
use crate::chat::lifecycle::Started;
use crate::config::{self, Config};
use crate::lock::InstanceLock;
use crate::plugins::{LookupError, Members, Registry};
use crate::process::LocalProcesses;
use crate::project::Worktrees;
use crate::store::{self, Store};
use reload::{Reload, Snapshots, next};
use transports::{Chosen, Ended, Setup, Transports, choose};

/// The transport of `takopi chat`.
const HERE: &str = "terminal";

/// How long runs that go on have to end when takopi ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long plugins have to stop where nobody wants to wait.
const HURRY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub(super) struct ServeArgs {
    /// Start this transport instead of those of the configuration; may be given more than once
    #[arg(long, value_name = "ID")]
    pub(super) transport: Vec<String>,
    /// Send answers as messages of their own, which make themselves heard
    #[arg(long, overrides_with = "no_final_notify")]
    final_notify: bool,
    /// Let the progress message become the answer, without a sound
    #[arg(long, overrides_with = "final_notify")]
    no_final_notify: bool,
    /// Ask what should be in the configuration, also if there is one
    #[arg(long, overrides_with = "no_onboard")]
    onboard: bool,
    /// With --onboard: write this key and ask nothing, e.g. `--set transport=ID`; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", requires = "onboard", value_parser = given)]
    set: Vec<Given>,
    /// Ask nothing, also if there is no configuration
    #[arg(long, overrides_with = "onboard")]
    no_onboard: bool,
}

impl ServeArgs {
    /// What `takopi chat` stands for.
    pub(super) fn chat() -> Self {
        Self { transport: vec![HERE.to_owned()], ..Self::default() }
    }

    /// Whether the setup wizard is wanted, whatever there is.
    pub(super) const fn wants_setup(&self) -> bool {
        self.onboard
    }

    /// When the setup wizard asks, if at all. Whoever names an engine or a transport wants to talk to it now.
    fn occasion(&self, engine: Option<&str>, config: &Config) -> Option<Occasion> {
        if self.onboard {
            return Some(Occasion::Wanted);
        }
        let is_named = engine.is_some() || !self.transport.is_empty() || !config.transports.is_empty();
        let may_ask = !self.no_onboard && is_interactive() && question::somebody_is_there();
        (!is_named && may_ask && !config.path.exists()).then_some(Occasion::NothingConfigured)
    }

    fn final_notify(&self) -> Option<bool> {
        match (self.final_notify, self.no_final_notify) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

pub(super) fn run(
    args: &ServeArgs,
    engine: Option<&str>,
    session: Session<'_>,
    rows: &[&'static Backend],
) -> Result<ExitCode, CliError> {
    session.warn();
    let linked = session.linked;
    let (session, was_declined) = match args.occasion(engine, &session.config) {
        None => (session, false),
        Some(_) if !args.set.is_empty() => (write(&args.set, session, rows, linked)?, false),
        Some(occasion) => match onboard::run(occasion, session, rows, linked)? {
            Outcome::Saved(session) => (session, false),
            Outcome::Declined(session) => (session, true),
            Outcome::Left(code) => return Ok(code),
        },
    };
    let Session { registry, config, reader, .. } = session;
    let ids = if was_declined { here(&registry) } else { None };
    let ids = ids.map_or_else(|| named(args, &registry, &config), Ok)?;
    let starting = ids
        .iter()
        .map(|id| {
            let chosen = choose(id, &registry)?;
            let setup = Setup::read(&chosen, &config)?;
            Ok((chosen, setup))
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let chosen = match engine {
        Some(id) => {
            is_there(id, &registry, &config)?;
            Some(EngineId::parse(id).map_err(|error| CliError::usage(error.to_string()))?)
        }
        None => default_engine(&registry, &config)?,
    };
    let token = starting.iter().find_map(|(_, setup)| setup.token.clone());
    let _lock = InstanceLock::acquire(&config.path, token.map(Into::into)).map_err(|error| {
        let told = CliError::new(error.to_string());
        error.hints().into_iter().fold(told, CliError::hint)
    })?;
    let (store, notices) = Store::open(config.folder()).map_err(|error| {
        let hint = error.hint();
        CliError::new(error.to_string()).hint(hint)
    })?;
    notices.iter().for_each(|notice| output::warning(notice));

    let named = if args.transport.is_empty() { Named::InFile } else { Named::OnCommandLine };
    let snapshots = Snapshots::new(rows, reader, chosen, args.final_notify(), registry);
    let start_folder = std::fs::canonicalize(std::env::current_dir()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(starting, named, config, snapshots, store, start_folder));
    // A thread that waits for a line from the terminal would be waited for.
    runtime.shutdown_background();
    ended
}

/// Where the transports are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// On the command line, which wins as long as this process lives.
    OnCommandLine,
    /// In the configuration, or nowhere.
    InFile,
}

/// The transports that were named, else those of the configuration.
fn named(args: &ServeArgs, registry: &Registry, config: &Config) -> Result<Vec<String>, CliError> {
    let named = if args.transport.is_empty() { config.chosen_transports() } else { args.transport.clone() };
    match named.as_slice() {
        [] if is_interactive() => here(registry).ok_or_else(nothing_configured),
        [] => Err(nothing_configured()
            .hint(format!("or name a transport with `transport = \"…\"` in {}", config.path.display()))),
        _ => Ok(named),
    }
}

/// The terminal, for want of a chat; `None` if this build has no such transport.
fn here(registry: &Registry) -> Option<Vec<String>> {
    registry.find(BackendKind::Transport, HERE).ok()?;
    output::line("no chat is configured: talk to your agents here; `takopi --onboard` sets one up");
    Some(vec![HERE.to_owned()])
}

fn nothing_configured() -> CliError {
    CliError::new("no chat is configured")
        .hint("talk in a terminal with `takopi chat`, or set a chat up there with `takopi --onboard`")
}

/// The engine of the configuration; one that is not there is better told now than at the first message.
fn default_engine(registry: &Registry, config: &Config) -> Result<Option<EngineId>, CliError> {
    let Some(id) = &config.default_engine else { return Ok(None) };
    match is_there(id, registry, config) {
        // The configuration may change it later, so it is not chosen for good.
        Ok(()) => Ok(None),
        Err(error) => Err(CliError::from(config.error_at("default_engine", error.to_string()))),
    }
}

/// Whether a plugin registers the engine, or a table makes it.
fn is_there(id: &str, registry: &Registry, config: &Config) -> Result<(), LookupError> {
    match registry.engine(id) {
        Ok(_) => Ok(()),
        Err(lookup) => Members::of(registry, config).take(id).map(drop).ok_or(lookup),
    }
}

fn is_interactive() -> bool {
    let is_wanted = std::env::var_os("TAKOPI_NO_INTERACTIVE").is_none_or(|value| value.is_empty());
    is_wanted && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

async fn serve(
    starting: Vec<(Chosen, Setup)>,
    named: Named,
    config: Config,
    mut snapshots: Snapshots,
    store: Store,
    start_folder: PathBuf,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    let processes = LocalProcesses::new(config.limits);
    let surroundings = Surroundings {
        store: store.clone(),
        processes: Arc::clone(&processes) as _,
        worktrees: Arc::new(Worktrees::new(Arc::clone(&processes) as _)),
        start_folder,
        state_folder: config.folder().join(store::FILES),
    };
    let snapshot = snapshots.next(config.clone())?;
    // Whether what is stored is of the accounts of today must be known before anybody looks at it.
    for (chosen, setup) in &starting {
        transports::tell_account(&store, &chosen.id, setup).await.map_err(failed)?;
    }
    let left = Left::find(&store).await.map_err(failed)?;
    let chat = Chat::new(surroundings, snapshot, left);
    let mut transports = Transports::new(chat.clone(), store.clone());
    let ids = starting.iter().map(|(chosen, _)| &chosen.id);
    let mut reload = Reload::new(snapshots, Arc::clone(&processes), config.clone(), named, ids);
    for (chosen, setup) in starting {
        transports.add(chosen, setup, &config).await.map_err(failed)?;
    }
    let mut started = Started::new(chat.clone());
    started.follow(&[]);
    chat.open_door(reload.reader().clone());
    let mut updates = config.watch.then(|| config::watch(reload.reader().clone(), &config));
    let outcome = loop {
        tokio::select! {
            ended = transports.ended() => match ended {
                Ok(Ended::Last) => break Ok(ExitCode::SUCCESS),
                Ok(Ended::One) => {}
                Err(error) => break Err(error),
            },
            update = next(&mut updates) => {
                reload.apply(update, &chat, &mut transports, &mut started).await;
                updates = updates.filter(|_| reload.is_wanted());
            }
            () = signals.next() => break Ok(ExitCode::SUCCESS),
        }
    };
    transports.tell_to_stop();
    started.tell_to_stop();
    tracing::info!("shutdown.draining");
    let is_hurried = tokio::select! {
        () = chat.drain(PATIENCE) => false,
        // Whoever asks twice does not want to wait.
        () = signals.next() => {
            chat.drain(Duration::ZERO).await;
            true
        }
    };
    tokio::select! {
        () = started.end() => {}
        () = signals.next() => {}
        () = tokio::time::sleep(HURRY), if is_hurried => {}
    }
    transports.end().await;
    processes.shutdown().await;
    store.close().await;
    outcome
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: StoreError) -> CliError {
    CliError::new(error.to_string())
}
