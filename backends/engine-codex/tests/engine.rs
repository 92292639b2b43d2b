//! The engine as takopi finds it: lines of another version, settings, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::config::{ConfigError, ConfigTable, EngineConfig};
use takopi_api::engine::{EngineId, Modes};
use takopi_api::event::{Completed, Event};
use takopi_api::process::ProcessHost;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_codex as _;

const CODEX: EngineId = EngineId::from_static("codex");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn runner() -> Arc<dyn Runner> {
    build("[codex]\nmode = 'exec'\n").unwrap()
}

fn build(text: &str) -> Result<Arc<dyn Runner>, ConfigError> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
    (engine("codex").build_runner)(&EngineConfig::new(table.table("codex").unwrap(), "/nowhere"))
}

async fn play(script: Script, resume: Option<&str>) -> (Completed, Vec<Event>) {
    let processes = ScriptedProcesses::new(script);
    let spec =
        RunSpec::new("hi", "/repo", Arc::clone(&processes) as Arc<dyn ProcessHost>, ThreadLocks::default())
            .resume(resume.map(|thread| ResumeToken::new(CODEX, thread).unwrap()));
    let events = collect(runner().run(spec)).await;
    (check_events(&CODEX, &events), events)
}

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let lines = [
        r#"{"type":"thread.started","thread_id":"t1","new":{"deep":[1]}}"#,
        r#"{"type":"thread.renamed","name":"x"}"#,
        r#"{"type":"turn.started"}"#,
        r#"{"type":"item.completed","item":{"id":"i1","type":"hologram","shape":"cube"}}"#,
        r#"{"type":"item.completed","item":{"id":"i2","type":"command_execution","command":["ls"],"exit_code":"0","status":"completed"}}"#,
        r#"{"type":"item.completed","item":{"id":"i3","type":"file_change","status":"completed","changes":[{"path":"a","kind":"rename"},7]}}"#,
        r#"not json"#,
        r#"[1,2]"#,
        r#"{"type":"item.completed","item":{"id":"i4","type":"agent_message","text":"fine"}}"#,
        r#"{"type":"turn.completed","usage":{"input_tokens":"many","output_tokens":3}}"#,
    ];
    let (completed, events) = play(Script::new(lines.join("\n")), None).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    let titles: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(event.action.title.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        titles,
        [
            "turn",
            "hologram",
            r#"["ls"]"#,
            "files",
            "codex printed a line that takopi can not read: not json",
            "turn"
        ]
    );
}

#[tokio::test]
async fn calls_of_other_servers_are_told_with_what_is_known() {
    let lines = [
        r#"{"type":"thread.started","thread_id":"t1"}"#,
        r#"{"type":"item.completed","item":{"id":"i1","type":"mcp_tool_call","server":"docs","tool":"search","arguments":{"q":"x"},"result":{"content":[{"type":"text"}],"structured_content":null},"status":"completed"}}"#,
        r#"{"type":"item.completed","item":{"id":"i2","type":"mcp_tool_call","server":"docs","tool":"open","error":{"message":"no such page"},"status":"failed"}}"#,
        r#"{"type":"turn.completed"}"#,
    ];
    let (_, events) = play(Script::new(lines.join("\n")), None).await;
    let json: Vec<String> = events[1..3].iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    assert_eq!(
        json,
        [
            r#"{"type":"action","engine":"codex","action":{"id":"i1","kind":"tool","title":"docs.search","detail":{"server":"docs","tool":"search","status":"completed","arguments":{"q":"x"},"result_summary":{"content_blocks":1,"has_structured":false}}},"phase":"completed","ok":true}"#,
            r#"{"type":"action","engine":"codex","action":{"id":"i2","kind":"tool","title":"docs.open","detail":{"server":"docs","tool":"open","status":"failed","error_message":"no such page"}},"phase":"completed","ok":false}"#
        ]
    );
}

#[tokio::test]
async fn commentary_is_no_answer_and_a_later_message_supersedes_an_earlier_one() {
    let lines = [
        r#"{"type":"thread.started","thread_id":"t1"}"#,
        r#"{"type":"turn.started"}"#,
        r#"{"type":"item.completed","item":{"id":"i1","type":"agent_message","text":"the answer","phase":"final_answer"}}"#,
        r#"{"type":"item.completed","item":{"id":"i2","type":"agent_message","text":"by the way","phase":"commentary"}}"#,
        r#"{"type":"item.completed","item":{"id":"i3","type":"agent_message","text":"and so on"}}"#,
        r#"{"type":"turn.completed"}"#,
    ];
    let (completed, events) = play(Script::new(lines.join("\n")), None).await;
    assert_eq!(completed.answer, "the answer");
    assert_eq!(events.len(), 7);
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let spec = |script: Script| {
        let processes = ScriptedProcesses::new(script);
        RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
    };
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
    assert!(build("[codex]\nmode = 'app_server'\nprofile = 'x'\n").is_ok());
    let error = |text: &str| build(text).err().unwrap().to_string();
    assert_eq!(
        error("[codex]\nmode = 'exec'\nextra_args = ['--json']\n"),
        "takopi.toml:3:14: `codex.extra_args`: `--json` is not possible here: takopi sets it itself"
    );
    assert_eq!(
        error("[codex]\nextra_args = ['--add-dir', '/x']\n"),
        "takopi.toml:2:14: `codex.extra_args`: `--add-dir` is not possible here: set \
         `sandbox_workspace_write.writable_roots` with `-c`"
    );
    let turbo = error("[codex]\nmode = 'turbo'\n");
    assert!(turbo.starts_with("takopi.toml:2:8: `codex.mode`: unknown variant `turbo`"), "{turbo}");
}

#[test]
fn what_it_can_do_follows_from_how_it_is_driven() {
    assert_eq!(build("[codex]\n").unwrap().capabilities(), None);
    let two_way = engine("codex").capabilities;
    assert!(two_way.permissions && two_way.questions && two_way.steer && two_way.live_text && two_way.model);
    let one_way = runner().capabilities().unwrap();
    assert!(!one_way.asks() && !one_way.steer && !one_way.live_text && one_way.modes == Modes::None);
    assert_eq!(one_way.reasoning_levels, two_way.reasoning_levels);
}
