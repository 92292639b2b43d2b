//! What people and engines can get wrong: a clear message with what to do next, the exit code, and no process left.

use takopi_api::event::Outcome;
use takopi_tests::{Ended, Scene, Script};

use crate::sandbox;

const THREAD: &str = r#"{"type":"thread.started","thread_id":"t1"}"#;
const TURN: &str = r#"{"type":"turn.started"}"#;
const DONE: &str = r#"{"type":"turn.completed","usage":{}}"#;

fn message(text: &str) -> String {
    format!(r#"{{"type":"item.completed","item":{{"id":"i9","type":"agent_message","text":"{text}"}}}}"#)
}

#[track_caller]
fn says(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, "", "nothing but an answer belongs on standard output");
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is not in:\n{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Runs the program with a fake codex that does this.
fn codex(scenes: impl IntoIterator<Item = Scene>) -> Ended {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new(scenes));
    let ended = sandbox.run(&["run", "--engine", "codex", "hello"]);
    assert!(sandbox.left_behind().is_empty());
    ended
}

fn lines(lines: &[&str]) -> Scene {
    Scene::Out(lines.iter().map(|line| format!("{line}\n")).collect())
}

#[test]
fn a_wrong_engine() {
    says(
        &sandbox().run(&["run", "--engine", "codx", "x"]),
        2,
        &["error: there is no engine `codx`", "hint: did you mean `codex`?", "hint: there is: acme, acp, c"],
    );
    says(&sandbox().run(&["run", "--engine", "-x", "x"]), 2, &["error:"]);
    says(&sandbox().run(&["codx", "x"]), 2, &["codx", "codex"]);
}

#[test]
fn a_disabled_engine() {
    let sandbox = sandbox();
    sandbox.config("[plugins]\nenabled = ['takopi-engine-codex']\n");
    for args in [&["run", "--engine", "acme", "x"][..], &["acme", "x"]] {
        says(
            &sandbox.run(args),
            2,
            &[
                "error: the engine `acme` is disabled: `plugins.enabled` in the configuration does not name takopi-engine-acme",
                "hint: add \"takopi-engine-acme\" to `plugins.enabled`",
            ],
        );
    }
}

#[test]
fn a_bad_resume_line() {
    says(
        &sandbox().run(&["run", "--resume", "codex resume", "x"]),
        2,
        &["error: `codex resume` is no resume line of an engine of this build", "hint: copy the whole line"],
    );
    says(&sandbox().run(&["run", "--resume=--last", "x"]), 2, &["no resume line"]);
    says(&sandbox().run(&["run", "--resume", "", "x"]), 2, &["no resume line"]);
    let sandbox_without_codex = sandbox();
    sandbox_without_codex.config("[plugins]\nenabled = ['takopi-engine-acme']\n");
    says(
        &sandbox_without_codex.run(&["run", "--resume", "codex resume 1", "x"]),
        2,
        &["the engine `codex` is disabled"],
    );
    sandbox_without_codex.config("[codex]\nextra_args = 'x'\n");
    says(
        &sandbox_without_codex.run(&["run", "-e", "codex", "--resume", "codex resume 1", "x"]),
        1,
        &["`codex.extra_args`"],
    );
    says(
        &sandbox().run(&["run", "--engine", "acme", "--resume", "codex resume 1", "x"]),
        2,
        &["error: the resume line is of codex, and --engine says acme"],
    );
}

#[test]
fn a_broken_configuration() {
    let sandbox = sandbox();
    sandbox.config("[codex]\nprofile = = 'x'\n");
    says(&sandbox.run(&["run", "x"]), 1, &["takopi.toml:2:11: this is not TOML"]);
    sandbox.config("[codex]\nextra_args = 'x'\n");
    sandbox.engine("codex", &Script::default());
    says(&sandbox.run(&["run", "x"]), 1, &["takopi.toml:2:14: `codex.extra_args`: invalid type: string"]);
    sandbox.config("default_engine = 'codx'\n");
    says(
        &sandbox.run(&["run", "x"]),
        1,
        &["takopi.toml:1:18: `default_engine`: there is no engine `codx`", "hint: did you mean `codex`?"],
    );
    says(&sandbox.run(&["--config", "nowhere.toml", "run", "x"]), 2, &["there is no file nowhere.toml"]);
    let output = sandbox.command(&["plugins"]).env("TAKOPI_CONFIG", "nowhere.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a named file that is not there is no empty one");
    // A person in that situation asks for help: it works.
    sandbox.config("= broken");
    let ended = sandbox.run(&["--help"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("codex"), "{ended:?}");
}

#[test]
fn unknown_keys_are_warnings() {
    let sandbox = sandbox();
    sandbox.config("defalt_engine = 'x'\n[codex]\nprofil = 'x'\npass_env = []\n");
    sandbox.engine("codex", &Script::new([lines(&[THREAD, TURN, &message("hi"), DONE])]));
    let ended = sandbox.run(&["run", "x"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hi\n"));
    assert!(
        ended.stderr.contains("takopi.toml:1:1: unknown key `defalt_engine`; did you mean `default_engine`?")
    );
    assert!(ended.stderr.contains("takopi.toml:3:1: unknown key `codex.profil`; did you mean `profile`?"));
    assert!(!ended.stderr.contains("pass_env"));
}

#[test]
fn a_bad_folder_prompt_or_option() {
    says(&sandbox().run(&["run", "--cwd", "no/such", "x"]), 2, &["error: no/such: No such file"]);
    says(&sandbox().run(&["run", "  "]), 2, &["error: the prompt is empty"]);
    says(&sandbox().run(&["run", "-"]), 2, &["error: the prompt is empty"]);
    says(&sandbox().run(&["run"]), 2, &["PROMPT"]);
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::default());
    says(
        &sandbox.run(&["run", "--engine", "codex", "--reasoning", "huge", "x"]),
        2,
        &["error: codex has no reasoning level `huge`", "hint: levels: minimal, low, medium, high, xhigh"],
    );
}

#[test]
fn an_engine_that_is_not_installed() {
    says(
        &sandbox().run(&["run", "--engine", "codex", "x"]),
        1,
        &[
            "error: codex is not installed, or not on PATH",
            "hint: install it with `npm install -g @openai/codex`",
        ],
    );
}

#[test]
fn an_engine_that_exits_at_once() {
    says(
        &codex([Scene::Err("no licence\n".into()), Scene::Exit(3)]),
        1,
        &["error: codex exited with code 3 before it finished its turn\nno licence"],
    );
    says(&codex([]), 1, &["error: codex exited with code 0 before it finished its turn"]);
}

#[test]
fn an_engine_that_prints_no_json() {
    says(
        &codex([lines(&["Usage: codex [options]", "more"])]),
        1,
        &["it printed a line that takopi can not read: Usage: codex [options]"],
    );
}

#[test]
fn an_engine_that_prints_a_torn_last_line() {
    let torn = &DONE[..DONE.len() - 2];
    let ended = codex([lines(&[THREAD, TURN, &message("half")]), Scene::Out(torn.into())]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "half\n"), "the answer so far is kept");
    assert!(
        ended.stderr.contains("before it finished its turn") && ended.stderr.ends_with("codex resume t1\n")
    );
    // Without its line break the last line is whole all the same.
    let ended = codex([lines(&[THREAD, TURN, &message("whole")]), Scene::Out(DONE.into())]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "whole\n"));
}

#[test]
fn an_engine_that_prints_a_line_of_a_megabyte_or_of_many() {
    let command = |output: &str| {
        format!(
            r#"{{"type":"item.completed","item":{{"id":"i1","type":"command_execution","command":"cat","aggregated_output":"{output}","exit_code":0,"status":"completed"}}}}"#
        )
    };
    for (bytes, warning) in [(1_000_000, false), (20_000_000, true)] {
        let ended = codex([lines(&[THREAD, TURN, &command(&"x".repeat(bytes)), &message("after"), DONE])]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "after\n"));
        assert_eq!(ended.stderr.contains("skipped a line of 20000"), warning, "{}", ended.stderr);
    }
}

#[test]
fn an_engine_that_prints_unknown_events() {
    let ended = codex([lines(&[
        THREAD,
        r#"{"type":"thread.painted","colour":"blue"}"#,
        TURN,
        r#"{"type":"item.completed","item":{"id":"i1","type":"hologram"}}"#,
        r#"{"type":7}"#,
        r#"{}"#,
        r#"[]"#,
        r#"null"#,
        &message("fine"),
        DONE,
    ])]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "fine\n"));
}

#[test]
fn an_engine_that_dies_by_a_signal() {
    says(
        &codex([lines(&[THREAD, TURN]), Scene::Die(9)]),
        1,
        &["error: codex was ended by SIGKILL before it finished its turn", "codex resume t1"],
    );
    says(&codex([Scene::Die(6)]), 1, &["codex was ended by SIGABRT"]);
}

#[test]
fn an_engine_that_does_not_read_its_prompt() {
    let sandbox = sandbox();
    sandbox.engine(
        "codex",
        &Script { reads_prompt: false, scenes: vec![lines(&[THREAD, TURN, &message("ok"), DONE])] },
    );
    let ended = sandbox.run(&["run", &"long ".repeat(20_000)]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "ok\n"), "{}", ended.stderr);
}

#[test]
fn an_engine_that_opens_another_thread_than_it_was_asked_for() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([lines(&[THREAD, TURN, &message("wrong"), DONE])]));
    let ended = sandbox.run(&["run", "--json", "--resume", "codex resume t2", "x"]);
    assert_eq!(ended.code, Some(1));
    let Outcome::Failed { error } = ended.completed().outcome else { panic!("not failed") };
    assert!(error.contains("asked to continue thread t2 and opened t1 instead"), "{error}");
}
