//! Options of the chat, each with what it changes.

use std::fs::{self, File};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::talk::{Seen, Talk};

/// Talks with a takopi of these options: the card of a run, and its answer, and what was logged.
fn told(args: &[&str]) -> (Seen, Seen, String) {
    let mut talk = Talk::new("acme", "", "");
    let log = talk.sandbox.home().join("log");
    let mut command = talk.sandbox.command(args);
    let mut program = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let id = talk.say("/codex wait:700");
    let card = talk.reads(&id, "working · codex");
    let answer = talk.answer(&id);
    kill_process(Pid::from_child(&program), Signal::TERM).unwrap();
    assert!(program.wait().unwrap().success());
    (card, answer, fs::read_to_string(log).unwrap())
}

#[test]
fn an_answer_is_a_message_of_its_own_unless_it_is_to_be_silent() {
    let (card, answer, _) = told(&[]);
    assert_ne!(card.number, answer.number);
    let (card, answer, _) = told(&["--final-notify"]);
    assert_ne!(card.number, answer.number);
    let (card, answer, _) = told(&["--no-final-notify", "--transport", "spool"]);
    assert_eq!(card.number, answer.number);
}

#[test]
fn what_happens_inside_is_logged_to_whoever_asks() {
    assert!(told(&["--debug"]).2.contains("DEBUG"));
    let (_, _, log) = told(&["--debug", "--no-debug"]);
    assert_eq!(log, "");
}

#[test]
fn a_transport_of_the_command_line_wins_over_the_file() {
    let talk = Talk::new("acme", "", "");
    // Its input is at its end, so it begins and ends; the one of the file would not.
    let ended = talk.sandbox.run(&["--transport", "terminal"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let engine = talk.sandbox.run(&["codex", "--transport", "terminal", "--final-notify"]);
    assert_eq!(engine.code, Some(0), "{engine:?}");
}
