//! Turns that go on: what is sent into them, in which mode they are, and what is seen of an answer as it is written. Seen
//! from inside, with a chat system that is a list and an engine that does what its prompt says.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::event::{Event, EventFactory, Outcome, TextKind};
use takopi_api::message::{IncomingFile, IncomingMessage, MessageKind, ReplyTo, Sender};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};
use takopi_api::testing::Call;
use takopi_api::transport::Capabilities;
use tokio::sync::{mpsc, watch};

use crate::inside::{Inside, message};

static ENGINE: Backend = Backend::new("patient", Constructor::Engine(backend));
static ID: EngineId = EngineId::from_static("patient");

const EDITS: Duration = Duration::from_secs(1);

thread_local! {
    /// A runner is built by a plain function: here it finds what its test looks at.
    static NOTES: RefCell<Arc<Notes>> = RefCell::default();
}

/// What the engine was told.
#[derive(Debug, Default)]
struct Notes {
    /// Prompts, each with the mode.
    runs: Mutex<Vec<String>>,
    steered: Mutex<Vec<String>>,
    /// Texts that begin with `late` are taken once this is true.
    gate: watch::Sender<bool>,
}

impl Notes {
    fn runs(&self) -> Vec<String> {
        self.runs.lock().unwrap().clone()
    }

    fn steered(&self) -> Vec<String> {
        self.steered.lock().unwrap().clone()
    }
}

struct Talk {
    inside: Inside,
    notes: Arc<Notes>,
    count: Mutex<u32>,
}

impl std::ops::Deref for Talk {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl Talk {
    /// A chat with a table of the transport, and one of the engine.
    async fn new(can: Capabilities, chat: &str, engine: &str) -> Self {
        let notes = Arc::new(Notes::default());
        NOTES.set(Arc::clone(&notes));
        let inside = Inside::new(&ENGINE, can, chat, engine).await;
        Self { inside, notes, count: Mutex::default() }
    }

    /// One that goes on with what was said, and can edit and has buttons.
    async fn continuous(chat: &str, engine: &str) -> Self {
        let chat = format!("session_mode = 'chat'\n{chat}");
        Self::new(Capabilities::none().edit(EDITS).buttons().replies(), &chat, engine).await
    }

    fn message(&self, text: &str) -> IncomingMessage {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        message(&format!("m{count}"), text)
    }

    async fn says(&self, text: &str) {
        self.gives(self.message(text)).await;
    }

    /// Says something, and waits until its engine is at work.
    async fn begins(&self, text: &str) {
        let before = self.notes.runs().len();
        self.says(text).await;
        self.chat.until(|_| (self.notes.runs().len() > before).then_some(())).await;
        self.sees("patient resume").await;
    }

    async fn presses(&self, label: &str) {
        let press = self.chat.press(label, Sender::new("p")).unwrap();
        self.takopi.handle_press(press);
    }

    /// What was answered to a press.
    async fn hears(&self, text: &str) {
        let is_it =
            |call: &Call| matches!(call, Call::AnswerPress { text: Some(said), .. } if said.contains(text));
        self.chat.until(|chat| chat.records().iter().any(|record| is_it(&record.call)).then_some(())).await;
    }
}

#[tokio::test]
async fn nothing_waits_for_an_engine_that_takes_its_time_with_a_receipt() {
    let talk = Talk::continuous("queue = 'steer'", "").await;
    talk.begins("hold").await;
    talk.says("late one").await;
    talk.says("two").await;
    talk.says("/status").await;
    talk.sees("running: patient").await;
    assert_eq!(talk.notes.steered(), [""; 0]);
    talk.notes.gate.send_replace(true);
    talk.chat
        .until(|chat| {
            (chat.screen().matches("sent into the running turn · patient").count() == 2).then_some(())
        })
        .await;
    assert_eq!(talk.notes.steered(), ["late one", "two"], "in the order in which they were said");
    talk.says("end").await;
    talk.sees("told: hold, late one, two, end").await;
    assert_eq!(talk.notes.runs(), ["hold"]);
}

#[tokio::test]
async fn a_message_that_was_not_taken_before_the_end_runs_once_and_before_what_was_said_after_it() {
    let talk = Talk::continuous("queue = 'steer'", "").await;
    talk.begins("hold").await;
    talk.says("late one").await;
    talk.says("/queue queue").await;
    talk.says("two").await;
    talk.sees("queued · patient · 2 before it").await;
    talk.says("/cancel").await;
    talk.sees("told: two").await;
    assert_eq!(talk.notes.steered(), [""; 0]);
    assert_eq!(talk.notes.runs(), ["hold", "late one", "two"]);
}

#[tokio::test]
async fn a_button_says_what_came_of_it() {
    let talk = Talk::continuous("", "").await;
    talk.begins("hold").await;
    talk.says("refuse this").await;
    talk.sees("queued · patient · next").await;
    talk.presses("steer").await;
    talk.hears("queued: patient did not take it: not now").await;
    talk.sees("patient did not take it: not now").await;
    talk.says("and that").await;
    talk.sees("2 before it").await;
    talk.presses("steer").await;
    talk.hears("sent into the running turn").await;
    talk.sees("sent into the running turn · patient").await;
    assert_eq!(talk.notes.steered(), ["and that"]);
}

#[tokio::test]
async fn an_engine_that_is_driven_in_another_way_can_do_other_things() {
    let talk = Talk::continuous("queue = 'steer'", "mode = 'exec'").await;
    talk.begins("hold").await;
    talk.says("one").await;
    talk.sees("queued · patient · next\n\npatient can not be steered in mode exec").await;
    assert!(!talk.chat.screen().contains("[steer]"), "{}", talk.chat.screen());
}

#[tokio::test]
async fn what_is_to_be_steered_says_why_it_waits() {
    let talk = Talk::continuous("", "").await;
    talk.says("/steer one").await;
    talk.sees("queued: nothing runs that could take it").await;
    talk.sees("told: one").await;
    talk.begins("hold").await;
    let file = IncomingFile::new("f");
    talk.gives(talk.message("/steer look at it").files([file])).await;
    talk.sees("a turn takes no files").await;
    talk.says("/steer two").await;
    talk.sees("sent into the running turn · patient").await;
    talk.says("/plan three").await;
    talk.sees("queued · patient · 2 before it").await;
    talk.says("/steer").await;
    talk.sees("usage: /steer <text>").await;
    assert_eq!(talk.notes.steered(), ["two"]);
}

#[tokio::test]
async fn a_run_is_steered_by_a_reply_or_if_it_is_the_only_one() {
    let can = Capabilities::none().edit(EDITS).buttons().replies();
    let talk = Talk::new(can, "session_mode = 'stateless'", "").await;
    talk.begins("hold").await;
    talk.says("/steer one").await;
    talk.sees("sent into the running turn").await;
    talk.begins("hold on").await;
    talk.says("/steer two").await;
    talk.sees("error: 2 runs go on here: reply with /steer to the one that is meant").await;
    let first = talk.chat.shown().into_iter().find(|shown| shown.content.kind == MessageKind::Progress);
    let reply = ReplyTo::own(first.unwrap().message.id.as_str(), "");
    talk.gives(talk.message("/steer end").reply_to(reply)).await;
    talk.sees("told: hold, one, end").await;
    assert_eq!(talk.notes.runs(), ["hold", "hold on"]);
}

#[tokio::test]
async fn a_mode_is_chosen_for_a_chat_and_plans_for_one_prompt_or_all() {
    let talk = Talk::continuous("", "").await;
    talk.says("/mode").await;
    talk.sees("mode: default (no override)\ndefaults: topic: none, chat: none\navailable modes: plan, quick")
        .await;
    talk.says("/mode set slow").await;
    talk.sees("error: patient has no mode `slow`\nmodes: plan, quick").await;
    talk.says("/mode set Quick").await;
    talk.sees("chat mode of patient: quick").await;
    talk.says("one").await;
    talk.sees("told: one (quick)").await;
    talk.says("/plan two").await;
    talk.sees("told: two (plan)").await;
    talk.says("three").await;
    talk.sees("told: three (quick)").await;
    talk.says("/plan").await;
    talk.sees("chat plan mode of patient: on").await;
    talk.says("four").await;
    talk.sees("told: four (plan)").await;
    talk.says("/plan").await;
    talk.sees("chat plan mode of patient: off").await;
    talk.says("five").await;
    talk.sees("told: five\n").await;
}

#[tokio::test]
async fn an_engine_without_plans_says_what_can_be_done() {
    let talk = Talk::continuous("", "mode = 'exec'").await;
    for text in ["/plan", "/plan it"] {
        talk.says(text).await;
        talk.sees("error: patient has no mode `plan`").await;
    }
    talk.sees("say in the prompt that it is to make a plan").await;
    talk.says("/mode").await;
    talk.sees("patient has no modes to choose from").await;
    assert_eq!(talk.notes.runs(), [""; 0]);
}

#[tokio::test]
async fn a_message_in_another_mode_is_not_sent_into_a_turn() {
    let talk = Talk::continuous("queue = 'steer'", "").await;
    talk.begins("hold").await;
    talk.says("/plan").await;
    talk.sees("plan mode of patient: on").await;
    talk.says("one").await;
    talk.sees("it is for a run in mode plan").await;
    assert_eq!(talk.notes.steered(), [""; 0]);
}

/// What the progress message said in which the answer was, as often as it was changed.
fn edits(talk: &Talk) -> Vec<String> {
    let edit = |call| match call {
        Call::Edit { new, .. } if new.kind == MessageKind::Progress => Some(new.body.joined()),
        _ => None,
    };
    let edits = talk.chat.records().into_iter().filter_map(|record| edit(record.call));
    edits.filter(|text| text.contains("word")).collect()
}

fn drafts(talk: &Talk) -> Vec<String> {
    let draft = |call| match call {
        Call::Draft { text, .. } => Some(text.body.joined()),
        _ => None,
    };
    talk.chat.records().into_iter().filter_map(|record| draft(record.call)).collect()
}

/// An engine that writes a thousand words at once, and is seen to do so by fewer steps than this.
const WORDS: &str = "hold 1000";
const LAST_WORD: &str = "word 999";
const FEW: usize = 20;

#[tokio::test]
async fn pieces_of_an_answer_are_put_together_in_the_progress_message() {
    let talk = Talk::continuous("live_text = true", "").await;
    talk.begins(WORDS).await;
    talk.chat.until(|_| edits(&talk).last()?.contains(LAST_WORD).then_some(())).await;
    assert!(edits(&talk).len() < FEW, "{:#?}", edits(&talk));
    assert!(edits(&talk).iter().all(|text| text.len() < 1000), "it shows the end of it");
    talk.says("/steer end").await;
    talk.sees("told: hold 1000, end").await;
    assert!(!talk.chat.screen().contains("word"), "the answer is there once, and without what led to it");
}

#[tokio::test]
async fn an_answer_is_a_draft_where_there_are_drafts_and_the_engine_tells() {
    let can = Capabilities::none().edit(EDITS).buttons().replies().drafts();
    let talk = Talk::new(can, "", "").await;
    talk.begins(WORDS).await;
    talk.chat.until(|_| drafts(&talk).last()?.contains(LAST_WORD).then_some(())).await;
    assert!(drafts(&talk).len() < FEW, "{:#?}", drafts(&talk));
    assert_eq!(edits(&talk), [""; 0], "it is in the draft");
}

#[tokio::test]
async fn an_answer_comes_when_it_is_complete_where_nothing_else_is_said_or_that_is_wished() {
    let edit = || Capabilities::none().edit(EDITS).buttons().replies();
    for (can, chat, engine) in
        [(edit(), "", ""), (edit().drafts(), "live_text = false", ""), (edit().drafts(), "", "mode = 'exec'")]
    {
        let talk = Talk::new(can, chat, engine).await;
        talk.begins(WORDS).await;
        talk.says("/cancel").await;
        talk.sees("`cancelled` · patient").await;
        assert_eq!((edits(&talk), drafts(&talk)), (Vec::new(), Vec::new()), "{chat} {engine}");
    }
}

fn backend() -> EngineBackend {
    EngineBackend::new("patient", Availability::Embedded, build).with_capabilities(
        EngineCapabilities::none().with_steer().with_live_text().with_modes(Modes::Named(&["plan", "quick"])),
    )
}

fn build(config: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    let is_plain = config.table.get::<String>("mode")?.is_some();
    Ok(Arc::new(Patient { is_plain, notes: NOTES.with_borrow(Arc::clone) }))
}

/// Answers with what it was told. `hold` goes on until it is steered with `end`; with a number it writes so many words before.
struct Patient {
    is_plain: bool,
    notes: Arc<Notes>,
}

fn syntax() -> &'static ResumeSyntax {
    static SYNTAX: OnceLock<ResumeSyntax> = OnceLock::new();
    SYNTAX.get_or_init(|| ResumeSyntax::new(ID.clone(), "patient", &["resume"]))
}

#[async_trait]
impl Runner for Patient {
    fn engine(&self) -> &EngineId {
        &ID
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        syntax().format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        syntax().extract(text)
    }

    fn capabilities(&self) -> Option<EngineCapabilities> {
        self.is_plain.then(EngineCapabilities::none)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let mode = spec.options.mode.map(|mode| format!(" ({mode})")).unwrap_or_default();
        self.notes.runs.lock().unwrap().push(spec.prompt.clone());
        let new = || ResumeToken::new(ID.clone(), spec.id.as_str()).unwrap();
        let thread = spec.resume.clone().unwrap_or_else(new);
        let (tell, told) = mpsc::unbounded_channel();
        let work = Work { prompt: spec.prompt + &mode, thread, told };
        let (events, stream) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(work.go_on(events, stopped));
        let stream =
            futures_util::stream::unfold(stream, async |mut stream: mpsc::UnboundedReceiver<Event>| {
                stream.recv().await.map(|event| (event, stream))
            });
        let hold = Hold { tell, stop, notes: Arc::clone(&self.notes) };
        EngineRun { events: stream.boxed(), control: RunControl::new(hold) }
    }
}

struct Work {
    prompt: String,
    thread: ResumeToken,
    told: mpsc::UnboundedReceiver<String>,
}

impl Work {
    async fn go_on(mut self, events: mpsc::UnboundedSender<Event>, mut stopped: watch::Receiver<bool>) {
        let mut factory = EventFactory::new(ID.clone(), None);
        let give = |factory: &mut EventFactory| {
            while let Some(event) = factory.pop() {
                // Whoever reads it may have gone.
                let _ = events.send(event);
            }
        };
        factory.started(self.thread.clone(), "patient");
        give(&mut factory);
        let words = self.prompt.strip_prefix("hold ").and_then(|words| words.parse().ok());
        for word in 0..words.unwrap_or(0_u32) {
            factory.text(TextKind::Answer, format!("word {word} "));
        }
        give(&mut factory);
        let mut heard = vec![self.prompt.clone()];
        while self.prompt.starts_with("hold") && heard.last().is_some_and(|last| last != "end") {
            tokio::select! {
                text = self.told.recv() => heard.extend(text),
                _ = stopped.wait_for(|stopped| *stopped) => {
                    factory.completed(Outcome::Interrupted, "", None);
                    return give(&mut factory);
                }
            }
        }
        factory.done(format!("told: {}", heard.join(", ")), None);
        give(&mut factory);
    }
}

struct Hold {
    tell: mpsc::UnboundedSender<String>,
    stop: watch::Sender<bool>,
    notes: Arc<Notes>,
}

#[async_trait]
impl Control for Hold {
    async fn interrupt(&self) -> Result<(), ControlError> {
        self.stop.send_replace(true);
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        if text.starts_with("refuse") {
            return Err(ControlError::Refused("not now".to_owned()));
        }
        if text.starts_with("late") {
            let mut gate = self.notes.gate.subscribe();
            // Its sender lives in the notes.
            let _ = gate.wait_for(|is_open| *is_open).await;
        }
        self.notes.steered.lock().unwrap().push(text.clone());
        self.tell.send(text).map_err(|_| ControlError::Over)
    }
}
