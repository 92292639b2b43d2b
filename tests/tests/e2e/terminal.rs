//! The program on a terminal: requests are asked there.

use std::time::Duration;

use takopi_tests::Sandbox;
use takopi_tests::terminal::{Size, Terminal};

use crate::sandbox;

fn start(sandbox: &Sandbox, args: &[&str]) -> Terminal {
    Terminal::start(sandbox.command(args), Size::TALL)
}

#[test]
fn a_permission_is_asked_and_given() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, &["run", "--engine", "acme", "write hello to NOTES.md"]);
    terminal.waits_for("allow? [y]es, [s]ession, [n]o, or why not: ");
    assert!(!sandbox.work().join("NOTES.md").exists(), "nothing is written before the answer");
    terminal.types("y");
    terminal.waits_for("acme resume ");
    assert_eq!(terminal.ends(), Some(0));
    assert!(std::fs::read_to_string(sandbox.work().join("NOTES.md")).unwrap().contains("hello"));
}

#[test]
fn a_permission_is_asked_and_denied_with_a_reason() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, &["run", "--engine", "acme", "write hello to NOTES.md"]);
    terminal.waits_for("or why not: ");
    terminal.types("not in this folder");
    terminal.waits_for("acme resume ");
    terminal.waits_for("not in this folder");
    assert_eq!(terminal.ends(), Some(0));
    assert!(!sandbox.work().join("NOTES.md").exists());
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, &["run", "--engine", "acme", "slowly write hello to NOTES.md"]);
    terminal.waits_for("step 1");
    terminal.types("y");
    terminal.waits_for("or why not: ");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!sandbox.work().join("NOTES.md").exists(), "an early word was taken for a permission");
    terminal.types("n");
    terminal.waits_for("acme resume ");
    assert_eq!(terminal.ends(), Some(0));
    assert!(!sandbox.work().join("NOTES.md").exists());
}

#[test]
fn the_steps_are_shown_while_it_works() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, &["run", "--engine", "acme", "slowly which files are largest?"]);
    terminal.waits_for("working · acme · ");
    terminal.waits_for("step 2");
    terminal.waits_for("done · acme · ");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn init_asks_for_a_name_and_before_a_project_moves() {
    let sandbox = sandbox();
    let file = sandbox.home().join(".takopi/takopi.toml");
    let config = || std::fs::read_to_string(&file).unwrap();
    let mut terminal = start(&sandbox, &["init"]);
    terminal.waits_for("name of the project [work]: ");
    terminal.types("");
    terminal.waits_for("saved project 'work' to ");
    assert_eq!(terminal.ends(), Some(0));
    let mut terminal = start(&sandbox, &["init"]);
    terminal.waits_for("name of the project [work]: ");
    terminal.types("   cancel ");
    terminal.waits_for("`cancel`: an alias can not be the name of an engine or a command");
    assert_eq!(terminal.ends(), Some(2));

    let elsewhere = config().replace("/work\"", "/elsewhere\"");
    sandbox.config(&elsewhere);
    for (answer, code) in [("", 1), ("n", 1), ("y", 0)] {
        assert_eq!(config(), elsewhere, "it moved without a yes");
        let mut terminal = start(&sandbox, &["init", "work"]);
        terminal.waits_for("? [y/N] ");
        terminal.types(answer);
        assert_eq!(terminal.ends(), Some(code), "after {answer:?}");
    }
    assert!(config().contains("/work\""));
}
