//! The engine as takopi finds it: lines of another version, settings, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome, Phase};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_qwen as _;

const QWEN: EngineId = EngineId::from_static("qwen");

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s1","model":"coder"}"#;

fn runner() -> Arc<dyn Runner> {
    (engine("qwen").build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

fn spec(script: Script) -> RunSpec {
    let processes = ScriptedProcesses::new(script);
    RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
}

async fn play(script: Script, resume: Option<&str>) -> (Completed, Vec<Event>) {
    let resume = resume.map(|session| ResumeToken::new(QWEN, session).unwrap());
    let events = collect(runner().run(spec(script).resume(resume))).await;
    (check_events(&QWEN, &events), events)
}

/// The titles of the actions that ended, `!` before those that failed.
fn titles(events: &[Event]) -> Vec<String> {
    let ends = events.iter().filter_map(|event| match event {
        Event::Action(event) => match event.phase {
            Phase::Completed(outcome) => Some((outcome, &event.action.title)),
            _ => None,
        },
        _ => None,
    });
    ends.map(|(outcome, title)| if outcome == true.into() { title.clone() } else { format!("!{title}") })
        .collect()
}

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let lines = [
        INIT,
        r#"{"type":"system","subtype":"weather","data":7}"#,
        r#"{"type":"system","subtype":"vision_bridge","data":{"notice":"described the image"}}"#,
        r#"{"type":"system","subtype":"model_fallback","data":{"fromModel":"max","toModel":"coder"}}"#,
        r#"{"type":"hologram","message":[1]}"#,
        r#"{"type":"assistant","message":{"content":[{"type":"shape"},7,{"type":"text","text":"one moment"},{"type":"tool_use","id":"t1","name":"run_shell_command","input":7}]}}"#,
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":{"x":1},"is_error":"no"}]}}"#,
        r#"{"type":"assistant","parent_tool_use_id":"t1","message":{"content":[{"type":"text","text":"of a sub-agent"},{"type":"tool_use"}]}}"#,
        r#"{"type":"user","message":"text"}"#,
        "not json",
        r#"{"type":"result","is_error":false,"result":"","usage":{"input_tokens":"many","output_tokens":3},"permission_denials":[{"tool_name":"edit"},{"tool_name":"edit"},7]}"#,
    ];
    let (completed, events) = play(Script::new(lines.join("\n")), None).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("one moment", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    assert_eq!(
        titles(&events),
        [
            "described the image",
            "qwen went on with the model coder instead of max",
            "one moment",
            "run_shell_command",
            "qwen printed a line that takopi can not read: not json",
            "!qwen may not use edit; `approval_mode` in `[qwen]` decides that",
        ]
    );
}

#[tokio::test]
async fn what_was_said_before_an_error_is_kept() {
    let lines = [
        INIT,
        r#"{"type":"assistant","message":{"content":[{"type":"text","text":"half an answer"}]}}"#,
        r#"{"type":"result","subtype":"error_during_execution","is_error":true,"error":"too long"}"#,
    ];
    let (completed, _) = play(Script::new(lines.join("\n")), None).await;
    assert_eq!(completed.answer, "half an answer");
    assert_eq!(completed.outcome, Outcome::Failed { error: "too long".into() });
}

#[tokio::test]
async fn a_session_that_is_not_there_is_said_with_a_way_on() {
    let script = Script::new("").status(ExitStatus::Code(1)).stderr("No saved session found with ID s9.\n");
    let (completed, _) = play(script, Some("s9")).await;
    let error = "qwen has no thread s9; leave out the resume line to start a new one\n\
                 No saved session found with ID s9.";
    assert_eq!(completed.outcome, Outcome::Failed { error: error.into() });
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let recording = fs::read(folder.join("shell.jsonl")).unwrap();
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
    let build = |text: &str| {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
        (engine("qwen").build_runner)(&EngineConfig::new(table.table("qwen").unwrap(), "/nowhere"))
    };
    assert!(build("[qwen]\napproval_mode = 'auto-edit'\nauth_type = 'qwen-oauth'\nmodel = 'x'\n").is_ok());
    let error = build("[qwen]\napproval_mode = 'all'\n").err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:17: `qwen.approval_mode`: unknown variant `all`"), "{error}");
    let error = build("[qwen]\nauth_type = true\n").err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:13: `qwen.auth_type`"), "{error}");
}
