//! Takopi in the program of the test: a conversation with a chat system that is a list, and one engine.

use std::sync::Arc;

use takopi::chat::embedded::{Embedded, Home};
use takopi::config::{Overrides, Reader, Vocabulary};
use takopi::store::Store;
use takopi_api::async_trait;
use takopi_api::message::{Address, ChatKind, IncomingMessage, Sender};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::process::{CommandSpec, Process, ProcessHost, SpawnError};
use takopi_api::runtime::Connection;
use takopi_api::testing::RecordingTransport;
use takopi_api::transport::{Access, Capabilities, Channels, People, TransportId};
use tempfile::TempDir;

static TRANSPORT: Backend =
    Backend::new("list", Constructor::Transport(|| unreachable!("only its row counts")));

/// A private chat of the person `p` with an engine that needs no program.
pub(crate) struct Inside {
    pub(crate) chat: Arc<RecordingTransport>,
    pub(crate) takopi: Connection,
    pub(crate) folder: TempDir,
    _here: Embedded,
}

impl Inside {
    /// A chat with an engine, and what stands in the tables of the transport and of the engine.
    pub(crate) async fn new(engine: &'static Backend, can: Capabilities, chat: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("takopi.toml");
        let id = engine.id;
        let text = format!("default_engine = '{id}'\n[transports.list]\n{chat}\n[{id}]\n{settings}\n");
        std::fs::write(&file, text).unwrap();
        let config = Reader::new(&file, Vocabulary::default(), Overrides::default()).load().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let home = Home { store, processes: Arc::new(NoProcesses), start_folder: folder.path().to_owned() };
        let here = Embedded::new(config, [engine, &TRANSPORT], home).await.unwrap();
        let chat = RecordingTransport::new(can);
        let access = Access::nobody().people(People::listed(["p"])).channels(Channels::All);
        let runtime = here.runtime(TransportId::parse("list").unwrap());
        let takopi = runtime.connect(Arc::clone(&chat) as _, access);
        Self { chat, takopi, folder, _here: here }
    }

    pub(crate) async fn gives(&self, message: IncomingMessage) {
        let message = message.sender(Sender::new("p")).chat(ChatKind::Private);
        self.takopi.handle_message(message).await.unwrap();
    }

    pub(crate) async fn sees(&self, text: &str) {
        self.chat.until(|chat| chat.screen().contains(text).then_some(())).await;
    }
}

/// A message in that chat.
pub(crate) fn message(id: &str, text: &str) -> IncomingMessage {
    IncomingMessage::new(Address::general("c"), id, text)
}

/// The engine is in this program.
struct NoProcesses;

#[async_trait]
impl ProcessHost for NoProcesses {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        drop(command);
        Err(SpawnError::RunOver)
    }
}
