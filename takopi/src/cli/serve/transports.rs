//! The transports that run: started, started anew when their tables change, and stopped when nobody names them any more.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::config::ConfigTable;
use takopi_api::error::Error;
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::{Shutdown, ShutdownSwitch, StoreError, TransportRuntime};
use takopi_api::transport::{LockToken, SetupContext, TransportBackend, TransportId, TransportRun};
use tokio::task::JoinSet;

use crate::chat::conversation::Chat;
use crate::chat::links::Connected;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::{Change, Config};
use crate::plugins::{Loaded, Name, Registry, caught};
use crate::store::{Account, Store};

/// How long a transport has to let go of what it receives with, before it is started anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transport that is to run.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) id: TransportId,
    /// How errors name it.
    name: Name,
    pub(super) backend: Arc<dyn TransportBackend>,
}

/// What a transport runs with.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    table: ConfigTable,
    file: PathBuf,
    /// The account that it speaks for.
    pub(super) token: Option<LockToken>,
}

/// Finds a transport.
pub(super) fn choose(id: &str, registry: &Registry) -> Result<Chosen, CliError> {
    let name = registry.find(BackendKind::Transport, id)?.name();
    let backend = match registry.load(BackendKind::Transport, id)? {
        Loaded::Transport(backend) => Arc::clone(backend),
        _ => return Err(CliError::usage(format!("`{id}` is no transport"))),
    };
    let id = TransportId::parse(id).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(Chosen { id, name, backend })
}

impl Setup {
    /// Reads what a transport runs with. It may take as long as the command of a secret.
    pub(super) fn read(chosen: &Chosen, config: &Config) -> Result<Self, CliError> {
        let table = config.transport(chosen.id.as_str())?;
        let panicked = |panic| CliError::new(format!("{}: reading its table panicked: {panic}", chosen.name));
        let context = SetupContext::new(&table, &config.path);
        let issues = caught(|| chosen.backend.check_setup(&context)).map_err(panicked)?;
        if let Some(issue) = issues.into_iter().next() {
            let told = issue.steps.into_iter().fold(CliError::new(issue.title), CliError::hint);
            return Err(told.hint("`takopi --onboard` asks for what is missing"));
        }
        let token = caught(|| chosen.backend.lock_token(&table)).map_err(panicked)??;
        Ok(Self { table, file: config.path.clone(), token })
    }

    /// The same, where nothing else may be held up.
    async fn read_aside(chosen: &Chosen, config: &Config) -> Result<Self, CliError> {
        let (chosen, config, name) = (chosen.clone(), config.clone(), chosen.name);
        let reading = tokio::task::spawn_blocking(move || Self::read(&chosen, &config));
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(panic)) => Err(CliError::new(format!("{name} panicked: {panic}"))),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                Err(CliError::new(format!("{name}: its secret took longer than {seconds} seconds")))
            }
        }
    }
}

/// Says for which account a transport speaks, before anything of it is accepted.
pub(super) async fn tell_account(store: &Store, id: &TransportId, setup: &Setup) -> Result<(), StoreError> {
    let Some(token) = &setup.token else { return Ok(()) };
    match store.speaks_for(id, &token.to_string()).await? {
        Account::Same => {}
        Account::Other => {
            let said = format!(
                "{id} speaks for another account than the last time: replies to messages of the other one find no run \
                 any more; sessions and settings stay"
            );
            tracing::warn!(transport = %id, "{said}");
            output::warning(&said);
        }
    }
    Ok(())
}

/// All transports that run.
#[derive(Debug)]
pub(super) struct Transports {
    chat: Chat,
    store: Store,
    running: JoinSet<Result<(), Error>>,
    lanes: HashMap<TransportId, Lane>,
}

/// A transport that runs.
struct Lane {
    chosen: Chosen,
    setup: Setup,
    switch: ShutdownSwitch,
    task: tokio::task::AbortHandle,
    wish: Wish,
    fallback: Option<Fallback>,
}

/// What is to become of it.
enum Wish {
    /// It runs until it ends by itself.
    Run,
    /// It ends, and begins again with this.
    Again(Setup),
    /// It ends.
    Stop,
}

/// What it ran with before, until it is connected with what it has now.
struct Fallback {
    setup: Setup,
    connected: Option<Connected>,
}

/// What is left when a transport has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// There are others, or it begins again.
    One,
    /// It was the last.
    Last,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lane").field(&self.chosen.id).finish()
    }
}

impl Transports {
    pub(super) fn new(chat: Chat, store: Store) -> Self {
        Self { chat, store, running: JoinSet::new(), lanes: HashMap::new() }
    }

    /// Starts a transport whose account is told already.
    pub(super) async fn add(
        &mut self,
        chosen: Chosen,
        setup: Setup,
        config: &Config,
    ) -> Result<(), StoreError> {
        let notices = self.chat.import(config.folder(), &chosen.id).await?;
        notices.iter().for_each(|notice| output::warning(notice));
        self.start(chosen, setup, None);
        Ok(())
    }

    fn start(&mut self, chosen: Chosen, setup: Setup, fallback: Option<Fallback>) {
        let (switch, shutdown) = ShutdownSwitch::new();
        let task = self.running.spawn(run(&chosen, &setup, self.chat.clone(), shutdown));
        let id = chosen.id.clone();
        self.lanes.insert(id, Lane { chosen, setup, switch, task, wish: Wish::Run, fallback });
    }

    /// Waits until a transport has ended. One that only ends to begin again does so.
    ///
    /// # Errors
    /// [`CliError`] if it ended because it can not go on.
    pub(super) async fn ended(&mut self) -> Result<Ended, CliError> {
        let Some(joined) = self.running.join_next_with_id().await else { return Ok(Ended::Last) };
        let (task, outcome) = match joined {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => (error.id(), Ok(())),
            Err(panic) => (panic.id(), Err(Error::new(format!("the transport panicked: {panic}")))),
        };
        let lane = self.lanes.extract_if(|_, lane| lane.task.id() == task).next().map(|(_, lane)| lane);
        let Some(Lane { chosen, setup, wish, fallback, .. }) = lane else { return Ok(self.left()) };
        let (id, name) = (chosen.id.clone(), chosen.name);
        self.chat.parted(&id);
        match (wish, outcome) {
            (Wish::Again(new), outcome) => {
                if let Err(error) = outcome {
                    tracing::warn!(transport = %name, %error, "it ended with an error, and is started anew");
                }
                let connected = self.chat.connected(&id);
                self.start(chosen, new, Some(Fallback { setup, connected }));
            }
            (Wish::Stop, Err(error)) => tracing::warn!(transport = %name, %error, "it ended with an error"),
            (Wish::Run, Err(error)) => match fallback {
                // What it could not even begin with is no reason to end everything.
                Some(before) if self.chat.connected(&id) == before.connected => {
                    tracing::warn!(transport = %name, %error, "config.reload.failed: it is started with what it had before");
                    self.start(chosen, before.setup, None);
                }
                _ => return Err(told(name, &error)),
            },
            (_, Ok(())) => {}
        }
        Ok(self.left())
    }

    fn left(&self) -> Ended {
        if self.running.is_empty() { Ended::Last } else { Ended::One }
    }

    /// Starts a transport that is named from now on.
    pub(super) async fn begin(&mut self, chosen: Chosen, config: &Config) -> Result<(), CliError> {
        let setup = Setup::read_aside(&chosen, config).await?;
        let failed = |error: StoreError| CliError::new(error.to_string());
        tell_account(&self.store, &chosen.id, &setup).await.map_err(failed)?;
        if let Some(lane) = self.lanes.get_mut(&chosen.id) {
            // It has not ended yet since it was not named.
            lane.wish = Wish::Again(setup);
            return Ok(());
        }
        self.add(chosen, setup, config).await.map_err(failed)
    }

    /// Ends a transport that is not named any more.
    pub(super) fn stop(&mut self, id: &TransportId) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.wish = Wish::Stop;
            lane.tell_to_stop();
        }
    }

    /// Takes changes of a transport's table to it, if it can be started anew. Runs go on meanwhile, and what they send
    /// goes out the way it went until the transport is connected anew.
    pub(super) async fn change(&mut self, id: &TransportId, changes: &[&Change], config: &Config) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let setup = match Setup::read_aside(&lane.chosen, config).await {
            Ok(setup) => setup,
            Err(error) => {
                tracing::warn!(transport = %id, %error, "config.reload.failed: the transport goes on as it is");
                return;
            }
        };
        let obstacle = if setup.token != lane.setup.token {
            Some("another account")
        } else if lane.chosen.backend.can_start_again() {
            None
        } else {
            Some("this transport can not be started anew while takopi runs")
        };
        if let Some(why) = obstacle {
            for change in changes {
                tracing::warn!(transport = %id, %change, why, "config.reload.restart: this counts from the next start of takopi on");
            }
            return;
        }
        tracing::info!(transport = %id, "config.reload.transport: it is started anew");
        lane.wish = Wish::Again(setup);
        lane.tell_to_stop();
    }

    /// Tells all of them to stop.
    pub(super) fn tell_to_stop(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.wish = Wish::Stop;
            lane.switch.shut_down();
        }
    }

    /// Ends those that have not ended by themselves.
    pub(super) async fn end(mut self) {
        self.running.shutdown().await;
    }
}

impl Lane {
    fn tell_to_stop(&self) {
        self.switch.shut_down();
        let task = self.task.clone();
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            // Nothing happens to one that has ended.
            task.abort();
        });
    }
}

fn run(
    chosen: &Chosen,
    setup: &Setup,
    chat: Chat,
    shutdown: Shutdown,
) -> impl Future<Output = Result<(), Error>> + Send + 'static {
    let runtime = TransportRuntime::new(chosen.id.clone(), Arc::new(chat));
    let run = TransportRun::new(setup.table.clone(), setup.file.clone(), runtime, shutdown);
    let backend = Arc::clone(&chosen.backend);
    async move { backend.build_and_run(run).await }
}

fn told(name: Name, error: &Error) -> CliError {
    error.hints().iter().cloned().fold(CliError::new(format!("{name}: {error}")), CliError::hint)
}
