//! The conversation as a value: what all its parts share, and takopi's side of what transports see.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use async_trait::async_trait;
use takopi_api::error::Error;
use takopi_api::message::{
    Address, ChannelId, IncomingMessage, MessageRef, OutgoingMessage, Press, SendOptions, Topic,
};
use takopi_api::process::ProcessHost;
use takopi_api::runner::ThreadLocks;
use takopi_api::runtime::{
    Acceptance, Batch, Catalog, Conversation, PluginStore, Resolved, RunContext, StoreError,
};
use takopi_api::transport::{Access, SendError, SendFailure, Transport, TransportId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::bubble::Pace;
use super::deliver::fit;
use super::live::Live;
use super::plugin_commands::{Asks, CutOffUse, Uses};
use super::queue::Queue;
use super::receive::Waiting;
use super::requests::Requests;
use super::resolve::{Job, Kept};
use super::settings::SessionMode;
use super::snapshot::Snapshot;
use super::topics::LostTopics;
use super::voice::Listening;
use super::work::Work;
use crate::config::Reader;
use crate::project::Worktrees;
use crate::store::{CutOffRun, LeftRequest, Namespace, Place, Store, Unfinished};

/// Whether new runs begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They do.
    Open,
    /// Messages are stored, and run after the next start.
    Draining,
}

/// A transport that takopi can send through.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) id: TransportId,
    pub(crate) outgoing: Arc<dyn Transport>,
    pub(crate) access: Arc<Access>,
    pub(super) topics: Arc<LostTopics>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Link").field(&self.id).finish()
    }
}

/// What a conversation needs of the program.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) store: Store,
    pub(crate) processes: Arc<dyn ProcessHost>,
    pub(crate) worktrees: Arc<Worktrees>,
    /// Where runs without a project happen.
    pub(crate) start_folder: PathBuf,
    /// Where plugins keep files of their own.
    pub(crate) state_folder: PathBuf,
}

/// What the last program left to do.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Runs that people do not know the end of.
    pub(crate) cut_off: Vec<CutOffRun>,
    /// Messages that nothing was begun for.
    pub(crate) waiting: Vec<Unfinished>,
    /// Uses of commands that people do not know the end of.
    pub(super) uses: Vec<CutOffUse>,
    /// Requests whose messages do not say what became of them.
    pub(crate) requests: Vec<LeftRequest>,
}

/// The conversation: every transport gives its messages to one.
#[derive(Clone)]
pub(crate) struct Chat(pub(super) Arc<Inner>);

/// What all parts share.
pub(crate) struct Inner {
    pub(super) surroundings: Surroundings,
    pub(super) threads: ThreadLocks,
    pub(super) snapshot: watch::Sender<Arc<Snapshot>>,
    /// Those before that something still holds: a run, or a message that waits.
    pub(super) replaced: Mutex<Vec<Weak<Snapshot>>>,
    pub(super) links: RwLock<HashMap<TransportId, Link>>,
    /// The transports that run and are connected.
    pub(super) present: watch::Sender<HashSet<TransportId>>,
    pub(super) queue: Mutex<Queue<Kept, Job>>,
    pub(super) live: Live,
    pub(super) requests: Requests,
    pub(super) listening: Listening,
    pub(super) uses: Uses,
    pub(super) asks: Asks,
    /// Edits of one chat share what it takes.
    pub(super) pace: Arc<Pace>,
    /// One line of messages a place, so that they are taken in the order in which they came.
    pub(super) lines: Mutex<HashMap<Place, mpsc::UnboundedSender<Waiting>>>,
    /// What the last program left, until its transport is there to be told through.
    pub(super) left: Mutex<Left>,
    pub(super) work: Work,
    /// Where it is written that somebody is heard from now on.
    pub(super) door: OnceLock<Reader>,
    pub(super) mode: watch::Sender<Mode>,
    tasks: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}

impl Left {
    /// Finds what the last program left. To be called once, before anything else is begun.
    pub(crate) async fn find(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            cut_off: store.cut_off().await?,
            waiting: store.unfinished().await?,
            uses: CutOffUse::find(store).await?,
            requests: store.open_requests().await?,
        })
    }
}

impl Chat {
    /// A conversation under a configuration. What was left is what the store says before anything new is received.
    pub(crate) fn new(surroundings: Surroundings, snapshot: Snapshot, left: Left) -> Self {
        Self(Arc::new(Inner {
            surroundings,
            threads: ThreadLocks::default(),
            snapshot: watch::Sender::new(Arc::new(snapshot)),
            replaced: Mutex::default(),
            links: RwLock::default(),
            present: watch::Sender::default(),
            queue: Mutex::default(),
            live: Live::default(),
            requests: Requests::default(),
            listening: Listening::default(),
            uses: Uses::default(),
            asks: Asks::default(),
            pace: Arc::default(),
            lines: Mutex::default(),
            left: Mutex::new(left),
            work: Work::default(),
            door: OnceLock::new(),
            mode: watch::Sender::new(Mode::Open),
            tasks: Mutex::default(),
        }))
    }

    /// Takes over what the Python program remembered for a transport, once. Gives what a person should know.
    pub(crate) async fn import(
        &self,
        folder: &Path,
        transport: &TransportId,
    ) -> Result<Vec<String>, StoreError> {
        let snapshot = self.snapshot();
        let folder_of = |_: &Place, context: &RunContext| {
            let context = self.0.read_stored(&snapshot, context);
            Some(self.0.session_folder(context.as_ref()))
        };
        self.0.store().import_python_state(folder, transport, &folder_of).await
    }

    /// From here on, messages are handled under another configuration. Runs that go on keep theirs.
    pub(crate) fn reload(&self, snapshot: Snapshot) {
        let before = self.0.snapshot.send_replace(Arc::new(snapshot));
        let mut replaced = self.0.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.retain(|snapshot| snapshot.strong_count() > 0);
        replaced.push(Arc::downgrade(&before));
    }

    /// What the configuration says now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot()
    }
}

impl Inner {
    pub(super) const fn store(&self) -> &Store {
        &self.surroundings.store
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    pub(super) fn link(&self, transport: &TransportId) -> Option<Link> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).get(transport).cloned()
    }

    /// Whether a transport runs and is connected. Runs may have a way out after that, too.
    pub(super) fn is_present(&self, transport: &TransportId) -> bool {
        self.present.borrow().contains(transport)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue<Kept, Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Whether a message without a thread goes on with what was said before it.
    pub(super) fn session_mode(&self, link: &Link) -> SessionMode {
        let usual =
            if link.outgoing.capabilities().continuous { SessionMode::Chat } else { SessionMode::Stateless };
        self.snapshot().settings(&link.id).session_mode.unwrap_or(usual)
    }

    /// Starts something that is waited for when the program ends.
    pub(super) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(super) fn take_tasks(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Link {
    /// Answers a message. `existing` said until now that it waits.
    ///
    /// A message that was answered like this just before a kill is handled again, and answered once all the same, where
    /// the chat system takes keys.
    pub(super) async fn reply(
        &self,
        to: &IncomingMessage,
        existing: Option<&MessageRef>,
        message: OutgoingMessage,
    ) {
        let options = SendOptions::default()
            .reply_to(Some(to.id.clone()))
            .key(format!("{}/{}.reply", to.address.channel, to.id));
        if let Err(error) = self.amend(existing, &to.address, message, options).await {
            tracing::warn!(transport = %self.id, %error, "a reply could not be sent");
        }
    }

    /// Sends a message, in the form that the transport can show.
    pub(super) async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        mut options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let can = self.outgoing.capabilities();
        let message = fit(self, message);
        if !can.replies {
            options.reply_to = None;
        }
        if !can.files && !message.files.is_empty() {
            return Err(SendError::new(SendFailure::Unsupported, "this chat takes no files"));
        }
        match to.topic {
            Topic::General => self.outgoing.send(to, message, options).await,
            Topic::Named(_) => self.send_to_topic(to, message, options).await,
        }
    }
}

#[async_trait]
impl Conversation for Chat {
    fn connect(&self, transport: &TransportId, outgoing: Arc<dyn Transport>, access: Access) {
        let before = self.0.link(transport).map(|link| link.topics);
        let new = || Arc::new(LostTopics::new(self.0.store().clone(), transport.clone()));
        let topics = before.unwrap_or_else(new);
        let link = Link { id: transport.clone(), outgoing, access: Arc::new(access), topics };
        let known = self
            .0
            .links
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(transport.clone(), link.clone());
        self.0.present.send_modify(|present| {
            present.insert(transport.clone());
        });
        // Only the first time: what was left is told once.
        if known.is_none() {
            self.0.recover(link);
        }
    }

    async fn receive(&self, transport: &TransportId, batch: Batch) -> Result<Vec<Acceptance>, StoreError> {
        self.0.receive(transport, batch).await
    }

    fn press(&self, transport: &TransportId, press: Press) {
        let inner = Arc::clone(&self.0);
        let transport = transport.clone();
        self.0.spawn(async move { inner.press(&transport, press).await });
    }

    async fn resolve(&self, transport: &TransportId, message: &IncomingMessage) -> Result<Resolved, Error> {
        self.0.preview(transport, message).await
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.snapshot().catalog)
    }

    async fn catalog_after(&self, revision: u64) -> Arc<Catalog> {
        let mut snapshots = self.0.snapshot.subscribe();
        match snapshots.wait_for(|snapshot| snapshot.catalog.revision > revision).await {
            Ok(snapshot) => Arc::clone(&snapshot.catalog),
            // The sender lives in this very value.
            Err(_) => self.catalog(),
        }
    }

    async fn move_channel(
        &self,
        transport: &TransportId,
        old: &ChannelId,
        new: &ChannelId,
    ) -> Result<(), StoreError> {
        self.0.store().rewrite_channel(transport, old, new).await
    }

    async fn settled(&self, transport: &TransportId) {
        self.0.work.settled(transport).await;
    }

    fn store(&self, transport: &TransportId) -> PluginStore {
        let values = self.0.store().values(Namespace::transport(transport));
        PluginStore::new(
            Arc::new(values),
            self.0.surroundings.state_folder.join("transports").join(transport.as_str()),
        )
    }
}
