//! Plays a recording, and looks at what comes of it.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::EngineId;
use takopi_api::event::{Action, Completed, Decision, Event, Outcome, Phase, Request, Resolution, TextKind};
use takopi_api::process::ProcessHost;
use takopi_api::runner::{ControlError, RunControl, RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, Replayed, check_events, engine};
use takopi_engine_claude as _;
use tokio::task::JoinHandle;

pub(crate) const CLAUDE: EngineId = EngineId::from_static("claude");

pub(crate) fn build(settings: &str) -> Arc<dyn Runner> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), format!("[claude]\n{settings}\n")).unwrap();
    (engine("claude").build_runner)(&EngineConfig::new(table.table("claude").unwrap(), "/nowhere")).unwrap()
}

pub(crate) fn open(name: &str) -> Replay {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/control");
    Replay::open(folder.join(format!("{name}.jsonl")))
        .place("$WORK", "/repo")
        .ids(["/request_id", "/uuid"])
        // Some were made by somebody who gave the prompt no name.
        .ignoring(["/uuid"])
}

pub(crate) fn spec(prompt: &str, program: &Replayed) -> RunSpec {
    let processes: Arc<dyn ProcessHost> = Arc::new(program.clone());
    RunSpec::new(prompt, "/repo", processes, ThreadLocks::default())
}

pub(crate) fn task(scenario: &str) -> String {
    format!("Please do the task. [[{scenario}]]")
}

/// What came of a run.
pub(crate) struct Played {
    pub(crate) completed: Completed,
    pub(crate) events: Vec<Event>,
}

/// Runs claude, and does after each event what `act` does.
pub(crate) async fn run(
    settings: &str,
    spec: RunSpec,
    mut act: impl AsyncFnMut(&Event, &RunControl),
) -> Played {
    let run = build(settings).run(spec);
    let (mut stream, control, mut events) = (run.events, run.control, Vec::new());
    while let Some(event) = stream.next().await {
        act(&event, &control).await;
        events.push(event);
    }
    Played { completed: check_events(&CLAUDE, &events), events }
}

/// Plays a recording in which each request is answered by the next decision.
pub(crate) async fn answer(name: &str, scenario: &str, decisions: &[Decision]) -> Played {
    answer_with("", name, scenario, RunOptions::default(), decisions).await
}

pub(crate) async fn answer_with(
    settings: &str,
    name: &str,
    scenario: &str,
    options: RunOptions,
    decisions: &[Decision],
) -> Played {
    let program = open(name).start();
    let mut left = decisions.iter();
    let spec = spec(&task(scenario), &program).options(options);
    let played = run(settings, spec, async |event, control| {
        if let Event::Request(event) = event {
            let decision = left.next().expect("one request too many");
            control.answer(&event.request.id, decision.clone()).await.unwrap();
        }
    })
    .await;
    program.finish().await;
    assert!(left.next().is_none(), "one request is missing");
    played
}

pub(crate) fn in_mode(mode: &str) -> RunOptions {
    RunOptions::default().mode(Some(mode.to_owned()))
}

impl Played {
    #[track_caller]
    pub(crate) fn is_done(&self, answer: &str) {
        assert_eq!((&self.completed.outcome, self.completed.answer.as_str()), (&Outcome::Done, answer));
    }

    pub(crate) fn requests(&self) -> Vec<&Request> {
        let requests = self.events.iter().filter_map(|event| match event {
            Event::Request(event) => Some(&event.request),
            _ => None,
        });
        requests.collect()
    }

    #[track_caller]
    pub(crate) fn only_request(&self) -> &Request {
        match &self.requests()[..] {
            [request] => request,
            requests => panic!("not one request: {requests:?}"),
        }
    }

    pub(crate) fn resolutions(&self) -> Vec<&Resolution> {
        let resolved = self.events.iter().filter_map(|event| match event {
            Event::RequestResolved(event) => Some(&event.resolution),
            _ => None,
        });
        resolved.collect()
    }

    /// The answer as it was written, and `|` where a step came between.
    pub(crate) fn live(&self) -> String {
        let mut live = String::new();
        for event in &self.events {
            match event {
                Event::Text(text) if text.kind == TextKind::Answer => live.push_str(&text.delta),
                Event::Action(_) if !live.ends_with('|') => live.push('|'),
                _ => {}
            }
        }
        live.trim_matches('|').to_owned()
    }

    /// The titles of steps that ended, `!` before those that failed.
    pub(crate) fn steps(&self) -> Vec<String> {
        let ended = self.events.iter().filter_map(|event| match event {
            Event::Action(event) => match event.phase {
                Phase::Completed(outcome) if outcome == true.into() => Some(event.action.title.clone()),
                Phase::Completed(_) => Some(format!("!{}", event.action.title)),
                _ => None,
            },
            _ => None,
        });
        ended.collect()
    }
}

pub(crate) fn started(event: &Event) -> Option<&Action> {
    match event {
        Event::Action(event) if event.phase == Phase::Started => Some(&event.action),
        _ => None,
    }
}

pub(crate) const fn is_answer_text(event: &Event) -> bool {
    matches!(event, Event::Text(text) if matches!(text.kind, TextKind::Answer))
}

pub(crate) fn no() -> Decision {
    Decision::Deny { reason: None }
}

pub(crate) fn no_since(reason: &str) -> Decision {
    Decision::Deny { reason: Some(reason.to_owned()) }
}

/// Sends a text at the first event of which this is true. The receipt comes later.
pub(crate) struct Steer<F> {
    when: F,
    text: &'static str,
    received: Option<JoinHandle<Result<(), ControlError>>>,
}

impl<F: Fn(&Event) -> bool> Steer<F> {
    pub(crate) const fn new(text: &'static str, when: F) -> Self {
        Self { when, text, received: None }
    }

    pub(crate) fn look(&mut self, event: &Event, control: &RunControl) {
        if self.received.is_none() && (self.when)(event) {
            let (control, text) = (control.clone(), self.text);
            self.received = Some(tokio::spawn(async move { control.steer(text).await }));
        }
    }

    pub(crate) async fn received(self) -> Result<(), ControlError> {
        self.received.expect("it was sent").await.unwrap()
    }
}
