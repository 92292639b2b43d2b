//! Topics of forums, and of private chats that have them.

use serde_json::{Value, json};

use super::{Bot, here};
use crate::bot_api::{ChatId, ChatKind, Role, TopicId};

fn forum() -> (Bot, ChatId) {
    let bot = Bot::new();
    let forum = bot.api.forum("Forum", &[bot.person]);
    (bot, forum)
}

fn create(bot: &Bot, chat: ChatId, name: &str) -> TopicId {
    let made = bot.ok("createForumTopic", &here(chat, json!({"name": name})));
    TopicId(made["message_thread_id"].as_i64().unwrap())
}

#[test]
fn a_topic_is_written_to_by_its_id_and_the_general_one_by_none() {
    let (bot, forum) = forum();
    let topic = create(&bot, forum, "site @main");
    let send = |thread: Value| here(forum, json!({"text": "a", "message_thread_id": thread}));
    let sent = bot.ok("sendMessage", &send(json!(topic)));
    assert_eq!((&sent["message_thread_id"], &sent["is_topic_message"]), (&json!(topic), &json!(true)));
    let not_found = "Bad Request: message thread not found";
    bot.refused("sendMessage", &send(json!(1_000)), not_found);
    bot.refused("sendMessage", &send(json!(0x7fff_ffff)), not_found);
    let general = bot.ok("sendMessage", &here(forum, json!({"text": "a"})));
    assert_eq!(general.get("message_thread_id"), None);
    bot.refused_here("sendMessage", json!({"text": "a", "message_thread_id": topic}), not_found);
    bot.ok("sendChatAction", &here(forum, json!({"action": "typing", "message_thread_id": 1})));
    // An answer goes where the answered message lies.
    let reply =
        bot.ok("sendMessage", &here(forum, json!({"text": "a", "reply_to_message_id": sent["message_id"]})));
    assert_eq!(reply["message_thread_id"], json!(topic));
}

#[test]
fn the_general_topic_has_no_id() {
    let (bot, forum) = forum();
    bot.api.say(forum, bot.person, "the first message is no topic");
    let body = here(forum, json!({"text": "a", "message_thread_id": 1}));
    bot.refused("sendMessage", &body, "Bad Request: message thread not found");
}

#[test]
fn what_people_write_in_a_topic_answers_its_beginning() {
    let (bot, forum) = forum();
    let topic = bot.api.topic(forum, bot.person, "site");
    let first = bot.api.say_in_topic(forum, topic, bot.person, "hello");
    bot.api.reply(&bot.api.messages(forum)[1], bot.person, "more");
    let updates = bot.updates();
    assert_eq!(updates[0]["message"]["forum_topic_created"]["name"], "site");
    assert_eq!(updates[0]["message"].get("reply_to_message"), None);
    let hello = &updates[1]["message"];
    assert_eq!((&hello["message_thread_id"], &hello["is_topic_message"]), (&json!(topic), &json!(true)));
    assert_eq!(hello["reply_to_message"]["message_id"], json!(topic));
    assert_eq!(hello["reply_to_message"]["forum_topic_created"]["name"], "site");
    assert_eq!(updates[2]["message"]["reply_to_message"]["message_id"], json!(first));
}

#[test]
fn threads_of_answers_in_a_large_group_are_no_topics() {
    let bot = Bot::new();
    let large = bot.api.chat(ChatKind::Supergroup, "large", &[bot.person]);
    bot.api.privacy(false);
    let root = bot.api.say(large, bot.person, "a");
    bot.api.reply(&bot.api.messages(large)[0], bot.person, "b");
    bot.api.reply(&bot.api.messages(large)[1], bot.person, "c");
    let last = &bot.updates()[2]["message"];
    assert_eq!((&last["message_thread_id"], last.get("is_topic_message")), (&json!(root), None));
    let body = here(large, json!({"text": "a", "message_thread_id": root}));
    bot.refused("sendMessage", &body, "Bad Request: message thread not found");
}

#[test]
fn a_topic_that_is_not_changed_is_refused() {
    let (bot, forum) = forum();
    let topic = create(&bot, forum, "one");
    let rename = |name: &str| here(forum, json!({"message_thread_id": topic, "name": name}));
    bot.ok("editForumTopic", &rename("two"));
    bot.api.look(|world| assert_eq!(world.chats[&forum].topics[&topic].name, "two"));
    bot.refused("editForumTopic", &rename("two"), "Bad Request: TOPIC_NOT_MODIFIED");
    let this = here(forum, json!({"message_thread_id": topic}));
    bot.ok("closeForumTopic", &this);
    bot.refused("closeForumTopic", &this, "Bad Request: TOPIC_NOT_MODIFIED");
    bot.ok("reopenForumTopic", &this);
    bot.ok("deleteForumTopic", &this);
    for method in ["editForumTopic", "closeForumTopic", "deleteForumTopic"] {
        bot.refused(method, &rename("three"), "Bad Request: TOPIC_ID_INVALID");
    }
    let body = here(forum, json!({"text": "a", "message_thread_id": topic}));
    bot.refused("sendMessage", &body, "Bad Request: message thread not found");
}

#[test]
fn a_closed_topic_is_for_those_who_manage_topics() {
    let (bot, forum) = forum();
    let topic = bot.api.topic(forum, bot.person, "site");
    bot.api.close_topic(forum, topic);
    let body = here(forum, json!({"text": "a", "message_thread_id": topic}));
    bot.ok("sendMessage", &body);
    bot.api.role(forum, bot.api.me(), Role::Member);
    bot.refused("sendMessage", &body, "Bad Request: TOPIC_CLOSED");
}

#[test]
fn topics_can_not_be_made_everywhere_nor_by_everybody() {
    let (bot, forum) = forum();
    let name = || json!({"name": "site"});
    bot.refused(
        "createForumTopic",
        &here(forum, json!({"name": " "})),
        "Bad Request: title must be non-empty",
    );
    bot.api.role(forum, bot.api.me(), Role::Administrator { manages_topics: false });
    bot.refused("createForumTopic", &here(forum, name()), "Bad Request: not enough rights to create a topic");
    bot.refused_here("createForumTopic", name(), "Bad Request: the chat is not a forum");
    let other = bot.api.person("Tom");
    let private = bot.api.chat(ChatKind::PrivateWithTopics, "Tom", &[other]);
    let topic = create(&bot, private, "site");
    bot.ok("sendMessage", &here(private, json!({"text": "a", "message_thread_id": topic})));
    assert_eq!(bot.ok("getMe", &json!({}))["has_topics_enabled"], true);
}

#[test]
fn a_deleted_topic_takes_its_messages_with_it() {
    let (bot, forum) = forum();
    let topic = bot.api.topic(forum, bot.person, "site");
    bot.api.say_in_topic(forum, topic, bot.person, "a");
    let kept = bot.api.say(forum, bot.person, "b");
    bot.api.delete_topic(forum, topic);
    let left: Vec<_> = bot.api.messages(forum).iter().map(|message| message.id).collect();
    assert_eq!(left, [kept]);
}
