//! What is said, seen from inside: a conversation with a chat system that is a list, and an engine that asks back.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId};
use takopi_api::event::{Decision, EventFactory, Question, Request, RequestId, RequestSubject};
use takopi_api::message::IncomingFile;
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};
use takopi_api::testing::Call;
use takopi_api::transport::Capabilities;
use tokio::sync::oneshot;

use crate::inside::{Inside, message};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

static ENGINE: Backend = Backend::new("curious", Constructor::Engine(backend));
static ID: EngineId = EngineId::from_static("curious");

/// A chat with an engine that asks which one is meant if it is told to ask, and says what it was told.
struct Talk(Inside);

impl std::ops::Deref for Talk {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.0
    }
}

impl Talk {
    async fn new(can: Capabilities) -> Self {
        Self(Inside::new(&ENGINE, can, "", "").await)
    }

    async fn gives(&self, id: &str, text: &str, files: Vec<IncomingFile>) {
        self.0.gives(message(id, text).files(files)).await;
    }

    /// A voice note in which these words are heard.
    async fn says(&self, id: &str, words: &str) {
        self.chat.put_transcript(id, words);
        self.gives(id, "", vec![IncomingFile::new(id).spoken()]).await;
    }

    fn listened(&self) -> usize {
        let records = self.chat.records();
        records.iter().filter(|record| matches!(record.call, Call::Transcribe { .. })).count()
    }
}

#[tokio::test]
async fn what_is_said_answers_a_question() {
    let talk = Talk::new(Capabilities::none().voice()).await;
    talk.gives("1", "ask", Vec::new()).await;
    talk.sees("which one?").await;
    talk.says("2", " the second \n").await;
    talk.sees("heard\n\nthe second").await;
    talk.sees("told: the second.").await;
}

#[tokio::test]
async fn where_nobody_can_listen_a_recording_is_a_file_for_the_engine() {
    let talk = Talk::new(Capabilities::none().files()).await;
    talk.chat.put_file("v", b"sound".to_vec());
    talk.gives("1", "look", vec![IncomingFile::new("v").spoken()]).await;
    talk.sees("told: look with 1 files.").await;
    assert_eq!(talk.listened(), 0);
}

#[tokio::test]
async fn what_is_heard_is_no_file_for_the_engine() {
    let talk = Talk::new(Capabilities::none().files().voice()).await;
    talk.chat.put_file("notes", b"text".to_vec());
    talk.chat.put_transcript("v", "compare");
    talk.gives("1", "", vec![IncomingFile::new("v").spoken(), IncomingFile::new("notes")]).await;
    talk.sees("told: (voice transcribed) compare with 1 files.").await;
}

#[tokio::test(start_paused = true)]
async fn nobody_listens_for_ever_and_what_comes_behind_is_taken_then() {
    let talk = Talk::new(Capabilities::none().voice()).await;
    let held = talk.chat.hold_next(1);
    talk.says("1", "one").await;
    talk.gives("2", "two", Vec::new()).await;
    // Its patience is in the time that is skipped here, and ours is not.
    let began = std::time::Instant::now();
    while !talk.chat.screen().contains("told: two.") {
        assert!(began.elapsed() < PATIENCE, "{}", talk.chat.screen());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let screen = talk.chat.screen();
    assert!(screen.contains("error: it took more than 120 seconds to write down what you said"), "{screen}");
    assert!(screen.find("error: ") < screen.find("told: two"), "{screen}");
    drop(held);
}

fn backend() -> EngineBackend {
    EngineBackend::new("curious", Availability::Embedded, |_| Ok(Arc::new(Curious)))
        .with_capabilities(EngineCapabilities::none().with_questions())
}

struct Curious;

fn syntax() -> &'static ResumeSyntax {
    static SYNTAX: OnceLock<ResumeSyntax> = OnceLock::new();
    SYNTAX.get_or_init(|| ResumeSyntax::new(ID.clone(), "curious", &["resume"]))
}

#[async_trait]
impl Runner for Curious {
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
        events.started(ResumeToken::new(ID.clone(), spec.id.as_str()).unwrap(), "curious");
        let (answer, answered) = oneshot::channel();
        let is_asking = spec.prompt == "ask";
        if is_asking {
            let question = Question::new("q", "which one?");
            let subject = RequestSubject::Question { questions: vec![question] };
            events.request(Request::new(RequestId::new("r"), "which one?", subject));
        } else {
            let files = spec.attachments.len();
            let with = if files == 0 { String::new() } else { format!(" with {files} files") };
            events.done(format!("told: {}{with}.", spec.prompt), None);
        }
        let first = futures_util::stream::iter(std::iter::from_fn({
            let mut events: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
            events.reverse();
            move || events.pop()
        }));
        let last = futures_util::stream::once(async move {
            let mut events = EventFactory::new(ID.clone(), None);
            let told = if is_asking { answered.await.unwrap_or_default() } else { String::new() };
            events.done(format!("told: {told}."), None);
            events.pop().unwrap()
        });
        let all = first.chain(last.take(usize::from(is_asking)));
        EngineRun { events: all.boxed(), control: RunControl::new(Answer(Mutex::new(Some(answer)))) }
    }
}

/// Takes the answer to the only question.
struct Answer(Mutex<Option<oneshot::Sender<String>>>);

#[async_trait]
impl Control for Answer {
    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let sender = self.0.lock().unwrap().take();
        let sender = sender.ok_or_else(|| ControlError::NoSuchRequest(request.clone()))?;
        let Decision::Answer { answers } = decision else { return Err(ControlError::Unsupported("that")) };
        // The run may be over.
        let _ = sender.send(answers["q"].concat());
        Ok(())
    }
}
