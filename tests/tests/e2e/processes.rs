//! No process of a run is left behind, whatever the engine and its tools do.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use takopi_api::event::Outcome;
use takopi_api::process::GRACE;
use takopi_tests::{Sandbox, Scene, Script};

use crate::sandbox;

const BEGIN: &str = "{\"type\":\"thread.started\",\"thread_id\":\"t1\"}\n{\"type\":\"turn.started\"}\n";
const DONE: &str = "{\"type\":\"turn.completed\"}\n";

/// A tool child, one in a session of its own, one that lost its parent as well, and one that does not want to end.
fn leave_children(sandbox: &Sandbox) -> Vec<Scene> {
    let sleep = format!("sleep {}", sandbox.mark());
    [
        format!("exec {sleep}"),
        format!("exec setsid {sleep}"),
        format!("setsid {sleep} </dev/null >/dev/null 2>&1 &"),
        format!("setsid env -i sh -c 'trap \"\" TERM INT HUP; {sleep}; :' </dev/null >/dev/null 2>&1 &"),
    ]
    .map(Scene::Leave)
    .into()
}

const CHILDREN: usize = 5;

#[test]
fn what_a_finished_engine_left_is_ended() {
    let sandbox = sandbox();
    let mut scenes = leave_children(&sandbox);
    scenes.extend([Scene::Sleep(1), Scene::Out(BEGIN.into()), Scene::Out(DONE.into())]);
    sandbox.engine("codex", &Script::new(scenes));
    let started = sandbox.start(&["run", "hello"]);
    sandbox.wait_for_marked(CHILDREN);
    let ended = started.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(sandbox.left_behind(), [""; 0]);
}

#[test]
fn what_a_killed_engine_left_is_ended() {
    let sandbox = sandbox();
    let mut scenes = leave_children(&sandbox);
    scenes.extend([Scene::Sleep(1), Scene::Out(BEGIN.into()), Scene::Die(9)]);
    sandbox.engine("codex", &Script::new(scenes));
    let started = sandbox.start(&["run", "hello"]);
    sandbox.wait_for_marked(CHILDREN);
    assert_eq!(started.end().code, Some(1));
    assert_eq!(sandbox.left_behind(), [""; 0]);
}

#[test]
fn an_interrupt_ends_the_run_and_everything_of_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = sandbox();
        let mut scenes = leave_children(&sandbox);
        scenes.extend([Scene::Out(BEGIN.into()), Scene::Sleep(600)]);
        sandbox.engine("codex", &Script::new(scenes));
        let started = sandbox.start(&["run", "hello"]);
        sandbox.wait_for_marked(CHILDREN);
        started.signal(signal);
        let ended = started.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.stderr.contains("interrupting codex; once more kills it"), "{}", ended.stderr);
        assert_eq!(sandbox.left_behind(), [""; 0]);
    }
}

/// The engine is as bad as its children: it listens to nothing, and has closed what it was heard by.
#[test]
fn nothing_outlives_a_cancelled_run_for_longer_than_the_grace_and_a_second() {
    let sandbox = sandbox();
    let mut scenes = leave_children(&sandbox);
    let deaf = format!("trap '' INT TERM HUP; exec </dev/null >&- 2>&-; sleep {}; :", sandbox.mark());
    scenes.extend([Scene::Out(BEGIN.into()), Scene::Exec(deaf)]);
    sandbox.engine("codex", &Script::new(scenes));
    let started = sandbox.start(&["run", "--json", "hello"]);
    // The shell that became the engine, and what it waits for, come on top.
    sandbox.wait_for_marked(CHILDREN + 2);
    let cancelled = Instant::now();
    started.signal(Signal::INT);
    let ended = started.end();
    let took = cancelled.elapsed();
    assert_eq!(sandbox.left_behind(), [""; 0]);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.completed().outcome, Outcome::Interrupted);
    assert!(took < GRACE + Duration::from_secs(1), "the last one ended after {took:?}");
}

#[test]
fn a_second_interrupt_kills_an_engine_that_does_not_listen() {
    let sandbox = sandbox();
    // The shell takes the fake's place as the engine, and ignores what it is asked.
    let deaf = format!("trap '' TERM INT; sleep {}; :", sandbox.mark());
    let mut scenes = vec![Scene::Leave(format!("exec setsid sleep {}", sandbox.mark()))];
    scenes.extend([Scene::Out(BEGIN.into()), Scene::Exec(deaf)]);
    sandbox.engine("codex", &Script::new(scenes));
    let started = sandbox.start(&["run", "--json", "hello"]);
    sandbox.wait_for_marked(3);
    started.signal(Signal::INT);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(!sandbox.left_behind().is_empty(), "it is given time first");
    started.signal(Signal::INT);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("killing it"));
    // Whoever reads the events is told the end all the same.
    assert_eq!(ended.completed().outcome, Outcome::Interrupted);
    assert_eq!(sandbox.left_behind(), [""; 0]);
}

#[test]
fn what_a_killed_takopi_left_is_ended_at_the_next_start() {
    let sandbox = sandbox();
    let mut scenes = leave_children(&sandbox);
    // What wiped its environment and lost its parent can not be told from a stranger any more.
    scenes.pop();
    scenes.extend([Scene::Out(BEGIN.into()), Scene::Exec(format!("sleep {}", sandbox.mark()))]);
    sandbox.engine("codex", &Script::new(scenes));
    let started = sandbox.start(&["run", "hello"]);
    sandbox.wait_for_marked(4);
    started.signal(Signal::KILL);
    let _ = started.end();
    assert!(!sandbox.left_behind().is_empty(), "there is something to end");
    // A takopi that goes on beside it keeps its own.
    let beside = crate::sandbox();
    beside.engine(
        "codex",
        &Script::new([Scene::Out(BEGIN.into()), Scene::Exec(format!("sleep {}", beside.mark()))]),
    );
    let beside_started = beside.start(&["run", "hello"]);
    beside.wait_for_marked(1);
    let ended = sandbox.run(&["run", "--engine", "acme", "slowly hello"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(sandbox.left_behind(), [""; 0]);
    assert!(!beside.left_behind().is_empty(), "the run beside it goes on");
    beside_started.signal(Signal::INT);
    let _ = beside_started.end();
}

#[test]
fn what_was_there_before_is_left_alone() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([Scene::Out(BEGIN.into()), Scene::Out(DONE.into())]));
    // A stranger that becomes a child of takopi: the shell that started it becomes takopi.
    let program = sandbox.command(&[]).get_program().to_owned();
    let script = format!("setsid sleep {} & exec {} run hello", sandbox.mark(), program.display());
    let mut shell = sandbox.shell(&script);
    assert!(shell.status().unwrap().success());
    assert_eq!(sandbox.left_behind().len(), 1, "{:?}", sandbox.left_behind());
    sandbox.end_marked();
}

#[test]
fn an_engine_that_closes_its_output_and_goes_on_is_ended() {
    let sandbox = sandbox();
    let deaf = format!("exec 1>&- 2>&-; exec sleep {}", sandbox.mark());
    sandbox.engine("codex", &Script::new([Scene::Out(BEGIN.into()), Scene::Exec(deaf)]));
    let ended = sandbox.run(&["run", "hello"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("codex was ended by SIGTERM before it finished its turn"),
        "{}",
        ended.stderr
    );
    assert_eq!(sandbox.left_behind(), [""; 0]);
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let sandbox = sandbox();
    sandbox
        .engine("codex", &Script::new([Scene::Out(BEGIN.into()), Scene::Sleep(2), Scene::Out(DONE.into())]));
    let program = sandbox.command(&[]).get_program().to_owned();
    let mut shell = sandbox.shell(&format!("trap '' HUP; exec {} run hello", program.display()));
    let mut child = shell.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_an_interrupt_out() {
    let sandbox = sandbox();
    let mut scenes = vec![Scene::Out(BEGIN.into())];
    for n in 0..200 {
        scenes.push(Scene::Out(format!(
            "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"i{n}\",\"type\":\"reasoning\",\"text\":\"{}\"}}}}\n",
            "x".repeat(5000)
        )));
    }
    scenes.push(Scene::Sleep(600));
    sandbox.engine("codex", &Script::new(scenes));
    let mut child = sandbox.command(&["run", "--json", "hello"]).spawn().unwrap();
    let _unread = child.stdout.take();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let pid = rustix::process::Pid::from_child(&child);
    for _ in 0..3 {
        rustix::process::kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_goes_away_ends_the_run_without_an_error() {
    let sandbox = sandbox();
    let mut scenes = vec![Scene::Out(BEGIN.into())];
    for n in 0..50 {
        scenes.push(Scene::Out(format!(
            "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"i{n}\",\"type\":\"reasoning\",\"text\":\"{}\"}}}}\n",
            "x".repeat(5000)
        )));
    }
    scenes.extend([Scene::Leave(format!("exec setsid sleep {}", sandbox.mark())), Scene::Sleep(600)]);
    sandbox.engine("codex", &Script::new(scenes));
    let mut child = sandbox.command(&["run", "--json", "hello"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(sandbox.left_behind(), [""; 0]);
}
