//! The engines that the engine of a run may run in turn.

use std::sync::{Arc, OnceLock};

use takopi_api::error::Error;
use takopi_api::runner::{FindEngine, FoundEngine};

use super::super::Session;
use crate::chat::engines::Engines;
use crate::config::Config;
use crate::plugins::Registry;

/// All enabled engines. Most runs want no other than their own, so they are looked at when the first one is wanted.
pub(super) struct InnerEngines {
    registry: Arc<Registry>,
    config: Config,
    engines: OnceLock<Engines>,
}

impl InnerEngines {
    pub(super) fn new(session: &Session<'_>) -> Arc<Self> {
        let (registry, config) = (Arc::clone(&session.registry), session.config.clone());
        Arc::new(Self { registry, config, engines: OnceLock::new() })
    }

    /// Ends what those that were used keep between runs.
    pub(super) async fn shutdown(&self) {
        if let Some(engines) = self.engines.get() {
            engines.shutdown().await;
        }
    }
}

impl FindEngine for InnerEngines {
    fn find(&self, id: &str) -> Result<FoundEngine, Error> {
        let engines = self.engines.get_or_init(|| Engines::new(&self.registry, &self.config, None));
        engines.find(&self.registry, id)
    }
}
