//! `takopi chat-id`: the chat that somebody writes in, printed or made a project's own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use takopi_tests::bot_api::ChatKind;
use takopi_tests::terminal::{Size, Terminal};

use super::phone::Phone;

const SERVER: &str = "TAKOPI__TRANSPORTS__TELEGRAM__API_BASE_URL";

/// The command, which knows the server.
fn command(phone: &Phone, args: &[&str]) -> Command {
    let mut command = phone.sandbox.command(&[&["chat-id"], args].concat());
    command.env(SERVER, phone.api.url());
    command
}

/// Starts it, and waits until it polls.
fn start(phone: &Phone, mut command: Command) -> Child {
    let child = command.spawn().unwrap();
    phone.api.wait_for_calls("getUpdates", 2);
    child
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn with_project() -> (Phone, String) {
    let phone = Phone::new();
    let site = phone.sandbox.repository("site");
    phone.configure(
        "codex",
        &format!("allowed_user_ids = [{}] # me\n", phone.me),
        &format!("# mine\n[projects.Site]\npath = {site:?} # there\n"),
    );
    let text = fs::read_to_string(phone.sandbox.home().join(".takopi/takopi.toml")).unwrap();
    (phone, text)
}

#[test]
fn the_id_of_the_chat_is_printed() {
    for way in ["argument", "standard input", "configuration"] {
        let phone = Phone::new();
        let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me]);
        phone.api.privacy(false);
        let token = phone.api.token();
        let child = match way {
            "argument" => start(&phone, command(&phone, &["--token", &token])),
            "standard input" => {
                let mut command = command(&phone, &["--token", "-"]);
                let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).unwrap();
                phone.api.wait_for_calls("getUpdates", 2);
                child
            }
            _ => {
                let mut command = command(&phone, &[]);
                command.env("TAKOPI__TRANSPORTS__TELEGRAM__BOT_TOKEN", &token);
                start(&phone, command)
            }
        };
        phone.api.say(group, phone.me, "here");
        let (code, stdout, stderr) = ended(child);
        assert_eq!((code, stdout), (Some(0), format!("chat_id = {group}\n")), "{way}: {stderr}");
        assert!(stderr.contains(&format!("wrote \"here\" in the group Us ({group})")), "{way}: {stderr}");
        assert!(!phone.sandbox.home().join(".takopi/takopi.toml").exists(), "{way}");
    }
}

#[test]
fn what_was_written_before_does_not_count() {
    let phone = Phone::new();
    let eve = phone.api.person("Eve");
    phone.api.say(phone.api.private(eve), eve, "before");
    let child = start(&phone, command(&phone, &["--token", &phone.api.token()]));
    phone.say("me");
    let (code, stdout, stderr) = ended(child);
    assert_eq!((code, stdout), (Some(0), format!("chat_id = {}\n", phone.chat)), "{stderr}");
}

#[test]
fn a_project_gets_the_chat_and_the_rest_of_the_file_stays() {
    let (phone, before) = with_project();
    let group = phone.api.chat(ChatKind::Supergroup, "Site", &[phone.me]);
    phone.api.privacy(false);
    let child = start(&phone, command(&phone, &["--project", "site", "--yes"]));
    phone.api.say(group, phone.me, "here");
    let (code, stdout, stderr) = ended(child);
    assert_eq!((code, stdout), (Some(0), format!("updated projects.Site.chat_id = {group}\n")), "{stderr}");
    let file = phone.sandbox.home().join(".takopi/takopi.toml");
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(after.replace(&format!("chat_id = {group}\n"), ""), before);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn on_a_terminal_a_stranger_is_told_apart() {
    let (phone, _) = with_project();
    let eve = phone.api.person("Eve");
    let mut terminal = Terminal::start(command(&phone, &["--project", "site"]), Size::TALL);
    terminal.waits_for("Ctrl-C gives up.");
    phone.api.say(phone.api.private(eve), eve, "me!");
    terminal.waits_for("Eve (@eve_");
    terminal.waits_for("Is that the chat? [y/N] ");
    terminal.types("");
    phone.api.wait_for_calls("getUpdates", 4);
    phone.say("me");
    terminal.waits_for("Mia (@mia_");
    terminal.types("y");
    terminal.waits_for(&format!("updated projects.Site.chat_id = {}", phone.chat));
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn what_can_not_be_is_said() {
    let (phone, before) = with_project();
    let says = |args: &[&str], code: i32, text: &str| {
        let (ended, stdout, stderr) = ended(command(&phone, args).spawn().unwrap());
        assert!(ended == Some(code) && stderr.contains(text), "{args:?}: {ended:?} {stderr}");
        assert_eq!(stdout, "");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    };
    says(&["--project", "sight", "--yes"], 1, "there is no project `sight`");
    says(&["--project", "site"], 2, "there is no terminal to ask on");
    says(&["--token", "hunter2"], 1, "is not the token of a bot");
    says(&["--token", "1234:hunter2hunter2hunter2hunter2"], 1, "Telegram knows no bot of this token");
    says(&["--transport", "terminal"], 1, "has no chats that could be found out");
    phone.api.webhook(Some("https://example.org/hunter2"));
    says(&[], 1, "goes to example.org, and not to takopi");
    assert!(phone.api.calls("getUpdates").is_empty());
    assert_eq!(fs::read_to_string(phone.sandbox.home().join(".takopi/takopi.toml")).unwrap(), before);
}

#[test]
fn a_takopi_that_runs_is_not_disturbed() {
    let mut phone = Phone::begun("");
    phone.ask("hello");
    let token = phone.api.token();
    for args in [&[][..], &["--token", token.as_str()]] {
        let (code, _, stderr) = ended(command(&phone, args).spawn().unwrap());
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("runs and receives what is written to this bot"), "{stderr}");
        assert!(stderr.contains("stop it with `kill "), "{stderr}");
    }
    phone.ask("still there?");
    assert!(phone.stop(rustix::process::Signal::TERM).success());
}
