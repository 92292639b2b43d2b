//! A conversation that only listens: what a transport gives to it is kept for the test to look at.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::until;
use crate::error::Error;
use crate::message::{ChannelId, IncomingMessage, Press};
use crate::runtime::{
    Acceptance, Batch, Catalog, Conversation, KeyValue, PluginStore, Resolved, RunContext, StoreError,
    TransportRuntime, Write,
};
use crate::transport::{Access, Transport, TransportId};

/// Keys and values in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, writes: Vec<Write>) {
        let mut values = self.values();
        for Write { key, value } in writes {
            match value {
                Some(value) => _ = values.insert(key, value),
                None => _ = values.remove(&key),
            }
        }
    }
}

#[async_trait]
impl KeyValue for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values().get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let values = self.values();
        let found = values.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.make(writes);
        Ok(())
    }
}

#[derive(Default)]
struct State {
    connected: Option<(Arc<dyn Transport>, Access)>,
    messages: Vec<IncomingMessage>,
    presses: Vec<Press>,
    accepted: HashSet<String>,
    /// How many batches are refused from now on.
    refusals: usize,
    moves: Vec<(ChannelId, ChannelId)>,
}

/// A conversation that only listens. It answers nothing; a test does, with what [`Self::connected`] gives.
pub struct FakeConversation {
    state: Mutex<State>,
    changes: watch::Sender<()>,
    catalog: watch::Sender<Arc<Catalog>>,
    is_settled: watch::Sender<bool>,
    values: Arc<MemoryStore>,
    folder: PathBuf,
}

impl FakeConversation {
    /// A conversation that has received nothing. `folder` is that of the plugin's own files.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changes: watch::Sender::new(()),
            catalog: watch::Sender::default(),
            is_settled: watch::Sender::new(true),
            values: Arc::default(),
            folder: folder.into(),
        })
    }

    /// What a transport gets of it.
    ///
    /// # Panics
    /// If that is no id.
    #[must_use]
    pub fn runtime(self: &Arc<Self>, id: &str) -> TransportRuntime {
        let id = TransportId::parse(id).expect("a test names a transport by an id");
        TransportRuntime::new(id, Arc::clone(self) as Arc<dyn Conversation>)
    }

    /// Sets what there is.
    pub fn set_catalog(&self, catalog: Catalog) {
        self.catalog.send_replace(Arc::new(catalog));
    }

    /// The chats that got another id so far: the old one, and the new.
    #[must_use]
    pub fn moves(&self) -> Vec<(ChannelId, ChannelId)> {
        self.state().moves.clone()
    }

    /// Sets whether everything is done with; it is, where nobody says.
    pub fn set_settled(&self, is_settled: bool) {
        self.is_settled.send_replace(is_settled);
    }

    /// Lets it not store the next batches.
    pub fn refuse_next(&self, batches: usize) {
        self.state().refusals += batches;
    }

    /// The messages that were accepted so far.
    #[must_use]
    pub fn messages(&self) -> Vec<IncomingMessage> {
        self.state().messages.clone()
    }

    /// The presses so far.
    #[must_use]
    pub fn presses(&self) -> Vec<Press> {
        self.state().presses.clone()
    }

    /// Waits until a transport is connected, and gives its outgoing side and who is heard.
    ///
    /// # Panics
    /// If none connects.
    pub async fn connected(&self) -> (Arc<dyn Transport>, Access) {
        self.until(|conversation| conversation.state().connected.clone()).await
    }

    /// Waits until something has come, and gives what `look` found.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let seen = || format!("{:#?}\n{:#?}", self.messages(), self.presses());
        until(&self.changes, || look(self), seen).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for FakeConversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeConversation").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// By what a second delivery is told.
fn delivery(transport: &TransportId, message: &IncomingMessage) -> String {
    match &message.update {
        Some(update) => format!("{transport} update {update}"),
        None => format!("{transport} message {} {}", message.address, message.id),
    }
}

#[async_trait]
impl Conversation for FakeConversation {
    fn connect(&self, _transport: &TransportId, outgoing: Arc<dyn Transport>, access: Access) {
        self.state().connected = Some((outgoing, access));
        self.changes.send_replace(());
    }

    async fn receive(&self, transport: &TransportId, batch: Batch) -> Result<Vec<Acceptance>, StoreError> {
        let answers = {
            let mut state = self.state();
            if state.refusals > 0 {
                state.refusals -= 1;
                return Err(StoreError("the test wants nothing to be stored".to_owned()));
            }
            self.values.make(batch.writes);
            let accept = |message: IncomingMessage| {
                if !state.accepted.insert(delivery(transport, &message)) {
                    return Acceptance::Duplicate;
                }
                state.messages.push(message);
                Acceptance::Stored
            };
            batch.messages.into_iter().map(accept).collect()
        };
        self.changes.send_replace(());
        Ok(answers)
    }

    fn press(&self, _transport: &TransportId, press: Press) {
        self.state().presses.push(press);
        self.changes.send_replace(());
    }

    async fn resolve(&self, _transport: &TransportId, message: &IncomingMessage) -> Result<Resolved, Error> {
        let engine = self.catalog.borrow().default_engine.clone();
        let engine = engine.ok_or_else(|| Error::new("the catalog of the test has no default engine"))?;
        Ok(Resolved::new(message.text.clone(), engine, None, RunContext::default()))
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.catalog.borrow().clone()
    }

    async fn catalog_after(&self, revision: u64) -> Arc<Catalog> {
        let mut catalog = self.catalog.subscribe();
        // Its sender lives as long as the conversation.
        let _ = catalog.wait_for(|catalog| catalog.revision != revision).await;
        self.catalog()
    }

    fn store(&self, _transport: &TransportId) -> PluginStore {
        PluginStore::new(Arc::clone(&self.values) as Arc<dyn KeyValue>, self.folder.clone())
    }

    async fn move_channel(
        &self,
        _transport: &TransportId,
        old: &ChannelId,
        new: &ChannelId,
    ) -> Result<(), StoreError> {
        self.state().moves.push((old.clone(), new.clone()));
        self.changes.send_replace(());
        Ok(())
    }

    async fn settled(&self, _transport: &TransportId) {
        let mut is_settled = self.is_settled.subscribe();
        // Its sender lives as long as the conversation.
        let _ = is_settled.wait_for(|is_settled| *is_settled).await;
    }
}
