//! The contract that every runner keeps, how the CLI is called, and what comes of its lines.

use std::sync::Arc;

use takopi_api::config::EngineConfig;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome};
use takopi_api::process::{ExitStatus, Stdin};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, Script, ScriptedProcesses, check_events, collect, engine};
use takopi_engine_myengine as _;

const ENGINE: EngineId = EngineId::from_static("myengine");

const START: &str = r#"{"type":"start","id":"0199"}"#;
const RUNNING: &str = r#"{"type":"tool","id":"t1","text":"look","status":"running"}"#;
const OK: &str = r#"{"type":"tool","id":"t1","text":"look","status":"ok"}"#;
const SAY: &str = r#"{"type":"say","text":"nearly there"}"#;
const END: &str = r#"{"type":"end","answer":"hello"}"#;

fn runner() -> Arc<dyn Runner> {
    (engine("myengine").build_runner)(&EngineConfig::empty("/nowhere"))
        .expect("no settings are good settings")
}

fn script(lines: &[&str]) -> Script {
    Script::new(lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn spec(processes: Arc<ScriptedProcesses>) -> RunSpec {
    RunSpec::new("--help me", "/repo", processes, ThreadLocks::default())
}

/// The kinds of events that come of a program's lines, and the last event.
async fn play(script: Script) -> (Vec<String>, Completed) {
    let events = collect(runner().run(spec(ScriptedProcesses::new(script)))).await;
    let kind = |event| serde_json::to_value(event).expect("events have JSON")["type"].to_string();
    (events.iter().map(kind).collect(), check_events(&ENGINE, &events))
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let contract = RunnerContract {
        runner,
        spec: || spec(ScriptedProcesses::new(script(&[START, RUNNING, OK, SAY, END]))),
        slow: || spec(ScriptedProcesses::new(script(&[START, RUNNING]).waits())),
    };
    contract.check().await;
}

#[tokio::test]
async fn the_prompt_is_never_an_argument() {
    let processes = ScriptedProcesses::new(script(&[START, END]));
    let thread = ResumeToken::new(ENGINE, "0199").expect("it is an id");
    let options = RunOptions::default().model(Some("large".to_owned()));
    collect(runner().run(spec(Arc::clone(&processes)).resume(Some(thread)).options(options))).await;
    let [command] = &processes.commands()[..] else { panic!("one program") };
    assert_eq!(command.args, ["--model", "large", "resume", "0199"]);
    assert_eq!(command.stdin, Stdin::Payload(b"--help me".to_vec()));
}

#[tokio::test]
async fn lines_become_events() {
    let (kinds, completed) = play(script(&[START, RUNNING, OK, SAY, END])).await;
    assert_eq!(kinds, [r#""started""#, r#""action""#, r#""action""#, r#""action""#, r#""completed""#]);
    assert_eq!((completed.outcome, completed.answer.as_str()), (Outcome::Done, "hello"));
}

#[tokio::test]
async fn what_nobody_knows_costs_only_itself() {
    let (_, completed) = play(script(&[START, r#"{"type":"sing"}"#, "no json", "[1]", END])).await;
    assert!(completed.is_done(), "{completed:?}");
}

#[tokio::test]
async fn errors_and_early_ends_are_failures() {
    for script in [
        script(&[START, r#"{"type":"error","text":"there is nothing to do"}"#]),
        script(&[START, RUNNING]).status(ExitStatus::Code(3)),
    ] {
        let (_, completed) = play(script).await;
        assert!(matches!(completed.outcome, Outcome::Failed { .. }), "{completed:?}");
    }
}
