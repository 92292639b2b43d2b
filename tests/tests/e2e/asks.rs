//! What engines ask, seen from inside: a conversation with a chat system that is a list, and an engine that asks a lot.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::{
    Decision, EventFactory, Permission, Question, Request, RequestId, RequestSubject, Resolution,
};
use takopi_api::message::{MessageId, ReplyTo, Sender};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};
use takopi_api::testing::{Call, RecordingTransport};
use takopi_api::transport::Capabilities;
use tokio::sync::mpsc;

use crate::inside::{Inside, message};

static ENGINE: Backend = Backend::new("asking", Constructor::Engine(backend));
static ID: EngineId = EngineId::from_static("asking");

struct Talk(Inside);

impl Talk {
    async fn new(can: Capabilities) -> Self {
        Self(Inside::new(&ENGINE, can, "", "").await)
    }

    async fn says(&self, id: &str, text: &str) {
        self.gives(message(id, text)).await;
    }

    /// The message that asks.
    fn asked(&self) -> MessageId {
        let is_request = |shown: &&takopi_api::testing::Shown| {
            let mut buttons = shown.content.buttons.iter().flatten();
            buttons.any(|button| ["deny", "no answer"].contains(&button.label.as_str()))
        };
        self.chat.shown().iter().find(is_request).expect("nothing is asked").message.id.clone()
    }

    async fn replies(&self, id: &str, text: &str, to: &MessageId) {
        let reply = ReplyTo::own(to.as_str(), "");
        self.gives(message(id, text).reply_to(reply)).await;
    }
}

impl std::ops::Deref for Talk {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.0
    }
}

fn buttons() -> Capabilities {
    Capabilities::none().edit(std::time::Duration::ZERO).buttons().delete().replies()
}

#[tokio::test]
async fn twenty_requests_at_once_are_each_decided() {
    let talk = Talk::new(buttons()).await;
    talk.says("1", "twenty").await;
    let asked = |chat: &RecordingTransport| {
        chat.shown().iter().filter(|shown| !shown.content.buttons.is_empty()).count()
    };
    // One more than what is asked: the run itself can be cancelled.
    talk.chat.until(|chat| (asked(chat) == 21).then_some(())).await;
    for _ in 0..20 {
        let press = talk.chat.press("allow once", Sender::new("p")).expect("one more is asked");
        let at = press.message.clone();
        talk.takopi.handle_press(press);
        talk.chat
            .until(|chat| {
                let shown = chat.shown();
                let decided = shown.iter().find(|shown| shown.message == at)?;
                decided.content.buttons.is_empty().then_some(())
            })
            .await;
    }
    talk.sees("told: 20 allowed").await;
}

#[tokio::test]
async fn a_secret_reaches_the_engine_and_no_disk() {
    let talk = Talk::new(buttons()).await;
    talk.says("1", "secret").await;
    talk.sees("which password?").await;
    talk.says("2", "hush-hush-4711").await;
    talk.sees("told: 14 characters").await;
    talk.sees("answered by p").await;
    assert!(!talk.chat.screen().contains("hush"), "{}", talk.chat.screen());
    let records = talk.chat.records();
    let is_deleted = |call: &Call| matches!(call, Call::Delete { message, .. } if message.id.as_str() == "2");
    assert!(records.iter().any(|record| is_deleted(&record.call)));
    for file in std::fs::read_dir(talk.folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert!(!path.is_file() || !holds(&path, "hush-hush"), "{}", path.display());
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_no_prompt_and_a_secret_one_is_on_no_disk() {
    let talk = Talk::new(buttons()).await;
    talk.says("1", "secret").await;
    talk.sees("which password?").await;
    let secret = talk.asked();
    talk.says("2", "first").await;
    talk.sees("told: 5 characters").await;
    talk.replies("3", "hush-hush-4711", &secret).await;
    talk.sees("this was decided already: answered by p").await;
    let is_deleted = |call: &Call| matches!(call, Call::Delete { message, .. } if message.id.as_str() == "3");
    talk.chat.until(|chat| chat.records().iter().any(|record| is_deleted(&record.call)).then_some(())).await;
    for file in std::fs::read_dir(talk.folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert!(!path.is_file() || !holds(&path, "hush-hush"), "{}", path.display());
    }
    talk.says("4", "one").await;
    talk.sees("command 0").await;
    let permission = talk.asked();
    talk.takopi.handle_press(talk.chat.press("deny", Sender::new("p")).unwrap());
    talk.sees("told: 0 allowed").await;
    talk.replies("5", "yes", &permission).await;
    talk.sees("this was decided already: denied by p").await;
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn without_buttons_numbers_and_words_decide() {
    let talk = Talk::new(Capabilities::none()).await;
    talk.says("1", "one").await;
    talk.sees("1. allow once").await;
    talk.says("2", "deny because it is late").await;
    talk.sees("told: it is late").await;
    talk.says("3", "one").await;
    talk.chat.until(|chat| (chat.screen().matches("1. allow once").count() == 2).then_some(())).await;
    talk.says("4", "1").await;
    talk.sees("told: 1 allowed").await;
}

#[tokio::test]
async fn without_buttons_a_question_without_options_shows_no_numbers() {
    let talk = Talk::new(Capabilities::none()).await;
    talk.says("1", "secret").await;
    talk.sees("which password?").await;
    assert!(!talk.chat.screen().contains("1."), "{}", talk.chat.screen());
    talk.says("2", "1").await;
    talk.sees("told: 1 characters").await;
}

#[tokio::test]
async fn an_engine_that_does_not_take_an_answer_is_told_of() {
    let talk = Talk::new(buttons()).await;
    talk.says("1", "deaf").await;
    talk.sees("command 0").await;
    talk.takopi.handle_press(talk.chat.press("allow once", Sender::new("p")).unwrap());
    talk.sees("allowed once by p, but it came to nothing: ").await;
}

#[tokio::test]
async fn an_engine_that_does_not_take_what_a_rule_answers_is_told_of() {
    let talk = Talk::new(buttons()).await;
    talk.says("1", "one").await;
    talk.sees("command 0").await;
    talk.takopi.handle_press(talk.chat.press("always allow", Sender::new("p")).unwrap());
    talk.sees("told: ").await;
    talk.says("2", "deaf").await;
    talk.sees("allowed by rule 1: command 0, but it came to nothing: ").await;
}

fn backend() -> EngineBackend {
    EngineBackend::new("asking", Availability::Embedded, |_| Ok(Arc::new(Asking)))
        .with_capabilities(EngineCapabilities::none().with_permissions().with_questions())
}

struct Asking;

fn syntax() -> &'static ResumeSyntax {
    static SYNTAX: OnceLock<ResumeSyntax> = OnceLock::new();
    SYNTAX.get_or_init(|| ResumeSyntax::new(ID.clone(), "asking", &["resume"]))
}

#[async_trait]
impl Runner for Asking {
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
        events.started(ResumeToken::new(ID.clone(), spec.id.as_str()).unwrap(), "asking");
        let count = if spec.prompt == "twenty" { 20 } else { 1 };
        for number in 0..count {
            let command = Permission::default().tool("shell").command(format!("command {number}"));
            let subject = match spec.prompt.as_str() {
                "secret" => RequestSubject::Question {
                    questions: vec![Question::new("q", "which password?").secret()],
                },
                _ => RequestSubject::Permission(command),
            };
            events.request(Request::new(RequestId::new(format!("r{number}")), "may I?", subject));
        }
        let first: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
        let (told, mut hears) = mpsc::unbounded_channel();
        let last = async move {
            let mut all = HashMap::new();
            while all.len() < count {
                let Some((id, decision)) = hears.recv().await else { break };
                events.request_resolved(RequestId::new(&id), Resolution::Decided(Decision::clone(&decision)));
                all.insert(id, decision);
            }
            let allowed = all.values().filter(|decision| **decision == Decision::AllowOnce).count();
            let said = match all.values().next() {
                Some(Decision::Deny { reason: Some(reason) }) => reason.clone(),
                Some(Decision::Answer { answers }) => format!("{} characters", answers["q"].concat().len()),
                _ => format!("{allowed} allowed"),
            };
            events.done(format!("told: {said}"), None);
            futures_util::stream::iter(std::iter::from_fn(move || events.pop()))
        };
        let events = futures_util::stream::iter(first).chain(futures_util::stream::once(last).flatten());
        let control = Answers { told: Mutex::new(told), is_deaf: spec.prompt == "deaf" };
        EngineRun { events: events.boxed(), control: RunControl::new(control) }
    }
}

struct Answers {
    told: Mutex<mpsc::UnboundedSender<(String, Decision)>>,
    is_deaf: bool,
}

#[async_trait]
impl Control for Answers {
    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        if self.is_deaf {
            return Err(ControlError::NoSuchRequest(request.clone()));
        }
        let told = self.told.lock().unwrap().send((request.as_str().to_owned(), decision));
        told.map_err(|_| ControlError::Over)
    }
}
