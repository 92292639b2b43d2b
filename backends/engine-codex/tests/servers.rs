//! Servers that start, are shared, die, hang and end: the engine against a server that does what the prompt says.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::process::{
    CommandSpec, Ending, Environment, Exit, ExitStatus, Place, Process, ProcessHandle, ProcessHost,
    SpawnError,
};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Run, RunId, RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_codex as _;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::watch;

const CODEX: EngineId = EngineId::from_static("codex");

/// A host of servers that do what prompts say.
#[derive(Default)]
struct Fake {
    started: AtomicUsize,
    running: watch::Sender<usize>,
    /// What was said to all of them, in order.
    heard: Mutex<Vec<Value>>,
    changed: watch::Sender<()>,
    /// There is no codex.
    is_missing: bool,
    /// Its servers never get ready.
    is_mute: bool,
    /// Why a run has to wait.
    obstacle: Option<&'static str>,
    /// How many runs have a place.
    seats: watch::Sender<usize>,
}

struct Seat(Arc<Fake>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.send_modify(|seats| *seats -= 1);
    }
}

struct FakeHandle {
    exit: watch::Sender<Option<ExitStatus>>,
    ended: watch::Sender<bool>,
}

#[async_trait]
impl ProcessHandle for FakeHandle {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        Exit { status: status.unwrap_or(ExitStatus::Unknown), stderr_tail: self.stderr_tail() }
    }

    fn stderr_tail(&self) -> String {
        "\u{1b}[31mERROR\u{1b}[0m its last words\n".to_owned()
    }

    fn end(&self, _ending: Ending) {
        self.ended.send_replace(true);
    }
}

impl Drop for FakeHandle {
    fn drop(&mut self) {
        self.ended.send_replace(true);
    }
}

/// The host itself: its servers need a hold on it.
struct Shared(Arc<Fake>);

#[async_trait]
impl ProcessHost for Shared {
    fn obstacle(&self) -> Option<String> {
        self.0.obstacle.map(str::to_owned)
    }

    async fn admit(&self, _run: &RunId) -> Place {
        self.0.seats.send_modify(|seats| *seats += 1);
        Place::held_by(Seat(Arc::clone(&self.0)))
    }

    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        if self.0.is_missing {
            return Err(SpawnError::NotFound { program: command.program.to_string_lossy().into_owned() });
        }
        self.0.started.fetch_add(1, Ordering::SeqCst);
        self.0.running.send_modify(|running| *running += 1);
        let (stdin, input) = tokio::io::duplex(64 * 1024);
        let (output, stdout) = tokio::io::duplex(64 * 1024);
        let (exit, ended) = (watch::Sender::new(None), watch::Sender::new(false));
        let (status, mut asked) = (exit.clone(), ended.subscribe());
        let fake = Arc::clone(&self.0);
        tokio::spawn(async move {
            let server =
                Server { fake: Arc::clone(&fake), output, threads: 0, turns: 0, resumes: 0, late: None };
            let end = tokio::select! {
                status = server.serve(input) => status,
                _ = asked.wait_for(|asked| *asked) => ExitStatus::Signal(9),
            };
            status.send_replace(Some(end));
            fake.running.send_modify(|running| *running -= 1);
        });
        let handle = Arc::new(FakeHandle { exit, ended });
        Ok(Process { stdout: Box::new(stdout), stdin: Some(Box::new(stdin)), handle })
    }
}

struct Server {
    fake: Arc<Fake>,
    output: DuplexStream,
    threads: usize,
    turns: usize,
    /// How often it was asked for a thread that it still let go of.
    resumes: usize,
    /// What it says before it ends the next turn.
    late: Option<Value>,
}

impl Server {
    async fn serve(mut self, input: DuplexStream) -> ExitStatus {
        let mut lines = BufReader::new(input).lines();
        let mut is_deaf = self.fake.is_mute;
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            self.fake.heard.lock().unwrap().push(message.clone());
            self.fake.changed.send_replace(());
            if is_deaf {
                continue;
            }
            let params = &message["params"];
            let thread = params["threadId"].clone();
            let result = match message["method"].as_str().unwrap_or_default() {
                "config/read" => json!({ "config": {} }),
                "thread/start" => {
                    self.threads += 1;
                    let id =
                        format!("thread-{}", self.fake.started.load(Ordering::SeqCst) * 100 + self.threads);
                    json!({ "thread": { "id": id }, "model": "m" })
                }
                "thread/resume" => json!({ "thread": { "id": thread }, "model": "m" }),
                "turn/start" => {
                    self.turns += 1;
                    json!({ "turn": { "id": format!("turn-{}", self.turns) } })
                }
                _ => json!({}),
            };
            if params["model"] == "closing" && self.resumes < 3 {
                self.resumes += 1;
                let error = json!({ "code": -32600, "message": "thread t is closing; retry" });
                self.say(&json!({ "id": message["id"], "error": error })).await;
            } else if params["model"] == "slow" {
                self.late = Some(json!({ "id": message["id"], "result": result }));
            } else if message.get("id").is_some() {
                self.say(&json!({ "id": message["id"], "result": result })).await;
            }
            match message["method"].as_str().unwrap_or_default() {
                "turn/start" => {
                    let turn = &result["turn"]["id"];
                    let item = json!({ "type": "agentMessage", "id": turn, "text": "done" });
                    match params["input"][0]["text"].as_str().unwrap() {
                        "die" => return ExitStatus::Code(101),
                        "break off" => {
                            let _ = self.output.write_all(b"{\"method\":\"item/started\",\"par").await;
                            return ExitStatus::Code(101);
                        }
                        "hush" => return self.hush().await,
                        "deaf" => is_deaf = true,
                        "noise" => self.noise().await,
                        "wait" => {
                            let params = json!({ "threadId": thread, "turnId": turn, "item": item });
                            self.say(&json!({ "method": "item/started", "params": params })).await;
                            continue;
                        }
                        _ => {}
                    }
                    if !is_deaf {
                        let params = json!({ "threadId": thread, "turnId": turn, "item": item });
                        self.say(&json!({ "method": "item/completed", "params": params })).await;
                        self.end_turn(&thread, turn, "completed").await;
                    }
                }
                "turn/interrupt" => self.end_turn(&thread, &params["turnId"], "interrupted").await,
                _ => {}
            }
        }
        ExitStatus::Code(0)
    }

    async fn end_turn(&mut self, thread: &Value, turn: &Value, status: &str) {
        if let Some(late) = self.late.take() {
            self.say(&late).await;
        }
        let turn = json!({ "id": turn, "status": status });
        self.say(&json!({ "method": "turn/completed", "params": { "threadId": thread, "turn": turn } }))
            .await;
    }

    async fn say(&mut self, message: &Value) {
        let _ = self.output.write_all(format!("{message}\n").as_bytes()).await;
    }

    /// Closes its output and goes on.
    async fn hush(self) -> ExitStatus {
        drop(self.output);
        std::future::pending().await
    }

    async fn noise(&mut self) {
        let _ = self.output.write_all(b"\xff\xfe\x00 no line of ours\n\n{\"method\":7}\n[]\n").await;
        let long = vec![b'x'; 17 * 1024 * 1024];
        let _ = self.output.write_all(&long).await;
        let _ = self.output.write_all(b"\n").await;
    }
}

struct Engine {
    fake: Arc<Fake>,
    runner: Arc<dyn Runner>,
    threads: ThreadLocks,
}

fn runner() -> Arc<dyn Runner> {
    (engine("codex").build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

impl Engine {
    fn new() -> Self {
        Self { fake: Arc::default(), runner: runner(), threads: ThreadLocks::default() }
    }

    fn spec(&self, prompt: &str) -> RunSpec {
        let host: Arc<dyn ProcessHost> = Arc::new(Shared(Arc::clone(&self.fake)));
        RunSpec::new(prompt, "/repo", host, self.threads.clone())
    }

    async fn run(&self, prompt: &str) -> Completed {
        end(self.runner.run(self.spec(prompt))).await
    }

    /// A run that goes on.
    async fn waiting(&self) -> Run {
        let mut run = self.runner.run(self.spec("wait"));
        assert!(matches!(run.events.next().await, Some(Event::Started(_))));
        run
    }

    fn started(&self) -> usize {
        self.fake.started.load(Ordering::SeqCst)
    }

    async fn heard(&self, method: &str, times: usize) {
        let mut changes = self.fake.changed.subscribe();
        let count = || self.fake.heard.lock().unwrap().iter().filter(|said| said["method"] == method).count();
        while count() < times {
            changes.changed().await.unwrap();
        }
    }

    async fn all_ended(&self) {
        self.fake.running.subscribe().wait_for(|running| *running == 0).await.unwrap();
    }
}

async fn end(run: Run) -> Completed {
    let events = collect(run).await;
    let first = events.iter().position(|event| matches!(event, Event::Completed(_))).unwrap();
    assert_eq!(first, events.len() - 1);
    match events.last() {
        Some(Event::Completed(completed)) => completed.clone(),
        other => panic!("not completed: {other:?}"),
    }
}

fn error(completed: &Completed) -> &str {
    match &completed.outcome {
        Outcome::Failed { error } => error,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let fake: Arc<Fake> = Arc::default();
    let threads = ThreadLocks::default();
    let spec = |prompt: &str| {
        let host: Arc<dyn ProcessHost> = Arc::new(Shared(Arc::clone(&fake)));
        RunSpec::new(prompt, "/repo", host, threads.clone())
    };
    let contract = RunnerContract { runner, spec: || spec("hi"), slow: || spec("wait") };
    contract.check().await;
}

#[tokio::test(start_paused = true)]
async fn runs_share_a_server_until_it_is_let_go() {
    let engine = Engine::new();
    let waiting = engine.waiting().await;
    let (one, two) = tokio::join!(engine.run("one"), engine.run("two"));
    assert_eq!((one.answer.as_str(), two.answer.as_str()), ("done", "done"));
    assert_ne!(one.resume, two.resume);
    waiting.control.interrupt().await.unwrap();
    assert_eq!(end(waiting).await.outcome, Outcome::Interrupted);
    assert_eq!(engine.started(), 1);
    engine.runner.shutdown().await;
    engine.all_ended().await;
    let late = engine.run("late").await;
    assert_eq!(error(&late), "codex app-server is not started: takopi is ending");
    engine.runner.shutdown().await;
    assert_eq!(engine.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_is_an_error_of_each_run_and_starts_again_with_the_next() {
    let engine = Engine::new();
    let waiting = engine.waiting().await;
    let died = engine.run("die").await;
    let expected = "codex app-server exited with code 101 before the turn was done";
    assert_eq!(error(&died), expected, "what it said last may be of the other run");
    assert_eq!(error(&end(waiting).await), expected);
    assert!(engine.run("hi").await.is_done());
    assert_eq!(engine.started(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_server_are_told_to_a_run_that_is_alone() {
    let engine = Engine::new();
    let expected = "codex app-server exited with code 101 before the turn was done\nERROR its last words";
    assert_eq!(error(&engine.run("die").await), expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_off_is_not_shown() {
    let engine = Engine::new();
    let events = collect(engine.runner.run(engine.spec("break off"))).await;
    let is_action = |event: &Event| matches!(event, Event::Action(_));
    assert!(!events.iter().any(is_action), "{events:?}");
    assert!(!check_events(&CODEX, &events).is_done());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_more_is_ended() {
    let engine = Engine::new();
    let hushed = engine.run("hush").await;
    assert!(error(&hushed).starts_with("codex app-server was ended by SIGKILL before the turn was done"));
    engine.all_ended().await;
}

#[tokio::test(start_paused = true)]
async fn no_run_comes_to_a_server_that_says_nothing_more() {
    let engine = Engine::new();
    let hushed = tokio::spawn(end(engine.runner.run(engine.spec("hush"))));
    engine.heard("turn/start", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*engine.fake.running.borrow(), 1, "it has not ended yet");
    assert!(engine.run("hi").await.is_done());
    assert_eq!(engine.started(), 2);
    assert!(!hushed.await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_gets_ready_is_ended() {
    let engine = Engine { fake: Arc::new(Fake { is_mute: true, ..Fake::default() }), ..Engine::new() };
    let expected = "codex app-server was ended: it was not ready within 30 s\nERROR its last words";
    assert_eq!(error(&engine.run("hi").await), expected);
    engine.all_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_can_not_be_talked_to_is_an_error() {
    let host = ScriptedProcesses::new(Script::new("").waits());
    let spec = RunSpec::new("hi", "/repo", Arc::clone(&host) as Arc<dyn ProcessHost>, ThreadLocks::default());
    let completed = end(runner().run(spec)).await;
    assert_eq!(error(&completed), "codex app-server can not be talked to");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_hears_is_interrupted_and_cleared_away() {
    let engine = Engine::new();
    drop(engine.waiting().await);
    engine.heard("turn/interrupt", 1).await;
    engine.heard("thread/backgroundTerminals/clean", 1).await;
    engine.heard("thread/unsubscribe", 1).await;
    assert!(engine.run("hi").await.is_done());
    assert_eq!(engine.started(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_ended_with_every_run_on_it() {
    let engine = Engine::new();
    let other = engine.waiting().await;
    let mut deaf = engine.runner.run(engine.spec("deaf"));
    assert!(matches!(deaf.events.next().await, Some(Event::Started(_))));
    deaf.control.kill();
    assert_eq!(end(deaf).await.outcome, Outcome::Interrupted);
    let expected = "codex app-server was ended: it did not end a run within 2 s";
    assert_eq!(error(&end(other).await), expected);
    engine.all_ended().await;
    assert!(engine.run("hi").await.is_done());
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_is_not_answered_is_over_in_time() {
    let engine = Engine::new();
    let mut deaf = engine.runner.run(engine.spec("deaf"));
    assert!(matches!(deaf.events.next().await, Some(Event::Started(_))));
    deaf.control.interrupt().await.unwrap();
    assert_eq!(end(deaf).await.outcome, Outcome::Interrupted);
    engine.all_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_still_let_go_is_waited_for() {
    let engine = Engine::new();
    let closing = RunOptions::default().model(Some("closing".to_owned()));
    let thread = ResumeToken::new(CODEX, "t").unwrap();
    let spec = engine.spec("hi").resume(Some(thread)).options(closing);
    assert!(end(engine.runner.run(spec)).await.is_done());
    engine.heard("thread/resume", 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_to_open_a_thread_is_not_ended_for_it() {
    let engine = Engine::new();
    let other = engine.waiting().await;
    let slow = engine.spec("hi").options(RunOptions::default().model(Some("slow".to_owned())));
    let (slow, control) = {
        let run = engine.runner.run(slow);
        let control = run.control.clone();
        (tokio::spawn(end(run)), control)
    };
    engine.heard("thread/start", 2).await;
    control.interrupt().await.unwrap();
    assert_eq!(slow.await.unwrap().outcome, Outcome::Interrupted);
    tokio::time::sleep(Duration::from_secs(60)).await;
    other.control.interrupt().await.unwrap();
    assert_eq!(end(other).await.outcome, Outcome::Interrupted);
    engine.heard("thread/unsubscribe", 2).await;
    assert!(engine.run("hi").await.is_done());
    assert_eq!((engine.started(), *engine.fake.running.borrow()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_opens_no_thread_and_says_nothing_is_ended() {
    let engine = Engine::new();
    let slow = engine.spec("hi").options(RunOptions::default().model(Some("slow".to_owned())));
    let run = engine.runner.run(slow);
    let control = run.control.clone();
    let slow = tokio::spawn(end(run));
    engine.heard("thread/start", 1).await;
    control.interrupt().await.unwrap();
    assert_eq!(slow.await.unwrap().outcome, Outcome::Interrupted);
    engine.all_ended().await;
    assert!(engine.run("hi").await.is_done());
    assert_eq!(engine.started(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_environment_has_a_server_and_one_that_nobody_uses_ends() {
    let engine = Engine::new();
    let other = |value: &str| engine.spec("hi").environment(Environment::empty().set("A", value));
    assert!(engine.run("hi").await.is_done());
    engine.heard("thread/unsubscribe", 1).await;
    let waiting = engine.waiting().await;
    assert!(end(engine.runner.run(other("1"))).await.is_done());
    assert_eq!(
        (engine.started(), *engine.fake.running.borrow()),
        (2, 2),
        "one is in use, the other is needed"
    );
    engine.heard("thread/unsubscribe", 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(end(engine.runner.run(other("2"))).await.is_done());
    engine.fake.running.subscribe().wait_for(|running| *running == 2).await.unwrap();
    assert_eq!(engine.started(), 3);
    drop(waiting);
    engine.runner.shutdown().await;
    engine.all_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_has_its_place_until_nothing_is_left_of_it() {
    let engine = Engine {
        fake: Arc::new(Fake { obstacle: Some("two runs go on"), ..Fake::default() }),
        ..Engine::new()
    };
    let mut run = engine.runner.run(engine.spec("wait"));
    for phase in ["started", "completed"] {
        let event = serde_json::to_value(run.events.next().await.unwrap()).unwrap();
        assert_eq!((&event["action"]["title"], &event["phase"]), (&json!("two runs go on"), &json!(phase)));
    }
    assert_eq!(*engine.fake.seats.borrow(), 1);
    run.control.interrupt().await.unwrap();
    assert_eq!(end(run).await.outcome, Outcome::Interrupted);
    engine.fake.seats.subscribe().wait_for(|seats| *seats == 0).await.unwrap();
    engine.heard("thread/unsubscribe", 1).await;
}

#[tokio::test(start_paused = true)]
async fn noise_costs_nothing_but_a_warning() {
    let engine = Engine::new();
    let events = collect(engine.runner.run(engine.spec("noise"))).await;
    let completed = check_events(&CODEX, &events);
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("done", true));
    let warnings: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(event.action.title.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("codex printed a line that takopi can not read"), "{warnings:?}");
}

#[tokio::test]
async fn what_can_not_be_started_is_said() {
    let engine = Engine { fake: Arc::new(Fake { is_missing: true, ..Fake::default() }), ..Engine::new() };
    assert_eq!(error(&engine.run("hi").await), "`codex` is not installed, or not on PATH");
    assert_eq!(error(&engine.run(" \n").await), "codex needs a prompt");
}
