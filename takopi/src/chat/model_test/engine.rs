//! An engine that does what its scripts say, and remembers what it was asked for.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::{
    Action, ActionKind, ActionOutcome, Decision, Event, EventFactory, Outcome, Permission, Request,
    RequestId, RequestSubject,
};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunId, RunSpec, Runner};
use tokio::sync::Notify;

use super::plan::{Act, End, Script};

static ENGINE: EngineId = EngineId::from_static("scripted");

/// How long a run goes on that nobody ends.
const TIRED: Duration = Duration::from_secs(60);

thread_local! {
    /// A runner is built by a plain function: here it finds the engine of the case that goes on.
    static CURRENT: RefCell<Option<Arc<Engine>>> = const { RefCell::new(None) };
}

#[derive(Debug)]
pub(super) struct Engine {
    scripts: Vec<Script>,
    syntax: ResumeSyntax,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) starts: Vec<Start>,
    /// What was sent into turns that ran.
    pub(super) steered: Vec<String>,
    /// Threads at work.
    live: HashMap<String, usize>,
    pub(super) faults: Vec<String>,
}

/// One run.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) run: RunId,
    /// The messages that its prompt is made of.
    pub(super) messages: Vec<usize>,
    pub(super) thread: Option<String>,
    /// What it said at its end, if it came to it.
    pub(super) last_words: Option<String>,
    pub(super) has_failed: bool,
    pub(super) is_live: bool,
}

pub(super) fn backend() -> EngineBackend {
    EngineBackend::new("scripted", Availability::Embedded, |_| {
        let engine = CURRENT.with_borrow(Clone::clone);
        Ok(Arc::new(Scripted(engine.expect("a case goes on when a runner is built"))))
    })
    .with_capabilities(EngineCapabilities::none().with_steer().with_permissions())
}

impl Engine {
    pub(super) fn new(scripts: &[Script]) -> Arc<Self> {
        let engine = Arc::new(Self {
            scripts: scripts.to_vec(),
            syntax: ResumeSyntax::new(ENGINE.clone(), "scripted", &["resume"]),
            log: Mutex::default(),
        });
        CURRENT.set(Some(Arc::clone(&engine)));
        engine
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// A thread is at work from here on.
    fn occupy(&mut self, at: usize, thread: &str) {
        if let Some(other) = self.live.insert(thread.to_owned(), at) {
            self.faults.push(format!("runs {other} and {at} are both at work on {thread}"));
        }
        self.starts[at].thread = Some(thread.to_owned());
    }
}

/// The numbers of the messages in a text.
pub(super) fn messages_in(text: &str) -> Vec<usize> {
    text.split_whitespace().filter_map(|word| word.strip_prefix('m')?.parse().ok()).collect()
}

struct Scripted(Arc<Engine>);

#[async_trait]
impl Runner for Scripted {
    fn engine(&self) -> &EngineId {
        &ENGINE
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        self.0.syntax.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        self.0.syntax.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let mut log = self.0.log();
        let at = log.starts.len();
        let messages = messages_in(&spec.prompt);
        log.starts.push(Start {
            run: spec.id,
            messages,
            thread: None,
            last_words: None,
            has_failed: false,
            is_live: true,
        });
        if let Some(token) = &spec.resume {
            log.occupy(at, token.value());
        }
        drop(log);
        let script = self.0.scripts[at % self.0.scripts.len()].clone();
        let shared = Arc::new(Shared { stop: Notify::new(), answered: Notify::new() });
        let hold =
            Hold { at, engine: Arc::clone(&self.0), script: script.clone(), shared: Arc::clone(&shared) };
        let play = Play {
            at,
            items: items(&script),
            events: EventFactory::new(ENGINE.clone(), spec.resume),
            engine: Arc::clone(&self.0),
            shared,
            obeys: script.obeys,
        };
        let events = futures_util::stream::unfold(play, |mut play| async move {
            let event = play.next().await?;
            Some((event, play))
        });
        EngineRun { events: events.boxed(), control: RunControl::new(hold) }
    }
}

struct Shared {
    stop: Notify,
    answered: Notify,
}

struct Hold {
    at: usize,
    engine: Arc<Engine>,
    script: Script,
    shared: Arc<Shared>,
}

#[async_trait]
impl Control for Hold {
    async fn interrupt(&self) -> Result<(), ControlError> {
        if !self.script.obeys {
            return Err(ControlError::Unsupported("interrupting"));
        }
        self.shared.stop.notify_one();
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        let mut log = self.engine.log();
        if !self.script.takes_steering || !log.starts[self.at].is_live {
            return Err(ControlError::Over);
        }
        log.steered.push(text);
        Ok(())
    }

    async fn answer(&self, _request: &RequestId, _decision: Decision) -> Result<(), ControlError> {
        self.shared.answered.notify_one();
        Ok(())
    }
}

enum Item {
    NameThread,
    Wait(Duration),
    Step,
    Ask(usize),
    Answer,
    End(End),
}

fn items(script: &Script) -> VecDeque<Item> {
    let mut items = VecDeque::new();
    if script.names_thread {
        items.push_back(Item::NameThread);
    }
    for (at, act) in script.acts.iter().enumerate() {
        match act {
            Act::Wait(milliseconds) => {
                items.push_back(Item::Wait(Duration::from_millis((*milliseconds).into())));
            }
            Act::Step => items.push_back(Item::Step),
            Act::Ask => items.extend([Item::Ask(at), Item::Answer]),
        }
    }
    if script.end == End::Lingers {
        items.push_back(Item::Wait(TIRED));
    }
    items.push_back(Item::End(script.end));
    items
}

/// One run at work.
struct Play {
    at: usize,
    items: VecDeque<Item>,
    events: EventFactory,
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    obeys: bool,
}

impl Play {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop() {
                return Some(event);
            }
            match self.items.pop_front()? {
                Item::NameThread => self.name_thread(),
                Item::Wait(time) => self.wait(tokio::time::sleep(time)).await,
                Item::Step => {
                    let action = Action::new(format!("s{}", self.items.len()), ActionKind::Note, "a step");
                    self.events.action_completed(action, ActionOutcome::Ok);
                }
                Item::Ask(number) => {
                    let subject = RequestSubject::Permission(Permission::default());
                    let id = RequestId::new(format!("r{number}"));
                    self.events.request(Request::new(id, "may I?", subject));
                }
                Item::Answer => {
                    let shared = Arc::clone(&self.shared);
                    self.wait(async move { shared.answered.notified().await }).await;
                }
                Item::End(end) => self.end(end),
            }
        }
    }

    fn name_thread(&mut self) {
        let token = self.events.resume().cloned().unwrap_or_else(|| {
            let thread = format!("t{}", self.at);
            self.engine.log().occupy(self.at, &thread);
            ResumeToken::new(ENGINE.clone(), thread).expect("a word is a thread")
        });
        self.events.started(token, "scripted");
    }

    /// Waits for something, unless the run is to end.
    async fn wait(&mut self, something: impl Future<Output = ()>) {
        tokio::select! {
            () = something => {}
            () = self.shared.stop.notified(), if self.obeys => {
                self.items.clear();
                self.events.completed(Outcome::Interrupted, "", None);
            }
        }
    }

    fn end(&mut self, end: End) {
        let words = |what: &str| format!("{what} of run {}.", self.at);
        let said = match end {
            End::Done | End::Lingers => words("answer"),
            End::Failed => words("failure"),
            End::Silent => return,
            // Nobody needs to read of it.
            End::Panics => std::panic::resume_unwind(Box::new("as the script says")),
        };
        self.engine.log().starts[self.at].last_words = Some(said.clone());
        self.engine.log().starts[self.at].has_failed = end == End::Failed;
        match end {
            End::Failed => self.events.failed(said, "", None),
            _ => self.events.done(said, None),
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let mut log = self.engine.log();
        log.starts[self.at].is_live = false;
        log.live.retain(|_, at| *at != self.at);
    }
}
