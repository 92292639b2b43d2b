//! The lines of claude, without what is said to it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use takopi_api::event::Event;
use takopi_api::process::ProcessHost;
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, collect};

use crate::played::build;

fn recordings() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings"))
}

fn spec(script: Script) -> RunSpec {
    let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(script);
    RunSpec::new("hi", "/repo", processes, ThreadLocks::default())
}

/// What claude said in a recording of a dialogue.
fn said(name: &str) -> Vec<String> {
    let recording = fs::read_to_string(recordings().join(format!("control/{name}.jsonl"))).unwrap();
    let lines = recording.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["dir"] == "<").map(|line| line["msg"].to_string() + "\n").collect()
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let lines = said("basic");
    let contract = RunnerContract {
        runner: || build(""),
        spec: || spec(Script::new(lines.concat())),
        slow: || spec(Script::new(lines[..6].concat()).waits()),
    };
    contract.check().await;
}

#[tokio::test]
async fn both_modes_make_the_same_of_the_same_lines() {
    let mut count = 0;
    for entry in fs::read_dir(recordings()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        count += 1;
        let stdout = fs::read(&path).unwrap();
        let events = async |settings: &str| {
            let mut events = collect(build(settings).run(spec(Script::new(stdout.clone())))).await;
            events.retain(|event| !matches!(event, Event::Text(_)));
            events
        };
        assert_eq!(events("").await, events("mode = 'print'").await, "{}", path.display());
    }
    assert!(count > 40, "{count} recordings");
}
