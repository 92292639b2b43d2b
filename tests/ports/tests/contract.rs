//! The engines keep the contract of runs, as the suite for plugins shows it.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

use std::path::Path;
use std::sync::Arc;

use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::runner::{RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{
    RunnerContract, Script, ScriptedEngine, ScriptedProcesses, check_events, collect, engine, engines,
};
use takopi_ports as _;

fn runner(id: &str) -> Arc<dyn Runner> {
    (engine(id).build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

fn spec(script: Script) -> RunSpec {
    let processes = ScriptedProcesses::new(script) as Arc<dyn ProcessHost>;
    RunSpec::new("hi", "/repo", processes, ThreadLocks::default())
}

async fn end_of(runner: &Arc<dyn Runner>, spec: RunSpec) -> (Completed, Vec<Event>) {
    let events = collect(runner.run(spec)).await;
    (check_events(runner.engine(), &events), events)
}

fn framed(message: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{message}", message.len())
}

const ON_SCREEN: &str = "\x1b[2Jwelcome\n⠋ starting\r{\"type\":\"session\",\"session\":\"s1\"}\x1b[0m\n";

#[tokio::test]
async fn on_a_terminal() {
    let done = format!("{ON_SCREEN}⠙ thinking\n{{\"type\":\"result\",\"result\":\"ok\",\"ms\":7}}\n");
    RunnerContract {
        runner: || runner("onscreen"),
        spec: || spec(Script::new(done.clone())),
        slow: || spec(Script::new(ON_SCREEN).waits()),
    }
    .check()
    .await;
    let died = Script::new("\x1b[31mnot logged in\x1b[0m\r\n").status(ExitStatus::Code(1));
    let (completed, _) = end_of(&runner("onscreen"), spec(died)).await;
    assert_eq!(completed.outcome, Outcome::Failed { error: "onscreen: not logged in".into() });
}

#[tokio::test]
async fn in_messages_that_say_how_long_they_are() {
    let begun = framed(r#"{"method":"session/started","params":{"sessionId":"s1"}}"#);
    let ended = framed("{\"method\":\"session/ended\",\n\"params\":{\"text\":\"ok\"}}");
    RunnerContract {
        runner: || runner("measured"),
        spec: || spec(Script::new(format!("{begun}{ended}"))),
        slow: || spec(Script::new(begun.clone()).waits()),
    }
    .check()
    .await;
}

/// Runs another engine, whose first answer is not the last.
#[tokio::test]
async fn over_another_engine() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rounds");
    let runner = || {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), "engine = \"worker\"\nrounds = 3\n");
        (engine("rounds").build_runner)(&EngineConfig::new(table.unwrap(), &folder)).unwrap()
    };
    // What was asked last decides; all of it stands before how the end is told.
    let worker = ScriptedEngine::new("worker", |spec| match spec.prompt.rsplit("\n\n").nth(1) {
        Some("slow") => None,
        Some("never done") => Some("more to do".to_owned()),
        _ => Some("ALL DONE".to_owned()),
    });
    let threads = ThreadLocks::default();
    let with = |prompt: &str| {
        let mut spec = spec(Script::new("")).engines(engines([Arc::clone(&worker) as Arc<dyn Runner>]));
        prompt.clone_into(&mut spec.prompt);
        spec.threads = threads.clone();
        spec
    };
    RunnerContract { runner, spec: || with("quick"), slow: || with("slow") }.check().await;

    let (completed, _) = end_of(&runner(), with("never done")).await;
    assert_eq!(completed.outcome, Outcome::Failed { error: "not done after 3 rounds".into() });
    let asked = worker.asked();
    let last: Vec<_> = asked[asked.len() - 3..].iter().collect();
    assert!(last.iter().all(|spec| spec.resume.is_none() && spec.prompt.starts_with("never done\n")));
    let (again, _) = end_of(&runner(), with("and this").resume(completed.resume.clone())).await;
    assert_eq!(again.resume, completed.resume);
    assert!(worker.asked().last().unwrap().prompt.starts_with("never done\n\nand this\n"));
}
