//! What people find after takopi was not there for a while.

use std::time::Duration;

use rustix::process::Signal;
use takopi_tests::bot_api::Message;
use takopi_tests::{Scene, Script};

use super::phone::Phone;

#[test]
fn a_hundred_messages_that_wait_are_each_answered_once() {
    let mut phone = Phone::new();
    let people: Vec<_> = (0..20).map(|number| phone.api.person(&format!("P{number}"))).collect();
    let listed = people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let lines = format!("allowed_user_ids = [{}, {listed}]\nprogress = \"none\"\n", phone.me);
    phone.configure("codex", &lines, "");
    phone.start();
    phone.ask("hello");
    assert_eq!(phone.stop(Signal::TERM).code(), Some(0), "{}", phone.log());
    let mut asked = Vec::new();
    for round in 0..5 {
        for person in &people {
            let chat = phone.api.private(*person);
            asked.push((chat, phone.api.say(chat, *person, &format!("{person} {round}"))));
        }
    }
    phone.api.duplicate_updates(10);
    phone.start();
    for (chat, id) in &asked {
        phone.answer(*chat, *id);
    }
    let mut prompts = phone.prompts();
    assert_eq!(prompts.len(), 101);
    prompts.sort();
    prompts.dedup();
    assert_eq!(prompts.len(), 101, "none was asked twice");
    phone.was_never_too_fast();
}

#[test]
fn a_message_is_not_lost_in_a_kill_and_not_asked_twice() {
    let mut phone = Phone::begun("forward_coalesce_s = 30.0\n");
    // It is held for what may be forwarded with it, and lies in the store.
    let id = phone.say("hello");
    phone.api.wait_for_calls("getUpdates", 2);
    let polls = phone.api.calls("getUpdates").len();
    phone.api.wait_for_calls("getUpdates", polls);
    phone.stop(Signal::KILL);
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n", phone.chat, phone.me);
    phone.configure("codex", &own, "");
    phone.start();
    phone.answer(phone.chat, id);
    phone.stop(Signal::KILL);
    phone.start();
    phone.ask("/status");
    assert_eq!(phone.prompts(), ["hello"]);
}

#[test]
fn old_messages_are_skipped_and_that_is_said_where_it_is_wished() {
    let mut phone = Phone::new();
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\nmax_age_s = 0\n", phone.chat, phone.me);
    phone.configure("codex", &own, "");
    phone.say("too old");
    // Ages are counted in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    phone.start();
    phone.sees("the note", phone.chat, |message| message.text().contains("skipped a message"));
    assert!(phone.prompts().is_empty());
}

#[test]
fn of_an_answer_that_was_sent_in_part_only_the_rest_is_sent() {
    let mut phone = Phone::new();
    let text = (0..9).map(|part| format!("part{part} {}\\n\\n", "word ".repeat(650))).collect::<String>();
    let item = format!(
        "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"i\",\"type\":\"agent_message\",\"text\":\"{text}\"}}}}\n"
    );
    let mut script = Script::echo();
    script.scenes[3] = Scene::Say(item);
    phone.sandbox.engine("codex", &script);
    let own = format!(
        "chat_id = {}\nallowed_user_ids = [{}]\nmessage_overflow = \"split\"\n",
        phone.chat, phone.me
    );
    phone.configure("codex", &own, "");
    phone.start();
    let id = phone.say("hello");
    // From here on Telegram's pace is one a second.
    phone.reads(phone.chat, id, "part4");
    std::thread::sleep(Duration::from_millis(300));
    phone.stop(Signal::KILL);
    phone.start();
    phone.reads(phone.chat, id, "part8");
    let answers = phone.api.answers(phone.chat);
    for part in 0..9 {
        let of_part = answers.iter().filter(|answer| answer.text().contains(&format!("part{part} "))).count();
        assert_eq!(of_part, 1, "part{part}: {}", phone.api.report());
    }
    // Where all parts came before the kill, the second program has only this to do.
    let chat = phone.chat;
    let is_gone = |message: &Message| !message.text().starts_with("starting");
    phone.api.wait_for("the end of the progress message", |world| {
        world.chats[&chat].messages.values().all(is_gone).then_some(())
    });
    phone.stop(Signal::TERM);
    assert_eq!(phone.api.answers(chat).len(), 9, "{}", phone.api.report());
}

#[test]
fn what_goes_on_is_in_the_file_that_is_named_for_it() {
    use std::os::unix::fs::PermissionsExt;
    let mut phone = Phone::new();
    let log = phone.sandbox.home().join("takopi.log");
    for starts in 1..=2 {
        let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n", phone.chat, phone.me);
        phone.configure("codex", &own, "");
        phone.start_with(&[("TAKOPI_LOG_FILE", log.to_str().unwrap())]);
        phone.ask("hello");
        assert_eq!(phone.stop(Signal::TERM).code(), Some(0), "{}", phone.log());
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.matches("telegram.ready").count(), starts, "{text}");
        assert!(!text.contains(&phone.api.token()) && !text.contains('\u{1b}'), "{text}");
    }
    let mode = std::fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
