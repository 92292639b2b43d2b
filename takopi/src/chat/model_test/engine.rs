//! An engine that does what its scripts say, and remembers what it was asked for.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::event::{
    Action, ActionKind, ActionOutcome, Choice, Decision, Event, EventFactory, Outcome, Permission, Question,
    Request, RequestId, RequestSubject, Resolution,
};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunId, RunSpec, Runner};
use tokio::sync::Notify;

use super::plan::{Act, Ask, End, Script, Steering, What};

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
    /// What was asked, in order.
    pub(super) asked: Vec<Asked>,
    /// Threads at work.
    live: HashMap<String, usize>,
    pub(super) faults: Vec<String>,
}

/// A request, and what the engine was told of it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) run: RunId,
    pub(super) id: RequestId,
    pub(super) told: Vec<Decision>,
    is_over: bool,
}

/// One run.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) run: RunId,
    /// The messages that its prompt is made of.
    pub(super) messages: Vec<usize>,
    pub(super) thread: Option<String>,
    /// The mode that it was to work in.
    pub(super) mode: Option<String>,
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
    .with_capabilities(
        EngineCapabilities::none().with_steer().with_permissions().with_modes(Modes::Named(&["plan"])),
    )
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
            mode: spec.options.mode,
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
        match self.script.steering {
            Steering::Takes(time) => tokio::time::sleep(Duration::from_millis(time.into())).await,
            Steering::Refuses => return Err(ControlError::Refused("not now".to_owned())),
            Steering::Silent => std::future::pending().await,
        }
        let mut log = self.engine.log();
        if !log.starts[self.at].is_live {
            return Err(ControlError::Over);
        }
        log.steered.push(text);
        Ok(())
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let mut log = self.engine.log();
        let run = log.starts[self.at].run.clone();
        let asked = log.asked.iter_mut().find(|asked| asked.run == run && asked.id == *request);
        let Some(asked) = asked else { return Err(ControlError::NoSuchRequest(request.clone())) };
        asked.told.push(decision.clone());
        let has_ended = asked.is_over;
        asked.is_over = true;
        log.steered.extend(words_in(&decision));
        if has_ended {
            return Err(ControlError::NoSuchRequest(request.clone()));
        }
        self.shared.answered.notify_one();
        Ok(())
    }
}

/// What a person wrote in an answer.
fn words_in(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Deny { reason: Some(reason) } => vec![reason.clone()],
        Decision::Answer { answers } => answers.values().flatten().cloned().collect(),
        _ => Vec::new(),
    }
}

fn subject(what: What) -> RequestSubject {
    let choices = ["red", "blue"].map(Choice::new);
    match what {
        What::Command(is_first) => {
            let command = if is_first { "first" } else { "second" };
            RequestSubject::Permission(Permission::default().tool("shell").command(command))
        }
        What::Plan => RequestSubject::Plan { text: "do it".to_owned() },
        What::Questions => RequestSubject::Question {
            questions: vec![
                Question::new("a", "which one?").options(choices.clone()),
                Question::new("b", "which ones?").options(choices).multiple(),
            ],
        },
        What::Secret => {
            RequestSubject::Question { questions: vec![Question::new("c", "password?").secret()] }
        }
    }
}

enum Item {
    NameThread,
    Wait(Duration),
    Step,
    Ask(usize, Ask),
    Answer(usize, Ask),
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
            Act::Ask(ask) => items.extend([Item::Ask(at, *ask), Item::Answer(at, *ask)]),
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
                Item::Wait(time) => {
                    self.wait(tokio::time::sleep(time)).await;
                }
                Item::Step => {
                    let action = Action::new(format!("s{}", self.items.len()), ActionKind::Note, "a step");
                    self.events.action_completed(action, ActionOutcome::Ok);
                }
                Item::Ask(number, ask) => {
                    let id = RequestId::new(format!("r{number}"));
                    let mut log = self.engine.log();
                    let run = log.starts[self.at].run.clone();
                    // One that is deaf does not know of it from the beginning.
                    let is_over = ask.is_deaf;
                    log.asked.push(Asked { run, id: id.clone(), told: Vec::new(), is_over });
                    drop(log);
                    self.events.request(Request::new(id.clone(), "may I?", subject(ask.what)));
                    if ask.is_deaf {
                        // It asks it twice, too.
                        self.events.request(Request::new(id, "may I?", subject(ask.what)));
                    }
                }
                Item::Answer(_, ask) if ask.is_deaf => {}
                Item::Answer(number, ask) => self.await_answer(number, ask).await,
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
    async fn wait<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            value = something => Some(value),
            () = self.shared.stop.notified(), if self.obeys => {
                self.items.clear();
                self.events.completed(Outcome::Interrupted, "", None);
                None
            }
        }
    }

    async fn await_answer(&mut self, number: usize, ask: Ask) {
        let shared = Arc::clone(&self.shared);
        let patience = ask.patience.map_or(TIRED, |patience| Duration::from_millis(patience.into()));
        let answered = async move {
            let answered = tokio::time::timeout(patience, shared.answered.notified()).await;
            answered.is_ok()
        };
        let id = RequestId::new(format!("r{number}"));
        let Some(is_answered) = self.wait(answered).await else { return };
        let mut log = self.engine.log();
        let run = log.starts[self.at].run.clone();
        let asked = log.asked.iter_mut().find(|asked| asked.run == run && asked.id == id);
        let last = asked.and_then(|asked| {
            asked.is_over = true;
            asked.told.last().cloned()
        });
        drop(log);
        let resolution = last.filter(|_| is_answered).map_or(Resolution::Withdrawn, Resolution::Decided);
        self.events.request_resolved(id, resolution);
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
