//! The program on a terminal: requests are asked there.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use takopi_tests::Sandbox;

use crate::sandbox;

/// A program on a terminal of its own.
struct Terminal {
    keys: File,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Terminal {
    fn new(sandbox: &Sandbox, args: &[&str]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let end = || Stdio::from(OwnedFd::from(File::options().read(true).write(true).open(&name).unwrap()));
        let child = sandbox
            .command(args)
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let mut reader = File::from(controller.try_clone().unwrap());
        let screen = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { keys: File::from(controller), screen, child }
    }

    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.screen.lock().unwrap().contains(text) {
            assert!(
                Instant::now() < deadline,
                "{text:?} is not on the screen:\n{}",
                self.screen.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn types(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_permission_is_asked_and_given() {
    let sandbox = sandbox();
    let mut terminal = Terminal::new(&sandbox, &["run", "--engine", "acme", "write hello to NOTES.md"]);
    terminal.wait_for("allow? [y]es, [s]ession, [n]o, or why not: ");
    assert!(!sandbox.work().join("NOTES.md").exists(), "nothing is written before the answer");
    terminal.types("y");
    terminal.wait_for("acme resume ");
    assert_eq!(terminal.end(), Some(0));
    assert!(std::fs::read_to_string(sandbox.work().join("NOTES.md")).unwrap().contains("hello"));
}

#[test]
fn a_permission_is_asked_and_denied_with_a_reason() {
    let sandbox = sandbox();
    let mut terminal = Terminal::new(&sandbox, &["run", "--engine", "acme", "write hello to NOTES.md"]);
    terminal.wait_for("or why not: ");
    terminal.types("not in this folder");
    terminal.wait_for("acme resume ");
    terminal.wait_for("not in this folder");
    assert_eq!(terminal.end(), Some(0));
    assert!(!sandbox.work().join("NOTES.md").exists());
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let sandbox = sandbox();
    let mut terminal =
        Terminal::new(&sandbox, &["run", "--engine", "acme", "slowly write hello to NOTES.md"]);
    terminal.wait_for("step 1");
    terminal.types("y");
    terminal.wait_for("or why not: ");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!sandbox.work().join("NOTES.md").exists(), "an early word was taken for a permission");
    terminal.types("n");
    terminal.wait_for("acme resume ");
    assert_eq!(terminal.end(), Some(0));
    assert!(!sandbox.work().join("NOTES.md").exists());
}

#[test]
fn the_steps_are_shown_while_it_works() {
    let sandbox = sandbox();
    let terminal = Terminal::new(&sandbox, &["run", "--engine", "acme", "slowly which files are largest?"]);
    terminal.wait_for("working · acme · ");
    terminal.wait_for("step 2");
    terminal.wait_for("done · acme · ");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn init_asks_for_a_name_and_before_a_project_moves() {
    let sandbox = sandbox();
    let file = sandbox.home().join(".takopi/takopi.toml");
    let config = || std::fs::read_to_string(&file).unwrap();
    let mut terminal = Terminal::new(&sandbox, &["init"]);
    terminal.wait_for("name of the project [work]: ");
    terminal.types("");
    terminal.wait_for("saved project 'work' to ");
    assert_eq!(terminal.end(), Some(0));
    let mut terminal = Terminal::new(&sandbox, &["init"]);
    terminal.wait_for("name of the project [work]: ");
    terminal.types("   cancel ");
    terminal.wait_for("`cancel`: an alias can not be the name of an engine or a command");
    assert_eq!(terminal.end(), Some(2));

    let elsewhere = config().replace("/work\"", "/elsewhere\"");
    sandbox.config(&elsewhere);
    for (answer, code) in [("", 1), ("n", 1), ("y", 0)] {
        assert_eq!(config(), elsewhere, "it moved without a yes");
        let mut terminal = Terminal::new(&sandbox, &["init", "work"]);
        terminal.wait_for("? [y/N] ");
        terminal.types(answer);
        assert_eq!(terminal.end(), Some(code), "after {answer:?}");
    }
    assert!(config().contains("/work\""));
}
