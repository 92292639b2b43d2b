//! The conversation for a program that brings its own transports: without a command line, a lock, or a configuration that
//! is watched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::config::ConfigError;
use takopi_api::plugin::Backend;
use takopi_api::process::ProcessHost;
use takopi_api::runtime::{StoreError, TransportRuntime};
use takopi_api::transport::TransportId;

use super::commands;
use super::conversation::{Chat, Left, Surroundings};
use super::snapshot::Snapshot;
use crate::config::Config;
use crate::plugins::Registry;
use crate::project::Worktrees;
use crate::store::{self, Store};

/// A conversation that goes on in the program that made it. A clone is another handle of the same.
#[derive(Debug, Clone)]
pub struct Embedded(Chat);

/// Where a conversation goes on, and what it remembers.
#[derive(Clone)]
pub struct Home {
    /// What it remembers. No other program may use the same.
    pub store: Store,
    /// What starts the engines' programs.
    pub processes: Arc<dyn ProcessHost>,
    /// Where runs without a project happen.
    pub start_folder: PathBuf,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Home")
            .field("store", &self.store)
            .field("start_folder", &self.start_folder)
            .finish_non_exhaustive()
    }
}

/// A conversation could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The table of a transport says something that it can not say.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What the last program left could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Embedded {
    /// Begins a conversation with the plugins of these rows, and finds what the last program left open.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub async fn new(
        config: Config,
        rows: impl IntoIterator<Item = &'static Backend> + Send,
        home: Home,
    ) -> Result<Self, EmbedError> {
        let reserved: Vec<&str> = commands::BUILT_IN.iter().map(|command| command.id).collect();
        let registry = Arc::new(Registry::new(rows, &reserved, config.enabled.clone()));
        let surroundings = Surroundings {
            store: home.store.clone(),
            processes: Arc::clone(&home.processes),
            worktrees: Arc::new(Worktrees::new(home.processes)),
            start_folder: home.start_folder,
            state_folder: config.folder().join(store::FILES),
        };
        let snapshot = Snapshot::new(config, registry, None, 1, None)?;
        Ok(Self(Chat::new(surroundings, snapshot, Left::find(&home.store).await?)))
    }

    /// What a transport gets. What was left open for it goes on once it connects.
    #[must_use]
    pub fn runtime(&self, transport: TransportId) -> TransportRuntime {
        TransportRuntime::new(transport, Arc::new(self.0.clone()))
    }

    /// Ends it: no run begins any more, those that go on have this long, and messages are only stored.
    pub async fn drain(&self, patience: Duration) {
        self.0.drain(patience).await;
    }
}
