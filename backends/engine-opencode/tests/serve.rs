//! `opencode serve` as it was recorded, against the client that takopi has: what is said is compared, and what is heard
//! becomes what people see.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

#[path = "serve/many.rs"]
mod many;
#[path = "serve/puppet.rs"]
mod puppet;
#[path = "serve/recorded.rs"]
mod recorded;
#[path = "serve/replay.rs"]
mod replay;
#[path = "serve/written.rs"]
mod written;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::{EngineId, Modes};
use takopi_api::event::{
    ActionKind, Completed, Decision, Event, Outcome, Permission, Request, RequestSubject, Resolution,
    TextKind,
};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{ControlError, RunControl, RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, check_events, engine};
use takopi_engine_opencode as _;

use puppet::Puppet;
use replay::{Replay, Step, recording};

const OPENCODE: EngineId = EngineId::from_static("opencode");

fn runner() -> Arc<dyn Runner> {
    (engine("opencode").build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

fn configured(table: &str) -> Result<Arc<dyn Runner>, String> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), table).unwrap();
    let config = EngineConfig::new(table.table("opencode").unwrap(), "/nowhere");
    (engine("opencode").build_runner)(&config).map_err(|error| error.to_string())
}

/// What was heard of a run.
struct Course {
    completed: Completed,
    events: Vec<Event>,
}

impl Course {
    /// The titles of what was done, with `+` for what went well and `-` for what did not.
    fn done(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Action(event) => match event.phase {
                    takopi_api::event::Phase::Completed(outcome) => {
                        let sign = if outcome == takopi_api::event::ActionOutcome::Ok { '+' } else { '-' };
                        Some(format!("{sign} {}", event.action.title))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn text(&self, kind: TextKind) -> String {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Text(text) if text.kind == kind => Some(text.delta.as_str()),
                _ => None,
            })
            .collect()
    }

    fn requests(&self) -> Vec<&Request> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Request(event) => Some(&event.request),
                _ => None,
            })
            .collect()
    }

    fn permission(&self, at: usize) -> &Permission {
        match &self.requests()[at].subject {
            RequestSubject::Permission(permission) => permission,
            other => panic!("{other:?}"),
        }
    }

    fn resolutions(&self) -> Vec<&Resolution> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::RequestResolved(event) => Some(&event.resolution),
                _ => None,
            })
            .collect()
    }

    fn error(&self) -> &str {
        match &self.completed.outcome {
            Outcome::Failed { error } => error,
            other => panic!("{other:?}"),
        }
    }
}

fn spec(replay: &Replay, prompt: &str) -> RunSpec {
    RunSpec::new(prompt, "/repo", replay.host(), ThreadLocks::default())
}

/// Plays a recording; `act` says what a person does at each event.
async fn play(name: &str, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    play_with(name, RunOptions::default(), act).await
}

async fn play_with(name: &str, options: RunOptions, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    let steps = recording(name, Path::new("/repo"));
    let prompt = steps.iter().find_map(|step| match step {
        Step::Asked(line, Some(body)) if line.ends_with("prompt_async") => body["parts"][0]["text"].as_str(),
        _ => None,
    });
    let prompt = prompt.unwrap().to_owned();
    let replay = Replay::start(steps);
    let course = follow(spec(&replay, &prompt).options(options), act).await;
    replay.finish().await;
    course
}

async fn follow(spec: RunSpec, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    follow_by(&runner(), spec, act).await
}

async fn follow_by(
    runner: &Arc<dyn Runner>,
    spec: RunSpec,
    mut act: impl AsyncFnMut(&Event, &RunControl),
) -> Course {
    let mut run = runner.run(spec);
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        act(&event, &run.control).await;
        events.push(event);
    }
    Course { completed: check_events(&OPENCODE, &events), events }
}

/// Answers everything that is asked in this way.
fn answering(decision: Decision) -> impl AsyncFnMut(&Event, &RunControl) {
    async move |event, control| {
        if let Event::Request(event) = event {
            control.answer(&event.request.id, decision.clone()).await.unwrap();
        }
    }
}

async fn nothing(_: &Event, _: &RunControl) {}

const NO: Decision = Decision::Deny { reason: None };
