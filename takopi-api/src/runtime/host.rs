//! What a plugin has from its start to its stop.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{Catalog, PluginStore, Shutdown};
use crate::command::Executor;
use crate::config::{ConfigError, ConfigTable};
use crate::message::{Address, ChatKind, MessageId, Sender};
use crate::transport::TransportId;

/// Who wants something, and where: a plugin keeps it, and acts for that person later. It can be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// Of which chat system.
    pub transport: TransportId,
    /// Where.
    pub address: Address,
    /// What kind of chat that is.
    #[serde(default)]
    pub chat: ChatKind,
    /// Who. Without a person nobody is heard, but where everybody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The message there that runs and questions answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
}

impl Origin {
    /// A place, in a group, on behalf of nobody known.
    #[must_use]
    pub const fn new(transport: TransportId, address: Address) -> Self {
        Self { transport, address, chat: ChatKind::Group, sender: None, message: None }
    }

    /// What kind of chat that is.
    #[must_use]
    pub const fn chat(mut self, chat: ChatKind) -> Self {
        self.chat = chat;
        self
    }

    /// On whose behalf.
    #[must_use]
    pub fn sender(mut self, sender: Option<Sender>) -> Self {
        self.sender = sender;
        self
    }

    /// The message there that runs and questions answer, such as one that was just sent.
    #[must_use]
    pub fn message(mut self, id: MessageId) -> Self {
        self.message = Some(id);
        self
    }
}

/// What takopi implements for [`PluginHost`].
#[async_trait]
pub trait PluginServices: Send + Sync {
    /// The plugin's table as it is now.
    fn config(&self) -> Result<ConfigTable, ConfigError>;

    /// What there is now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Waits until messages can be sent through a transport.
    async fn connected(&self, transport: &TransportId);

    /// Sends and runs somewhere on behalf of somebody.
    fn executor(&self, origin: Origin) -> Executor;

    /// Starts a task that is looked after.
    fn spawn(&self, name: &str, task: BoxFuture<'static, ()>);
}

/// What takopi gives to a plugin that is started with it. It is cheap to clone, and good until the plugin is stopped: from then
/// on nothing of it sends or runs any more.
///
/// ```
/// use takopi_api::async_trait;
/// use takopi_api::command::{CommandBackend, CommandContext};
/// use takopi_api::error::Error;
/// use takopi_api::message::{Body, MessageKind, OutgoingMessage, SendOptions};
/// use takopi_api::runtime::{Origin, PluginHost, Write};
///
/// /// `/goodbye` in a chat: when takopi ends, it says so there.
/// struct Goodbye;
///
/// #[async_trait]
/// impl CommandBackend for Goodbye {
///     fn id(&self) -> &str {
///         "goodbye"
///     }
///
///     async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
///         let origin = serde_json::to_vec(&context.origin()).map_err(|error| Error::new(error.to_string()))?;
///         context.store.write([Write::put("origin", origin)]).await?;
///         Ok(None)
///     }
///
///     async fn start(&self, host: PluginHost) -> Result<(), Error> {
///         let later = host.clone();
///         host.spawn("goodbye", async move {
///             later.shutdown().requested().await;
///             let Ok(Some(stored)) = later.store().get("origin").await else { return };
///             let Ok(origin) = serde_json::from_slice::<Origin>(&stored) else { return };
///             let message = OutgoingMessage::new(MessageKind::Notice, Body::plain("goodbye"));
///             // Where nobody listens to that person any more, there is nothing to say.
///             let _ = later.executor(origin).send(message, SendOptions::default()).await;
///         });
///         Ok(())
///     }
/// }
///
/// mod backend {
///     pub fn new() -> super::Goodbye {
///         super::Goodbye
///     }
/// }
///
/// takopi_api::plugin! { command "goodbye" => backend::new, starts = true }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct PluginHost {
    id: Arc<str>,
    store: PluginStore,
    shutdown: Shutdown,
    services: Arc<dyn PluginServices>,
}

impl PluginHost {
    /// The host of one plugin.
    #[must_use]
    pub fn new(
        id: impl Into<Arc<str>>,
        store: PluginStore,
        shutdown: Shutdown,
        services: Arc<dyn PluginServices>,
    ) -> Self {
        Self { id: id.into(), store, shutdown, services }
    }

    /// The id under which the plugin is registered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The table `[plugins.<id>]` as it is now.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn config(&self) -> Result<ConfigTable, ConfigError> {
        self.services.config()
    }

    /// The engines, projects and commands that there are now.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.services.catalog()
    }

    /// What the plugin remembers: the same as [`CommandContext::store`](crate::command::CommandContext::store).
    #[must_use]
    pub const fn store(&self) -> &PluginStore {
        &self.store
    }

    /// Tells when the plugin is to be stopped: takopi ends, or the plugin is not enabled any more.
    #[must_use]
    pub const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Waits until messages can be sent through a transport, which may be never. It is so when takopi has only just begun.
    pub async fn connected(&self, transport: &TransportId) {
        self.services.connected(transport).await;
    }

    /// Sends messages and starts runs somewhere, on behalf of somebody. Each of them is an error if that person is not heard
    /// there at that very time, if the transport is not connected, or if the plugin was stopped. People can end what goes on of
    /// one executor as they end a use of a command, so there should be one for each occasion.
    #[must_use]
    pub fn executor(&self, origin: Origin) -> Executor {
        self.services.executor(origin)
    }

    /// Starts a task that is looked after: a panic in it is logged with the plugin's id, its distribution and this name, and ends
    /// nothing else. When the plugin is stopped it has a few seconds to end by itself; then it is dropped where it waits.
    pub fn spawn(&self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        self.services.spawn(name, Box::pin(task));
    }
}

impl fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHost").field("id", &self.id).finish_non_exhaustive()
    }
}
