//! The side of takopi that a command uses, as a test wants it to be: runs end as the test says, and what is sent is kept.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::MemoryStore;
use crate::command::{AskError, CommandContext, CommandHost, Executor, RunRequest, RunResult};
use crate::config::{ConfigError, ConfigTable};
use crate::error::Error;
use crate::message::{Address, IncomingMessage, MessageId, MessageRef, OutgoingMessage, SendOptions};
use crate::runtime::{Catalog, Origin, PluginHost, PluginServices, PluginStore, ShutdownSwitch};
use crate::transport::{SendError, SendFailure, TransportId};

/// How a run of a test ends.
type Ending = Box<dyn Fn(&RunRequest) -> Result<RunResult, Error> + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    sent: Vec<OutgoingMessage>,
    retired: Vec<MessageRef>,
    asked: Vec<OutgoingMessage>,
    answers: VecDeque<String>,
    requests: Vec<RunRequest>,
    config: ConfigTable,
    catalog: Arc<Catalog>,
    is_refused: bool,
}

/// What a command uses, without takopi. It sends to nobody and runs nothing.
pub struct FakeCommandHost {
    state: Mutex<State>,
    ending: Ending,
}

impl FakeCommandHost {
    /// A host whose runs end like this.
    #[must_use]
    pub fn new(
        ending: impl Fn(&RunRequest) -> Result<RunResult, Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), ending: Box::new(ending) })
    }

    /// What a command gets if somebody writes its name and this. What is not said can be set on it.
    ///
    /// # Panics
    /// Never: its ids are valid.
    #[must_use]
    pub fn context(self: &Arc<Self>, args: &str) -> CommandContext {
        let message = IncomingMessage::new(here(), "m1", args);
        let transport = TransportId::parse("test").expect("it is an id");
        let store = PluginStore::new(Arc::new(MemoryStore::default()), PathBuf::new());
        CommandContext::new(
            message,
            transport,
            Executor::new(Arc::clone(self) as Arc<dyn CommandHost>),
            store,
        )
        .args_text(args)
    }

    /// What a plugin is started with, and what stops it. It has a store of its own, and every transport is connected.
    #[must_use]
    pub fn plugin(self: &Arc<Self>, id: &str) -> (PluginHost, ShutdownSwitch) {
        let (switch, shutdown) = ShutdownSwitch::new();
        let store = PluginStore::new(Arc::new(MemoryStore::default()), PathBuf::new());
        let services = Arc::new(FakeServices(Arc::clone(self)));
        (PluginHost::new(id, store, shutdown, services), switch)
    }

    /// The table of the plugin that is started.
    pub fn configure(&self, table: ConfigTable) {
        self.state().config = table;
    }

    /// What there is, for the plugin that is started.
    pub fn offer(&self, catalog: Catalog) {
        self.state().catalog = Arc::new(catalog);
    }

    /// From here on, nobody is heard any more, or all are again.
    pub fn refuse(&self, is_refused: bool) {
        self.state().is_refused = is_refused;
    }

    /// What is answered to the next question; without any, nobody answers.
    pub fn answer(&self, text: impl Into<String>) {
        self.state().answers.push_back(text.into());
    }

    /// What was sent, as it reads after its last edit.
    #[must_use]
    pub fn sent(&self) -> Vec<OutgoingMessage> {
        self.state().sent.clone()
    }

    /// What was taken away.
    #[must_use]
    pub fn retired(&self) -> Vec<MessageRef> {
        self.state().retired.clone()
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> Vec<OutgoingMessage> {
        self.state().asked.clone()
    }

    /// The runs that were wanted.
    #[must_use]
    pub fn requests(&self) -> Vec<RunRequest> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for FakeCommandHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeCommandHost").field("state", &self.state).finish_non_exhaustive()
    }
}

fn here() -> Address {
    Address::general("here")
}

#[async_trait]
impl CommandHost for FakeCommandHost {
    async fn send(
        &self,
        to: Option<Address>,
        message: OutgoingMessage,
        _: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let mut state = self.state();
        if state.is_refused {
            return Err(SendError::new(SendFailure::Refused, "nobody is heard"));
        }
        state.sent.push(message);
        let id = MessageId::new(format!("b{}", state.sent.len()));
        Ok(MessageRef::new(to.unwrap_or_else(here), id))
    }

    async fn edit(&self, message: &MessageRef, new: OutgoingMessage) -> Result<(), SendError> {
        let number: usize = message.id.as_str().trim_start_matches('b').parse().unwrap_or_default();
        let mut state = self.state();
        if let Some(sent) = number.checked_sub(1).and_then(|at| state.sent.get_mut(at)) {
            *sent = new;
        }
        Ok(())
    }

    async fn retire(&self, message: &MessageRef) {
        self.state().retired.push(message.clone());
    }

    async fn ask(&self, question: OutgoingMessage, _: Duration) -> Result<IncomingMessage, AskError> {
        let mut state = self.state();
        state.asked.push(question);
        let answer = state.answers.pop_front().ok_or(AskError::TimedOut)?;
        Ok(IncomingMessage::new(here(), format!("a{}", state.asked.len()), answer))
    }

    async fn run(&self, request: RunRequest) -> Result<RunResult, Error> {
        if self.state().is_refused {
            return Err(Error::new("nobody is heard"));
        }
        self.state().requests.push(request.clone());
        (self.ending)(&request)
    }

    fn spawn(&self, _: &str, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

struct FakeServices(Arc<FakeCommandHost>);

#[async_trait]
impl PluginServices for FakeServices {
    fn config(&self) -> Result<ConfigTable, ConfigError> {
        Ok(self.0.state().config.clone())
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.state().catalog)
    }

    async fn connected(&self, _: &TransportId) {}

    fn executor(&self, _: Origin) -> Executor {
        Executor::new(Arc::clone(&self.0) as Arc<dyn CommandHost>)
    }

    fn spawn(&self, _: &str, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
