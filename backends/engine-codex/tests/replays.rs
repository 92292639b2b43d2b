//! The server as it was recorded: what it says comes when it was told what it was told then, and both are compared.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{ActionKind, Completed, Decision, Event, RequestSubject};
use takopi_api::process::ProcessHost;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Run, RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, Replayed, check_events, engine};
use takopi_engine_codex as _;

const CODEX: EngineId = EngineId::from_static("codex");

/// What was said when it was recorded by another client, and what takopi says in another way.
const IGNORED: [&str; 6] = [
    "/params/clientInfo",
    // Takopi says what a turn may do with the turn; the recording says it with the thread.
    "/params/approvalPolicy",
    "/params/sandbox",
    "/params/sandboxPolicy",
    "/params/config",
    "/params/excludeTurns",
];

/// A recording that is played, and what was said in it.
struct Play {
    replayed: Replayed,
    runner: Arc<dyn Runner>,
    threads: ThreadLocks,
    said: std::vec::IntoIter<Value>,
    thread: Option<ResumeToken>,
    model: Option<String>,
    /// It ends in the middle of a turn.
    is_torn: bool,
    events: Vec<Event>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/app_server")
}

impl Play {
    fn open(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let said: Vec<Value> =
            lines.filter(|line| line["dir"] == ">").map(|line| line["msg"].clone()).collect();
        let resumes = said.iter().find(|message| message["method"] == "thread/resume");
        let thread = resumes.map(|message| message["params"]["threadId"].as_str().unwrap());
        let thread = thread.map(|thread| ResumeToken::new(CODEX, thread).unwrap());
        let resumes = resumes.is_some();
        let begun = said.iter().find(|message| message["method"] == "thread/start");
        let model = begun.and_then(|begun| begun["params"]["model"].as_str()).map(str::to_owned);
        let is_torn = !text.contains("\"turn/completed\"");
        // There a change was allowed for the session, which codex would keep for more, and a command, which it had not offered.
        let also_ignored = (name == "approve-untrusted").then_some("/result/decision");
        let replayed = Replay::new(text.as_str())
            .place("$WORK", "/repo")
            .ids(["/id"])
            .ignoring(IGNORED.into_iter().chain(also_ignored))
            .also(move |message| unrecorded(message, resumes, &text))
            .start();
        let runner = (engine("codex").build_runner)(&EngineConfig::empty("/nowhere")).unwrap();
        let threads = ThreadLocks::default();
        Self { replayed, runner, threads, said: said.into_iter(), thread, model, is_torn, events: Vec::new() }
    }

    /// Does what was done when it was recorded.
    async fn go(&mut self) {
        let mut run = None;
        while let Some(message) = self.said.next() {
            let params = &message["params"];
            match message["method"].as_str() {
                Some("initialize" | "initialized" | "thread/start" | "thread/resume") => {}
                Some("turn/start") => {
                    if let Some(run) = run.take() {
                        self.finish(run).await;
                    }
                    run = Some(self.begin(params));
                }
                Some("turn/interrupt") => {
                    let run = run.as_mut().unwrap();
                    self.until(run, is_under_way).await;
                    run.control.interrupt().await.unwrap();
                }
                Some("turn/steer") => {
                    let run = run.as_mut().unwrap();
                    self.until(run, is_under_way).await;
                    let control = run.control.clone();
                    let text = params["input"][0]["text"].as_str().unwrap().to_owned();
                    control.steer(text).await.unwrap();
                }
                None => {
                    let run = run.as_mut().unwrap();
                    self.until(run, |event| matches!(event, Event::Request(_))).await;
                    let Some(Event::Request(event)) = self.events.last() else { panic!("nothing is asked") };
                    let decision = decision(&event.request.subject, &message["result"]);
                    let id = event.request.id.clone();
                    run.control.answer(&id, decision).await.unwrap();
                }
                other => panic!("the recording has {other:?}"),
            }
        }
        if let Some(mut run) = run {
            if self.is_torn {
                self.until(&mut run, is_under_way).await;
                let runner = Arc::clone(&self.runner);
                tokio::join!(runner.shutdown(), self.finish(run));
            } else {
                self.finish(run).await;
            }
        }
        self.runner.shutdown().await;
        self.replayed.finish().await;
    }

    fn begin(&self, params: &Value) -> Run {
        let processes: Arc<dyn ProcessHost> = Arc::new(self.replayed.clone());
        let prompt = params["input"][0]["text"].as_str().unwrap();
        let mode = params["collaborationMode"]["mode"].as_str().map(str::to_owned);
        let spec = RunSpec::new(prompt, "/repo", processes, self.threads.clone())
            .resume(self.thread.clone())
            .options(RunOptions::default().model(self.model.clone()).mode(mode));
        self.runner.run(spec)
    }

    async fn until(&mut self, run: &mut Run, is_it: impl Fn(&Event) -> bool) {
        loop {
            let event = run.events.next().await.unwrap();
            let is_it = is_it(&event);
            self.events.push(event);
            if is_it {
                return;
            }
        }
    }

    async fn finish(&mut self, mut run: Run) {
        while let Some(event) = run.events.next().await {
            if let Event::Completed(completed) = &event {
                self.thread.clone_from(&completed.resume);
            }
            self.events.push(event);
        }
    }

    /// The events, one a line, of each run.
    fn snapshot(&self) -> String {
        let runs = self.events.split_inclusive(|event| matches!(event, Event::Completed(_)));
        for run in runs {
            check_events(&CODEX, run);
        }
        let lines = self.events.iter().map(|event| serde_json::to_string(event).unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn last(&self) -> &Completed {
        match self.events.last() {
            Some(Event::Completed(completed)) => completed,
            other => panic!("not completed: {other:?}"),
        }
    }
}

fn is_under_way(event: &Event) -> bool {
    match event {
        Event::Action(event) => event.action.kind == ActionKind::Command,
        Event::Text(_) => true,
        _ => false,
    }
}

/// What takopi says besides, and what codex says to that.
fn unrecorded(message: &Value, resumes: bool, recording: &str) -> Option<Vec<Value>> {
    let result = match message["method"].as_str()? {
        "config/read" => json!({ "config": {} }),
        "thread/backgroundTerminals/clean" | "thread/unsubscribe" => json!({}),
        // A sub-agent works on when the turn that it belongs to is over.
        "turn/interrupt" if !recording.contains("turn/interrupt") => json!({}),
        // The recording goes on in the thread that it has.
        "thread/resume" if !resumes => {
            json!({ "thread": { "id": message["params"]["threadId"] }, "approvalPolicy": "on-request" })
        }
        _ => return None,
    };
    Some(vec![json!({ "id": message["id"], "result": result })])
}

/// What a person said who said this.
fn decision(subject: &RequestSubject, result: &Value) -> Decision {
    match (subject, result["decision"].as_str()) {
        (RequestSubject::Question { .. }, _) => {
            let answers = result["answers"].as_object().unwrap().iter();
            let answers = answers
                .map(|(id, answer)| (id.clone(), serde_json::from_value(answer["answers"].clone()).unwrap()));
            Decision::Answer { answers: answers.collect() }
        }
        (_, Some("accept")) => Decision::AllowOnce,
        (_, Some("acceptForSession")) => Decision::AllowSession,
        (_, Some("decline" | "cancel")) => Decision::Deny { reason: None },
        (_, other) => panic!("the recording has {other:?}"),
    }
}

macro_rules! replays {
    ($($name:ident => $recording:literal,)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let mut play = Play::open($recording);
            play.go().await;
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true,
                snapshot_path => "snapshots/app_server" }, {
                insta::assert_snapshot!($recording, play.snapshot());
            });
            assert!(play.last().resume.is_some());
        }
    )*};
}

replays! {
    turns_follow_each_other_in_one_thread => "basic",
    a_command_is_allowed => "approve-accept",
    a_change_and_a_command_are_allowed_for_the_session => "approve-untrusted",
    a_big_output_costs_nothing => "big",
    code_mode_and_sub_agents_are_told => "codemode",
    an_error_ends_the_turn_and_not_the_thread => "error",
    a_turn_is_interrupted => "interrupt",
    a_command_is_cleared_away => "interrupt-child",
    an_answer_is_interrupted => "interrupt-text",
    a_question_is_answered_in_plan_mode => "plan-ask",
    a_thread_is_continued => "resume",
    a_text_reaches_the_running_turn => "steer",
    a_server_that_is_let_go_ends_its_run => "stdin-eof-midturn",
    a_server_that_is_told_to_end_ends_its_run => "sigterm",
}
