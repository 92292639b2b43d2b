//! Engines that run other engines: what they find, and what of the inner runs becomes the outer one's.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::async_trait;
use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::event::{
    Completed, Decision, Event, EventFactory, Outcome, Request, RequestId, RequestSubject, Usage,
};
use takopi_api::process::{CommandSpec, Environment, ProcessHost};
use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{
    Composition, Control, ControlError, EngineRun, RunControl, RunSpec, Runner, ThreadLocks, compose,
};
use takopi_api::testing::{
    RunnerContract, Script, ScriptedEngine, ScriptedProcesses, check_events, collect, engines,
};

const OUTER: EngineId = EngineId::from_static("outer");
const INNER: EngineId = EngineId::from_static("inner");

type End = Pin<Box<dyn Future<Output = Result<Completed, Error>> + Send>>;
type Body = fn(Composition) -> End;

/// An engine that is made of other engines' runs.
struct Composed(EngineId, Body);

impl Composed {
    fn outer(body: Body) -> Arc<dyn Runner> {
        Arc::new(Self(OUTER, body))
    }

    fn lines(&self) -> ResumeSyntax {
        ResumeSyntax::new(self.0.clone(), "outer", &["resume"])
    }
}

impl Runner for Composed {
    fn engine(&self) -> &EngineId {
        &self.0
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        self.lines().format(token)
    }

    fn extract_resume(&self, text: &str) -> Option<ResumeToken> {
        self.lines().extract(text)
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        compose(self.0.clone(), spec, self.1)
    }
}

/// Runs `inner` as it is.
fn hand_over(run: Composition) -> End {
    Box::pin(async move {
        let inner = run.spec().engines.get("inner")?;
        let prompt = format!("please {}", run.spec().prompt);
        Ok(run.hand_over(&inner, run.spec().inner(&inner, prompt), "Outer").await)
    })
}

fn spec(runners: Vec<Arc<dyn Runner>>) -> RunSpec {
    let processes = ScriptedProcesses::new(Script::new("").waits());
    spec_on(&processes, runners)
}

fn spec_on(processes: &Arc<ScriptedProcesses>, runners: Vec<Arc<dyn Runner>>) -> RunSpec {
    let host = Arc::clone(processes) as Arc<dyn ProcessHost>;
    RunSpec::new("work", Path::new("/repo"), host, ThreadLocks::default()).engines(engines(runners))
}

fn answering() -> Arc<ScriptedEngine> {
    ScriptedEngine::new("inner", |spec| Some(format!("{}!", spec.prompt)))
}

async fn end_of(runner: &Arc<dyn Runner>, spec: RunSpec) -> Completed {
    check_events(runner.engine(), &collect(runner.run(spec)).await)
}

fn error_of(completed: &Completed) -> &str {
    match &completed.outcome {
        Outcome::Failed { error } => error,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test]
async fn a_run_that_is_handed_over_is_continued_by_its_own_token() {
    let inner = answering();
    let outer = Composed::outer(hand_over);
    let first = end_of(&outer, spec(vec![inner.clone()])).await;
    assert_eq!((&first.outcome, first.answer.as_str()), (&Outcome::Done, "please work!"));
    let token = first.resume.unwrap();
    assert_eq!(token.engine(), &OUTER);
    let second = end_of(&outer, spec(vec![inner.clone()]).resume(Some(token.clone()))).await;
    assert_eq!(second.resume, Some(token.clone()));
    let asked = inner.asked();
    assert_eq!(asked[0].resume, None);
    assert_eq!(asked[1].resume, token.within());
    let line = outer.format_resume(&token).unwrap();
    assert_eq!(outer.extract_resume(&format!("inner resume 1\n`{line}`")), Some(token));
}

#[tokio::test]
async fn a_reply_to_the_answer_can_not_go_to_the_inner_thread() {
    let inner = ScriptedEngine::new("inner", |_| {
        Some("first\n> `inner resume 42`\n\n`inner resume 42` is how it goes on\n".into())
    });
    let end = end_of(&Composed::outer(hand_over), spec(vec![inner])).await;
    assert_eq!(end.answer, "first\n\n`inner resume 42` is how it goes on");
}

#[tokio::test]
async fn a_composed_engine_keeps_the_contract() {
    let inner: Arc<dyn Runner> =
        ScriptedEngine::new("inner", |spec| (!spec.prompt.contains("slow")).then(|| "done".to_owned()));
    let threads = ThreadLocks::default();
    let make = |prompt: &str| {
        let mut spec = spec(vec![Arc::clone(&inner)]);
        prompt.clone_into(&mut spec.prompt);
        spec.threads = threads.clone();
        spec
    };
    RunnerContract { runner: || Composed::outer(hand_over), spec: || make("quick"), slow: || make("slow") }
        .check()
        .await;
}

#[tokio::test]
async fn a_thread_of_something_else_is_refused() {
    let outer = Composed::outer(hand_over);
    for value in ["42", "other:42"] {
        let token = ResumeToken::new(OUTER, value).unwrap();
        let end = end_of(&outer, spec(vec![answering()]).resume(Some(token))).await;
        assert_eq!(error_of(&end), format!("the thread {value} is none that runs on inner"));
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told_with_what_to_do() {
    let outer = Composed::outer(hand_over);
    let other = ScriptedEngine::new("innner", |_| None);
    let end = end_of(&outer, spec(vec![other])).await;
    assert_eq!(error_of(&end), "there is no engine `inner`\ndid you mean `innner`?");
    let nobody =
        RunSpec::new("work", "/repo", ScriptedProcesses::new(Script::new("")), ThreadLocks::default());
    let end = end_of(&outer, nobody).await;
    assert_eq!(error_of(&end), "inner can not be run from here: this run knows no other engine");
}

#[tokio::test]
async fn engines_that_run_each_other_end_with_the_chain() {
    fn run(run: Composition, id: &'static str) -> End {
        Box::pin(async move {
            let inner = run.spec().engines.get(id)?;
            Ok(run.run(&inner, run.spec().inner(&inner, "go")).await)
        })
    }
    let one: Arc<dyn Runner> = Arc::new(Composed(EngineId::from_static("one"), |it| run(it, "two")));
    let two: Arc<dyn Runner> = Arc::new(Composed(EngineId::from_static("two"), |it| run(it, "one")));
    let own: Arc<dyn Runner> = Arc::new(Composed(EngineId::from_static("own"), |it| run(it, "own")));
    let all = || vec![Arc::clone(&one), Arc::clone(&two), Arc::clone(&own)];
    let hint = "\nlet one of them run another engine";
    let end = end_of(&one, spec(all())).await;
    assert_eq!(error_of(&end), format!("one would run inside of itself: one > two > one{hint}"));
    let end = end_of(&own, spec(all())).await;
    assert_eq!(error_of(&end), format!("own would run inside of itself: own > own{hint}"));
}

/// An engine that starts a program, asks for permission, takes steering, and ends when it was answered.
struct Asking {
    told: Arc<Mutex<Vec<String>>>,
}

struct AskingControl {
    told: Arc<Mutex<Vec<String>>>,
    answered: tokio::sync::mpsc::UnboundedSender<Decision>,
}

#[async_trait]
impl Control for AskingControl {
    async fn steer(&self, text: String) -> Result<(), ControlError> {
        self.told.lock().unwrap().push(text);
        Ok(())
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        if request.as_str() != "r" {
            return Err(ControlError::NoSuchRequest(request.clone()));
        }
        self.answered.send(decision).map_err(|_| ControlError::Over)
    }
}

impl Runner for Asking {
    fn engine(&self) -> &EngineId {
        const { &INNER }
    }

    fn format_resume(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        Ok(token.to_string())
    }

    fn extract_resume(&self, _: &str) -> Option<ResumeToken> {
        None
    }

    fn start(&self, spec: RunSpec) -> EngineRun {
        let (answered, mut decisions) = tokio::sync::mpsc::unbounded_channel();
        let (give, events) = tokio::sync::mpsc::unbounded_channel();
        let control = RunControl::new(AskingControl { told: Arc::clone(&self.told), answered });
        tokio::spawn(async move {
            let _process = spec.processes.spawn(CommandSpec::new("tool", "/repo")).await.unwrap();
            let mut out = EventFactory::new(INNER, None);
            out.started(ResumeToken::new(INNER, spec.prompt.clone()).unwrap(), "Inner");
            let subject = RequestSubject::Plan { text: "plan".into() };
            out.request(Request::new(RequestId::new("r"), "ok?", subject));
            while let Some(event) = out.pop() {
                give.send(event).unwrap();
            }
            let decision = tokio::select! {
                decision = decisions.recv() => decision,
                () = give.closed() => return,
            };
            let mut usage = Usage::default();
            usage.output_tokens = Some(5);
            out.done(format!("{} {decision:?}", spec.prompt), Some(usage));
            give.send(out.pop().unwrap()).unwrap();
        });
        let events = futures_util::stream::unfold(events, |mut events| async {
            let event = events.recv().await?;
            Some((event, events))
        });
        EngineRun { events: events.boxed(), control }
    }
}

/// Runs two at a time, and puts their answers together.
fn both(run: Composition) -> End {
    Box::pin(async move {
        let inner = run.spec().engines.get("inner")?;
        run.started(ResumeToken::new(OUTER, "pair").map_err(|error| Error::new(error.to_string()))?, "Pair")
            .await;
        let one = run.run(&inner, run.spec().inner(&inner, "one"));
        let two = run.run(&inner, run.spec().inner(&inner, "two"));
        let (one, two) = tokio::join!(one, two);
        Ok(Completed::new(OUTER, Outcome::Done).answer(format!("{}; {}", one.answer, two.answer)))
    })
}

#[tokio::test]
async fn requests_and_answers_of_runs_side_by_side_find_each_other() {
    let told = Arc::default();
    let inner: Arc<dyn Runner> = Arc::new(Asking { told: Arc::clone(&told) });
    let outer = Composed::outer(both);
    let mut run = outer.run(spec(vec![inner]));
    let mut events = Vec::new();
    let mut asked = Vec::new();
    while let Some(event) = run.events.next().await {
        if let Event::Request(event) = &event {
            asked.push(event.request.id.clone());
            if asked.len() == 2 {
                asked.sort();
                run.control.steer("left").await.unwrap();
                assert!(run.control.answer(&RequestId::new("r"), Decision::AllowOnce).await.is_err());
                assert!(run.control.answer(&RequestId::new("9.r"), Decision::AllowOnce).await.is_err());
                for (id, decision) in asked.iter().zip([Decision::AllowOnce, Decision::AllowAlways]) {
                    run.control.answer(id, decision).await.unwrap();
                }
            }
        }
        events.push(event);
    }
    let end = check_events(&OUTER, &events);
    assert_eq!(end.answer, "one Some(AllowOnce); two Some(AllowAlways)");
    assert_eq!(end.usage.unwrap().output_tokens, Some(10));
    assert_eq!(end.resume, Some(ResumeToken::new(OUTER, "pair").unwrap()));
    assert_eq!(*told.lock().unwrap(), ["left"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_inner_run_asked_is_withdrawn_with_it() {
    /// Waits a minute for the first one, and for the second as long as it takes.
    fn impatient(run: Composition) -> End {
        Box::pin(async move {
            let inner = run.spec().engines.get("inner")?;
            let first = run.run(&inner, run.spec().inner(&inner, "one"));
            assert!(tokio::time::timeout(Duration::from_secs(60), first).await.is_err());
            let second = run.run(&inner, run.spec().inner(&inner, "two")).await;
            Ok(Completed::new(OUTER, Outcome::Done).answer(second.answer))
        })
    }
    let inner: Arc<dyn Runner> = Arc::new(Asking { told: Arc::default() });
    let mut run = Composed::outer(impatient).run(spec(vec![inner]));
    let mut seen = Vec::new();
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        match &event {
            Event::Request(asked) => {
                seen.push(format!("asked {}", asked.request.id.as_str()));
                if asked.request.id.as_str().starts_with('2') {
                    run.control.answer(&asked.request.id, Decision::AllowOnce).await.unwrap();
                }
            }
            Event::RequestResolved(resolved) => {
                seen.push(format!("{} {:?}", resolved.request_id.as_str(), resolved.resolution));
            }
            _ => {}
        }
        events.push(event);
    }
    assert_eq!(check_events(&OUTER, &events).answer, "two Some(AllowOnce)");
    assert_eq!(seen, ["asked 1.r", "1.r Withdrawn", "asked 2.r"]);
}

#[tokio::test]
async fn programs_of_inner_runs_belong_to_the_outer_one_and_end_with_it() {
    let processes = ScriptedProcesses::new(Script::new("").waits());
    let inner: Arc<dyn Runner> = Arc::new(Asking { told: Arc::default() });
    let outer = Composed::outer(both);
    let spec = spec_on(&processes, vec![inner]).environment(Environment::empty().pass(["OUTER_KEY"]));
    let id = spec.id.clone();
    let mut run = outer.run(spec);
    let mut asked = 0;
    while asked < 2 {
        asked += usize::from(matches!(run.events.next().await, Some(Event::Request(_))));
    }
    let commands = processes.commands();
    assert_eq!(commands.len(), 2);
    for command in &commands {
        assert_eq!(command.run_id, Some(id.clone()));
        assert_eq!(command.environment, Environment::base(), "the outer engine's variables are not for it");
    }
    drop(run);
    processes.all_ended().await;
}

#[tokio::test]
async fn an_interrupted_run_begins_no_other() {
    /// Again and again, whatever comes of it.
    fn loops(run: Composition) -> End {
        Box::pin(async move {
            let inner = run.spec().engines.get("inner")?;
            let mut last = run.run(&inner, run.spec().inner(&inner, "again")).await;
            while !run.is_ending() {
                last = run.run(&inner, run.spec().inner(&inner, "again")).await;
            }
            let late = run.run(&inner, run.spec().inner(&inner, "late")).await;
            assert_eq!(late.outcome, Outcome::Interrupted);
            Ok(last)
        })
    }
    let inner = ScriptedEngine::new("inner", |_| None);
    let outer = Composed::outer(loops);
    let mut run = outer.run(spec(vec![inner.clone()]));
    let end = {
        // Nothing comes of it but its end, so somebody has to wait for its start.
        let next = run.events.next();
        let interrupt = async {
            while inner.asked().is_empty() {
                tokio::task::yield_now().await;
            }
            run.control.interrupt().await.unwrap();
        };
        tokio::join!(next, interrupt).0
    };
    let Some(Event::Completed(end)) = end else { panic!("{end:?}") };
    assert_eq!(end.outcome, Outcome::Interrupted);
    assert_eq!(inner.asked().len(), 1);
}
