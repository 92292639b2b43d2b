//! The engine as takopi finds it: lines of other versions, retries, threads under several names, settings, the contract.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::{EngineId, Modes};
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::process::ProcessHost;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{Replay, RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_pi as _;

const PI: EngineId = EngineId::from_static("pi");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn config(text: &str, data_dir: &Path) -> EngineConfig {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
    EngineConfig::new(table.table("pi").unwrap(), data_dir)
}

/// A program that is not talked to.
fn runner() -> Arc<dyn Runner> {
    (engine("pi").build_runner)(&config("[pi]\nmode = 'json'\n", Path::new("/nowhere"))).unwrap()
}

async fn play(lines: &[&str], resume: Option<&str>) -> (Completed, Vec<Event>) {
    let processes = ScriptedProcesses::new(Script::new(lines.join("\n")));
    let spec = RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
        .resume(resume.map(|thread| ResumeToken::new(PI, thread).unwrap()));
    let events = collect(runner().run(spec)).await;
    (check_events(&PI, &events), events)
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

const SESSION: &str = r#"{"type":"session","version":3,"id":"0199aaaa-1111","cwd":"/repo"}"#;
const FINE: &str = r#"{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"fine"}],"stopReason":"stop"}}"#;
const OVERLOADED: &str = r#"{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"error","errorMessage":"529 overloaded"}}"#;

#[tokio::test]
async fn unknown_lines_fields_and_types_cost_nothing_but_themselves() {
    let lines = [
        r#"{"type":"session","version":"four","id":"t1","new":{"deep":[1]}}"#,
        r#"{"type":"notice","text":"x"}"#,
        r#"{"type":"tool_execution_start","toolCallId":"c1","toolName":"hologram","args":"cube"}"#,
        r#"{"type":"tool_execution_end","toolCallId":"c1","toolName":"hologram","result":[7],"isError":"no"}"#,
        r#"{"type":"tool_execution_end","toolCallId":"c2","toolName":"bash","result":{"content":[{"type":"text","text":"Command exited with code 7"}]},"isError":true}"#,
        "not json",
        r#"{"type":"message_end","message":{"role":"assistant","content":[7,{"type":"image"},{"type":"text","text":"fine"}],"usage":{"input":"many","output":3},"stopReason":"elated"}}"#,
        r#"{"type":"agent_end","messages":null,"willRetry":"no"}"#,
    ];
    let (completed, events) = play(&lines, None).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(completed.usage.unwrap().output_tokens, Some(3));
    assert_eq!(
        titles(&events),
        ["hologram", "hologram", "bash", "pi printed a line that takopi can not read: not json"]
    );
}

#[tokio::test]
async fn an_attempt_that_failed_is_forgotten_once_the_next_one_answers() {
    let compacted = [
        SESSION,
        OVERLOADED,
        r#"{"type":"agent_end","messages":[],"willRetry":false}"#,
        r#"{"type":"compaction_start","reason":"overflow"}"#,
        r#"{"type":"compaction_end","reason":"overflow","result":{},"aborted":false,"willRetry":true}"#,
        r#"{"type":"agent_start"}"#,
        FINE,
        r#"{"type":"agent_end","messages":[],"willRetry":false}"#,
        r#"{"type":"agent_settled"}"#,
    ];
    let (completed, events) = play(&compacted, None).await;
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("fine", true));
    assert_eq!(titles(&events), ["compacting the conversation", "compacting the conversation"]);

    let of_an_old_cli = [SESSION, OVERLOADED, r#"{"type":"agent_end"}"#, FINE, r#"{"type":"agent_end"}"#];
    assert!(play(&of_an_old_cli, None).await.0.is_done());
}

#[tokio::test]
async fn a_failure_counts_when_nothing_follows_it() {
    for last in [r#"{"type":"agent_settled"}"#, ""] {
        let (completed, _) = play(&[SESSION, OVERLOADED, r#"{"type":"agent_end"}"#, last], None).await;
        assert_eq!(completed.outcome, Outcome::Failed { error: "529 overloaded".into() }, "{last}");
    }
    let (completed, _) = play(&[SESSION, r#"{"type":"agent_end"}"#], None).await;
    assert!(!completed.is_done());
}

#[tokio::test]
async fn a_thread_is_continued_under_the_name_that_it_was_asked_for() {
    let lines = [SESSION, FINE, r#"{"type":"agent_end","willRetry":false}"#];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.jsonl");
    fs::write(&file, SESSION).unwrap();
    let path = file.to_str().unwrap();
    for (asked, named) in [("0199aaaa", "0199aaaa-1111"), (path, path)] {
        let (completed, events) = play(&lines, Some(asked)).await;
        assert!(completed.is_done(), "{asked}: {completed:?}");
        assert!(matches!(&events[0], Event::Started(started) if started.resume.value() == asked));
        assert_eq!(completed.resume.unwrap().value(), named);
    }
    let (completed, _) = play(&lines, Some("0199bbbb")).await;
    assert!(!completed.is_done(), "pi opened another thread");
    let (completed, _) = play(&lines, Some("/nowhere/x.jsonl")).await;
    assert!(!completed.is_done(), "pi would begin a new thread in a file that is gone");
}

#[tokio::test]
async fn a_fork_is_followed_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("2026_0199aaaa-1111.jsonl");
    fs::write(&file, SESSION.replace("/repo", "/elsewhere")).unwrap();
    let path = file.to_str().unwrap();
    let session = format!(r#"{{"type":"session","id":"0199cccc-2222","parentSession":"{path}"}}"#);
    for asked in ["0199aaaa-1111", path] {
        let lines = [&session, FINE, r#"{"type":"agent_end","willRetry":false}"#];
        let (completed, events) = play(&lines, Some(asked)).await;
        assert!(completed.is_done(), "{completed:?}");
        assert_eq!(titles(&events), ["pi went on in another thread: 0199cccc-2222"]);
        assert_eq!(completed.resume.unwrap().value(), "0199cccc-2222");
    }
}

#[test]
fn resume_lines_hold_paths_with_blanks() {
    let runner = runner();
    let token = ResumeToken::new(PI, "/a b/2026.jsonl").unwrap();
    let line = runner.format_resume(&token).unwrap();
    assert_eq!(line, r#"pi --session "/a b/2026.jsonl""#);
    assert!(runner.is_resume_line(&line));
    assert_eq!(runner.extract_resume(&format!("done\n`{line}`")), Some(token));
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let spec = |script: Script| {
        let processes = ScriptedProcesses::new(script);
        RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
    };
    let recording = fs::read(folder().join("shell.jsonl")).unwrap();
    let first_lines: Vec<u8> =
        recording.split_inclusive(|&byte| byte == b'\n').take(9).flatten().copied().collect();
    let contract = RunnerContract {
        runner,
        spec: || spec(Script::new(recording.clone())),
        slow: || spec(Script::new(first_lines.clone()).waits()),
    };
    contract.check().await;
}

#[tokio::test]
async fn one_that_is_talked_to_keeps_the_contract() {
    let data = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder().join(format!("rpc/{name}.jsonl"))).unwrap();
    let thread = |text: &str| text.split_once("\"sessionId\":\"").unwrap().1[..36].to_owned();
    let slow = read("slow");
    let interrupted = read("interrupt-text");
    let spec = |text: &str| {
        // Both are of one thread.
        let recording = Replay::new(text).place(&thread(&interrupted), &thread(&slow));
        let prompt = "Please do the task. [[slow]]";
        RunSpec::new(prompt, "/repo", Arc::new(recording.start()), ThreadLocks::default())
    };
    let runner = || (engine("pi").build_runner)(&config("[pi]\n", data.path())).unwrap();
    let contract = RunnerContract { runner, spec: || spec(&slow), slow: || spec(&interrupted) };
    contract.check().await;
}

#[tokio::test]
async fn a_program_that_ends_before_it_is_talked_to_says_why() {
    let data = tempfile::tempdir().unwrap();
    for (stderr, error) in [
        (
            "No session found matching '0199'",
            "pi has no thread 0199; leave out the resume line to start a new one",
        ),
        (
            "Session found in different project: /x",
            "thread 0199 belongs to another folder, and pi continues it only there",
        ),
        ("Unknown option: --mode", "pi exited with code 0 before it finished its turn"),
    ] {
        let processes = ScriptedProcesses::new(Script::new("").stderr(stderr));
        let spec = RunSpec::new("hi", "/repo", processes as Arc<dyn ProcessHost>, ThreadLocks::default())
            .resume(Some(ResumeToken::new(PI, "0199").unwrap()));
        let runner = (engine("pi").build_runner)(&config("[pi]\n", data.path())).unwrap();
        let completed = check_events(&PI, &collect(runner.run(spec)).await);
        assert_eq!(completed.outcome, Outcome::Failed { error: format!("{error}\n{stderr}") });
    }
}

#[test]
fn what_pi_can_do_is_up_to_its_settings() {
    let of = |text: &str| {
        let runner = (engine("pi").build_runner)(&config(text, Path::new("/nowhere"))).unwrap();
        let can = runner.capabilities().unwrap();
        assert!(can.model && !can.reasoning_levels.is_empty() && !can.plans && can.modes == Modes::None);
        (can.permissions, can.questions, can.steer, can.live_text)
    };
    assert_eq!(of("[pi]\n"), (true, true, true, true));
    assert_eq!(of("[pi]\npermissions = 'off'\n"), (false, true, true, true));
    assert_eq!(of("[pi]\nmode = 'json'\n"), (false, false, false, false));
    let by_itself = engine("pi").capabilities;
    let by_default = (engine("pi").build_runner)(&config("[pi]\n", Path::new("/nowhere"))).unwrap();
    assert_eq!(by_default.capabilities(), Some(by_itself));
}

#[test]
fn settings_are_checked_where_they_stand() {
    let config = |text: &str| config(text, Path::new("/nowhere"));
    let build = engine("pi").build_runner;
    assert!(build(&config("[pi]\nmodel = 'm'\nprovider = 'p'\nextra_args = ['--no-skills']\n")).is_ok());
    let error = build(&config("[pi]\nextra_args = ['--mode']\n")).err().unwrap().to_string();
    assert_eq!(
        error,
        "takopi.toml:2:14: `pi.extra_args`: `--mode` is not possible here: takopi sets it itself"
    );
    let error = build(&config("[pi]\nmodel = 7\n")).err().unwrap().to_string();
    assert!(error.starts_with("takopi.toml:2:9: `pi.model`: "), "{error}");
    let error = build(&config("[pi]\nmode = 'json'\npermissions = 'ask'\n")).err().unwrap().to_string();
    assert_eq!(error, "takopi.toml:3:15: `pi.permissions`: pi can only ask with `pi.mode = \"rpc\"`");
    assert!(build(&config("[pi]\nmode = 'json'\npermissions = 'off'\n")).is_ok());
    assert!(build(&config("[pi]\npermissions = 'always'\n")).is_err());
}
