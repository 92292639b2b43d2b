//! An engine that asks what its prompt says, tells what it was answered, and writes as engines do that think.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::engine::{Availability, EngineBackend, EngineCapabilities, EngineId, Modes};
use takopi_api::event::{
    Choice, Decision, Event, EventFactory, Permission, Question, Request, RequestId, RequestSubject, TextKind,
};
use takopi_api::resume::{ResumeError, ResumeLines as _, ResumeSyntax, ResumeToken};
use takopi_api::runner::{Control, ControlError, EngineRun, RunControl, RunSpec, Runner};
use tokio::sync::{mpsc, oneshot};

const ID: EngineId = EngineId::from_static("asker");
const SYNTAX: ResumeSyntax = ResumeSyntax::new(ID, "asker", &["resume"]);

/// What it writes before it goes on.
pub const THOUGHT: &str = "I think of **it**";

/// The engine.
#[must_use]
pub fn new() -> EngineBackend {
    EngineBackend::new("asker", Availability::OnRequest, |_| Ok(Arc::new(Asker))).with_capabilities(
        EngineCapabilities::none()
            .with_permissions()
            .with_questions()
            .with_plans()
            .with_live_text()
            .with_modes(Modes::Named(&["plan"])),
    )
}

struct Asker;

/// What a prompt asks for.
fn subject(prompt: &str) -> Option<RequestSubject> {
    let colours = || [Choice::new("Red").description("like fire"), Choice::new("Blue"), Choice::new("Green")];
    Some(match prompt {
        "questions" => RequestSubject::Question {
            questions: vec![
                Question::new("one", "which one?").header("Colour").options(colours()),
                Question::new("many", "which ones?").options(colours()).multiple(),
                Question::new("key", "the key?").secret(),
            ],
        },
        "plan" => RequestSubject::Plan { text: "1. look\n2. write".to_owned() },
        "edit" => {
            let diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n";
            let permission = Permission::default().tool("edit").paths(["x".to_owned()]).diff(diff);
            RequestSubject::Permission(permission.reason("to make it new"))
        }
        _ => return None,
    })
}

#[async_trait]
impl Runner for Asker {
    fn engine(&self) -> &EngineId {
        const { &ID }
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        SYNTAX.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        SYNTAX.extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let (answer, answered) = oneshot::channel();
        let (events, stream) = mpsc::unbounded_channel();
        tokio::spawn(go_on(spec, answered, events));
        let stream =
            futures_util::stream::unfold(stream, async |mut stream: mpsc::UnboundedReceiver<Event>| {
                stream.recv().await.map(|event| (event, stream))
            });
        let control = RunControl::new(Answer(Mutex::new(Some(answer))));
        EngineRun { events: stream.boxed(), control }
    }
}

async fn go_on(spec: RunSpec, answered: oneshot::Receiver<Decision>, events: mpsc::UnboundedSender<Event>) {
    let mut factory = EventFactory::new(ID, None);
    let tell = |factory: &mut EventFactory| {
        while let Some(event) = factory.pop() {
            // Whoever reads it may have gone.
            let _ = events.send(event);
        }
    };
    factory.started(ResumeToken::new(ID, spec.id.as_str()).unwrap(), "asker");
    let mode = spec.options.mode.map(|mode| format!(" in mode {mode}")).unwrap_or_default();
    let told = if let Some(subject) = subject(&spec.prompt) {
        factory.request(Request::new(RequestId::new("r"), "what now?", subject));
        tell(&mut factory);
        match answered.await {
            Ok(decision) => serde_json::to_string(&decision).unwrap(),
            Err(_) => "nothing".to_owned(),
        }
    } else if spec.prompt == "deaf" {
        drop(answered);
        let subject = RequestSubject::Plan { text: "look".to_owned() };
        factory.request(Request::new(RequestId::new("r"), "\u{1b}[2Jwhat now?", subject));
        "nothing was heard".to_owned()
    } else if spec.prompt == "think" {
        for word in THOUGHT.split_inclusive(' ') {
            factory.text(TextKind::Answer, word);
        }
        tell(&mut factory);
        while !spec.cwd.join("go").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        THOUGHT.to_owned()
    } else {
        spec.prompt
    };
    factory.done(format!("{told}{mode}"), None);
    tell(&mut factory);
}

/// Takes the answer to the only question.
struct Answer(Mutex<Option<oneshot::Sender<Decision>>>);

#[async_trait]
impl Control for Answer {
    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sender = sender.ok_or_else(|| ControlError::NoSuchRequest(request.clone()))?;
        sender.send(decision).map_err(|_| ControlError::Over)
    }
}
