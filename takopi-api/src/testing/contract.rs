//! The contract of a runner, as checks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::{collect, within};
use crate::engine::EngineId;
use crate::event::{Action, ActionKind, Completed, Event, Outcome, Phase};
use crate::resume::ResumeToken;
use crate::runner::{RunSpec, Runner};

/// Checks the events of one run: at most one `started`, exactly one `completed` and nothing after it, every event of this
/// engine, action ids that are not blank and keep their kind, no phase after an action's end, and JSON that reads back
/// as the same event.
///
/// # Panics
/// With what is wrong.
pub fn check_events(engine: &EngineId, events: &[Event]) -> Completed {
    let mut actions: HashMap<&str, (ActionKind, bool)> = HashMap::new();
    let mut started = 0;
    for event in events {
        assert_eq!(event.engine(), engine, "an event names another engine: {event:?}");
        let json = serde_json::to_string(event).expect("every event has JSON");
        let read: Event = serde_json::from_str(&json).expect("the JSON of an event is read");
        assert_eq!(read, *event, "an event changes on its way through JSON: {json}");
        match event {
            Event::Started(_) => started += 1,
            Event::Action(event) => {
                let Action { id, kind, .. } = &event.action;
                assert!(!id.as_str().trim().is_empty(), "an action has no id: {event:?}");
                let (first_kind, ended) = actions.entry(id.as_str()).or_insert((*kind, false));
                assert_eq!(first_kind, kind, "action {} changes its kind", id.as_str());
                assert!(!*ended, "action {} goes on after its end", id.as_str());
                *ended = matches!(event.phase, Phase::Completed(_));
            }
            Event::Completed(_) | Event::Text(_) | Event::Request(_) | Event::RequestResolved(_) => {}
        }
    }
    assert!(started <= 1, "{started} started events");
    let ends = events.iter().filter(|event| matches!(event, Event::Completed(_))).count();
    assert_eq!(ends, 1, "{ends} completed events");
    match events.last() {
        Some(Event::Completed(completed)) => completed.clone(),
        other => panic!("the last event is not `completed`: {other:?}"),
    }
}

/// The suite that every runner passes, whatever its engine.
///
/// `runner` makes the runner, `spec` a run that ends by itself, and `slow` one that goes on for some seconds unless it
/// is interrupted.
#[derive(Debug)]
pub struct RunnerContract<R, S, L> {
    /// Makes the runner.
    pub runner: R,
    /// Makes a run that ends by itself, and well.
    pub spec: S,
    /// Makes a run that goes on for some seconds unless it is interrupted.
    pub slow: L,
}

impl<R, S, L> RunnerContract<R, S, L>
where
    R: Fn() -> Arc<dyn Runner>,
    S: Fn() -> RunSpec,
    L: Fn() -> RunSpec,
{
    /// Runs every check.
    ///
    /// # Panics
    /// With what is wrong.
    pub async fn check(&self) {
        self.check_resume_lines();
        let thread = self.check_run().await;
        self.check_continuation(&thread).await;
        self.check_interrupt().await;
        self.check_drop().await;
        self.check_one_run_a_thread(&thread).await;
    }

    /// A resume line is read back as the token that it was made of, and only by its own engine.
    fn check_resume_lines(&self) {
        let runner = (self.runner)();
        let token = ResumeToken::new(runner.engine().clone(), "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
            .expect("a UUID is a token");
        let line = runner.format_resume(&token).expect("the engine formats its own token");
        for text in [line.clone(), format!("`{line}`"), format!("answer\n\n> {line}\n"), format!("• {line}")]
        {
            assert_eq!(runner.extract_resume(&text).as_ref(), Some(&token), "not found in {text:?}");
        }
        assert!(runner.is_resume_line(&line));
        for text in ["", "hello", &format!("{line} and more")] {
            assert_eq!(runner.extract_resume(text), None, "found in {text:?}");
        }
        let other = ResumeToken::new(EngineId::from_static("zz_another_engine"), "1").expect("a token");
        assert!(runner.format_resume(&other).is_err(), "the engine formats another engine's token");
    }

    async fn check_run(&self) -> ResumeToken {
        let runner = (self.runner)();
        let events = within(collect(runner.run((self.spec)()))).await;
        let completed = check_events(runner.engine(), &events);
        assert_eq!(completed.outcome, Outcome::Done, "the run should end well");
        completed.resume.expect("a run that ended well names its thread")
    }

    async fn check_continuation(&self, thread: &ResumeToken) {
        let runner = (self.runner)();
        let events = within(collect(runner.run((self.spec)().resume(Some(thread.clone()))))).await;
        let completed = check_events(runner.engine(), &events);
        assert_eq!(completed.outcome, Outcome::Done, "continuing the thread should end well");
        assert_eq!(completed.resume.as_ref(), Some(thread), "the thread should keep its name");
    }

    async fn check_interrupt(&self) {
        let runner = (self.runner)();
        let mut run = runner.run((self.slow)());
        let first = within(run.events.next()).await.expect("a slow run says something first");
        run.control.interrupt().await.expect("interrupting always works");
        let mut events = vec![first];
        events.extend(within(run.events.collect::<Vec<_>>()).await);
        let completed = check_events(runner.engine(), &events);
        assert_eq!(completed.outcome, Outcome::Interrupted, "an interrupted run should end as interrupted");
        assert!(run.control.interrupt().await.is_err(), "a run that is over can not be interrupted");
    }

    async fn check_drop(&self) {
        let runner = (self.runner)();
        let mut run = runner.run((self.slow)());
        let _ = within(run.events.next()).await;
        drop(run);
    }

    /// A second run of a thread says nothing before the first is over.
    async fn check_one_run_a_thread(&self, thread: &ResumeToken) {
        let runner = (self.runner)();
        let spec = (self.slow)().resume(Some(thread.clone()));
        let threads = spec.threads.clone();
        let mut first = runner.run(spec);
        let _ = within(first.events.next()).await;
        let mut spec = (self.spec)().resume(Some(thread.clone()));
        spec.threads = threads;
        let mut second = runner.run(spec);
        let early = tokio::time::timeout(Duration::from_millis(50), second.events.next()).await;
        assert!(early.is_err(), "two runs of one thread at a time: {early:?}");
        first.control.interrupt().await.expect("interrupting always works");
        let _: Vec<_> = within(first.events.collect()).await;
        let events: Vec<_> = within(second.events.collect()).await;
        check_events(runner.engine(), &events);
    }
}
