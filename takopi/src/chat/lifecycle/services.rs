//! What a plugin that was started may ask of takopi.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use takopi_api::command::Executor;
use takopi_api::config::{ConfigError, ConfigTable};
use takopi_api::message::IncomingMessage;
use takopi_api::runner::RunId;
use takopi_api::runtime::{Catalog, Origin, PluginServices};
use takopi_api::transport::TransportId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::chat::conversation::Inner;
use crate::chat::plugin_commands::{Here, Leave};
use crate::plugins::{Whose, aside};
use crate::store::Place;

/// The services of one plugin, from its start to its stop.
pub(super) struct Services {
    inner: Arc<Inner>,
    whose: Whose,
    tasks: Mutex<JoinSet<()>>,
    is_stopped: watch::Sender<bool>,
}

impl Services {
    pub(super) fn new(inner: Arc<Inner>, whose: Whose) -> Arc<Self> {
        Arc::new(Self { inner, whose, tasks: Mutex::default(), is_stopped: watch::Sender::new(false) })
    }

    /// The plugin was stopped: its tasks have this long to end by themselves. After that nothing of it sends or runs.
    pub(super) async fn end(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        loop {
            let mut tasks = self.take_tasks();
            if tasks.is_empty() {
                break;
            }
            let ended = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout_at(deadline, ended).await.is_err() {
                let tasks_left = tasks.len();
                tracing::warn!(plugin = %self.whose, tasks_left, "plugin.tasks.dropped: they did not end by themselves");
                self.is_stopped.send_replace(true);
                // What does not even wait for anything is given up by what looks after it.
                while tasks.join_next().await.is_some() {}
            }
        }
        self.is_stopped.send_replace(true);
    }

    fn take_tasks(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl PluginServices for Services {
    fn config(&self) -> Result<ConfigTable, ConfigError> {
        self.inner.snapshot().config.command(&self.whose.id)
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.snapshot().catalog)
    }

    async fn connected(&self, transport: &TransportId) {
        let mut present = self.inner.present.subscribe();
        if present.wait_for(|present| present.contains(transport)).await.is_err() {
            // The sender lives in the conversation, which is here.
            std::future::pending::<()>().await;
        }
    }

    fn executor(&self, origin: Origin) -> Executor {
        let Origin { transport, address, chat, sender, message, .. } = origin;
        let has_message = message.is_some();
        // Nobody can mean it by a message that it does not have.
        let id = message.map_or_else(|| RunId::unique().to_string(), |id| id.as_str().to_owned());
        let mut message = IncomingMessage::new(address.clone(), id, "").chat(chat);
        message.sender = sender;
        let place = Place { transport, address };
        let leave = Leave::Asked { is_stopped: self.is_stopped.subscribe(), has_message };
        Executor::new(Arc::new(Here::new(&self.inner, &place, &message, self.whose.clone(), leave)))
    }

    fn spawn(&self, name: &str, task: BoxFuture<'static, ()>) {
        let (whose, name) = (self.whose.clone(), name.to_owned());
        let mut is_stopped = self.is_stopped.subscribe();
        if *is_stopped.borrow() {
            tracing::warn!(plugin = %whose, task = name, "plugin.task.refused: it was stopped");
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let end = async {
                // Without the services there is nobody left who looks after it.
                let _ = is_stopped.wait_for(|is_stopped| *is_stopped).await;
            };
            if let Err(fault) = aside(task, end).await {
                tracing::error!(plugin = %whose, task = name, %fault, "plugin.task.failed");
            }
        });
    }
}
