//! What an engine asks, on the terminal where it runs and where there is none.

use takopi_tests::Sandbox;
use takopi_tests::asker::THOUGHT;
use takopi_tests::terminal::{Size, Terminal};

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-asking"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn start(sandbox: &Sandbox, prompt: &str) -> Terminal {
    Terminal::start(sandbox.command(&["run", "--engine", "asker", prompt]), Size::TALL)
}

#[test]
fn questions_are_asked_one_after_the_other_and_a_secret_is_not_seen() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, "questions");
    terminal.waits_for("Colour: which one?");
    terminal.waits_for("1. Red – like fire");
    terminal.waits_for("answer [empty: no answer]: ");
    terminal.types("2");
    terminal.waits_for("which ones? (several, such as `1, 3`)");
    terminal.waits_for("3. Green\nanswer [empty: no answer]: ");
    terminal.types("3, red");
    terminal.waits_for("the key?\nanswer [empty: no answer]: ");
    terminal.types("hunter2");
    terminal.waits_for(
        r#"{"decision":"answer","answers":{"key":["hunter2"],"many":["Green","Red"],"one":["Blue"]}}"#,
    );
    assert_eq!(terminal.screen().matches("hunter2").count(), 1, "{}", terminal.screen());
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_plan_is_changed() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, "plan");
    terminal.waits_for("  │ 1. look\n  │ 2. write\ngo ahead? [y]es, [n]o, or what to change: ");
    terminal.types("change");
    terminal.waits_for("what should change: ");
    terminal.types("write nothing");
    terminal.waits_for(r#"{"decision":"deny","reason":"write nothing"}"#);
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_change_is_shown_and_there_are_no_rules() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, "edit");
    terminal.waits_for("with: edit\n  because: to make it new\n  files: x\n");
    terminal.waits_for("  │ -old\n  │ +new\nallow? [y]es, [n]o, or why not: ");
    terminal.types("always");
    terminal.waits_for("allowed this once: rules are kept for chats only");
    terminal.waits_for(r#"{"decision":"allow_once"}"#);
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn where_nobody_is_asked_the_answer_is_no() {
    let sandbox = sandbox();
    for prompt in ["questions", "plan", "edit"] {
        let ended = sandbox.run(&["run", "--engine", "asker", prompt]);
        assert!(ended.stdout.starts_with(r#"{"decision":"deny""#), "{}", ended.stdout);
        let said = "asker asks: what now?: denied, there is no terminal to ask on";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn an_answer_that_is_not_taken_is_told_without_what_commands_a_terminal() {
    let ended = sandbox().run(&["run", "--engine", "asker", "deaf"]);
    assert!(ended.stderr.contains("the answer to `[2Jwhat now?` came to nothing: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}

#[test]
fn an_answer_is_seen_while_it_is_written_and_once_at_the_end() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, "think");
    terminal.waits_for(THOUGHT);
    assert!(!terminal.screen().contains("done · asker"), "{}", terminal.screen());
    std::fs::write(sandbox.work().join("go"), "").unwrap();
    terminal.waits_for("done · asker");
    assert_eq!(terminal.ends(), Some(0));
    assert_eq!(terminal.screen().matches(THOUGHT).count(), 1, "{}", terminal.screen());
}

#[test]
fn a_mode_is_one_of_the_engines() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["run", "--engine", "asker", "--mode", "PLAN", "hello"]);
    assert_eq!(ended.stdout, "hello in mode plan\n");
    let ended = sandbox.run(&["run", "--engine", "asker", "--mode", "yolo", "hello"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("asker has no mode `yolo`") && ended.stderr.contains("modes: plan"));
    let ended = sandbox.run(&["run", "--engine", "acme", "--mode", "plan", "hello"]);
    assert!(ended.stderr.contains("acme has no modes to choose from"), "{}", ended.stderr);
}
