//! Constructing a backend: once, with a panicking constructor as an error like any other.

use std::cell::Cell;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Once};

use takopi_api::command::CommandBackend;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::EngineBackend;
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::runner::Runner;
use takopi_api::transport::TransportBackend;

use super::aside;

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
}

impl Loaded {
    fn id(&self) -> &str {
        match self {
            Self::Engine(backend) => backend.id,
            Self::Transport(backend) => backend.id(),
            Self::Command(backend) => backend.id(),
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
    /// It calls itself by another id than the one under which it is registered.
    WrongId(String),
    /// The constructor is of a kind that this program does not know.
    UnknownKind,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "its constructor panicked: {message}"),
            Self::WrongId(id) => write!(f, "the backend calls itself `{id}`"),
            Self::UnknownKind => f.write_str("this version of takopi does not know its kind"),
        }
    }
}

/// Builds the runner of an engine; a panic in there is an error about the engine's table.
///
/// # Errors
/// What the engine says about its table.
pub fn build_runner(engine: &EngineBackend, config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    caught(|| (engine.build_runner)(config)).unwrap_or_else(|panic| {
        Err(config
            .table
            .error_at("", format!("the plugin of {} panicked while it read this: {panic}", engine.id)))
    })
}

/// Runs the constructor of a row and looks at what it gives.
pub(super) fn load(row: &Backend) -> Result<Loaded, LoadError> {
    caught(|| {
        let loaded = match row.constructor {
            Constructor::Engine(construct) => Loaded::Engine(construct()),
            Constructor::Transport(construct) => Loaded::Transport(construct()),
            Constructor::Command(construct) => Loaded::Command(construct()),
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
fn caught<R>(code: impl FnOnce() -> R) -> Result<R, String> {
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
    let result = std::panic::catch_unwind(AssertUnwindSafe(code));
    IS_CAUGHT.set(false);
    result.map_err(|panic| aside::message(&*panic))
}
