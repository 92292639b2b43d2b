//! The memory of takopi does not grow with the length of a run.

use std::fs;
use std::io::{BufRead, BufReader};

use rustix::process::{Pid, Signal, kill_process};
use takopi_tests::{Scene, Script};

use crate::sandbox;

/// How many steps the short run has; the long one has ten times as many.
const STEPS: usize = 1_000;

/// How much more memory the long run may need at its peak, in kB. One id or title that was kept of each step would be more.
const BUDGET: usize = 1_500;

/// Stands for the number of a step, which is written with so many digits that whoever keeps it is seen.
const N: &str = "@N@";

/// What an engine prints.
struct Talk {
    engine: &'static str,
    begin: &'static str,
    /// The lines of one step.
    step: &'static [&'static str],
}

const TALKS: &[Talk] = &[
    Talk {
        engine: "codex",
        begin: r#"{"type":"thread.started","thread_id":"t1"}"#,
        step: &[
            r#"{"type":"item.started","item":{"id":"item_@N@","type":"command_execution","command":"echo @N@","status":"in_progress"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_@N@","type":"command_execution","command":"echo @N@","exit_code":0,"status":"completed"}}"#,
            r#"{"type":"item.completed","item":{"id":"item_@N@b","type":"agent_message","text":"I said echo and it said @N@."}}"#,
        ],
    },
    Talk {
        engine: "claude",
        begin: r#"{"type":"system","subtype":"init","session_id":"t1","model":"m"}"#,
        step: &[
            r#"{"type":"assistant","message":{"id":"msg_@N@","model":"m","content":[{"type":"text","text":"I will say echo."},{"type":"tool_use","id":"toolu_@N@","name":"Bash","input":{"command":"echo @N@"}}],"usage":{"input_tokens":1}}}"#,
            r#"{"type":"system","subtype":"task_started","task_id":"task_@N@","tool_use_id":"toolu_@N@","is_backgrounded":false}"#,
            r#"{"type":"system","subtype":"task_notification","task_id":"task_@N@","status":"completed"}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_@N@","content":"@N@"}]}}"#,
        ],
    },
    Talk {
        engine: "opencode",
        begin: r#"{"type":"step_start","sessionID":"ses_1","part":{}}"#,
        step: &[
            r#"{"type":"step_start","sessionID":"ses_1","part":{}}"#,
            r#"{"type":"text","sessionID":"ses_1","part":{"text":"I will say echo @N@."}}"#,
            r#"{"type":"tool_use","sessionID":"ses_1","part":{"callID":"call_@N@","tool":"bash","state":{"status":"completed","input":{"command":"echo @N@"},"output":"@N@","metadata":{"exit":0}}}}"#,
            r#"{"type":"step_finish","sessionID":"ses_1","part":{"reason":"tool-calls","tokens":{"input":1}}}"#,
        ],
    },
    Talk {
        engine: "pi",
        begin: r#"{"type":"session","id":"t1"}"#,
        step: &[
            r#"{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"I will say echo @N@."}],"stopReason":"toolUse","usage":{"input":1}}}"#,
            r#"{"type":"tool_execution_start","toolCallId":"call_@N@","toolName":"bash","args":{"command":"echo @N@"}}"#,
            r#"{"type":"tool_execution_end","toolCallId":"call_@N@","toolName":"bash","result":{"content":[{"type":"text","text":"@N@"}]},"isError":false}"#,
        ],
    },
    Talk {
        engine: "gemini",
        begin: r#"{"type":"init","session_id":"t1"}"#,
        step: &[
            r#"{"type":"message","role":"assistant","content":"I will say echo @N@.","delta":true}"#,
            r#"{"type":"tool_use","tool_name":"run_shell_command","tool_id":"call_@N@","parameters":{"command":"echo @N@"}}"#,
            r#"{"type":"tool_result","tool_id":"call_@N@","status":"success","output":"@N@"}"#,
        ],
    },
    Talk {
        engine: "qwen",
        begin: r#"{"type":"system","subtype":"init","session_id":"t1","model":"m"}"#,
        step: &[
            r#"{"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"I will say echo."},{"type":"tool_use","id":"call_@N@","name":"run_shell_command","input":{"command":"echo @N@"}}],"usage":{"input_tokens":1}}}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"call_@N@","is_error":false,"content":"@N@"}]}}"#,
        ],
    },
];

#[test]
fn a_long_run_needs_no_more_memory_than_a_short_one() {
    for talk in TALKS {
        let (short, long) = (peak(talk, STEPS), peak(talk, 10 * STEPS));
        assert!(
            long < short + BUDGET,
            "{}: {short} kB after {STEPS} steps, {long} kB after ten times as many",
            talk.engine
        );
    }
}

/// The most memory that takopi had by the end of so many steps, in kB.
fn peak(talk: &Talk, steps: usize) -> usize {
    const LAST: &str = "the-last-one";
    let sandbox = sandbox();
    let lines = |n: &str| talk.step.iter().map(|line| line.replace(N, n) + "\n").collect::<String>();
    let file = sandbox.home().join("steps.jsonl");
    fs::write(&file, (0..steps).map(|n| lines(&format!("{n:0200}"))).collect::<String>()).unwrap();
    let begin = Scene::Out(format!("{}\n", talk.begin));
    let scenes = [begin, Scene::OutFile(file), Scene::Out(lines(LAST)), Scene::Sleep(600)];
    sandbox.engine(talk.engine, &Script::new(scenes));
    let mut takopi = sandbox.command(&["run", "--engine", talk.engine, "--json", "hello"]).spawn().unwrap();
    let mut events = BufReader::new(takopi.stdout.take().unwrap()).lines().map(Result::unwrap);
    let before_last = events.by_ref().take_while(|event| !event.contains(LAST)).count();
    assert!(before_last > steps, "{}: {before_last} events of {steps} steps", talk.engine);
    let peak = peak_of(&takopi);
    kill_process(Pid::from_child(&takopi), Signal::INT).unwrap();
    events.for_each(drop);
    takopi.wait().unwrap();
    peak
}

fn peak_of(process: &std::process::Child) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
