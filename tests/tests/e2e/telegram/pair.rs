//! `takopi pair`: who sends the code is heard, and nobody else hears anything.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use takopi_tests::bot_api::{ChatId, ChatKind, UserId};

use super::phone::Phone;

/// Makes a code, and waits for its end.
struct Pairing {
    program: Child,
    stdout: BufReader<ChildStdout>,
    code: String,
    link: String,
}

impl Pairing {
    fn new(phone: &Phone, args: &[&str]) -> Self {
        let mut command = phone.sandbox.command(&[&["pair"], args].concat());
        let mut program = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(program.stdout.take().unwrap());
        let mut line = |name: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let value = line.strip_prefix(&format!("{name}: ")).map(|value| value.trim_end().to_owned());
            value.ok_or(line)
        };
        match (line("code"), line("link")) {
            (Ok(code), Ok(link)) => Self { program, stdout, code, link },
            other => panic!("{other:?} {:?}", program.wait_with_output()),
        }
    }

    /// Its exit code, and what it said after the code.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        let ended = self.program.wait_with_output().unwrap();
        (ended.status.code(), format!("{said}{}", String::from_utf8(ended.stderr).unwrap()))
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.program), Signal::INT).unwrap();
    }

    /// Another code of the same form.
    fn wrong(&self, at: usize) -> String {
        let mut letters: Vec<char> = self.code.chars().collect();
        letters[at] = if letters[at] == '7' { '8' } else { '7' };
        letters.into_iter().collect()
    }
}

fn file(phone: &Phone) -> PathBuf {
    phone.sandbox.home().join(".takopi/takopi.toml")
}

fn text(phone: &Phone) -> String {
    fs::read_to_string(file(phone)).unwrap()
}

/// A code that waits is not there any more.
#[track_caller]
fn nothing_waits(phone: &Phone) {
    assert!(!file(phone).with_file_name("takopi.pairing").exists());
}

fn stranger(phone: &Phone, name: &str) -> (UserId, ChatId) {
    let who = phone.api.person(name);
    (who, phone.api.private(who))
}

/// The bot is there for Mia; the list of people has comments.
fn begun() -> Phone {
    let mut phone = Phone::new();
    let people = format!("# who is heard\nallowed_user_ids = [\n  {}, # Mia\n] # and nobody else", phone.me);
    phone.configure("codex", &format!("chat_id = {}\n{people}\n", phone.chat), "# the end");
    phone.start();
    phone.ask("hello");
    phone
}

#[test]
fn the_first_contact_of_a_bot_that_nobody_is_named_for() {
    let mut phone = Phone::new();
    phone.configure("codex", "# for me\n", "");
    let before = text(&phone);
    let pairing = Pairing::new(&phone, &[]);
    let (name, code) = pairing.link.rsplit_once("?start=").unwrap();
    assert_eq!((name, code), ("https://t.me/takopi_test_bot", pairing.code.replace('-', "").as_str()));
    phone.api.say(phone.chat, phone.me, "is anybody there?");
    phone.say(&format!("/start {code}"));
    let (code, said) = pairing.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("paired: Mia ({})\n", phone.me)), "{said}");
    phone.sees("the welcome", phone.chat, |message| {
        message.text() == "you are heard from the next start of takopi on"
    });
    let keys = format!("chat_id = {}\nallowed_user_ids = [{}]\n", phone.chat, phone.me);
    let after = text(&phone);
    let mut kept = after.clone();
    keys.lines().for_each(|line| kept = kept.replace(&format!("{line}\n"), ""));
    assert!(after.contains("# for me") && kept.trim_end() == before.trim_end(), "{after}");
    assert_eq!(fs::metadata(file(&phone)).unwrap().permissions().mode() & 0o777, 0o600);
    phone.start();
    phone.ask("now");
    nothing_waits(&phone);
}

#[test]
fn what_people_wrote_to_a_takopi_that_does_not_run_stays_for_it() {
    let mut phone = begun();
    phone.stop(Signal::TERM);
    let question = phone.say("while you were away");
    let (eve, chat) = stranger(&phone, "Eve");
    let pairing = Pairing::new(&phone, &[]);
    let other = phone.say("and while a code waits");
    phone.api.say(chat, eve, &pairing.code);
    assert_eq!(pairing.end().0, Some(0));
    phone.start();
    phone.answer(phone.chat, question);
    phone.answer(phone.chat, other);
    let prompts = phone.prompts();
    assert!(prompts.contains(&"while you were away".to_owned()), "{prompts:?}");
}

#[test]
fn a_takopi_that_runs_lets_somebody_in() {
    let phone = begun();
    let before = text(&phone);
    let (eve, chat) = stranger(&phone, "Eve");
    let pairing = Pairing::new(&phone, &[]);
    let waiting = file(&phone).with_file_name("takopi.pairing");
    assert_eq!(fs::metadata(&waiting).unwrap().permissions().mode() & 0o777, 0o600);
    let stored = fs::read_to_string(&waiting).unwrap();
    assert!(!stored.contains(&pairing.code) && !stored.contains(&pairing.code.replace('-', "")), "{stored}");
    phone.api.say(chat, eve, "let me in");
    phone.api.say(chat, eve, &pairing.wrong(0));
    let id = phone.api.say(chat, eve, &pairing.code.to_lowercase());
    let welcome = phone.answer(chat, id);
    assert_eq!(welcome.text(), "you are heard now");
    let (code, said) = pairing.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("paired: Eve ({eve})")), "{said}");
    let question = phone.api.say(chat, eve, "hello from Eve");
    phone.answer(chat, question);
    assert_eq!(phone.prompts(), ["hello", "hello from Eve"]);
    assert_eq!(phone.api.answers(chat).len(), 2, "a stranger hears nothing");
    let after = text(&phone);
    assert_eq!(after, before.replace("# Mia\n", &format!("# Mia\n  {eve},\n")));
    nothing_waits(&phone);
    phone.ask("and I am heard still");
}

#[test]
fn five_wrong_codes_end_it() {
    for runs in [true, false] {
        let mut phone = begun();
        if !runs {
            phone.stop(Signal::TERM);
        }
        let before = text(&phone);
        let (eve, chat) = stranger(&phone, "Eve");
        let pairing = Pairing::new(&phone, &[]);
        let right = pairing.code.clone();
        for at in [0, 1, 2, 3, 5] {
            phone.api.say(chat, eve, &pairing.wrong(at));
        }
        phone.api.say(chat, eve, &right);
        let (code, said) = pairing.end();
        assert!(code == Some(1) && said.contains("too many wrong codes"), "{code:?} {said}");
        if runs {
            phone.ask("still there?");
        }
        assert_eq!(text(&phone), before);
        assert!(phone.api.answers(chat).is_empty());
        nothing_waits(&phone);
    }
}

#[test]
fn a_code_in_a_group_or_passed_on_is_none() {
    for runs in [true, false] {
        let mut phone = begun();
        if !runs {
            phone.stop(Signal::TERM);
        }
        let (eve, chat) = stranger(&phone, "Eve");
        let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, eve]);
        phone.api.privacy(false);
        let before = text(&phone);
        let pairing = Pairing::new(&phone, &[]);
        phone.api.say(group, eve, &pairing.code);
        phone.api.forward(chat, eve, phone.me, &pairing.code);
        let (fay, own) = stranger(&phone, "Fay");
        assert_eq!(text(&phone), before);
        phone.api.say(own, fay, &pairing.code);
        let (code, said) = pairing.end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("paired: Fay ({fay})")), "{said}");
        assert!(!text(&phone).contains(&eve.to_string()));
        assert!(phone.api.answers(chat).is_empty() && phone.api.answers(group).is_empty());
    }
}

#[test]
fn a_code_that_was_taken_back_lets_nobody_in() {
    let phone = begun();
    let before = text(&phone);
    let (eve, chat) = stranger(&phone, "Eve");
    let pairing = Pairing::new(&phone, &[]);
    let code = pairing.code.clone();
    pairing.interrupt();
    assert_eq!(pairing.end().0, Some(130));
    nothing_waits(&phone);
    phone.api.say(chat, eve, &code);
    phone.ask("still there?");
    assert_eq!(text(&phone), before);
    assert!(phone.api.answers(chat).is_empty());
}

#[test]
fn a_code_is_good_for_ten_minutes() {
    let phone = begun();
    let before = text(&phone);
    let (eve, chat) = stranger(&phone, "Eve");
    let pairing = Pairing::new(&phone, &[]);
    // Ten minutes pass in the file.
    let waiting = file(&phone).with_file_name("takopi.pairing");
    let mut content: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&waiting).unwrap()).unwrap();
    let until = content["open"]["until"].as_u64().unwrap();
    content["open"]["until"] = (until - 600).into();
    fs::write(&waiting, content.to_string()).unwrap();
    phone.api.say(chat, eve, &pairing.code);
    let (code, said) = pairing.end();
    assert!(code == Some(1) && said.contains("within ten minutes"), "{code:?} {said}");
    assert_eq!(text(&phone), before);
    assert!(phone.api.answers(chat).is_empty());
}

#[test]
fn administrators_are_not_shut_out_unasked() {
    let mut phone = Phone::new();
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me]);
    phone.configure("codex", &format!("chat_id = {group}\n"), "");
    let ended = phone.sandbox.run(&["pair"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&format!("this shuts out the administrators of {group}")), "{ended:?}");
    assert!(ended.stderr.contains("--yes"), "{ended:?}");
    let pairing = Pairing::new(&phone, &["--yes"]);
    phone.say(&pairing.code);
    assert_eq!(pairing.end().0, Some(0));
    assert!(text(&phone).contains(&format!("allowed_user_ids = [{}]\n", phone.me)));
    assert!(text(&phone).contains(&format!("chat_id = {group}\n")), "it stays");
    phone.start();
    phone.ask("hello");
}

#[test]
fn without_a_bot_there_is_nothing_to_pair_with() {
    let phone = Phone::new();
    let ended = phone.sandbox.run(&["pair"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("`bot_token` is not set"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn the_end_of_takopi_is_the_end_of_the_code() {
    let mut phone = begun();
    let pairing = Pairing::new(&phone, &[]);
    phone.stop(Signal::TERM);
    let (code, said) = pairing.end();
    assert!(code == Some(1) && said.contains("takopi has ended"), "{code:?} {said}");
    nothing_waits(&phone);
}
