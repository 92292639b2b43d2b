//! The engine as takopi finds it: lines of another version, results without an answer, settings, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_gemini as _;

const GEMINI: EngineId = EngineId::from_static("gemini");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn runner() -> Arc<dyn Runner> {
    (engine("gemini").build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

fn spec(script: Script) -> RunSpec {
    let processes = ScriptedProcesses::new(script);
    RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
}

async fn play(script: Script) -> (Completed, Vec<Event>) {
    let events = collect(runner().run(spec(script))).await;
    (check_events(&GEMINI, &events), events)
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

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let lines = [
        r#"{"type":"init","session_id":"s1","model":["auto"],"new":{"deep":[1]}}"#,
        r#"{"type":"thought","subject":"x"}"#,
        r#"{"type":"tool_use","tool_id":"c1","tool_name":"hologram","parameters":"cube"}"#,
        r#"{"type":"tool_result","tool_id":"c1","status":"success","output":{"a":1}}"#,
        r#"{"type":"tool_result","tool_id":"c2","status":7,"error":"no"}"#,
        "not json",
        r#"{"type":"message","role":"assistant","content":"fi","delta":true}"#,
        r#"{"type":"message","role":"assistant","content":"ne","delta":true}"#,
        r#"{"type":"result","status":"success","stats":{"input_tokens":"many","output_tokens":3}}"#,
        r#"{"type":"result","status":"error"}"#,
    ];
    let (completed, events) = play(Script::new(lines.join("\n"))).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    assert_eq!(
        titles(&events),
        ["hologram", "hologram", "tool", "gemini printed a line that takopi can not read: not json"]
    );
}

#[tokio::test]
async fn an_error_before_a_success_is_told_and_one_before_a_failure_is_the_reason() {
    let init = r#"{"type":"init","session_id":"s1"}"#;
    let error = r#"{"type":"error","severity":"error","message":"[API Error: busy]"}"#;
    let text = r#"{"type":"message","role":"assistant","content":"fine"}"#;
    let success = r#"{"type":"result","status":"success"}"#;
    let (completed, events) = play(Script::new([init, error, text, success].join("\n"))).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(titles(&events), ["busy"]);

    let failure = r#"{"type":"result","status":"error"}"#;
    for script in [Script::new([init, error, failure].join("\n")), Script::new([init, error].join("\n"))] {
        let (completed, events) = play(script).await;
        assert_eq!(completed.outcome, Outcome::Failed { error: "busy".into() });
        assert!(titles(&events).is_empty());
    }
}

#[tokio::test]
async fn what_gemini_says_only_on_standard_error_is_explained() {
    for (stderr, code, expected) in [
        ("Gemini CLI is not running in a trusted directory. To proceed, …\n", 55, "skip_trust"),
        ("Error resuming session: No previous sessions found for this project.\n", 42, "in this folder"),
    ] {
        let script = Script::new("").stderr(stderr).status(ExitStatus::Code(code));
        let Outcome::Failed { error } = play(script).await.0.outcome else { panic!("done") };
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let recording = fs::read(folder().join("shell.jsonl")).unwrap();
    let first_lines: Vec<u8> =
        recording.split_inclusive(|&byte| byte == b'\n').take(4).flatten().copied().collect();
    let contract = RunnerContract {
        runner,
        spec: || spec(Script::new(recording.clone())),
        slow: || spec(Script::new(first_lines.clone()).waits()),
    };
    contract.check().await;
}

#[test]
fn settings_are_checked_where_they_stand() {
    let config = |text: &str| {
        let table = takopi_api::config::ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
        EngineConfig::new(table.table("gemini").unwrap(), "/nowhere")
    };
    let build = engine("gemini").build_runner;
    let text = "[gemini]\nmodel = 'm'\napproval_mode = 'auto_edit'\nskip_trust = true\n";
    assert!(build(&config(text)).is_ok());
    let error = build(&config("[gemini]\napproval_mode = 'ask'\n")).err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:17: `gemini.approval_mode`: unknown variant `ask`"), "{error}");
}
