//! `takopi` and `takopi chat`: the conversation, through one transport or several, until it is told to stop.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::plugin::{Backend, BackendKind};
use takopi_api::runtime::{Shutdown, ShutdownSwitch, TransportRuntime};
use takopi_api::transport::{SetupContext, TransportBackend, TransportId, TransportRun};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::error::CliError;
use super::signals::Signals;
use super::{Session, output, registry};
use crate::chat::conversation::{Chat, Left, Surroundings};
use crate::chat::snapshot::Snapshot;
use crate::config::{self, Config, DEFAULT_TRANSPORT, Reader, Update};
use crate::lock::InstanceLock;
use crate::plugins::{Loaded, Registry};
use crate::process::LocalProcesses;
use crate::project::Worktrees;
use crate::store::Store;

/// The transport of `takopi chat`.
const HERE: &str = "terminal";

/// How long runs that go on have to end when takopi ends.
const PATIENCE: Duration = Duration::from_secs(30);

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
}

impl ServeArgs {
    /// What `takopi chat` stands for.
    pub(super) fn chat() -> Self {
        Self { transport: vec![HERE.to_owned()], ..Self::default() }
    }

    fn final_notify(&self) -> Option<bool> {
        match (self.final_notify, self.no_final_notify) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// What makes snapshots of a configuration, again and again.
struct Snapshots {
    rows: Vec<&'static Backend>,
    reader: Reader,
    /// The engine that was named on the command line.
    chosen: Option<EngineId>,
    final_notify: Option<bool>,
    registry: Arc<Registry>,
    revision: u64,
}

impl Snapshots {
    fn next(&mut self, config: Config) -> Result<Snapshot, takopi_api::config::ConfigError> {
        // Constructors run once a registry, so it stays as long as it shows the same.
        if *self.registry.enabled() != config.enabled {
            self.registry = Arc::new(registry(&self.rows, &self.reader, &config));
        }
        self.revision += 1;
        let registry = Arc::clone(&self.registry);
        Snapshot::new(config, registry, self.chosen.as_ref(), self.revision, self.final_notify)
    }
}

pub(super) fn run(
    args: &ServeArgs,
    engine: Option<&str>,
    session: Session<'_>,
    rows: &[&'static Backend],
) -> Result<ExitCode, CliError> {
    session.warn();
    let transports = transports(args, &session)?;
    let chosen = match engine {
        Some(id) => {
            session.registry.engine(id)?;
            Some(EngineId::parse(id).map_err(|error| CliError::usage(error.to_string()))?)
        }
        None => default_engine(&session)?,
    };
    let token = lock_token(&transports, &session.config)?;
    let _lock = InstanceLock::acquire(&session.config.path, token.map(Into::into)).map_err(|error| {
        let told = CliError::new(error.to_string());
        error.hints().into_iter().fold(told, CliError::hint)
    })?;
    let (store, notices) = Store::open(session.config.folder()).map_err(|error| {
        let hint = error.hint();
        CliError::new(error.to_string()).hint(hint)
    })?;
    notices.iter().for_each(|notice| output::warning(notice));

    let mut snapshots = Snapshots {
        rows: rows.to_vec(),
        reader: session.reader,
        chosen,
        final_notify: args.final_notify(),
        registry: Arc::new(session.registry),
        revision: 0,
    };
    let snapshot = snapshots.next(session.config.clone())?;
    let start_folder = std::fs::canonicalize(std::env::current_dir()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended =
        runtime.block_on(serve(&transports, &session.config, snapshot, snapshots, store, start_folder));
    // A thread that waits for a line from the terminal would be waited for.
    runtime.shutdown_background();
    ended
}

/// A transport that is to run.
struct Chosen {
    id: TransportId,
    backend: Arc<dyn TransportBackend>,
}

/// The transports that were named, else those of the configuration.
fn transports(args: &ServeArgs, session: &Session<'_>) -> Result<Vec<Chosen>, CliError> {
    let named = if args.transport.is_empty() { &session.config.transports } else { &args.transport };
    let ids = match named.as_slice() {
        [] if session.registry.find(BackendKind::Transport, DEFAULT_TRANSPORT).is_ok() => {
            vec![DEFAULT_TRANSPORT.to_owned()]
        }
        [] if is_interactive() && session.registry.find(BackendKind::Transport, HERE).is_ok() => {
            output::line("no chat is configured: talk to your agents here; `takopi --help` shows more");
            vec![HERE.to_owned()]
        }
        [] => {
            return Err(CliError::new("no chat is configured")
                .hint("talk in a terminal with `takopi chat`")
                .hint(format!(
                    "or name a transport with `transport = \"…\"` in {}",
                    session.config.path.display()
                )));
        }
        named => named.to_vec(),
    };
    ids.iter().map(|id| chosen(id, session)).collect()
}

fn chosen(id: &str, session: &Session<'_>) -> Result<Chosen, CliError> {
    let backend = match session.registry.load(BackendKind::Transport, id)? {
        Loaded::Transport(backend) => Arc::clone(backend),
        _ => return Err(CliError::usage(format!("`{id}` is no transport"))),
    };
    let table = session.config.transport(id)?;
    let issues = backend.check_setup(&SetupContext::new(&table, &session.config.path));
    if let Some(issue) = issues.first() {
        let told = CliError::new(issue.title.clone());
        return Err(issue.steps.iter().cloned().fold(told, CliError::hint));
    }
    let id = TransportId::parse(id).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(Chosen { id, backend })
}

/// The engine of the configuration; one that is not there is better told now than at the first message.
fn default_engine(session: &Session<'_>) -> Result<Option<EngineId>, CliError> {
    let Some(id) = &session.config.default_engine else { return Ok(None) };
    match session.registry.engine(id) {
        // The configuration may change it later, so it is not chosen for good.
        Ok(_) => Ok(None),
        Err(error) => Err(CliError::from(session.config.error_at("default_engine", error.to_string()))),
    }
}

fn lock_token(
    transports: &[Chosen],
    config: &Config,
) -> Result<Option<takopi_api::transport::LockToken>, CliError> {
    for chosen in transports {
        if let Some(token) = chosen.backend.lock_token(&config.transport(chosen.id.as_str())?)? {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

fn is_interactive() -> bool {
    let is_wanted = std::env::var_os("TAKOPI_NO_INTERACTIVE").is_none_or(|value| value.is_empty());
    is_wanted && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

async fn serve(
    transports: &[Chosen],
    config: &Config,
    snapshot: Snapshot,
    snapshots: Snapshots,
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
        state_folder: config.folder().join("state"),
    };
    let failed = |error: takopi_api::runtime::StoreError| CliError::new(error.to_string());
    let left = Left::find(&store).await.map_err(failed)?;
    let chat = Chat::new(surroundings, snapshot, left);
    let (switch, shutdown) = ShutdownSwitch::new();
    let mut running = JoinSet::new();
    for chosen in transports {
        let notices = chat.import(config.folder(), &chosen.id).await.map_err(failed)?;
        notices.iter().for_each(|notice| output::warning(notice));
        let run = transport_run(chosen, config, &chat, &shutdown)?;
        let (backend, id) = (Arc::clone(&chosen.backend), chosen.id.clone());
        running.spawn(async move { (id, backend.build_and_run(run).await) });
    }
    let mut updates = config.watch.then(|| config::watch(snapshots.reader.clone(), config));
    let mut reload = Reload { snapshots, current: config.clone(), chat: chat.clone() };
    let outcome = loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                None => break Ok(ExitCode::SUCCESS),
                Some(Ok((_, Ok(())))) => {}
                Some(Ok((id, Err(error)))) => break Err(told(&id, &error)),
                Some(Err(panic)) => break Err(CliError::new(format!("a transport panicked: {panic}"))),
            },
            update = next(&mut updates) => reload.apply(update),
            () = signals.next() => break Ok(ExitCode::SUCCESS),
        }
    };
    switch.shut_down();
    tracing::info!("shutdown.draining");
    tokio::select! {
        () = chat.drain(PATIENCE) => {}
        // Whoever asks twice does not want to wait.
        () = signals.next() => chat.drain(Duration::ZERO).await,
    }
    running.shutdown().await;
    processes.shutdown().await;
    store.close().await;
    outcome
}

fn transport_run(
    chosen: &Chosen,
    config: &Config,
    chat: &Chat,
    shutdown: &Shutdown,
) -> Result<TransportRun, CliError> {
    let table = config.transport(chosen.id.as_str())?;
    let runtime = TransportRuntime::new(chosen.id.clone(), Arc::new(chat.clone()));
    Ok(TransportRun::new(table, config.path.clone(), runtime, shutdown.clone()))
}

fn told(id: &TransportId, error: &Error) -> CliError {
    error.hints().iter().cloned().fold(CliError::new(format!("{id}: {error}")), CliError::hint)
}

async fn next(updates: &mut Option<mpsc::Receiver<Update>>) -> Update {
    match updates {
        Some(receiver) => match receiver.recv().await {
            Some(update) => update,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// What a change of the configuration does while takopi runs.
struct Reload {
    snapshots: Snapshots,
    current: Config,
    chat: Chat,
}

impl Reload {
    fn apply(&mut self, update: Update) {
        let config = match update {
            Update::Reloaded(config) => *config,
            Update::Broken(error) => {
                tracing::warn!(%error, "config.reload.failed: the settings stay as they are");
                return;
            }
            Update::Missing => {
                tracing::warn!(path = %self.path().display(), "config.reload.missing: the settings stay as they are");
                return;
            }
        };
        let changes = config::diff(&self.current, &config);
        match self.snapshots.next(config.clone()) {
            Ok(snapshot) => {
                self.chat.reload(snapshot);
                for change in &changes {
                    tracing::info!(%change, "config.reload.applied");
                }
                if self.current.transports != config.transports {
                    tracing::warn!("config.reload.restart: other transports are started at the next start");
                }
                self.current = config;
            }
            Err(error) => tracing::warn!(%error, "config.reload.failed: the settings stay as they are"),
        }
    }

    fn path(&self) -> &Path {
        &self.current.path
    }
}
