//! Plugins that are started with takopi: each is started, told of changes of its table, and stopped, one after the other and
//! within bounds, and nothing that becomes of one holds up anything else.

mod services;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::command::CommandBackend;
use takopi_api::plugin::BackendKind;
use takopi_api::runtime::{PluginHost, Shutdown, ShutdownSwitch};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::services::Services;
use super::conversation::Chat;
use crate::config::Change;
use crate::plugins::{Entry, Loaded, Whose, aside};

/// How long a plugin has to start, or to take over its new table.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it has to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// How long its tasks have to end by themselves after that.
const GRACE: Duration = Duration::from_secs(5);

/// All plugins that are started with takopi.
pub(crate) struct Started {
    chat: Chat,
    lanes: BTreeMap<&'static str, Lane>,
    /// Those that are being stopped: one that is enabled again is started after that.
    stopping: BTreeMap<&'static str, JoinHandle<()>>,
}

/// A plugin that was started.
struct Lane {
    switch: ShutdownSwitch,
    /// Each message is a change of its table; it is stopped when this is gone.
    changes: mpsc::UnboundedSender<()>,
    life: JoinHandle<()>,
}

impl Started {
    /// None of them is started yet.
    pub(crate) const fn new(chat: Chat) -> Self {
        Self { chat, lanes: BTreeMap::new(), stopping: BTreeMap::new() }
    }

    /// Starts those that are enabled now and stops those that are not any more, and tells those whose tables changed.
    pub(crate) fn follow(&mut self, changes: &[Change]) {
        let snapshot = self.chat.snapshot();
        let visible = snapshot.registry.visible(BackendKind::Command);
        let enabled: BTreeMap<&'static str, &Entry> =
            visible.filter(|entry| entry.row().starts).map(|entry| (entry.row().id, entry)).collect();
        for (id, lane) in self.lanes.extract_if(.., |id, _| !enabled.contains_key(id)) {
            tracing::info!(plugin = id, "plugin.stopping: it is not enabled any more");
            self.stopping.insert(id, lane.stop());
        }
        for (id, entry) in enabled {
            match self.lanes.get(id) {
                Some(lane) if changes.iter().any(|change| change.concerns_command(id)) => {
                    // One that has ended since then is stopped already.
                    let _ = lane.changes.send(());
                }
                Some(_) => {}
                None => {
                    let whose = Whose::new(BackendKind::Command, id, &snapshot.registry);
                    let before = self.stopping.remove(id);
                    if let Some(lane) = begin(&self.chat, entry, whose, before) {
                        self.lanes.insert(id, lane);
                    }
                }
            }
        }
    }

    /// Tells all of them that takopi ends; what they do is still waited for.
    pub(crate) fn tell_to_stop(&self) {
        self.lanes.values().for_each(|lane| lane.switch.shut_down());
    }

    /// Stops them.
    pub(crate) async fn end(self) {
        let stopped = self.lanes.into_values().map(Lane::stop).chain(self.stopping.into_values());
        // What goes wrong in there was told.
        futures_util::future::join_all(stopped).await;
    }
}

impl Lane {
    fn stop(self) -> JoinHandle<()> {
        self.switch.shut_down();
        self.life
    }
}

/// Constructs a plugin and lets its life begin, after its last one has ended.
fn begin(chat: &Chat, entry: &Entry, whose: Whose, before: Option<JoinHandle<()>>) -> Option<Lane> {
    let backend = match entry.load() {
        Ok(Loaded::Command(backend)) => Arc::clone(backend),
        Ok(_) => return None,
        Err(error) => {
            tracing::error!(plugin = %whose, %error, "plugin.start.failed: takopi goes on without it");
            return None;
        }
    };
    let (switch, shutdown) = ShutdownSwitch::new();
    let (changes, changed) = mpsc::unbounded_channel();
    let services = Services::new(Arc::clone(&chat.0), whose.clone());
    let store = chat.0.command_store(&whose.id);
    let host = PluginHost::new(whose.id.as_str(), store, shutdown.clone(), Arc::clone(&services) as _);
    let life = Life { backend, host, whose, shutdown };
    let life = tokio::spawn(async move {
        if let Some(before) = before {
            // However it ended, it has.
            let _ = before.await;
        }
        life.live(changed).await;
        services.end(GRACE).await;
    });
    Some(Lane { switch, changes, life })
}

/// One plugin from its start to its stop.
struct Life {
    backend: Arc<dyn CommandBackend>,
    host: PluginHost,
    whose: Whose,
    shutdown: Shutdown,
}

impl Life {
    async fn live(self, mut changed: mpsc::UnboundedReceiver<()>) {
        let mut is_started = self.start().await;
        while changed.recv().await.is_some() {
            if is_started {
                let (backend, host) = (Arc::clone(&self.backend), self.host.clone());
                self.bounded("on_config", PATIENCE, async move { backend.on_config(host).await }).await;
            } else {
                is_started = self.start().await;
            }
        }
        if is_started {
            let backend = Arc::clone(&self.backend);
            self.bounded("stop", STOP_PATIENCE, async move { backend.stop().await }).await;
        }
    }

    async fn start(&self) -> bool {
        if self.shutdown.is_requested() {
            return false;
        }
        let (backend, host) = (Arc::clone(&self.backend), self.host.clone());
        let started = self.bounded("start", PATIENCE, async move { backend.start(host).await }).await;
        let id = &self.whose.id;
        match started {
            Some(Ok(())) => {
                tracing::info!(plugin = %self.whose, "plugin.started");
                return true;
            }
            Some(Err(error)) => {
                let hints = error.hints().join("; ");
                tracing::error!(
                    plugin = %self.whose, %error, hints,
                    "plugin.start.failed: takopi goes on, and starts it again when `[plugins.{id}]` changes"
                );
            }
            None => tracing::error!(
                plugin = %self.whose,
                "plugin.start.failed: takopi goes on, and starts it again when `[plugins.{id}]` changes"
            ),
        }
        false
    }

    /// Calls the plugin. `None` if it did not come to an end, which is told.
    async fn bounded<T: Send + 'static>(
        &self,
        call: &str,
        patience: Duration,
        code: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        match aside(code, tokio::time::sleep(patience)).await {
            Ok(Some(done)) => return Some(done),
            Ok(None) => {
                let seconds = patience.as_secs();
                tracing::error!(plugin = %self.whose, call, seconds, "plugin.call.overdue: it is not waited for any longer");
            }
            Err(fault) => tracing::error!(plugin = %self.whose, call, %fault, "plugin.call.failed"),
        }
        None
    }
}
