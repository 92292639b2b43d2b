//! Talks with recorded agents: what is said to them is compared with what was said when they were recorded, and what comes
//! of a run is what a person would expect.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::event::{ActionKind, Decision, Event, Outcome, Phase, RequestSubject, Resolution};
use takopi_api::runner::{RunControl, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, Script, check_events, engine};

use crate::opencode::Host;

/// The engine of a recording, and the mode in which it was recorded.
fn engine_of(name: &str) -> (&'static str, &'static str) {
    let is_asked = name.contains("permission");
    if name.starts_with("claude-acp") {
        ("claude_acp", if is_asked { "default" } else { "auto" })
    } else if name.starts_with("codex-acp-zed") {
        ("codex_acp", "read-only")
    } else if name.starts_with("codex-acp") {
        ("codex_acp", if is_asked { "read-only" } else { "agent" })
    } else if name.starts_with("qwen") {
        ("qwen_acp", "auto")
    } else if name.starts_with("gemini") {
        ("gemini_acp", "default")
    } else if name.starts_with("goose") {
        ("goose_acp", "approve")
    } else {
        ("opencode_acp", "build")
    }
}

fn runner(engine_id: &str, table: &str) -> Arc<dyn Runner> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), table).unwrap();
    (engine(engine_id).build_runner)(&EngineConfig::new(table, "/nowhere")).unwrap()
}

/// What was said to the agent when it was recorded.
struct Said {
    prompt: String,
    /// The kinds of the options that were chosen, in their order.
    choices: Vec<String>,
    is_cancelled: bool,
    /// Whether the program was ended before the turn was.
    is_ended: bool,
}

impl Said {
    /// Ends the run as it was ended when it was recorded, if it was.
    async fn stop(&self, control: &RunControl) {
        // The clock stands until nobody has anything to do: what was said before has arrived then.
        tokio::time::sleep(Duration::from_millis(1)).await;
        if self.is_cancelled {
            // A second time it may be over.
            let _ = control.interrupt().await;
        }
        if self.is_ended {
            control.kill();
        }
    }
}

fn said(text: &str) -> Said {
    let mut said = Said { prompt: String::new(), choices: Vec::new(), is_cancelled: false, is_ended: false };
    let mut options: Vec<Value> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let message = &line["msg"];
        match (line["dir"].as_str().unwrap(), message["method"].as_str()) {
            ("<", Some("session/request_permission")) => {
                options = message["params"]["options"].as_array().unwrap().clone();
            }
            (">", Some("session/prompt")) => {
                message["params"]["prompt"][0]["text"].as_str().unwrap().clone_into(&mut said.prompt);
            }
            (">", Some("session/cancel")) => said.is_cancelled = true,
            (">", None) if message["result"]["outcome"]["outcome"] == "selected" => {
                let id = &message["result"]["outcome"]["optionId"];
                let option = options.iter().find(|option| option["optionId"] == *id).unwrap();
                said.choices.push(option["kind"].as_str().unwrap().to_owned());
            }
            ("!", _) if message["closed"] == "term" => said.is_ended = true,
            _ => {}
        }
    }
    said
}

async fn play(path: &Path) -> String {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let said = said(&std::fs::read_to_string(path).unwrap());
    let (engine, mode) = engine_of(name);
    let replay = Replay::open(path)
        .place("$WORK", "/work/repo")
        .ignoring(["/params/clientInfo", "/params/clientCapabilities/auth", "/error/message"])
        .start();
    let runner = runner(engine, &format!("mode = {mode:?}"));
    let host = Host::new(Script::new("{}"), Arc::new(replay.clone()));
    let spec = RunSpec::new(said.prompt.as_str(), "/work/repo", host, ThreadLocks::default());
    let mut run = runner.run(spec);
    let mut choices = said.choices.iter();
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        match &event {
            Event::Request(asked) => {
                let decision =
                    match choices.next().unwrap_or_else(|| panic!("{name}: asked once too often")).as_str() {
                        "allow_once" => Decision::AllowOnce,
                        "reject_once" => Decision::Deny { reason: None },
                        other => panic!("{name}: {other}"),
                    };
                run.control.answer(&asked.request.id, decision).await.unwrap();
                said.stop(&run.control).await;
            }
            // Nobody is asked about it.
            Event::Action(step) if step.action.title.contains("sleep 61") && said.choices.is_empty() => {
                said.stop(&run.control).await;
            }
            _ => {}
        }
        events.push(event);
    }
    assert!(choices.next().is_none(), "{name}: a person was not asked");
    let completed = check_events(runner.engine(), &events);
    replay.finish().await;
    summary(name, &events, &completed.outcome, &completed.answer)
}

/// What a person sees of a run.
fn summary(name: &str, events: &[Event], outcome: &Outcome, answer: &str) -> String {
    let mut text = format!("{name}\n");
    for event in events {
        let line = match event {
            Event::Started(started) => format!("started {}", started.title),
            Event::Action(step) if step.action.kind == ActionKind::Turn => continue,
            Event::Action(step) => match step.phase {
                Phase::Completed(outcome) => {
                    format!("{:?} {:?} {}", step.action.kind, outcome, step.action.title)
                }
                _ => continue,
            },
            Event::Request(asked) => {
                let subject = match &asked.request.subject {
                    RequestSubject::Permission(permission) => serde_json::to_string(permission).unwrap(),
                    other => format!("{other:?}"),
                };
                format!("asks {}: {subject}", asked.request.title)
            }
            Event::RequestResolved(resolved) => match &resolved.resolution {
                Resolution::Decided(decision) => format!("decided {decision:?}"),
                other => format!("{other:?}"),
            },
            Event::Completed(completed) => {
                let usage = completed.usage.as_ref().map(|usage| serde_json::to_string(usage).unwrap());
                format!("{outcome:?} {answer:?} {}", usage.unwrap_or_default())
            }
            _ => continue,
        };
        let _ = writeln!(text, "  {line}");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn every_recording_is_talked_with_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    assert!(paths.len() > 40, "recordings are missing");
    let mut all = String::new();
    for path in paths {
        all.push_str(&play(&path).await);
    }
    insta::assert_snapshot!("recordings", all);
}
