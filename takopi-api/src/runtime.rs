//! The way from a plugin to takopi.

use crate::engine::EngineId;

/// What a transport may ask of takopi.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportRuntime {
    engines: Vec<EngineId>,
}

impl TransportRuntime {
    /// The runtime of a program with these engines.
    #[must_use]
    pub const fn new(engines: Vec<EngineId>) -> Self {
        Self { engines }
    }

    /// The ids of the engines that a message may name.
    #[must_use]
    pub fn engine_ids(&self) -> &[EngineId] {
        &self.engines
    }
}
