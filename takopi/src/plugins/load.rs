//! Constructing a backend: once, with a panicking constructor as an error like any other.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use takopi_api::command::CommandBackend;
use takopi_api::engine::EngineBackend;
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::transport::TransportBackend;

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

/// Runs the constructor of a row and looks at what it gives.
pub(super) fn load(row: &Backend) -> Result<Loaded, LoadError> {
    let loaded = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let loaded = match row.constructor {
            Constructor::Engine(construct) => Loaded::Engine(construct()),
            Constructor::Transport(construct) => Loaded::Transport(construct()),
            Constructor::Command(construct) => Loaded::Command(construct()),
            _ => return Err(LoadError::UnknownKind),
        };
        if loaded.id() == row.id { Ok(loaded) } else { Err(LoadError::WrongId(loaded.id().to_owned())) }
    }));
    loaded.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(LoadError::Panicked(message.unwrap_or_else(|| "no message".to_owned())))
    })
}
