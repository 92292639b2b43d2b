//! The store, as the conversation uses it.

mod audit;
mod channels;
mod crashes;
mod file;
mod import;
mod inbox;
mod requests;
mod runs;
mod settings;

use std::ops::Deref;
use std::path::Path;

use takopi::store::{Accepted, FILE, NewRun, Place, Resume, Seq, Store};
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome};
use takopi_api::message::{Address, IncomingMessage, MessageId, MessageRef};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{Batch, RunContext};
use takopi_api::transport::TransportId;
use tempfile::TempDir;

const ACME: EngineId = EngineId::from_static("acme");
const CODEX: EngineId = EngineId::from_static("codex");

/// A store in a folder of its own.
struct Sandbox {
    store: Store,
    folder: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        Self { store, folder }
    }

    /// What the next takopi finds if this one is killed now: the files as they are, without a word to the store.
    fn killed_here(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for end in ["", "-wal"] {
            let file = format!("{FILE}{end}");
            std::fs::copy(self.folder.path().join(&file), folder.path().join(&file)).unwrap();
        }
        let store = open(folder.path());
        Self { store, folder }
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        let Self { store, folder } = self;
        drop(store);
        let store = open(folder.path());
        Self { store, folder }
    }
}

impl Deref for Sandbox {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

#[track_caller]
fn open(folder: &Path) -> Store {
    let (store, notices) = Store::open(folder).unwrap();
    assert_eq!(notices, [""; 0]);
    store
}

fn chat() -> TransportId {
    TransportId::parse("chat").unwrap()
}

fn here() -> Place {
    Place::new(chat(), Address::general("-100"))
}

fn topic(id: &str) -> Place {
    Place::new(chat(), Address::topic("-100", id))
}

fn message(id: &str) -> IncomingMessage {
    IncomingMessage::new(here().address, id, format!("please {id}")).update(format!("update {id}"))
}

fn bubble(id: &str) -> MessageRef {
    MessageRef::new(here().address, MessageId::new(id))
}

fn token(value: &str) -> ResumeToken {
    ResumeToken::new(ACME, value).unwrap()
}

fn context() -> RunContext {
    RunContext { project: Some("z80".into()), branch: Some("feat/x".into()) }
}

fn run_of(messages: &[Seq]) -> NewRun {
    NewRun {
        id: RunId::unique(),
        messages: messages.to_vec(),
        place: here(),
        person: None,
        engine: ACME,
        context: context(),
        cwd: "/z80/.worktrees/feat/x".into(),
        resume: Resume::Nothing,
        reply_to: None,
        progress: None,
        progress_key: "card".to_owned(),
    }
}

fn answer(text: &str) -> Completed {
    Completed::new(ACME, Outcome::Done).answer(text).resume(Some(token("t1")))
}

async fn accept(store: &Store, message: IncomingMessage) -> Accepted {
    let accepted = store.accept(&chat(), Batch::new([message])).await.unwrap();
    assert_eq!(accepted.len(), 1);
    accepted[0]
}

async fn accept_new(store: &Store, message: IncomingMessage) -> Seq {
    match accept(store, message).await {
        Accepted::New(seq) => seq,
        Accepted::Duplicate => panic!("it was not there before"),
    }
}

async fn waiting(store: &Store) -> Vec<String> {
    store.unfinished().await.unwrap().into_iter().map(|waiting| waiting.message.id.to_string()).collect()
}
