//! What engines ask, decided by presses: fifty runs wait for a person each, and fifty people press at one moment. Run with
//! `cargo bench -p takopi --bench requests`.
//!
//! It prints how long it takes from a press to its answer, which is given once the decision is stored, and to the engine's
//! hearing of it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;
use takopi::chat::embedded::{Embedded, Home};
use takopi::config::{Overrides, Reader, Vocabulary};
use takopi::store::Store;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::{Decision, EventFactory, Permission, Request, RequestId, RequestSubject, Resolution};
use takopi_api::message::{
    Address, ChatKind, IncomingMessage, MessageId, MessageKind, MessageRef, OutgoingMessage, Press, PressId,
    SendOptions, Sender,
};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::process::{CommandSpec, Process, ProcessHost, SpawnError};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};
use takopi_api::runtime::Connection;
use takopi_api::transport::{
    Access, Capabilities, Channels, Edited, People, SendError, Transport, TransportId,
};
use tokio::sync::{Notify, oneshot};

/// Runs that wait at a time.
const RUNS: usize = 50;

/// How often all of them are decided.
const ROUNDS: usize = 40;

static ENGINE: Backend = Backend::new("careful", Constructor::Engine(backend));
static TRANSPORT: Backend =
    Backend::new("void", Constructor::Transport(|| unreachable!("only its row counts")));
static ID: EngineId = EngineId::from_static("careful");
/// When each run heard of its decision, by its prompt.
static HEARD: Mutex<Option<HashMap<String, Instant>>> = Mutex::new(None);

fn main() -> Result<(), Box<dyn Error>> {
    // As takopi itself.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(bench())
}

async fn bench() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let chat = Arc::new(Desk::default());
    let (takopi, here) = open(folder.path(), &chat).await?;
    let (mut answered, mut heard) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (answers, hearings) = decide_all(&takopi, &chat, round).await?;
        // The first one fills the caches.
        if round > 0 {
            answered.extend(answers);
            heard.extend(hearings);
        }
    }
    println!("{RUNS} open requests of {RUNS} runs, decided at one moment, {ROUNDS} times, everything stored");
    println!("  pressed to answered: {}", figures(&mut answered));
    println!("  pressed to heard by the engine: {}", figures(&mut heard));
    here.drain(Duration::from_secs(1)).await;
    Ok(())
}

fn figures(all: &mut [Duration]) -> String {
    all.sort_unstable();
    let at = |percent: usize| all[(all.len() * percent / 100).min(all.len() - 1)];
    format!("p50 {:.1?}, p99 {:.1?}, longest {:.1?}", at(50), at(99), at(100))
}

async fn open(folder: &Path, chat: &Arc<Desk>) -> Result<(Connection, Embedded), Box<dyn Error>> {
    let file = folder.join("takopi.toml");
    std::fs::write(&file, "default_engine = 'careful'\n[transports.void]\n")?;
    let config = Reader::new(&file, Vocabulary::default(), Overrides::default()).load()?;
    let (store, _) = Store::open(folder)?;
    let home = Home { store, processes: Arc::new(NoProcesses), start_folder: folder.to_owned() };
    let here = Embedded::new(config, [&ENGINE, &TRANSPORT], home).await?;
    let access = Access::nobody().people(People::listed(["p"])).channels(Channels::All);
    let takopi = here.runtime(TransportId::parse("void")?).connect(Arc::clone(chat) as _, access);
    Ok((takopi, here))
}

/// Lets all runs ask, and decides all of it at one moment.
async fn decide_all(
    takopi: &Connection,
    chat: &Desk,
    round: usize,
) -> Result<(Vec<Duration>, Vec<Duration>), Box<dyn Error>> {
    *HEARD.lock().unwrap_or_else(PoisonError::into_inner) = Some(HashMap::new());
    *chat.seen() = Seen::default();
    for run in 0..RUNS {
        let message =
            IncomingMessage::new(Address::general(format!("c{run}")), round.to_string(), run.to_string())
                .sender(Sender::new("p"))
                .chat(ChatKind::Private);
        takopi.handle_message(message).await?;
    }
    chat.until(|seen| seen.requests.len() == RUNS).await;
    let requests = chat.seen().requests.clone();
    let began = Instant::now();
    for (at, data) in requests {
        let id = at.address.channel.to_string();
        let press = Press::new(id, at, data);
        takopi.handle_press(press.sender(Sender::new("p")).chat(ChatKind::Private));
    }
    chat.until(|seen| seen.ends == RUNS && seen.answers.len() == RUNS).await;
    let answers = chat.seen().answers.iter().map(|at| at.duration_since(began)).collect();
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    let heard = heard.iter().flat_map(HashMap::values).map(|at| at.duration_since(began)).collect();
    Ok((answers, heard))
}

/// A chat that takes everything at once.
#[derive(Default)]
struct Desk {
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Default)]
struct Seen {
    /// The buttons that allow, and the messages that they are below.
    requests: Vec<(MessageRef, String)>,
    /// When each press was answered.
    answers: Vec<Instant>,
    ends: usize,
    sent: usize,
}

impl Desk {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, is_so: impl Fn(&Seen) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.seen()) {
                return;
            }
            changed.await;
        }
    }
}

#[async_trait]
impl Transport for Desk {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().edit(Duration::from_secs(1)).delete().buttons().replies()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        _options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let mut seen = self.seen();
        seen.sent += 1;
        let at = MessageRef::new(to.clone(), MessageId::new(format!("b{}", seen.sent)));
        let button = message.buttons.iter().flatten().find(|button| button.label == "allow once");
        if let Some(button) = button {
            seen.requests.push((at.clone(), button.data.to_string()));
        }
        seen.ends += usize::from(message.kind == MessageKind::Answer);
        self.changed.notify_waiters();
        Ok(at)
    }

    async fn edit(&self, _message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        self.seen().ends += usize::from(new.kind == MessageKind::Answer);
        self.changed.notify_waiters();
        Ok(Edited::Done)
    }

    async fn delete(&self, _message: &MessageRef) -> Result<(), SendError> {
        Ok(())
    }

    async fn answer_press(&self, _press: &PressId, _text: Option<&str>) -> Result<(), SendError> {
        self.seen().answers.push(Instant::now());
        self.changed.notify_waiters();
        Ok(())
    }
}

/// An engine that asks before it does anything.
struct Careful;

fn backend() -> EngineBackend {
    EngineBackend::new("careful", Availability::Embedded, |_| Ok(Arc::new(Careful)))
        .with_capabilities(EngineCapabilities::none().with_permissions())
}

fn syntax() -> &'static ResumeSyntax {
    static SYNTAX: OnceLock<ResumeSyntax> = OnceLock::new();
    SYNTAX.get_or_init(|| ResumeSyntax::new(ID.clone(), "careful", &["resume"]))
}

fn all(events: &mut EventFactory) -> Vec<takopi_api::event::Event> {
    std::iter::from_fn(|| events.pop()).collect()
}

#[async_trait]
impl Runner for Careful {
    fn engine(&self) -> &EngineId {
        &ID
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        syntax().format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        syntax().extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let mut events = EventFactory::new(ID.clone(), spec.resume);
        if let Ok(thread) = ResumeToken::new(ID.clone(), spec.id.as_str()) {
            events.started(thread, "careful");
        }
        let id = RequestId::new("r");
        let permission = Permission::default().tool("shell").command("cargo test --workspace");
        events.request(Request::new(id.clone(), "run a command", RequestSubject::Permission(permission)));
        let first = all(&mut events);
        let (answer, answered) = oneshot::channel();
        let last = async move {
            let decision = answered.await.unwrap_or(Decision::Deny { reason: None });
            events.request_resolved(id, Resolution::Decided(decision));
            events.done("done", None);
            futures_util::stream::iter(all(&mut events))
        };
        let events = futures_util::stream::iter(first).chain(futures_util::stream::once(last).flatten());
        let control = Answer { prompt: spec.prompt, answer: Mutex::new(Some(answer)) };
        EngineRun { events: events.boxed(), control: RunControl::new(control) }
    }
}

struct Answer {
    prompt: String,
    answer: Mutex<Option<oneshot::Sender<Decision>>>,
}

#[async_trait]
impl Control for Answer {
    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let sender = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sender = sender.ok_or_else(|| ControlError::NoSuchRequest(request.clone()))?;
        if let Some(heard) = &mut *HEARD.lock().unwrap_or_else(PoisonError::into_inner) {
            heard.insert(self.prompt.clone(), Instant::now());
        }
        // The run may be over.
        let _ = sender.send(decision);
        Ok(())
    }
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
