//! The way from a plugin to takopi.
//!
//! A transport has a [`TransportRuntime`]: it connects its outgoing side and gets a [`Connection`], to which it gives what
//! it received. Handles are cheap to clone, own what they need, and go on working after the call they were given to.

mod catalog;
mod host;
mod shutdown;
mod store;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use catalog::{Catalog, Chosen, CommandInfo, EngineInfo, EngineState, ProjectInfo};
pub use host::{Origin, PluginHost, PluginServices};
pub use shutdown::{Shutdown, ShutdownSwitch};
pub use store::{KeyValue, PluginStore, StoreError, Write};

use crate::engine::EngineId;
use crate::error::Error;
use crate::message::{ChannelId, IncomingMessage, Press};
use crate::resume::ResumeToken;
use crate::transport::{Access, Transport, TransportId};

/// Which project and branch a run is about, as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
pub struct RunContext {
    /// The project's alias. Without one a run happens where takopi was started.
    pub project: Option<String>,
    /// The branch; only of a project.
    pub branch: Option<String>,
}

impl fmt::Display for RunContext {
    /// `alias`, `alias @branch`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.project, &self.branch) {
            (Some(project), Some(branch)) => write!(f, "{project} @{branch}"),
            (Some(project), None) => f.write_str(project),
            _ => Ok(()),
        }
    }
}

/// What became of a message that was given to takopi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It is stored, and will be handled: the chat system need not deliver it again.
    Stored,
    /// It had been delivered before; nothing more happens.
    Duplicate,
}

/// What a transport received at one go. It is stored as one: all of it or nothing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Batch {
    /// The messages, in the order in which they were written.
    pub messages: Vec<IncomingMessage>,
    /// What the transport itself has to remember together with them, such as how far it has read.
    pub writes: Vec<Write>,
}

impl Batch {
    /// Messages in the order in which they were written.
    #[must_use]
    pub fn new(messages: impl IntoIterator<Item = IncomingMessage>) -> Self {
        Self { messages: messages.into_iter().collect(), writes: Vec::new() }
    }

    /// What to remember together with them.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }
}

/// What a message would come to, were it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The prompt, without directives and resume lines.
    pub prompt: String,
    /// The engine.
    pub engine: EngineId,
    /// The thread that it continues.
    pub resume: Option<ResumeToken>,
    /// The project and branch.
    pub context: RunContext,
}

impl Resolved {
    /// What a message would come to.
    #[must_use]
    pub const fn new(
        prompt: String,
        engine: EngineId,
        resume: Option<ResumeToken>,
        context: RunContext,
    ) -> Self {
        Self { prompt, engine, resume, context }
    }
}

/// What takopi implements for its transports. A plugin uses [`TransportRuntime`]; a fake of it is in
/// [`crate::testing`].
#[async_trait]
pub trait Conversation: Send + Sync {
    /// A transport can send from now on.
    fn connect(&self, transport: &TransportId, outgoing: Arc<dyn Transport>, access: Access);

    /// Stores what was received, then handles it.
    async fn receive(&self, transport: &TransportId, batch: Batch) -> Result<Vec<Acceptance>, StoreError>;

    /// Handles a press of a button.
    fn press(&self, transport: &TransportId, press: Press);

    /// Says what a message would come to.
    async fn resolve(&self, transport: &TransportId, message: &IncomingMessage) -> Result<Resolved, Error>;

    /// What there is now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Waits until there is something else than in this revision.
    async fn catalog_after(&self, revision: u64) -> Arc<Catalog>;

    /// What a transport remembers.
    fn store(&self, transport: &TransportId) -> PluginStore;

    /// A chat has another id from now on.
    async fn move_channel(
        &self,
        transport: &TransportId,
        old: &ChannelId,
        new: &ChannelId,
    ) -> Result<(), StoreError> {
        let _ = (transport, new);
        Err(StoreError(format!("what is remembered of chat {old} can not be moved")))
    }

    /// Waits until everything that a transport gave is done with: no message of it waits, no run of it goes on, and
    /// what there was to send has been sent, or will not be.
    async fn settled(&self, transport: &TransportId);
}

/// What a transport may ask of takopi.
#[derive(Clone)]
pub struct TransportRuntime {
    id: TransportId,
    conversation: Arc<dyn Conversation>,
}

impl TransportRuntime {
    /// The runtime of one transport.
    #[must_use]
    pub fn new(id: TransportId, conversation: Arc<dyn Conversation>) -> Self {
        Self { id, conversation }
    }

    /// Says how to send, and who is heard. From here on takopi may send: it tells of runs that a restart cut off, and
    /// delivers what was not delivered. Connecting again replaces both, such as after the configuration changed.
    #[must_use]
    pub fn connect(&self, outgoing: Arc<dyn Transport>, access: Access) -> Connection {
        self.conversation.connect(&self.id, outgoing, access);
        Connection(self.clone())
    }

    /// The engines, projects and commands that there are.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.conversation.catalog()
    }

    /// Waits until there are others than in `seen`, such as after the configuration changed.
    pub async fn catalog_after(&self, seen: &Catalog) -> Arc<Catalog> {
        self.conversation.catalog_after(seen.revision).await
    }

    /// Says what a message would come to, without running it.
    ///
    /// # Errors
    /// [`Error`] with what takopi would have answered.
    pub async fn resolve(&self, message: &IncomingMessage) -> Result<Resolved, Error> {
        self.conversation.resolve(&self.id, message).await
    }

    /// What the transport remembers.
    #[must_use]
    pub fn store(&self) -> PluginStore {
        self.conversation.store(&self.id)
    }

    /// Says that a chat has another id from now on, such as a group that became a larger one: what is remembered of it
    /// goes on under the new id.
    ///
    /// # Errors
    /// [`StoreError`] if that could not be stored; it may be said again.
    pub async fn move_channel(&self, old: &ChannelId, new: &ChannelId) -> Result<(), StoreError> {
        self.conversation.move_channel(&self.id, old, new).await
    }

    /// Waits until everything that the transport gave is done with: no message of it waits, no run of it goes on, and
    /// what there was to send has been sent, or will not be. For a transport that can have nothing more to receive,
    /// such as one that reads a file.
    pub async fn settled(&self) {
        self.conversation.settled(&self.id).await;
    }
}

impl fmt::Debug for TransportRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportRuntime").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A transport whose outgoing side takopi knows. There is no other way to give it messages.
#[derive(Debug, Clone)]
pub struct Connection(TransportRuntime);

impl Connection {
    /// Gives a message to takopi, which handles it from here on. It is stored when this returns: only then tell the chat
    /// system that it arrived.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be stored; it was not accepted, and may be given again.
    pub async fn handle_message(&self, message: IncomingMessage) -> Result<Acceptance, StoreError> {
        let accepted = self.handle_batch(Batch::new([message])).await?;
        Ok(accepted.first().copied().unwrap_or(Acceptance::Duplicate))
    }

    /// Gives several messages to takopi, together with what the transport has to remember of them. The answers are in
    /// the order of the messages.
    ///
    /// # Errors
    /// [`StoreError`] if they could not be stored; none was accepted.
    pub async fn handle_batch(&self, batch: Batch) -> Result<Vec<Acceptance>, StoreError> {
        self.0.conversation.receive(&self.0.id, batch).await
    }

    /// Gives a press of a button to takopi. Returns at once; the press is answered through
    /// [`Transport::answer_press`] and never waits for a run.
    pub fn handle_press(&self, press: Press) {
        self.0.conversation.press(&self.0.id, press);
    }

    /// What else the transport may ask of takopi.
    #[must_use]
    pub const fn runtime(&self) -> &TransportRuntime {
        &self.0
    }
}
