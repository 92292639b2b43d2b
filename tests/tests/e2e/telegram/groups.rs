//! Groups, forums and channels: who is heard there, and where answers go.

use takopi_tests::bot_api::{ChatKind, Role};

use super::phone::Phone;

const ADMIN: Role = Role::Administrator { manages_topics: false };

#[test]
fn an_answer_goes_to_the_topic_and_the_general_one_has_no_number() {
    let mut phone = Phone::new();
    let forum = phone.api.forum("Work", &[phone.me]);
    let topic = phone.api.topic(forum, phone.me, "site");
    phone.configure("codex", &format!("chat_id = {forum}\nallowed_user_ids = [{}]\n", phone.me), "");
    phone.start();
    let inside = phone.api.say_in_topic(forum, topic, phone.me, "inside");
    let outside = phone.api.say(forum, phone.me, "outside");
    assert_eq!(phone.answer(forum, inside).thread, Some(topic));
    assert_eq!(phone.answer(forum, outside).thread, None);
    let sent = phone.api.calls("sendMessage");
    assert!(sent.iter().all(|call| call.body.get("message_thread_id") != Some(&1.into())), "{sent:?}");
    phone.was_never_too_fast();
}

#[test]
fn where_nobody_is_listed_the_administrators_of_a_group_are_heard() {
    let mut phone = Phone::new();
    let you = phone.api.person("You");
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, you]);
    phone.api.privacy(false);
    phone.api.role(group, phone.me, ADMIN);
    phone.configure("codex", &format!("chat_id = {group}\nstartup_message = true\n"), "");
    phone.start();
    let greeting = phone.sees("the greeting", group, |message| message.text().contains("takopi is ready"));
    assert!(greeting.text().contains("the administrators of this chat"), "{}", greeting.text());
    let unheard = phone.api.say(group, you, "let me in");
    let heard = phone.api.say(group, phone.me, "hello");
    phone.answer(group, heard);
    assert!(phone.api.answers(group).iter().all(|message| message.reply_to != Some(unheard)));
    assert_eq!(phone.prompts(), ["hello"]);
}

#[test]
fn strangers_and_other_chats_are_not_heard() {
    let phone = Phone::begun("");
    let eve = phone.api.person("Eve");
    let evil = phone.api.chat(ChatKind::Supergroup, "Evil", &[phone.me, eve]);
    phone.api.say(phone.api.private(eve), eve, "let me in");
    phone.api.say(evil, phone.me, "from elsewhere");
    phone.ask("hello");
    assert_eq!(phone.prompts(), ["hello"]);
    assert!(phone.api.answers(phone.api.private(eve)).is_empty() && phone.api.answers(evil).is_empty());
}

#[test]
fn the_name_of_the_bot_is_no_part_of_what_is_asked() {
    let mut phone = Phone::new();
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me]);
    let bot = phone.api.look(|world| world.me.username.clone());
    let lines = format!("chat_id = {group}\nallowed_user_ids = [{}]\ntrigger = \"mentions\"\n", phone.me);
    phone.configure("codex", &lines, "");
    phone.api.privacy(false);
    phone.start();
    phone.api.say(group, phone.me, "not for you");
    phone.api.say(group, phone.me, "/status@some_other_bot");
    let id = phone.api.say(group, phone.me, &format!("@{bot} hello"));
    phone.answer(group, id);
    assert_eq!(phone.prompts(), ["hello"]);
    assert_eq!(phone.api.answers(group).len(), 1);
    let command = phone.api.say(group, phone.me, &format!("/status@{bot}"));
    phone.reads(group, command, "");
}

#[test]
fn an_allowlist_counts_as_soon_as_it_is_written() {
    let mut phone = Phone::new();
    let you = phone.api.person("You");
    let group = phone.api.chat(ChatKind::Supergroup, "Us", &[phone.me, you]);
    phone.api.privacy(false);
    let only =
        |people: &str| format!("chat_id = {group}\nallowed_user_ids = [{people}]\nstartup_message = true\n");
    phone.configure("codex", &only(&phone.me.to_string()), "");
    phone.start();
    let mine = phone.api.say(group, phone.me, "one");
    phone.answer(group, mine);
    phone.configure("codex", &only(&you.to_string()), "");
    phone.logs("config.reload.transport: it is started anew");
    let refused = phone.api.say(group, phone.me, "two");
    let yours = phone.api.say(group, you, "three");
    phone.answer(group, yours);
    assert!(phone.api.answers(group).iter().all(|message| message.reply_to != Some(refused)));
    assert_eq!(phone.prompts(), ["one", "three"]);
    let greetings = phone.api.answers(group);
    let greetings = greetings.iter().filter(|message| message.text().contains("takopi is ready"));
    assert_eq!(greetings.count(), 1, "it is said once that takopi is there");
}
