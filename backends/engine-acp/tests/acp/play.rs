//! Runs of the engine against an agent that does what a test wants.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::event::{Action, ActionKind, Completed, Decision, Event, Outcome, Phase};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{Run, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{check_events, engine};

use crate::fake::Agent;

pub(crate) fn config(text: &str) -> EngineConfig {
    EngineConfig::new(ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap(), "/nowhere")
}

pub(crate) fn build(id: &str, text: &str) -> Arc<dyn Runner> {
    (engine(id).build_runner)(&config(text)).unwrap()
}

pub(crate) fn runner() -> Arc<dyn Runner> {
    build("acp", "agents.my.command = [\"my-agent\"]\nagents.my.name = \"Mine\"")
}

pub(crate) fn spec(agent: &Agent) -> RunSpec {
    RunSpec::new("hi", "/work/repo", Arc::new(agent.clone()), ThreadLocks::default())
}

pub(crate) fn thread(id: &str) -> ResumeToken {
    ResumeToken::new(runner().engine().clone(), id).unwrap()
}

/// A run to its end, with each request answered.
pub(crate) async fn finish(
    mut run: Run,
    decide: impl Fn(&Event) -> Option<Decision>,
) -> (Completed, Vec<Event>) {
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        if let (Event::Request(asked), Some(decision)) = (&event, decide(&event)) {
            run.control.answer(&asked.request.id, decision).await.unwrap();
        }
        events.push(event);
    }
    (check_events(runner().engine(), &events), events)
}

pub(crate) async fn play(
    agent: &Agent,
    decide: impl Fn(&Event) -> Option<Decision>,
) -> (Completed, Vec<Event>) {
    finish(runner().run(spec(agent)), decide).await
}

pub(crate) async fn failure_of(agent: &Agent) -> String {
    match play(agent, |_| None).await.0.outcome {
        Outcome::Failed { error } => error,
        other => panic!("it did not fail: {other:?}"),
    }
}

pub(crate) fn warnings<'a>(events: &'a [Event]) -> Vec<&'a str> {
    let warning = |event: &'a Event| match event {
        Event::Action(step) if step.action.kind == ActionKind::Warning => Some(step.action.title.as_str()),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}

pub(crate) fn steps<'a>(events: &'a [Event]) -> Vec<(&'a Action, Phase)> {
    let step = |event: &'a Event| match event {
        Event::Action(step) => Some((&step.action, step.phase)),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}
