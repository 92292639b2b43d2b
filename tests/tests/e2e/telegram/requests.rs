//! What an engine asks, and who answers it how.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use takopi_tests::bot_api::{ChatId, ChatKind, Message, MessageId, UserId};

use super::phone::Phone;

const WRITE: &str = "write hello to NOTES.md";

/// A group of Mia, who is heard, and of somebody else, with acme.
struct Group {
    phone: Phone,
    you: UserId,
    chat: ChatId,
}

impl Group {
    fn begun(lines: &str) -> Self {
        let phone = Phone::new();
        let you = phone.api.person("You");
        let chat = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, you]);
        phone.api.privacy(false);
        let mut group = Self { phone, you, chat };
        let lines = lines.replace("YOU", &you.to_string());
        let own = format!("chat_id = {chat}\nallowed_user_ids = [{}]\n{lines}\n", group.phone.me);
        group.phone.configure("acme", &own, "");
        group.phone.start();
        group
    }

    /// Mia wants something that is asked about.
    fn asked(&self, text: &str) -> (MessageId, Message) {
        let id = self.phone.api.say(self.chat, self.phone.me, text);
        let request = self.phone.sees("the request", self.chat, |message| {
            message.labels().contains(&"allow once") && message.reply_to == Some(id)
        });
        (id, request)
    }

    /// Waits until a request says this, and has no buttons.
    #[track_caller]
    fn says(&self, request: &Message, text: &str) -> Message {
        self.phone.sees(&format!("that the request says {text:?}"), self.chat, |message| {
            message.id == request.id && message.labels().is_empty() && message.text().contains(text)
        })
    }

    /// Presses what the message does not have any more, or never had, and waits for the buttons that it has then.
    fn shown_anew(&self, request: &Message, pressed: &str) -> Message {
        let told = self.phone.press_data(request, pressed, self.phone.me);
        assert!(told.is_some_and(|told| told.contains("look at it again")));
        let old = data(request, "deny");
        self.phone.sees("the buttons of then", self.chat, |message| {
            message.id == request.id && message.labels().contains(&"deny") && data(message, "deny") != old
        })
    }

    fn file(&self) -> PathBuf {
        self.phone.sandbox.work().join("NOTES.md")
    }
}

fn data(message: &Message, label: &str) -> String {
    let button = message.buttons.iter().flatten().find(|button| button.label == label).unwrap();
    button.data.clone().unwrap()
}

/// As a button, but none.
fn forged(data: &str) -> String {
    format!("{}{}", &data[..data.len() - 1], if data.ends_with('0') { '1' } else { '0' })
}

#[test]
fn an_approver_decides_who_is_not_heard_else_and_late_ones_are_told() {
    let group = Group::begun("approvers = [YOU]");
    let (id, request) = group.asked(WRITE);
    let allow = data(&request, "allow once");
    assert!(allow.len() <= 64 && !allow.contains("allow"), "{allow}");
    assert_eq!(group.phone.press(&request, "allow once", group.you), None);
    group.says(&request, "allowed once by You");
    group.phone.reads(group.chat, id, "done · acme");
    assert!(group.file().exists());
    let told = Some("this was decided already: allowed once by You");
    for label in ["allow once", "deny"] {
        assert_eq!(group.phone.press_data(&request, &data(&request, label), group.phone.me).as_deref(), told);
    }
    let ignored = group.phone.api.say(group.chat, group.you, "and now for me");
    let next = group.phone.api.say(group.chat, group.phone.me, "hello");
    group.phone.answer(group.chat, next);
    assert!(group.phone.api.answers(group.chat).iter().all(|message| message.reply_to != Some(ignored)));
}

#[test]
fn a_button_counts_below_its_own_message_only() {
    let group = Group::begun("");
    let (id, request) = group.asked(WRITE);
    let allow = data(&request, "allow once");
    let elsewhere = group.phone.say("hello");
    let elsewhere = group.phone.reads(group.phone.chat, elsewhere, "acme");
    let told = group.phone.press_data(&elsewhere, &allow, group.phone.me);
    assert!(told.is_none_or(|told| told.contains("nothing was decided")));
    let made_up = "takopi:r:00000000000000000000000000000000.000000000000";
    for data in [made_up, "takopi:r:", "takopi:r:allow"] {
        let told = group.phone.press_data(&request, data, group.phone.me);
        assert_eq!(told.as_deref(), Some("nothing is known of this button; nothing was decided"), "{data}");
    }
    assert!(!group.file().exists());
    let request = group.shown_anew(&request, &forged(&allow));
    let request = group.shown_anew(&request, &allow);
    assert_eq!(group.phone.press(&request, "deny", group.phone.me), None);
    group.phone.reads(group.chat, id, "done · acme");
    assert!(!group.file().exists());
}

#[test]
fn a_reason_is_written_and_the_engine_reads_it() {
    let group = Group::begun("approvers = [YOU]");
    let (id, request) = group.asked(WRITE);
    let told = group.phone.press(&request, "deny, and say why", group.you);
    assert_eq!(told.as_deref(), Some("write it as your next message here"));
    let waiting = group.phone.sees("that a reason is waited for", group.chat, |message| {
        message.id == request.id && message.labels().contains(&"back")
    });
    assert!(waiting.text().contains("write why, as your next message here"), "{}", waiting.text());
    group.phone.api.say(group.chat, group.you, "not in this folder");
    group.says(&request, "denied by You");
    group.phone.reads(group.chat, id, "not in this folder");
    assert!(!group.file().exists());
}

#[test]
fn nobody_in_time_is_a_no_for_everybody() {
    let group = Group::begun("request_timeout_s = 1");
    let (id, request) = group.asked(WRITE);
    group.says(&request, "denied: nobody answered within 1s");
    group.phone.reads(group.chat, id, "nobody answered within 1s");
    let told = group.phone.press_data(&request, &data(&request, "allow once"), group.phone.me);
    assert_eq!(told.as_deref(), Some("expired: nobody answered in time, so it was denied"));
    assert!(!group.file().exists());
}

#[test]
fn after_a_restart_a_request_says_what_became_of_it() {
    let mut group = Group::begun("");
    let (id, request) = group.asked(WRITE);
    // So that its message is known to takopi, and not only to people.
    let request = group.shown_anew(&request, &forged(&data(&request, "deny")));
    group.phone.stop(Signal::KILL);
    group.phone.start();
    group.says(&request, "takopi was restarted; the run was interrupted");
    let told = group.phone.press_data(&request, &data(&request, "allow once"), group.phone.me);
    assert_eq!(told.as_deref(), Some("takopi was restarted; the run was interrupted"));
    let interrupted = group.phone.reads(group.chat, id, "interrupted · acme");
    assert_eq!(interrupted.labels(), ["resume"]);
    assert!(!group.file().exists());
}

#[test]
fn a_change_is_shown_as_what_it_changes() {
    let group = Group::begun("");
    fs::write(group.file(), "goodbye\n").unwrap();
    let (id, request) = group.asked(WRITE);
    let text = request.text();
    assert!(text.contains("+1 −1") && text.contains("-goodbye\n+hello"), "{text}");
    group.phone.press(&request, "allow once", group.phone.me);
    group.phone.reads(group.chat, id, "done · acme");
    assert_eq!(fs::read_to_string(group.file()).unwrap(), "hello\n");
}

#[test]
fn what_is_always_allowed_is_not_asked_again() {
    let group = Group::begun("");
    let (id, request) = group.asked(WRITE);
    assert_eq!(group.phone.press(&request, "always allow", group.phone.me), None);
    group.says(&request, "always allowed by Mia (rule 1)");
    group.phone.reads(group.chat, id, "done · acme");
    fs::remove_file(group.file()).unwrap();
    let second = group.phone.api.say(group.chat, group.phone.me, WRITE);
    let answer = group.phone.answer(group.chat, second);
    assert!(answer.text().starts_with("done · acme"), "{}", answer.text());
    let requests = group.phone.api.answers(group.chat);
    assert!(requests.iter().all(|message| !message.labels().contains(&"allow once")));
}
