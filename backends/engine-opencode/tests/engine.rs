//! `opencode run` as takopi finds it: lines of another version, errors on the way, other folders, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_opencode as _;

const OPENCODE: EngineId = EngineId::from_static("opencode");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn runner() -> Arc<dyn Runner> {
    (engine("opencode").build_runner)(&config("[opencode]\nmode = 'run'\n")).unwrap()
}

fn config(text: &str) -> EngineConfig {
    let table = takopi_api::config::ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
    EngineConfig::new(table.table("opencode").unwrap(), "/nowhere")
}

fn spec(processes: &Arc<ScriptedProcesses>, cwd: &str) -> RunSpec {
    RunSpec::new("hi", cwd, Arc::clone(processes) as Arc<dyn ProcessHost>, ThreadLocks::default())
}

async fn play(script: Script) -> (Completed, Vec<Event>) {
    let events = collect(runner().run(spec(&ScriptedProcesses::new(script), "/repo"))).await;
    (check_events(&OPENCODE, &events), events)
}

fn titles(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(event.action.title.as_str()),
            _ => None,
        })
        .collect()
}

const START: &str = r#"{"type":"step_start","sessionID":"ses_1a","part":{}}"#;
const STOP: &str = r#"{"type":"step_finish","sessionID":"ses_1a","part":{"reason":"stop"}}"#;

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let lines = [
        r#"{"type":"server_hello","port":1}"#,
        r#"{"type":"step_start","sessionID":"ses_1a","part":7,"new":{"deep":[1]}}"#,
        r#"{"type":"tool_use","part":{"id":"p1","tool":"hologram","state":{"status":"completed","metadata":[]}}}"#,
        r#"{"type":"tool_use","part":{"callID":"c2","tool":"bash","state":{"status":"running","input":{"command":"ls"}}}}"#,
        r#"{"type":"tool_use","part":{"callID":"c2","tool":"bash","state":{"status":"completed","input":{"command":"ls"},"metadata":{"exit":"0"}}}}"#,
        "not json",
        r#"{"type":"text","part":{"text":"fine"}}"#,
        r#"{"type":"text","part":{"text":"and well"}}"#,
        r#"{"type":"step_finish","part":{"reason":"stop","tokens":{"input":"many","output":3},"cost":"free"}}"#,
    ];
    let (completed, events) = play(Script::new(lines.join("\n"))).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine\n\nand well", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    assert_eq!(
        titles(&events),
        ["hologram", "ls", "ls", "opencode printed a line that takopi can not read: not json"]
    );
}

#[tokio::test]
async fn an_error_is_told_once_and_does_not_undo_an_answer() {
    let error =
        r#"{"type":"error","sessionID":"ses_1a","error":{"name":"APIError","data":{"message":"busy"}}}"#;
    let other = r#"{"type":"error","sessionID":"ses_1a","error":{"name":"UnknownError"}}"#;
    let failed = |lines: &[&str]| Script::new(lines.join("\n")).status(ExitStatus::Code(1));
    let (completed, events) = play(failed(&[START, error, error])).await;
    assert_eq!(completed.outcome, Outcome::Failed { error: "busy".into() });
    assert!(titles(&events).is_empty());

    let (completed, events) = play(failed(&[START, error, other])).await;
    assert_eq!(completed.outcome, Outcome::Failed { error: "UnknownError".into() });
    assert_eq!(titles(&events), ["busy"]);

    let text = r#"{"type":"text","part":{"text":"fine"}}"#;
    let (completed, events) = play(failed(&[START, error, START, text, STOP])).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(titles(&events), ["busy"]);
}

#[tokio::test]
async fn a_turn_that_ends_for_another_reason_is_no_success() {
    let finish = r#"{"type":"step_finish","part":{"reason":"content-filter"}}"#;
    let (completed, _) = play(Script::new([START, finish].join("\n"))).await;
    let error = "opencode ended its turn without an answer (`content-filter`)".to_owned();
    assert_eq!(completed.outcome, Outcome::Failed { error });
}

/// Opencode would hang, and work in the other folder meanwhile.
#[tokio::test]
async fn a_thread_of_another_folder_is_refused_before_opencode_runs() {
    let resume = Some(ResumeToken::new(OPENCODE, "ses_1a").unwrap());
    let processes = ScriptedProcesses::new(Script::new("[\n  {\n    \"directory\": \"/old\"\n  }\n]\n"));
    let events = collect(runner().run(spec(&processes, "/repo").resume(resume.clone()))).await;
    let completed = check_events(&OPENCODE, &events);
    assert!(matches!(&completed.outcome, Outcome::Failed { error } if error.contains("belongs to /old")));
    assert_eq!(completed.resume, resume);
    let commands = processes.commands();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].args[0], "db");
}

#[tokio::test]
async fn a_thread_that_takopi_saw_begin_needs_no_question() {
    let runner = runner();
    let processes = ScriptedProcesses::new(Script::new([START, STOP].join("\n")));
    let events = collect(runner.run(spec(&processes, "/repo"))).await;
    let resume = check_events(&OPENCODE, &events).resume;

    let events = collect(runner.run(spec(&processes, "/repo").resume(resume.clone()))).await;
    assert!(check_events(&OPENCODE, &events).is_done());
    let events = collect(runner.run(spec(&processes, "/other").resume(resume))).await;
    assert!(!check_events(&OPENCODE, &events).is_done());
    assert!(processes.commands().iter().all(|command| command.args[0] == "run"));
    assert_eq!(processes.commands().len(), 2);
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let spec = |script: Script| spec(&ScriptedProcesses::new(script), "/repo");
    let recording = fs::read(folder().join("shell.jsonl")).unwrap();
    let first_lines: Vec<u8> =
        recording.split_inclusive(|&byte| byte == b'\n').take(3).flatten().copied().collect();
    let contract = RunnerContract {
        runner,
        spec: || spec(Script::new(recording.clone())),
        slow: || spec(Script::new(first_lines.clone()).waits()),
    };
    contract.check().await;
}

#[test]
fn settings_are_checked_where_they_stand() {
    let build = engine("opencode").build_runner;
    assert!(build(&config("[opencode]\nmodel = 'a/b'\n")).is_ok());
    let error = build(&config("[opencode]\nmodel = 7\n")).err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:9: `opencode.model`: "), "{error}");
    assert!(build(&config("[opencode]\nmode = 'serve'\n")).is_ok());
    let error = build(&config("[opencode]\nmode = 'attach'\n")).err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:8: `opencode.mode`: "), "{error}");
}
