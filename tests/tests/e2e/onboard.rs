//! The setup wizard on a terminal, and what takes its place where there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use takopi_tests::Sandbox;
use takopi_tests::terminal::{Key, Size, Terminal};

use crate::sandbox;

const OFFER: &str = "there is no ~/.takopi/takopi.toml yet. Set takopi up now? [Y/n] ";
const ENGINES: &str = "which engine runs where a message names none? [1]: ";

fn start(sandbox: &Sandbox, args: &[&str]) -> Terminal {
    Terminal::start(sandbox.command(args), Size::TALL)
}

/// Leaves the chat, once keys are read there.
fn leave(mut terminal: Terminal) {
    terminal
        .looks(|screen, rows| screen.contains("ctrl-d leaves") && rows.last().is_some_and(|row| row == ">"));
    terminal.presses(Key::CtrlD);
    assert_eq!(terminal.ends(), Some(0));
}

fn file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".takopi/takopi.toml")
}

fn with_chat_system() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-spool"), env!("CARGO_BIN_EXE_fake-engine"))
}

#[test]
fn all_answers_are_written_and_the_chat_begins() {
    let sandbox = sandbox();
    assert!(sandbox.shell("git init -q -b main").status().unwrap().success());
    let mut terminal = start(&sandbox, &[]);
    for (question, answer) in [
        (OFFER, ""),
        ("where do you want to talk to your agents? [1]: ", "2"),
        (ENGINES, "acme"),
        ("a number from 1 to ", "1"),
        ("a project, which messages can name? [Y/n] ", "what?"),
        ("y or n?", "y"),
        ("name of the project [work]: ", "site"),
        ("is it the project of messages that name none? [Y/n] ", "n"),
        ("write this, and start? [Y/n] ", ""),
    ] {
        terminal.waits_for(question);
        assert!(!file(&sandbox).exists(), "it was written before the end");
        terminal.types(answer);
    }
    terminal.waits_for("saved to ~/.takopi/takopi.toml");
    leave(terminal);
    let text = fs::read_to_string(file(&sandbox)).unwrap();
    let work = fs::canonicalize(sandbox.work()).unwrap();
    assert_eq!(
        text,
        format!(
            "transport = \"terminal\"\ndefault_engine = \"acme\"\n\n[projects.site]\npath = {work:?}\n\
             worktrees_dir = \".worktrees\"\n"
        )
    );
    assert_eq!(fs::metadata(file(&sandbox)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn whoever_wants_no_setup_talks_at_once() {
    for (args, answer) in [(&[][..], Some("n")), (&["--no-onboard"][..], None)] {
        let sandbox = sandbox();
        let mut terminal = start(&sandbox, args);
        if let Some(answer) = answer {
            terminal.waits_for(OFFER);
            terminal.types(answer);
        }
        terminal.waits_for("no chat is configured: talk to your agents here");
        leave(terminal);
        assert!(!file(&sandbox).exists());
    }
}

#[test]
fn the_end_of_input_leaves_nothing_behind() {
    let sandbox = sandbox();
    let mut terminal = start(&sandbox, &["--onboard"]);
    terminal.waits_for("where do you want to talk");
    terminal.types("2");
    terminal.waits_for(ENGINES);
    terminal.presses(Key::CtrlD);
    terminal.waits_for("the setup was left: nothing is written");
    assert_eq!(terminal.ends(), Some(1));
    assert_eq!(fs::read_dir(sandbox.home().join(".takopi")).unwrap().count(), 0);
}

#[test]
fn a_configuration_is_changed_only_if_that_is_meant() {
    let sandbox = sandbox();
    sandbox.config("# mine\n");
    let mut terminal = start(&sandbox, &["--onboard"]);
    terminal.waits_for("~/.takopi/takopi.toml is there already. Change it? [y/N] ");
    terminal.types("");
    terminal.waits_for("the setup was left: nothing is written");
    assert_eq!(terminal.ends(), Some(1));
    assert_eq!(fs::read_to_string(file(&sandbox)).unwrap(), "# mine\n");
}

#[test]
fn a_secret_is_not_shown_and_is_in_the_file() {
    let sandbox = with_chat_system();
    let chat = sandbox.home().join("chat");
    fs::create_dir(&chat).unwrap();
    let mut terminal = start(&sandbox, &[]);
    terminal.waits_for(OFFER);
    terminal.types("y");
    terminal.waits_for("1) spool");
    terminal.types("1");
    terminal.waits_for("account of the chat (not shown): ");
    terminal.types("hunter2x\u{7f}");
    terminal.waits_for("folder of the chat: ");
    terminal.types(chat.to_str().unwrap());
    terminal.waits_for(ENGINES);
    terminal.types("1");
    terminal.waits_for("write this, and start? [Y/n] ");
    terminal.types("");
    terminal.waits_for("saved to ~/.takopi/takopi.toml");
    let lock = sandbox.home().join(".takopi/takopi.lock");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !fs::read_to_string(&lock).is_ok_and(|text| text.contains("hunter2")) {
        assert!(std::time::Instant::now() < deadline, "it does not start: {}", terminal.screen());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!terminal.screen().contains("hunter2"), "{}", terminal.screen());
    assert!(fs::read_to_string(file(&sandbox)).unwrap().contains("account = \"hunter2\"\n"));
}

#[test]
fn ctrl_c_at_a_secret_is_an_end() {
    let sandbox = with_chat_system();
    let mut terminal = start(&sandbox, &["--onboard"]);
    terminal.waits_for("1) spool");
    terminal.types("");
    terminal.waits_for("(not shown): ");
    terminal.writes("hunter2");
    terminal.presses(Key::CtrlC);
    assert_eq!(terminal.ends(), None, "it ends by the signal");
    assert_eq!(fs::read_dir(sandbox.home().join(".takopi")).unwrap().count(), 0);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_the_way_is_said() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["--onboard"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there is no terminal to ask on"), "{}", ended.stderr);
    assert!(ended.stderr.contains("takopi --onboard --set KEY=VALUE"), "{}", ended.stderr);
    let ended = sandbox.run(&[]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no chat is configured"), "{ended:?}");
    assert!(ended.stderr.contains("takopi --onboard"), "{}", ended.stderr);
    // A transport that is named and not set up is said with what to do.
    let spool = with_chat_system();
    spool.config("transport = 'spool'\n");
    let ended = spool.run(&[]);
    assert!(ended.code == Some(1) && ended.stderr.contains("error: configure spool"), "{ended:?}");
    assert!(ended.stderr.contains("hint: name its folder\nhint: `takopi --onboard`"), "{}", ended.stderr);
    // What the wizard asks can be said in commands.
    for args in [
        &["init", "site"][..],
        &["config", "set", "transport", "terminal"],
        &["config", "set", "default_engine", "acme"],
    ] {
        assert_eq!(sandbox.run(args).code, Some(0), "{args:?}");
    }
    assert_eq!(sandbox.run(&[]).code, Some(0));
}

#[test]
fn options_of_the_chat_are_refused_where_they_mean_nothing() {
    let sandbox = sandbox();
    for option in ["--onboard", "--no-onboard", "--final-notify", "--no-final-notify", "--transport=terminal"]
    {
        let ended = sandbox.run(&[option, "plugins"]);
        assert_eq!(ended.code, Some(2), "{option}: {ended:?}");
        assert!(ended.stderr.contains("belong to `takopi` without a command"), "{}", ended.stderr);
    }
    // The last one counts.
    let ended = sandbox.run(&["--onboard", "--no-onboard", "--transport", "terminal"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let unknown = sandbox.run(&["--transport", "terminl"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("terminal"), "{unknown:?}");
    let help = sandbox.run(&["--help"]).stdout;
    for option in ["--config", "--debug", "--transport", "--final-notify", "--no-final-notify", "--onboard"] {
        assert!(help.contains(option), "{option} is not in {help}");
    }
}

#[test]
fn keys_that_are_given_are_written_without_a_question() {
    let sandbox = sandbox();
    let ended = sandbox.run(&[
        "--onboard",
        "--set",
        "transport=terminal",
        "--set",
        "default_engine = acme",
        "--set",
        "transports.terminal.final_notify=no",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("saved to ~/.takopi/takopi.toml"), "{ended:?}");
    let text = "transport = \"terminal\"\ndefault_engine = \"acme\"\n\n[transports.terminal]\nfinal_notify = false\n";
    assert_eq!(fs::read_to_string(file(&sandbox)).unwrap(), text);
    assert_eq!(fs::metadata(file(&sandbox)).unwrap().permissions().mode() & 0o777, 0o600);
    for (args, code, said) in [
        (&["--onboard", "--set", "transport"][..], 2, "expected KEY=VALUE"),
        (&["--set", "transport=terminal"], 2, "--onboard"),
        (&["--onboard", "--set", "transport=terminal", "--set", "watch_config=3"], 1, "`watch_config`"),
    ] {
        let ended = sandbox.run(args);
        assert!(ended.code == Some(code) && ended.stderr.contains(said), "{args:?}: {ended:?}");
        assert_eq!(fs::read_to_string(file(&sandbox)).unwrap(), text, "all of it is written, or nothing");
    }
}
