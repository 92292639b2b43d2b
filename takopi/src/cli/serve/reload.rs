//! What a change of the configuration does while takopi runs.

use std::path::Path;
use std::sync::Arc;

use takopi_api::config::ConfigError;
use takopi_api::engine::EngineId;
use takopi_api::plugin::Backend;
use takopi_api::transport::TransportId;
use tokio::sync::mpsc;

use super::Named;
use super::transports::{Transports, choose};
use crate::chat::conversation::Chat;
use crate::chat::lifecycle::Started;
use crate::chat::snapshot::Snapshot;
use crate::cli::error::CliError;
use crate::cli::registry;
use crate::config::{self, Change, Config, Reader, Update};
use crate::plugins::Registry;
use crate::process::LocalProcesses;

/// What makes snapshots of a configuration, again and again.
pub(super) struct Snapshots {
    rows: Vec<&'static Backend>,
    reader: Reader,
    /// The engine that was named on the command line.
    chosen: Option<EngineId>,
    final_notify: Option<bool>,
    registry: Arc<Registry>,
    revision: u64,
}

impl Snapshots {
    pub(super) fn new(
        rows: &[&'static Backend],
        reader: Reader,
        chosen: Option<EngineId>,
        final_notify: Option<bool>,
        registry: Arc<Registry>,
    ) -> Self {
        Self { rows: rows.to_vec(), reader, chosen, final_notify, registry, revision: 0 }
    }

    pub(super) fn next(&mut self, config: Config) -> Result<Snapshot, ConfigError> {
        if *self.registry.enabled() != config.enabled {
            let registry = registry(&self.rows, &self.reader, &config);
            // A plugin that goes on keeps what it has in memory.
            self.registry = Arc::new(registry.with_loaded_of(&self.registry));
        }
        self.revision += 1;
        let registry = Arc::clone(&self.registry);
        Snapshot::new(config, registry, self.chosen.as_ref(), self.revision, self.final_notify)
    }
}

/// What follows the configuration.
pub(super) struct Reload {
    snapshots: Snapshots,
    processes: Arc<LocalProcesses>,
    current: Config,
    named: Named,
    /// The transports that are named, whether they still run or not.
    ids: Vec<TransportId>,
}

/// The next change; never, if nobody follows the file.
pub(super) async fn next(updates: &mut Option<mpsc::Receiver<Update>>) -> Update {
    match updates {
        Some(receiver) => match receiver.recv().await {
            Some(update) => update,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

impl Reload {
    pub(super) fn new<'a>(
        snapshots: Snapshots,
        processes: Arc<LocalProcesses>,
        current: Config,
        named: Named,
        ids: impl Iterator<Item = &'a TransportId>,
    ) -> Self {
        Self { snapshots, processes, current, named, ids: ids.cloned().collect() }
    }

    pub(super) const fn reader(&self) -> &Reader {
        &self.snapshots.reader
    }

    /// Whether the file is to be followed on.
    pub(super) const fn is_wanted(&self) -> bool {
        self.current.watch
    }

    /// Takes over what changed, and says in the log what that was. What can not be used changes nothing.
    pub(super) async fn apply(
        &mut self,
        update: Update,
        chat: &Chat,
        transports: &mut Transports,
        started: &mut Started,
    ) {
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
        match self.snapshots.next(config.clone()) {
            Ok(snapshot) => chat.reload(snapshot),
            Err(error) => {
                tracing::warn!(%error, "config.reload.failed: the settings stay as they are");
                return;
            }
        }
        if config.limits != self.current.limits {
            self.processes.change_limits(config.limits);
        }
        let changes = config::diff(&self.current, &config);
        self.current = config;
        started.follow(&changes);
        let (of_transports, own): (Vec<&Change>, Vec<&Change>) = changes
            .iter()
            .partition(|change| self.ids.iter().any(|id| change.concerns_transport(id.as_str())));
        for change in own {
            self.tell(change);
        }
        for id in &self.ids {
            let of_this = of_transports.iter().filter(|change| change.concerns_transport(id.as_str()));
            let of_this: Vec<&Change> = of_this.copied().collect();
            if !of_this.is_empty() {
                transports.change(id, &of_this, &self.current).await;
            }
        }
        self.rename(transports).await;
    }

    /// Says of a change that is not a transport's own what became of it.
    fn tell(&self, change: &Change) {
        let why = match change.key.parts().next() {
            Some("transport") if self.named == Named::OnCommandLine => {
                "transports were named on the command line"
            }
            Some("watch_config") if !self.current.watch => {
                tracing::info!(%change, "config.reload.applied: further changes count from the next start of takopi on");
                return;
            }
            _ => {
                tracing::info!(%change, "config.reload.applied");
                return;
            }
        };
        tracing::warn!(%change, why, "config.reload.restart: this counts from the next start of takopi on");
    }

    /// Starts transports that are named from now on, and ends those that are not any more. Where none is named, those
    /// that run go on.
    async fn rename(&mut self, transports: &mut Transports) {
        let named = &self.current.transports;
        if self.named == Named::OnCommandLine || named.is_empty() {
            return;
        }
        let mut are_there = true;
        for name in named {
            if self.ids.iter().any(|id| id.as_str() == name) {
                continue;
            }
            match begin(name, &self.snapshots.registry, &self.current, transports).await {
                Ok(id) => {
                    tracing::info!(transport = %id, "config.reload.transport: it is named now, and is started");
                    self.ids.push(id);
                }
                Err(error) => {
                    tracing::warn!(transport = name, %error, "config.reload.failed: it is not started, and no other is ended");
                    are_there = false;
                }
            }
        }
        if are_there {
            for id in self.ids.extract_if(.., |id| !named.iter().any(|name| name == id.as_str())) {
                tracing::info!(transport = %id, "config.reload.transport: it is not named any more, and ends");
                transports.stop(&id);
            }
        }
    }

    fn path(&self) -> &Path {
        &self.current.path
    }
}

async fn begin(
    name: &str,
    registry: &Registry,
    config: &Config,
    transports: &mut Transports,
) -> Result<TransportId, CliError> {
    let chosen = choose(name, registry)?;
    let id = chosen.id.clone();
    transports.begin(chosen, config).await?;
    Ok(id)
}
