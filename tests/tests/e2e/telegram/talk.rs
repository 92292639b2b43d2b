//! A person and takopi.

use takopi_tests::bot_api::ChatKind;

use super::phone::Phone;

#[test]
fn a_message_is_answered() {
    let phone = Phone::begun("");
    let id = phone.say("hello");
    let answer = phone.answer(phone.chat, id);
    assert!(answer.text().starts_with("done · codex"), "{}", answer.text());
    assert!(answer.text().contains("hello"), "{}", answer.text());
    assert!(!answer.is_silent && !answer.has_previews && answer.labels().is_empty());
    assert_eq!(phone.api.answers(phone.chat).len(), 1, "the progress message is gone");
    phone.was_never_too_fast();
}

#[test]
fn an_answer_is_replied_to_and_its_thread_goes_on() {
    let phone = Phone::begun("");
    let first = phone.ask("one");
    let second = phone.api.reply(&first, phone.me, "two");
    phone.answer(phone.chat, second);
    let starts = phone.sandbox.starts_of("codex");
    let thread = starts[1].thread().expect("the second run goes on with the first one's thread");
    assert!(first.text().contains(thread), "{}", first.text());
}

#[test]
fn a_run_is_cancelled_by_its_button() {
    let phone = Phone::begun("");
    let id = phone.say("one wait:600000");
    let card = phone.reads(phone.chat, id, "codex resume ");
    assert_eq!(card.labels(), ["cancel"]);
    assert!(card.is_silent);
    assert_eq!(phone.press(&card, "cancel", phone.me).as_deref(), Some("cancelling…"));
    let ended = phone.answer(phone.chat, id);
    assert!(ended.text().starts_with("cancelled · codex"), "{}", ended.text());
    assert!(ended.labels().is_empty());
    phone.was_never_too_fast();
}

#[test]
fn a_message_waits_for_the_run_of_its_thread() {
    let phone = Phone::begun("");
    let first = phone.say("one wait:600000");
    let card = phone.reads(phone.chat, first, "codex resume ");
    let second = phone.api.reply(&card, phone.me, "two");
    phone.reads(phone.chat, second, "queued · codex");
    assert_eq!(phone.press(&card, "cancel", phone.me).as_deref(), Some("cancelling…"));
    assert!(phone.answer(phone.chat, second).text().contains("two"));
    assert_eq!(phone.prompts(), ["one wait:600000", "two"]);
    phone.was_never_too_fast();
}

#[test]
fn a_permission_is_given_by_a_button_and_only_by_who_may() {
    let mut phone = Phone::new();
    let you = phone.api.person("You");
    let eve = phone.api.person("Eve");
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, you, eve]);
    phone.api.privacy(false);
    phone.configure("acme", &format!("chat_id = {group}\nallowed_user_ids = [{}, {you}]\n", phone.me), "");
    phone.start();
    let id = phone.api.say(group, phone.me, "write hello to NOTES.md");
    let request = phone.sees("the request", group, |message| message.labels().contains(&"allow once"));
    assert_eq!(request.reply_to, Some(id));
    assert_eq!(phone.press(&request, "allow once", eve), None, "a stranger is told nothing");
    assert_eq!(
        phone.press(&request, "allow once", you).as_deref(),
        Some("only who asked, or an approver, may decide this")
    );
    assert!(!phone.sandbox.work().join("NOTES.md").exists());
    assert_eq!(phone.press(&request, "allow once", phone.me), None);
    phone.reads(group, id, "done · acme");
    assert!(phone.sandbox.work().join("NOTES.md").exists());
    let decided =
        phone.sees("the decision", group, |message| message.id == request.id && message.labels().is_empty());
    assert!(decided.text().contains("allowed once by Mia"), "{}", decided.text());
    phone.was_never_too_fast();
}

#[test]
fn forwards_belong_to_the_comment_that_was_sent_with_them() {
    let phone = Phone::begun("forward_coalesce_s = 1.0\n");
    let you = phone.api.person("You");
    let comment = phone.say("what do you think?");
    phone.api.forward(phone.chat, phone.me, you, "first");
    phone.api.forward(phone.chat, phone.me, you, "second");
    let answer = phone.answer(phone.chat, comment);
    assert!(answer.text().contains("what do you think?"), "{}", answer.text());
    assert_eq!(phone.sandbox.prompt_of("codex").trim(), "what do you think?\n\nfirst\n\nsecond");
    assert_eq!(phone.prompts().len(), 1);
}

#[test]
fn what_is_edited_before_it_goes_on_is_asked_as_it_is_then() {
    let phone = Phone::begun("forward_coalesce_s = 1.0\n");
    let id = phone.say("fxi it");
    phone.api.edit(phone.chat, id, "fix it");
    assert!(phone.answer(phone.chat, id).text().contains("fix it"));
    assert_eq!(phone.prompts(), ["fix it"]);
}

#[test]
fn takopi_says_that_it_is_there_and_who_is_heard_and_sets_its_menu() {
    let phone = Phone::begun("startup_message = true\n");
    let greeting =
        phone.sees("the greeting", phone.chat, |message| message.text().contains("takopi is ready"));
    assert!(greeting.text().contains("default: codex"), "{}", greeting.text());
    assert!(greeting.text().contains("heard: 1 person"), "{}", greeting.text());
    let menu = phone.api.wait_for_calls("setMyCommands", 1);
    let menu = menu[0].body.to_string();
    assert!(menu.contains("cancel") && menu.contains("use engine: codex"), "{menu}");
}
