//! The engine as takopi finds it: lines of another version, turns that follow turns, settings, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::config::{ConfigError, ConfigTable, EngineConfig};
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Event, Outcome, Phase};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_claude as _;
use tokio::time::{sleep, timeout};

const CLAUDE: EngineId = EngineId::from_static("claude");

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s1","model":"opus"}"#;
const RESULT: &str =
    r#"{"type":"result","subtype":"success","is_error":false,"result":"fine","session_id":"s1"}"#;

fn build(text: &str) -> Result<Arc<dyn Runner>, ConfigError> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
    (engine("claude").build_runner)(&EngineConfig::new(table.table("claude").unwrap(), "/nowhere"))
}

/// The engine in the mode in which it is not talked to.
fn runner() -> Arc<dyn Runner> {
    build("[claude]\nmode = 'print'\n").unwrap()
}

fn spec(script: Script) -> RunSpec {
    let processes = ScriptedProcesses::new(script);
    RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
}

async fn play(script: Script, resume: Option<&str>) -> (Completed, Vec<Event>) {
    let resume = resume.map(|session| ResumeToken::new(CLAUDE, session).unwrap());
    let events = collect(runner().run(spec(script).resume(resume))).await;
    (check_events(&CLAUDE, &events), events)
}

async fn lines(lines: &[&str]) -> (Completed, Vec<Event>) {
    play(Script::new(lines.join("\n")), None).await
}

/// The titles of the actions, each once, `!` before those that failed.
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

fn error(completed: &Completed) -> &str {
    match &completed.outcome {
        Outcome::Failed { error } => error,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let (completed, events) = lines(&[
        INIT,
        r#"{"type":"system","subtype":"weather","tasks":7}"#,
        r#"{"type":"hologram","message":[1]}"#,
        r#"{"type":"assistant","message":{"content":[{"type":"shape"},7,{"type":"text","text":"one moment"},{"type":"tool_use","id":"t1","name":"Bash","input":7}]}}"#,
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":{"stdout":"x"},"is_error":"no"}]}}"#,
        r#"{"type":"assistant","message":{"content":[{"type":"server_tool_use","id":"t2","name":"web_search","input":{"query":"rust"}},{"type":"web_search_tool_result","tool_use_id":"t2","content":[]},{"type":"tool_use"}]}}"#,
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t9"}]}}"#,
        r#"{"type":"user","message":"text"}"#,
        "not json",
        "[1,2]",
        r#"{"type":"result","is_error":false,"result":"fine","usage":{"input_tokens":"many","output_tokens":3},"queued_turn_count":"none"}"#,
    ])
    .await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    assert_eq!(
        titles(&events),
        ["one moment", "Bash", "rust", "claude printed a line that takopi can not read: not json"]
    );
}

#[tokio::test]
async fn an_empty_result_falls_back_to_the_last_own_words() {
    let (completed, _) = lines(&[
        INIT,
        r#"{"type":"assistant","message":{"model":"opus","content":[{"type":"text","text":"the answer"}]}}"#,
        r#"{"type":"assistant","parent_tool_use_id":"t1","message":{"content":[{"type":"text","text":"of a sub-agent"}]}}"#,
        r#"{"type":"result","is_error":false,"result":""}"#,
    ])
    .await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("the answer", true));
}

#[tokio::test]
async fn a_program_that_stops_without_a_result_leaves_its_last_words() {
    let text = r#"{"type":"assistant","message":{"content":[{"type":"text","text":"half an"}]}}"#;
    let script = Script::new([INIT, text].join("\n")).status(ExitStatus::Code(1)).stderr("out of memory\n");
    let (completed, _) = play(script, None).await;
    assert_eq!(completed.answer, "half an");
    assert_eq!(error(&completed), "claude exited with code 1 before it finished its turn\nout of memory");
}

#[tokio::test]
async fn an_error_of_the_api_is_told_once_and_what_was_said_before_is_kept() {
    let (completed, events) = lines(&[
        INIT,
        r#"{"type":"assistant","message":{"model":"opus","content":[{"type":"text","text":"half an answer"}]}}"#,
        r#"{"type":"system","subtype":"api_retry","attempt":10,"max_retries":10,"error_status":529}"#,
        r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error: 529"}]}}"#,
        r#"{"type":"result","subtype":"success","is_error":true,"result":"API Error: 529"}"#,
    ])
    .await;
    assert_eq!((completed.answer.as_str(), error(&completed)), ("half an answer", "API Error: 529"));
    assert_eq!(titles(&events), ["!retrying 10/10 (529)"]);
}

/// The result of a turn after which claude is known to go on is not the end, and one after which it may linger is.
#[tokio::test]
async fn a_result_ends_the_run_at_once_unless_a_turn_is_known_to_follow() {
    const TASK: &str = r#"{"type":"system","subtype":"task_started","task_id":"b1","tool_use_id":"t1","description":"test","is_backgrounded":true,"task_type":"local_bash"}"#;
    const ENDED: &str = r#"{"type":"system","subtype":"task_notification","task_id":"b1","tool_use_id":"t1","status":"failed"}"#;
    const SECOND: &str = r#"{"type":"result","is_error":false,"result":"tests failed"}"#;
    const QUEUED: &str = r#"{"type":"result","is_error":false,"result":"fine","queued_turn_count":1}"#;
    let check = async |lines: &[&str], answer: &str, expected: &[&str]| {
        let run = runner().run(spec(Script::new(lines.join("\n") + "\n").waits()));
        let events =
            timeout(Duration::from_secs(5), collect(run)).await.expect("the run waits for the program");
        assert_eq!(check_events(&CLAUDE, &events).answer, answer);
        assert_eq!(titles(&events), expected);
    };
    check(&[INIT, RESULT], "fine", &[]).await;
    let shown = ["fine", "!in the background: test"];
    check(&[INIT, TASK, RESULT, ENDED, INIT, SECOND], "tests failed", &shown).await;
    check(&[INIT, QUEUED, INIT, SECOND], "tests failed", &[]).await;
    // Claude does not stay for these, and nothing follows them.
    const UPKEEP: &str =
        r#"{"type":"system","subtype":"task_started","task_id":"b1","is_backgrounded":true,"ambient":true}"#;
    check(&[INIT, UPKEEP, RESULT], "fine", &[]).await;
    for flag in ["ambient", "off_host"] {
        let listed = format!(
            r#"{{"type":"system","subtype":"background_tasks_changed","tasks":[{{"task_id":"b1","{flag}":true}}]}}"#
        );
        check(&[INIT, &listed, TASK, RESULT], "fine", &[]).await;
        check(&[INIT, TASK, &listed, RESULT], "fine", &["in the background: test"]).await;
    }
    check(&[INIT, INIT, RESULT, SECOND], "tests failed", &[]).await;

    // Interrupted while the task goes on: the answer that is there is not lost.
    let run = runner().run(spec(Script::new([INIT, TASK, RESULT, ""].join("\n")).waits()));
    let control = run.control.clone();
    let (events, interrupted) = tokio::join!(collect(run), async {
        sleep(Duration::from_millis(100)).await;
        control.interrupt().await
    });
    assert!(interrupted.is_ok(), "the run did not wait for the task");
    assert_eq!(check_events(&CLAUDE, &events).answer, "fine");
}

#[tokio::test]
async fn a_task_that_moves_into_the_background_is_shown_until_it_ends() {
    let (completed, events) = lines(&[
        INIT,
        r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"cargo test"}}]}}"#,
        r#"{"type":"system","subtype":"task_started","task_id":"b1","tool_use_id":"t1","is_backgrounded":false}"#,
        r#"{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_id":"b1","task_type":"local_bash","description":"test"}]}"#,
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"moved"}]}}"#,
        RESULT,
        r#"{"type":"system","subtype":"background_tasks_changed","tasks":[]}"#,
        INIT,
        r#"{"type":"result","is_error":true,"errors":["it broke"]}"#,
    ])
    .await;
    assert_eq!((completed.answer.as_str(), error(&completed)), ("fine", "it broke"));
    assert_eq!(titles(&events), ["fine", "cargo test"]);
}

#[tokio::test]
async fn limits_and_fallbacks_of_the_model_are_warnings() {
    let (_, events) = lines(&[
        INIT,
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed","rateLimitType":"five_hour"}}"#,
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","rateLimitType":"five_hour","utilization":0.92}}"#,
        r#"{"type":"system","subtype":"model_fallback","content":"Using sonnet: opus is overloaded"}"#,
        r#"{"type":"system","subtype":"status","status":"compacting"}"#,
        RESULT,
    ])
    .await;
    assert_eq!(
        titles(&events),
        [
            "rate limit five_hour: allowed_warning, 92 % used",
            "Using sonnet: opus is overloaded",
            "compacting the conversation"
        ]
    );
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
fn both_resume_lines_of_the_cli_are_read() {
    for line in ["claude --resume 6ad4", "`claude -r 6ad4`"] {
        assert_eq!(runner().extract_resume(line).unwrap().value(), "6ad4");
    }
}

#[test]
fn settings_are_checked_where_they_stand() {
    for right in [
        "",
        "model = 4",
        "mode = 'control'",
        "allowed_tools = 'Bash,Read'",
        "allowed_tools = []",
        "use_api_billing = 'yes'",
    ] {
        assert!(build(&format!("[claude]\n{right}\n")).is_ok(), "{right}");
    }
    let error = build("[claude]\nallowed_tools = 7\n").err().unwrap().to_string();
    assert_eq!(error, "takopi.toml:2:17: `claude.allowed_tools`: expected a list of the names of tools");
    let error = build("[claude]\nmode = 'bypass'\n").err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:8: `claude.mode`: "), "{error}");
}
