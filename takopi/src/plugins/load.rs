//! Constructing a backend: once, with a constructor that panics or never ends as an error like any other.

use std::cell::Cell;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use takopi_api::command::CommandBackend;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{EngineBackend, EngineCapabilities};
use takopi_api::hook::{HookBackend, Moment};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::runner::Runner;
use takopi_api::transport::TransportBackend;

use super::aside;

/// How long a constructor may take. It only makes a value, which takes no time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A constructed backend.
#[derive(Clone)]
#[non_exhaustive]
pub enum Loaded {
    /// An engine.
    Engine(EngineBackend),
    /// A transport.
    Transport(Arc<dyn TransportBackend>),
    /// A chat command.
    Command(Arc<dyn CommandBackend>),
    /// A hook, and when it is called.
    Hook(Arc<dyn HookBackend>, Vec<Moment>),
}

impl Loaded {
    fn id(&self) -> &str {
        match self {
            Self::Engine(backend) => backend.id,
            Self::Transport(backend) => backend.id(),
            Self::Command(backend) => backend.id(),
            Self::Hook(backend, _) => backend.id(),
        }
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loaded").field(&self.id()).finish()
    }
}

/// Why a backend could not be constructed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// Its constructor panicked.
    Panicked(String),
    /// Its constructor did not come to an end.
    Hung,
    /// It calls itself by another id than the one under which it is registered.
    WrongId(String),
    /// The constructor is of a kind that this program does not know.
    UnknownKind,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "its constructor panicked: {message}"),
            Self::Hung => write!(f, "its constructor did not end within {} seconds", PATIENCE.as_secs()),
            Self::WrongId(id) => write!(f, "the backend calls itself `{id}`"),
            Self::UnknownKind => f.write_str("this version of takopi does not know its kind"),
        }
    }
}

/// Builds the runner of an engine; a panic in there is an error about the engine's table. Every error names the
/// distribution whose table it is.
///
/// # Errors
/// What the engine says about its table.
pub fn build_runner(engine: &EngineBackend, config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let panicked = |panic| {
        let said = format!("the plugin of {} panicked while it read this: {panic}", engine.id);
        Err(config.table.error_at("", said))
    };
    let built = caught(|| (engine.build_runner)(config)).unwrap_or_else(panicked);
    built.map_err(|error| error.of_plugin(config.table.plugin()))
}

/// What an engine can do as it is configured. A plugin that panics over it says nothing else than its backend.
pub fn capabilities(engine: &EngineBackend, runner: &dyn Runner) -> EngineCapabilities {
    let configured = caught(|| runner.capabilities()).ok().flatten();
    configured.unwrap_or_else(|| engine.capabilities.clone())
}

/// Runs the constructor of a row and looks at what it gives. It runs on a thread of its own, so that one that never ends
/// holds up nobody for long; the thread is given up then.
pub(super) fn load(row: &'static Backend) -> Result<Loaded, LoadError> {
    let (sender, receiver) = sync_channel(1);
    let thread = thread::Builder::new().name(format!("construct {}", row.id.escape_debug()));
    let started = thread.spawn(move || {
        // Nobody waits any more if it took too long.
        let _ = sender.send(construct(row));
    });
    match started.map(|_| receiver.recv_timeout(PATIENCE)) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(RecvTimeoutError::Timeout)) => Err(LoadError::Hung),
        Ok(Err(RecvTimeoutError::Disconnected)) => Err(LoadError::Panicked("no message".to_owned())),
        // Without threads to be had there is nothing to guard with.
        Err(_) => construct(row),
    }
}

fn construct(row: &Backend) -> Result<Loaded, LoadError> {
    caught(|| {
        let loaded = match row.constructor {
            Constructor::Engine(construct) => Loaded::Engine(construct()),
            Constructor::Transport(construct) => Loaded::Transport(construct()),
            Constructor::Command(construct) => Loaded::Command(construct()),
            Constructor::Hook(construct) => {
                let backend = construct();
                let wants = backend.wants().to_vec();
                Loaded::Hook(backend, wants)
            }
            _ => return Err(LoadError::UnknownKind),
        };
        if loaded.id() == row.id { Ok(loaded) } else { Err(LoadError::WrongId(loaded.id().to_owned())) }
    })
    .unwrap_or_else(|panic| Err(LoadError::Panicked(panic)))
}

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs code of a plugin and makes a panic in it a message: it is told where it matters, and not as a backtrace on
/// standard error.
///
/// # Errors
/// The message of the panic.
pub fn caught<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    mute_panics();
    let result = std::panic::catch_unwind(AssertUnwindSafe(code));
    IS_CAUGHT.set(false);
    result.map_err(|panic| aside::message(&*panic))
}

/// From here on a panic on this thread is not written to standard error: whoever catches it tells of it.
fn mute_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Where nothing unwinds nothing is caught, and this is the last chance to tell.
            if !IS_CAUGHT.get() || cfg!(panic = "abort") {
                usual(panic);
            }
        }));
    });
    IS_CAUGHT.set(true);
}
