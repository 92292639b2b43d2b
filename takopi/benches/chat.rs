//! The whole way of a message: stored, dispatched, run by an engine that answers at once, delivered to a chat that takes
//! everything at once. Run with `cargo bench -p takopi --bench chat`.
//!
//! It prints how many messages a second come out answered, how long it takes from the acceptance of a message to the start
//! of its engine, and how much memory stays for each conversation that is over (`RssAnon` of this process, which counts
//! the pages that it wrote to, before and after).

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use takopi::chat::embedded::{Embedded, Home};
use takopi::config::{Overrides, Reader, Vocabulary};
use takopi::store::Store;
use takopi_api::engine::{Availability, EngineBackend, EngineId};
use takopi_api::event::EventFactory;
use takopi_api::message::{
    Address, ChatKind, IncomingMessage, MessageId, MessageKind, MessageRef, OutgoingMessage, SendOptions,
    Sender,
};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::process::{CommandSpec, Process, ProcessHost, SpawnError};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{EngineRun, RunControl, RunSpec, Runner};
use takopi_api::runtime::Connection;
use takopi_api::transport::{
    Access, Capabilities, Channels, Edited, People, SendError, Transport, TransportId,
};
use tokio::sync::Notify;

/// Messages at one go, each for a thread of its own.
const BURST: usize = 1_000;

/// How many bursts are measured; the median of them is told.
const ROUNDS: usize = 7;

/// Conversations between two looks at the memory.
const SESSIONS: usize = 20_000;

/// Between two messages where they come one by one.
const PACE: Duration = Duration::from_millis(2);

static ENGINE: Backend = Backend::new("instant", Constructor::Engine(backend));
static TRANSPORT: Backend =
    Backend::new("void", Constructor::Transport(|| unreachable!("only its row counts")));
static ID: EngineId = EngineId::from_static("instant");
static STARTS: Mutex<Vec<Option<Instant>>> = Mutex::new(Vec::new());

fn main() -> Result<(), Box<dyn Error>> {
    // As takopi itself.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(bench())
}

async fn bench() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let chat = Arc::new(Void::default());
    let (takopi, here) = open(folder.path(), &chat).await?;
    let mut next = 0;

    // The first ones fill the caches.
    burst(&takopi, &chat, &mut next, BURST).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(burst(&takopi, &chat, &mut next, BURST).await?);
    }
    rounds.sort_by_key(|round| round.took);
    let round = &rounds[ROUNDS / 2];
    println!("{BURST} messages for {BURST} threads at one go, everything stored (median of {ROUNDS} rounds)");
    println!("  {:.0} messages a second, answered", BURST as f64 / round.took.as_secs_f64());
    println!(
        "  accepted to engine started: p50 {:.1?}, p99 {:.1?}",
        round.percentile(50),
        round.percentile(99)
    );

    let paced = paced(&takopi, &chat, &mut next).await?;
    println!("{BURST} messages, one every {PACE:?}");
    println!(
        "  accepted to engine started: p50 {:.1?}, p99 {:.1?}",
        paced.percentile(50),
        paced.percentile(99)
    );

    let before = memory()?;
    for _ in 0..SESSIONS / BURST {
        burst(&takopi, &chat, &mut next, BURST).await?;
    }
    let grown = memory()?.saturating_sub(before);
    println!("{SESSIONS} conversations more that are over");
    println!("  {} bytes a conversation ({} KiB in all, by RssAnon)", grown / SESSIONS, grown / 1024);
    here.drain(Duration::from_secs(1)).await;
    Ok(())
}

async fn open(folder: &Path, chat: &Arc<Void>) -> Result<(Connection, Embedded), Box<dyn Error>> {
    let file = folder.join("takopi.toml");
    std::fs::write(&file, "default_engine = 'instant'\n[transports.void]\nsession_mode = 'chat'\n")?;
    let config = Reader::new(&file, Vocabulary::default(), Overrides::default()).load()?;
    let (store, _) = Store::open(folder)?;
    let home = Home { store, processes: Arc::new(NoProcesses), start_folder: folder.to_owned() };
    let here = Embedded::new(config, [&ENGINE, &TRANSPORT], home).await?;
    let access = Access::nobody().people(People::listed(["p"])).channels(Channels::All);
    let takopi = here.runtime(TransportId::parse("void")?).connect(Arc::clone(chat) as _, access);
    Ok((takopi, here))
}

/// How one round went.
struct Round {
    took: Duration,
    /// From acceptance to the start of the engine, sorted.
    waits: Vec<Duration>,
}

impl Round {
    fn new(took: Duration, accepted: &[(usize, Instant)]) -> Self {
        let starts = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |(number, at): &(usize, Instant)| Some(starts[*number]?.saturating_duration_since(*at));
        let mut waits: Vec<_> = accepted.iter().filter_map(wait).collect();
        waits.sort_unstable();
        Self { took, waits }
    }

    fn percentile(&self, percent: usize) -> Duration {
        self.waits[(self.waits.len() * percent / 100).min(self.waits.len() - 1)]
    }
}

/// Sends so many messages at one go, and waits for their answers.
async fn burst(
    takopi: &Connection,
    chat: &Void,
    next: &mut usize,
    count: usize,
) -> Result<Round, Box<dyn Error>> {
    let numbers = numbers(next, count);
    let began = Instant::now();
    let all: FuturesUnordered<_> = numbers.map(|number| say(takopi, number)).collect();
    let accepted: Vec<_> = all.collect().await;
    chat.wait_for(*next).await;
    Ok(Round::new(began.elapsed(), &accepted.into_iter().collect::<Result<Vec<_>, _>>()?))
}

/// Sends messages one by one, as they come in a busy hour.
async fn paced(takopi: &Connection, chat: &Void, next: &mut usize) -> Result<Round, Box<dyn Error>> {
    let numbers = numbers(next, BURST);
    let began = Instant::now();
    let mut clock = tokio::time::interval(PACE);
    let mut accepted = Vec::with_capacity(BURST);
    for number in numbers {
        clock.tick().await;
        accepted.push(say(takopi, number).await?);
    }
    chat.wait_for(*next).await;
    Ok(Round::new(began.elapsed(), &accepted))
}

fn numbers(next: &mut usize, count: usize) -> std::ops::Range<usize> {
    let numbers = *next..*next + count;
    *next += count;
    STARTS.lock().unwrap_or_else(PoisonError::into_inner).resize(*next, None);
    numbers
}

async fn say(
    takopi: &Connection,
    number: usize,
) -> Result<(usize, Instant), takopi_api::runtime::StoreError> {
    let message = IncomingMessage::new(Address::general(format!("c{number}")), "1", number.to_string())
        .update(format!("u{number}"))
        .sender(Sender::new("p"))
        .chat(ChatKind::Private);
    takopi.handle_message(message).await?;
    Ok((number, Instant::now()))
}

/// The bytes that this process wrote to and has.
fn memory() -> Result<usize, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("there is no RssAnon")?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// A chat that takes everything, and counts the answers.
#[derive(Default)]
struct Void {
    sent: AtomicUsize,
    answers: AtomicUsize,
    answered: Notify,
}

impl Void {
    async fn wait_for(&self, answers: usize) {
        loop {
            let more = self.answered.notified();
            if self.answers.load(Ordering::SeqCst) >= answers {
                return;
            }
            more.await;
        }
    }

    fn count(&self, message: &OutgoingMessage) {
        if message.kind == MessageKind::Answer {
            self.answers.fetch_add(1, Ordering::SeqCst);
            self.answered.notify_waiters();
        }
    }
}

#[async_trait]
impl Transport for Void {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().edit(Duration::from_secs(1)).delete().buttons().replies()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        _options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.count(&message);
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        Ok(MessageRef::new(to.clone(), MessageId::new(format!("b{number}"))))
    }

    async fn edit(&self, _message: &MessageRef, new: OutgoingMessage) -> Result<Edited, SendError> {
        self.count(&new);
        Ok(Edited::Done)
    }

    async fn delete(&self, _message: &MessageRef) -> Result<(), SendError> {
        Ok(())
    }
}

/// An engine that answers at once.
struct Instantly;

fn backend() -> EngineBackend {
    EngineBackend::new("instant", Availability::Embedded, |_| Ok(Arc::new(Instantly)))
}

fn syntax() -> &'static ResumeSyntax {
    static SYNTAX: OnceLock<ResumeSyntax> = OnceLock::new();
    SYNTAX.get_or_init(|| ResumeSyntax::new(ID.clone(), "instant", &["resume"]))
}

#[async_trait]
impl Runner for Instantly {
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
        if let Ok(number) = spec.prompt.parse::<usize>() {
            STARTS.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(Instant::now());
        }
        let mut events = EventFactory::new(ID.clone(), spec.resume);
        if let Ok(thread) = ResumeToken::new(ID.clone(), format!("thread-{}", spec.prompt)) {
            events.started(thread, "instant");
        }
        events.done("here you are", None);
        let events = futures_util::stream::iter(std::iter::from_fn(move || events.pop()));
        EngineRun { events: events.boxed(), control: RunControl::none() }
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
