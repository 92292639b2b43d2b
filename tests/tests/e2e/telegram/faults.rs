//! Everything that goes wrong on the way to Telegram: nothing is lost by it, and nothing said twice that need not be.

use std::time::Duration;

use takopi_tests::bot_api::Fault;

use super::phone::Phone;

/// One conversation in which a method fails so once, before it goes well.
#[track_caller]
fn check(method: &str, fault: Fault) {
    let phone = Phone::begun("progress = \"none\"\n");
    phone.ask("zero");
    phone.api.fail_next(method, fault);
    assert!(phone.ask("one").text().contains("one"));
    assert!(phone.ask("two").text().contains("two"));
    assert_eq!(phone.prompts(), ["zero", "one", "two"]);
    assert_eq!(phone.api.answers(phone.chat).len(), 3, "{}", phone.api.report());
}

#[test]
fn too_many() {
    check("sendMessage", Fault::TooMany { retry_after: 1 });
    check("getUpdates", Fault::TooMany { retry_after: 1 });
}

#[test]
fn a_server_in_trouble() {
    for status in [500, 502] {
        check("sendMessage", Fault::Server(status));
        check("getUpdates", Fault::Server(status));
    }
}

#[test]
fn connections_that_are_reset() {
    check("sendMessage", Fault::Reset);
    check("getUpdates", Fault::Reset);
}

#[test]
fn answers_that_end_in_the_middle() {
    check("sendMessage", Fault::Malformed);
    check("getUpdates", Fault::Malformed);
}

#[test]
fn calls_that_hang() {
    let phone = Phone::begun("progress = \"none\"\n");
    phone.ask("zero");
    phone.api.fail_next("getUpdates", Fault::Hang(Duration::from_secs(3600)));
    phone.api.fail_next("sendMessage", Fault::Hang(Duration::from_secs(3600)));
    assert!(phone.ask("one").text().contains("one"));
    assert_eq!(phone.prompts(), ["zero", "one"]);
}

#[test]
fn updates_that_come_twice_and_in_no_order() {
    let phone = Phone::begun("progress = \"none\"\n");
    phone.api.duplicate_updates(100);
    phone.api.shuffle_updates(Some(7));
    let ids: Vec<_> = (0..10).map(|number| phone.say(&format!("{number}"))).collect();
    for id in ids {
        phone.answer(phone.chat, id);
    }
    assert_eq!(phone.prompts().len(), 10);
    phone.was_never_too_fast();
}

#[test]
fn a_network_that_is_away_for_a_while() {
    let phone = Phone::begun("");
    phone.ask("zero");
    let id = phone.say("one wait:1500");
    phone.reads(phone.chat, id, "codex resume ");
    phone.api.network_down();
    let meanwhile = phone.say("two");
    // The run ends while nobody can be told.
    std::thread::sleep(Duration::from_secs(3));
    phone.api.network_up();
    assert!(phone.answer(phone.chat, id).text().contains("one"));
    assert!(phone.answer(phone.chat, meanwhile).text().contains("two"));
}

#[test]
fn another_program_that_polls() {
    let phone = Phone::begun("");
    phone.ask("zero");
    phone.api.another_poller();
    phone.ask("one");
    assert!(phone.log().contains("telegram.conflict"), "{}", phone.log());
}

#[test]
fn a_webhook_that_is_set() {
    let phone = Phone::begun("");
    phone.ask("zero");
    phone.api.webhook(Some("https://example.org/hook"));
    phone.api.another_poller();
    phone.sees("the note", phone.chat, |message| message.text().contains("a webhook is set"));
    phone.api.webhook(None);
    phone.ask("one");
}

#[test]
fn a_token_that_is_none() {
    let mut phone = Phone::new();
    let own = format!("chat_id = {}\n", phone.chat);
    phone.configure("codex", &own, "");
    let path = phone.sandbox.home().join(".takopi/takopi.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text.replace(&phone.api.token(), "123456:AAnother-hunter2")).unwrap();
    phone.start();
    assert_eq!(phone.end().code(), Some(1));
    let log = phone.log();
    assert!(
        log.contains("Telegram does not know the bot of this token") && !log.contains("hunter2"),
        "{log}"
    );
}

#[test]
fn the_token_is_in_no_log() {
    let phone = Phone::begun("");
    phone.ask("zero");
    phone.api.network_down();
    phone.say("one");
    std::thread::sleep(Duration::from_secs(1));
    phone.api.network_up();
    phone.ask("two");
    let log = phone.log();
    let secret = phone.api.token().split_once(':').unwrap().1.to_owned();
    assert!(log.contains("telegram.trouble") && !log.contains(&secret), "{log}");
}

#[test]
fn a_card_that_takopi_does_not_know_of_can_end_its_run() {
    let phone = Phone::begun("");
    phone.api.fail_next("sendMessage", Fault::AcceptedThenReset);
    let id = phone.say("one wait:600000");
    let card = phone.reads(phone.chat, id, "starting");
    // A message that the server has and takopi can not know.
    phone.logs("the progress message could not be sent");
    assert_eq!(phone.press(&card, "cancel", phone.me).as_deref(), Some("cancelling…"));
    phone.reads(phone.chat, id, "cancelled · codex");
}

#[test]
fn an_answer_does_not_wait_for_a_card_that_is_not_sent_yet() {
    let phone = Phone::begun("");
    phone.api.fail_next("sendMessage", Fault::Hang(Duration::from_secs(3600)));
    let id = phone.say("one");
    let answer = phone.reads(phone.chat, id, "done · codex");
    assert_eq!(phone.api.calls("sendMessage").len(), 2, "{}", phone.api.report());
    assert_eq!(phone.answer(phone.chat, id).id, answer.id);
}
