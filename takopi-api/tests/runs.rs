//! The contract at work on runners that break it, and the JSON-lines runner on programs that misbehave.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::event::{
    Action, ActionEvent, ActionKind, ActionOutcome, Completed, Decision, Event, EventFactory, Outcome, Phase,
    Question, Request, RequestEvent, RequestId, RequestResolved, RequestSubject, Resolution, Started,
};
use takopi_api::jsonl::{JsonlEngine, JsonlSubprocessRunner, Recognition, RefusedRun};
use takopi_api::process::{CommandSpec, Environment, ExitStatus, ProcessHost};
use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{EngineRun, RunControl, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, check_events, collect};

const ACME: EngineId = EngineId::from_static("acme");
const SYNTAX: ResumeSyntax = ResumeSyntax::new(ACME, "acme", &["resume"]);

fn token(value: &str) -> ResumeToken {
    ResumeToken::new(ACME, value).unwrap()
}

fn spec(processes: &Arc<ScriptedProcesses>) -> RunSpec {
    let host = Arc::clone(processes) as Arc<dyn ProcessHost>;
    RunSpec::new("hello", Path::new("/"), host, ThreadLocks::default())
}

fn error_of(completed: &Completed) -> &str {
    match &completed.outcome {
        Outcome::Failed { error } => error,
        other => panic!("not a failure: {other:?}"),
    }
}

/// A runner that gives exactly these events, or panics.
struct Loose(Vec<Event>, Option<&'static str>);

impl Runner for Loose {
    fn engine(&self) -> &EngineId {
        const { &ACME }
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        SYNTAX.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        SYNTAX.extract(text)
    }

    fn start(&self, _: RunSpec) -> EngineRun {
        let panic = self.1;
        let events = futures_util::stream::iter(self.0.clone())
            .chain(futures_util::stream::poll_fn(move |_| match panic {
                Some(message) => panic!("{message}"),
                None => std::task::Poll::Ready(None),
            }))
            .boxed();
        EngineRun { events, control: RunControl::none() }
    }
}

async fn run_loose(runner: Loose, resume: Option<ResumeToken>) -> Vec<Event> {
    let runner: Arc<dyn Runner> = Arc::new(runner);
    let processes = ScriptedProcesses::new(Script::new(""));
    collect(runner.run(spec(&processes).resume(resume))).await
}

fn started(value: &str) -> Event {
    Event::Started(Started::new(token(value), "Acme"))
}

fn done() -> Event {
    Event::Completed(Completed::new(ACME, Outcome::Done).answer("yes"))
}

#[tokio::test]
async fn a_missing_end_a_double_end_and_a_panic_all_become_one_end() {
    let events = run_loose(Loose(vec![started("1")], None), None).await;
    assert!(error_of(&check_events(&ACME, &events)).contains("ended without a result"));

    let events =
        run_loose(Loose(vec![started("1"), started("1"), done(), done(), started("2")], None), None).await;
    assert_eq!(check_events(&ACME, &events).answer, "yes");
    assert_eq!(events.len(), 2);

    let events = run_loose(Loose(vec![started("1")], Some("index out of bounds")), None).await;
    assert!(error_of(&check_events(&ACME, &events)).contains("index out of bounds"));
}

#[tokio::test]
async fn no_action_goes_on_after_its_end() {
    let step =
        |phase| Event::Action(ActionEvent::new(ACME, Action::new("step", ActionKind::Tool, "look"), phase));
    let end = Phase::Completed(ActionOutcome::Ok);
    let phases = [Phase::Started, end, end, Phase::Updated, Phase::Started, Phase::Updated, end];
    let mut given = vec![started("1")];
    given.extend(phases.map(step));
    given.push(done());
    let events = run_loose(Loose(given, None), None).await;
    check_events(&ACME, &events);
    let ids: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(event.action.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["step", "step", "acme.action.1", "acme.action.1", "acme.action.1"]);
}

#[tokio::test]
async fn a_request_that_is_not_given_on_takes_no_id() {
    let asks = |engine: EngineId| {
        let subject = RequestSubject::Question { questions: vec![Question::new("q", "which?")] };
        Event::Request(RequestEvent::new(engine, Request::new(RequestId::new("r"), "which?", subject)))
    };
    let given = vec![started("1"), asks(EngineId::from_static("other")), asks(ACME), done()];
    let events = run_loose(Loose(given, None), None).await;
    check_events(&ACME, &events);
    assert!(matches!(&events[1], Event::Request(_)), "{events:?}");
}

#[tokio::test]
async fn a_secret_answer_is_shown_to_nobody() {
    let questions = vec![Question::new("name", "who?"), Question::new("key", "which password?").secret()];
    let id = RequestId::new("r");
    let asked = Request::new(id.clone(), "log in", RequestSubject::Question { questions });
    let answer = |key: &str| Decision::Answer {
        answers: [("name", "ada"), ("key", key)]
            .map(|(id, said)| (id.to_owned(), vec![said.to_owned()]))
            .into(),
    };
    let resolved = RequestResolved::new(ACME, id, Resolution::Decided(answer("swordfish")));
    let asked = Event::Request(RequestEvent::new(ACME, asked));
    let given = vec![started("1"), asked, Event::RequestResolved(resolved), done()];
    let events = run_loose(Loose(given, None), None).await;
    check_events(&ACME, &events);
    let Event::RequestResolved(resolved) = &events[2] else { panic!("{events:?}") };
    assert_eq!(resolved.resolution, Resolution::Decided(answer("•••")));
}

#[tokio::test]
async fn a_run_that_opens_another_thread_than_it_should_is_stopped() {
    let events = run_loose(Loose(vec![started("2"), done()], None), Some(token("1"))).await;
    let completed = check_events(&ACME, &events);
    assert!(error_of(&completed).contains("opened 2 instead"));
}

#[tokio::test]
async fn a_run_may_go_back_to_a_thread_that_it_left() {
    for resume in [None, Some(token("1"))] {
        let given = vec![started("1"), started("2"), started("1"), done()];
        let events = run_loose(Loose(given, None), resume).await;
        let completed = check_events(&ACME, &events);
        assert_eq!((completed.outcome, completed.resume), (Outcome::Done, Some(token("1"))));
    }
}

/// A runner that can not be interrupted and never stops talking.
struct Endless;

impl Runner for Endless {
    fn engine(&self) -> &EngineId {
        const { &ACME }
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        SYNTAX.format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        SYNTAX.extract(text)
    }

    fn start(&self, _: RunSpec) -> EngineRun {
        let note = Action::new("note", ActionKind::Note, "still there");
        let note = Event::Action(ActionEvent::new(ACME, note, Phase::Updated));
        EngineRun { events: futures_util::stream::repeat(note).boxed(), control: RunControl::none() }
    }
}

#[tokio::test(start_paused = true)]
async fn endless_talk_keeps_no_run_from_its_end() {
    let processes = ScriptedProcesses::new(Script::new(""));
    let runner: Arc<dyn Runner> = Arc::new(Endless);
    let mut run = runner.run(spec(&processes));
    assert!(matches!(run.events.next().await, Some(Event::Action(_))));
    run.control.interrupt().await.unwrap();
    let mut last = None;
    for _ in 0..100 {
        let Some(event) = run.events.next().await else { break };
        last = Some(event);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(matches!(last, Some(Event::Completed(end)) if end.outcome == Outcome::Interrupted));
}

#[tokio::test]
async fn a_run_that_waits_for_its_thread_can_be_interrupted() {
    let processes = ScriptedProcesses::new(Script::new(""));
    let spec = spec(&processes).resume(Some(token("1")));
    let held = spec.threads.acquire(&token("1")).await;
    let runner: Arc<dyn Runner> = Arc::new(Loose(vec![started("1"), done()], None));
    let run = runner.run(spec);
    run.control.interrupt().await.unwrap();
    let events: Vec<_> = run.events.collect().await;
    assert_eq!(check_events(&ACME, &events).outcome, Outcome::Interrupted);
    drop(held);
}

/// An engine whose lines are `start ID`, `say TEXT`, `end TEXT` and `panic`.
#[derive(Default)]
struct Lines {
    /// The threads that were opened, and where.
    opened: Arc<Mutex<Vec<(ResumeToken, PathBuf)>>>,
}

#[async_trait]
impl JsonlEngine for Lines {
    type State = ();

    fn engine(&self) -> &EngineId {
        const { &ACME }
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        const { &SYNTAX }
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        if spec.prompt == "refuse" {
            return Err(RefusedRun("acme has no such model".into()));
        }
        Ok(CommandSpec::new("acme", &spec.cwd).environment(Environment::base().pass(["ACME_*"])))
    }

    async fn prepare(&self, spec: &RunSpec) -> Result<(), RefusedRun> {
        match spec.prompt.as_str() {
            "refuse early" => Err(RefusedRun("acme is out of office".into())),
            "wait" => std::future::pending().await,
            _ => Ok(()),
        }
    }

    fn state(&self, _: &RunSpec) {}

    fn opened(&self, thread: &ResumeToken, cwd: &Path) {
        self.opened.lock().unwrap().push((thread.clone(), cwd.to_owned()));
    }

    fn translate(&self, line: &str, (): &mut (), out: &mut EventFactory) -> Recognition {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("start", id) => out.started(token(id), "Acme"),
            ("say", text) => out.note(text),
            ("begin", _) => out.action_started(Action::new("tool", ActionKind::Tool, "slow")),
            ("end", text) => out.done(text, None),
            ("panic", _) => panic!("a bug in the translation"),
            ("what", _) => return Recognition::Unknown { kind: "what".into() },
            _ => return Recognition::Malformed { reason: "no JSON".into() },
        }
        Recognition::Known
    }
}

async fn play(script: Script) -> (Completed, Vec<Event>) {
    let processes = ScriptedProcesses::new(script);
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
    let events =
        tokio::time::timeout(Duration::from_secs(30), collect(runner.run(spec(&processes)))).await.unwrap();
    processes.all_ended().await;
    let command = &processes.commands()[0];
    assert!(command.run_id.is_some(), "every process of a run is marked with it");
    (check_events(&ACME, &events), events)
}

#[tokio::test]
async fn a_good_program_is_translated_line_by_line() {
    let (completed, events) = play(Script::new("start 1\nsay a\n\nwhat is this\nend b")).await;
    assert_eq!((completed.outcome, completed.answer.as_str()), (Outcome::Done, "b"));
    assert_eq!(completed.resume, Some(token("1")));
    assert_eq!(events.len(), 3);
}

#[tokio::test]
async fn a_program_that_ends_early_is_explained_by_what_it_said() {
    let (completed, _) = play(
        Script::new("start 1\n").stderr("warming up\nError: no rollout found\n").status(ExitStatus::Code(1)),
    )
    .await;
    let error = error_of(&completed);
    assert!(error.starts_with("acme exited with code 1 before it finished its turn"), "{error}");
    assert!(error.contains("no rollout found"), "{error}");
    assert_eq!(completed.resume, Some(token("1")));

    let (completed, _) = play(Script::new("").status(ExitStatus::Signal(9))).await;
    assert!(error_of(&completed).contains("was ended by SIGKILL"));

    let (completed, events) = play(Script::new("Usage: acme [options]\nmore\n")).await;
    assert!(
        error_of(&completed).contains("it printed a line that takopi can not read: Usage: acme [options]")
    );
    assert_eq!(events.len(), 2, "one warning for many unreadable lines: {events:?}");
}

#[tokio::test]
async fn a_panic_in_a_translation_ends_the_run_and_its_program() {
    let (completed, _) = play(Script::new("start 1\npanic\n").stderr("tail").waits()).await;
    let error = error_of(&completed);
    assert!(error.contains("a bug in the translation") && error.contains("tail"), "{error}");
}

#[tokio::test]
async fn a_refused_run_starts_nothing() {
    for (prompt, reason) in [("refuse", "acme has no such model"), ("refuse early", "acme is out of office")]
    {
        let processes = ScriptedProcesses::new(Script::new(""));
        let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
        let mut spec = spec(&processes).resume(Some(token("1")));
        spec.prompt = prompt.into();
        let completed = check_events(&ACME, &collect(runner.run(spec)).await);
        assert_eq!((error_of(&completed), &completed.resume), (reason, &Some(token("1"))));
        assert!(processes.commands().is_empty());
    }
}

#[tokio::test]
async fn a_run_that_looks_before_it_starts_can_be_interrupted() {
    let processes = ScriptedProcesses::new(Script::new(""));
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
    let mut spec = spec(&processes);
    spec.prompt = "wait".into();
    let run = runner.run(spec);
    let control = run.control.clone();
    let events = tokio::spawn(collect(run));
    tokio::task::yield_now().await;
    control.interrupt().await.unwrap();
    let events = tokio::time::timeout(Duration::from_secs(30), events).await.unwrap().unwrap();
    assert_eq!(check_events(&ACME, &events).outcome, Outcome::Interrupted);
    assert!(processes.commands().is_empty());
}

#[tokio::test]
async fn an_engine_is_told_where_its_threads_are_opened() {
    let opened = Arc::default();
    let engine = Lines { opened: Arc::clone(&opened) };
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(engine));
    let processes = ScriptedProcesses::new(Script::new("start 1\nstart 2\nend ok\n"));
    collect(runner.run(spec(&processes))).await;
    let expected = ["1", "2"].map(|thread| (token(thread), PathBuf::from("/")));
    assert_eq!(*opened.lock().unwrap(), expected);
}

#[tokio::test]
async fn an_interrupt_asks_the_program_and_a_dropped_run_ends_it() {
    let processes = ScriptedProcesses::new(Script::new("start 1\n").waits());
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
    let mut run = runner.run(spec(&processes));
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    run.control.interrupt().await.unwrap();
    let rest: Vec<_> = run.events.collect().await;
    assert!(matches!(&rest[..], [Event::Completed(end)] if end.outcome == Outcome::Interrupted));
    processes.all_ended().await;

    let mut run = runner.run(spec(&processes));
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    drop(run);
    tokio::time::timeout(Duration::from_secs(30), processes.all_ended()).await.unwrap();
}

#[tokio::test]
async fn a_killed_run_is_over_at_once() {
    let processes = ScriptedProcesses::new(Script::new("start 1\n").waits());
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
    let mut run = runner.run(spec(&processes));
    assert!(matches!(run.events.next().await, Some(Event::Started(_))));
    run.control.kill();
    let rest: Vec<_> = run.events.collect().await;
    assert!(matches!(&rest[..], [Event::Completed(end)] if end.outcome == Outcome::Interrupted));
    processes.all_ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_is_said_to_wait_and_one_with_an_open_step_is_not() {
    let processes = ScriptedProcesses::new(Script::new("start 1\n").waits());
    let runner: Arc<dyn Runner> = Arc::new(JsonlSubprocessRunner::new(Lines::default()));
    let mut run = runner.run(spec(&processes));
    let mut titles = Vec::new();
    while titles.len() < 3 {
        if let Some(Event::Action(event)) = run.events.next().await {
            titles.push((event.action.id.as_str().to_owned(), event.action.title));
        }
    }
    let expected =
        ["waiting for the model, 20 s", "waiting for the model, 40 s", "waiting for the model, 60 s"];
    assert_eq!(titles, expected.map(|title| ("acme.waiting.1".to_owned(), title.to_owned())));
    run.control.kill();
    let rest: Vec<_> = run.events.collect().await;
    assert_eq!(check_events(&ACME, &rest).outcome, Outcome::Interrupted);

    let processes = ScriptedProcesses::new(Script::new("start 1\nbegin\n").waits());
    let mut run = runner.run(spec(&processes));
    let _ = run.events.next().await;
    let _ = run.events.next().await;
    let next = tokio::time::timeout(Duration::from_secs(300), run.events.next()).await;
    assert!(next.is_err(), "a tool that takes its time is no silence: {next:?}");
}
