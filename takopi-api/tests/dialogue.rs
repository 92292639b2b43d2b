//! Engines that talk both ways, against recordings of a program that never was.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::engine::EngineId;
use takopi_api::event::{
    Decision, Event, EventFactory, Outcome, Permission, Request, RequestId, RequestSubject, Resolution,
};
use takopi_api::jsonl::{
    DialogueEngine, DialogueRunner, Interruption, LINE_BYTES, Receipt, Recognition, RefusedRun, Says,
    value_in_head,
};
use takopi_api::process::{
    CommandSpec, Ending, Exit, ExitStatus, GRACE, Process, ProcessHandle, ProcessHost, SpawnError,
};
use takopi_api::resume::{ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{ControlError, Run, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, Replayed, check_events};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::watch;

const ACME: EngineId = EngineId::from_static("acme");
static ENGINE: EngineId = ACME;
static RESUME: ResumeSyntax = ResumeSyntax::new(ACME, "acme", &["resume"]);

/// Talks `{"do": …, "id": …}` and hears `{"did": …}`.
struct Talker;

#[derive(Default)]
struct State {
    prompt: String,
    receipt: Option<Receipt>,
}

#[async_trait::async_trait]
impl DialogueEngine for Talker {
    type State = State;

    fn engine(&self) -> &EngineId {
        &ENGINE
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        Ok(CommandSpec::new("acme", &spec.cwd))
    }

    fn state(&self, spec: &RunSpec) -> State {
        State { prompt: spec.prompt.clone(), receipt: None }
    }

    fn open(&self, state: &mut State, says: &mut Says) {
        says.line(&json!({"do": "prompt", "id": "mine", "text": state.prompt}));
    }

    fn hear(&self, line: &str, state: &mut State, out: &mut EventFactory, says: &mut Says) -> Recognition {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return Recognition::Malformed { reason: "no JSON".into() };
        };
        match message["did"].as_str().unwrap_or_default() {
            "start" => {
                assert_eq!(message["id"], "mine");
                out.started(ResumeToken::new(ACME, "1").expect("it is one"), "Acme");
            }
            "ask" => {
                let id = RequestId::new(message["id"].to_string());
                let subject = RequestSubject::Permission(Permission::default().command("rm x"));
                out.request(Request::new(id, "remove x", subject));
            }
            "withdraw" => {
                out.request_resolved(RequestId::new(message["id"].to_string()), Resolution::Withdrawn);
            }
            "take" => state.receipt.take().expect("one was given").taken(),
            "ping" => says.line(&json!({"do": "pong"})),
            "end" => out.done(message["answer"].as_str().unwrap_or_default(), None),
            kind => return Recognition::Unknown { kind: kind.to_owned() },
        }
        Recognition::Known
    }

    fn too_long(&self, head: &str, _state: &mut State, _out: &mut EventFactory, says: &mut Says) {
        if let (Some(r#""ask""#), Some(id)) = (value_in_head(head, "did"), value_in_head(head, "id")) {
            says.line(&json!({"do": "deny", "request": id}));
        }
    }

    fn interrupt(&self, _state: &mut State, says: &mut Says) -> Interruption {
        says.line(&json!({"do": "stop"}));
        Interruption::Said
    }

    fn steer(&self, text: String, receipt: Receipt, state: &mut State, says: &mut Says) {
        says.line(&json!({"do": "steer", "text": text}));
        state.receipt = Some(receipt);
    }

    fn answer(
        &self,
        request: &RequestId,
        decision: Decision,
        _state: &mut State,
        _out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        match decision {
            Decision::AllowAlways => panic!("a bug in the engine"),
            Decision::AllowSession => return Err(ControlError::Refused("not for so long".to_owned())),
            Decision::AllowOnce => says.line(&json!({"do": "allow", "request": request.as_str()})),
            _ => says.line(&json!({"do": "deny", "request": request.as_str()})),
        }
        Ok(())
    }
}

fn recording(steps: &[(&str, Value)]) -> Replay {
    let lines: Vec<String> =
        steps.iter().map(|(dir, message)| json!({"dir": dir, "msg": message}).to_string()).collect();
    Replay::new(lines.join("\n")).ids(["/id"])
}

fn prompt() -> (&'static str, Value) {
    (">", json!({"do": "prompt", "id": "recorded", "text": "hi"}))
}

fn start() -> (&'static str, Value) {
    ("<", json!({"did": "start", "id": "recorded"}))
}

fn end() -> (&'static str, Value) {
    ("<", json!({"did": "end", "answer": "bye"}))
}

fn closed() -> (&'static str, Value) {
    ("!", json!({"closed": "stdin", "exit": 0}))
}

fn run(host: &Replayed) -> Run {
    let processes: Arc<dyn ProcessHost> = Arc::new(host.clone());
    let runner: Arc<dyn Runner> = Arc::new(DialogueRunner::new(Talker));
    runner.run(RunSpec::new("hi", "/", processes, ThreadLocks::default()))
}

async fn request(run: &mut Run) -> RequestId {
    loop {
        if let Event::Request(event) = run.events.next().await.expect("it asks") {
            return event.request.id;
        }
    }
}

#[tokio::test]
async fn what_is_said_reaches_the_program_and_its_answers_come_back() {
    let host = recording(&[
        prompt(),
        start(),
        ("<", json!({"did": "ping"})),
        (">", json!({"do": "pong"})),
        ("<", json!({"did": "ask", "id": 7})),
        (">", json!({"do": "allow", "request": "7"})),
        end(),
        closed(),
    ])
    .start();
    let mut run = run(&host);
    let asked = request(&mut run).await;
    let refused = run.control.answer(&asked, Decision::AllowSession).await;
    assert_eq!(refused, Err(ControlError::Refused("not for so long".to_owned())), "it still asks");
    run.control.answer(&asked, Decision::AllowOnce).await.unwrap();
    let second = run.control.answer(&asked, Decision::AllowOnce).await;
    assert_eq!(second, Err(ControlError::NoSuchRequest(asked)), "a request is answered once");
    let rest: Vec<_> = run.events.collect().await;
    let completed = check_events(&ACME, &rest);
    assert_eq!((completed.outcome, completed.answer.as_str()), (Outcome::Done, "bye"));
    host.finish().await;
}

#[tokio::test]
async fn an_engine_that_does_not_take_an_answer_is_told_no() {
    let host = recording(&[
        prompt(),
        start(),
        ("<", json!({"did": "ask", "id": 7})),
        (">", json!({"do": "deny", "request": "7"})),
        end(),
        closed(),
    ])
    .start();
    let mut run = run(&host);
    let asked = request(&mut run).await;
    let answered = run.control.answer_or_deny(&asked, Decision::AllowSession).await;
    assert_eq!(answered, Err(ControlError::Refused("not for so long".to_owned())));
    let rest: Vec<_> = run.events.collect().await;
    assert_eq!(check_events(&ACME, &rest).outcome, Outcome::Done);
    host.finish().await;
}

#[tokio::test]
async fn a_question_that_is_too_long_to_be_asked_is_answered_by_no() {
    // As much as there is room for is read at once, so what is little longer may be read all the same.
    let host = recording(&[
        prompt(),
        start(),
        ("<", json!({"did": "ask", "id": 7, "what": "x".repeat(3 * LINE_BYTES)})),
        (">", json!({"do": "deny", "request": "7"})),
        end(),
        closed(),
    ])
    .start();
    let events: Vec<_> = run(&host).events.collect().await;
    assert!(events.iter().all(|event| !matches!(event, Event::Request(_))));
    assert_eq!(check_events(&ACME, &events).answer, "bye");
    host.finish().await;
}

#[tokio::test]
async fn a_withdrawn_request_and_one_of_an_id_that_is_open_are_not_answered() {
    let host = recording(&[
        prompt(),
        start(),
        ("<", json!({"did": "ask", "id": 7})),
        ("<", json!({"did": "ask", "id": 7})),
        ("<", json!({"did": "withdraw", "id": 7})),
        end(),
        closed(),
    ])
    .start();
    let run = run(&host);
    let control = run.control.clone();
    let events: Vec<_> = run.events.collect().await;
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Request(_))), 1);
    assert_eq!(count(|event| matches!(event, Event::RequestResolved(_))), 1);
    let late = control.answer(&RequestId::new("7"), Decision::AllowOnce).await;
    assert_eq!(late, Err(ControlError::Over));
    host.finish().await;
}

#[tokio::test]
async fn a_steered_text_has_a_receipt_that_comes_from_the_program() {
    let host = recording(&[
        prompt(),
        start(),
        (">", json!({"do": "steer", "text": "also this"})),
        ("<", json!({"did": "take"})),
        (">", json!({"do": "steer", "text": "and that"})),
        end(),
        closed(),
    ])
    .start();
    let mut run = run(&host);
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    let control = run.control.clone();
    let rest = tokio::spawn(run.events.collect::<Vec<_>>());
    assert_eq!(control.steer("also this").await, Ok(()));
    assert_eq!(control.steer("and that").await, Err(ControlError::Over), "the turn ended first");
    assert_eq!(check_events(&ACME, &rest.await.unwrap()).outcome, Outcome::Done);
    host.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_end_its_turn_when_it_is_told_to_is_terminated() {
    let host = recording(&[
        prompt(),
        start(),
        (">", json!({"do": "stop"})),
        ("!", json!({"closed": "term", "exit": 143})),
    ])
    .start();
    let mut run = run(&host);
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    let began = tokio::time::Instant::now();
    run.control.interrupt().await.unwrap();
    let rest: Vec<_> = run.events.collect().await;
    assert!(matches!(&rest[..], [Event::Completed(end)] if end.outcome == Outcome::Interrupted), "{rest:?}");
    assert!(began.elapsed() >= Duration::from_secs(10), "it had its time");
    host.finish().await;
}

/// A program that begins its turn, prints empty lines without end, and ends when it is told to.
#[derive(Clone, Default)]
struct Endless(Arc<watch::Sender<bool>>);

#[async_trait::async_trait]
impl ProcessHost for Endless {
    async fn spawn(&self, _: CommandSpec) -> Result<Process, SpawnError> {
        let start = json!({"did": "start", "id": "mine"}).to_string();
        let stdout = Box::new(std::io::Cursor::new(start).chain(self.clone()));
        Ok(Process { stdout, stdin: Some(Box::new(tokio::io::sink())), handle: Arc::new(self.clone()) })
    }
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !*self.0.borrow() {
            ready!(pin!(tokio::task::consume_budget()).poll(context));
            into.put_slice(b"\n");
        }
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl ProcessHandle for Endless {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> Exit {
        let _ = self.0.subscribe().wait_for(|is_ended| *is_ended).await;
        Exit { status: ExitStatus::Signal(15), stderr_tail: String::new() }
    }

    fn stderr_tail(&self) -> String {
        String::new()
    }

    fn end(&self, _: Ending) {
        self.0.send_replace(true);
    }
}

#[tokio::test(start_paused = true)]
async fn endless_output_keeps_no_program_from_its_end() {
    let program = Endless::default();
    let runner: Arc<dyn Runner> = Arc::new(DialogueRunner::new(Talker));
    let mut run = runner.run(RunSpec::new("hi", "/", Arc::new(program.clone()), ThreadLocks::default()));
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    let control = run.control.clone();
    let rest = tokio::spawn(run.events.collect::<Vec<_>>());
    control.interrupt().await.unwrap();
    tokio::time::advance(GRACE).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(*program.0.borrow(), "it is told to end");
    let rest = rest.await.unwrap();
    assert!(matches!(&rest[..], [Event::Completed(end)] if end.outcome == Outcome::Interrupted), "{rest:?}");
}

#[tokio::test]
async fn a_panic_at_an_answer_is_the_engines_and_the_run_goes_on() {
    let host =
        recording(&[prompt(), start(), ("<", json!({"did": "ask", "id": 7})), end(), closed()]).start();
    let mut run = run(&host);
    let asked = request(&mut run).await;
    let answered = run.control.answer(&asked, Decision::AllowAlways).await;
    assert!(matches!(&answered, Err(ControlError::Refused(why)) if why.contains("panicked")), "{answered:?}");
    let rest: Vec<_> = run.events.collect().await;
    assert_eq!(check_events(&ACME, &rest).outcome, Outcome::Done);
}

#[tokio::test]
async fn a_replay_notices_what_was_not_recorded() {
    for (told, fault) in [
        (json!({"do": "prompt", "id": "recorded", "text": "ho"}), "another value at `/text`"),
        (json!({"do": "prompt", "id": "recorded"}), "/text is new"),
        (json!({"do": "prompt", "id": "recorded", "text": "hi", "more": 1}), "/more is missing"),
    ] {
        let host = recording(&[(">", told), start()]).start();
        let events: Vec<_> = run(&host).events.collect().await;
        let completed = check_events(&ACME, &events);
        assert!(
            matches!(&completed.outcome, Outcome::Failed { error } if error.contains(fault)),
            "{completed:?}"
        );
    }
    let ignored = json!({"do": "prompt", "id": "recorded", "text": "ho", "more": 1});
    let host = recording(&[(">", ignored), start(), end(), closed()]).ignoring(["/text", "/*"]).start();
    let events: Vec<_> = run(&host).events.collect().await;
    assert_eq!(check_events(&ACME, &events).outcome, Outcome::Done);
    host.finish().await;
}

#[tokio::test]
#[should_panic(expected = "nobody said")]
async fn a_replay_misses_what_was_recorded() {
    let host = recording(&[prompt(), start(), end(), (">", json!({"do": "more"})), closed()])
        .also(|sent| (sent["do"] == "unknown").then(Vec::new))
        .start();
    let run = run(&host);
    run.control.kill();
    let _: Vec<_> = run.events.collect().await;
    host.finish().await;
}
