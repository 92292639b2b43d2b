//! Messages that a bot sends.

use serde_json::{Value, json};

use super::Bot;
use crate::bot_api::{ChatId, ChatKind, Content, Limits, MessageId, Role, TooMuch};

#[test]
fn a_message_lies_in_its_chat_as_it_was_sent() {
    let bot = Bot::new();
    let id = bot.api.say(bot.chat, bot.person, "hello");
    let bold = json!({"type": "bold", "offset": 1, "length": 4});
    let sent = bot.ok_here(
        "sendMessage",
        json!({
            "text": " fine \n", "entities": [bold], "reply_parameters": {"message_id": id},
            "disable_notification": true, "link_preview_options": {"is_disabled": true},
        }),
    );
    let shown = json!({"type": "bold", "offset": 0, "length": 4});
    assert_eq!((&sent["text"], &sent["entities"]), (&json!("fine"), &json!([shown])));
    assert_eq!(sent["reply_to_message"]["message_id"], json!(id));
    let seen = &bot.api.answers(bot.chat)[0];
    assert_eq!(seen.content, Content::Text("fine".to_owned()));
    assert_eq!((seen.reply_to, seen.is_silent, seen.has_previews), (Some(id), true, false));
    // A form and a query may say the same.
    let path = format!("/bot{}/sendMessage?chat_id={}", bot.api.token(), bot.chat);
    let form = "text=a+b&entities=%5B%7B%22type%22%3A%22code%22%2C%22offset%22%3A0%2C%22length%22%3A1%7D%5D";
    assert_eq!(bot.request(&path, "application/x-www-form-urlencoded", form).0, 200);
    let last = bot.api.answers(bot.chat).pop().unwrap();
    assert_eq!((last.text(), &last.entities[0]["type"]), ("a b", &json!("code")));
}

#[test]
fn a_rich_message_lies_in_its_chat_with_its_text() {
    let bot = Bot::new();
    let html = "<p>a</p><table><tr><td>b</td></tr></table>";
    let rich = json!({"html": html, "skip_entity_detection": true});
    let buttons = json!({"inline_keyboard": [[{"text": "go", "callback_data": "1"}]]});
    let body = json!({"rich_message": rich, "reply_markup": buttons, "disable_notification": true});
    let sent = bot.ok_here("sendRichMessage", body);
    assert!(sent["text"].is_null() && sent["rich_message"].is_object(), "{sent}");
    let seen = &bot.api.answers(bot.chat)[0];
    assert_eq!(seen.content, Content::Rich { html: html.to_owned(), text: "a\nb".to_owned() });
    assert_eq!((seen.text(), seen.labels(), seen.is_silent), ("a\nb", vec!["go"], true));
    let edit = json!({"message_id": sent["message_id"], "text": "c"});
    assert_eq!(bot.ok_here("editMessageText", edit)["text"], "c");
}

#[test]
fn a_rich_message_that_breaks_a_rule_is_refused() {
    let bot = Bot::new();
    let check = |body: Value, description: &str| bot.refused_here("sendRichMessage", body, description);
    check(json!({}), "Bad Request: rich message is empty");
    let rich = |html: &str| json!({"rich_message": {"html": html, "skip_entity_detection": true}});
    check(rich("a"), "Bad Request: can't parse rich message: \"a\" in no block");
    check(
        json!({"rich_message": {"html": "<p>a</p>"}}),
        "Bad Request: can't parse rich message: HTML without entity detection is expected",
    );
    bot.api.is_without("sendRichMessage");
    check(rich("<p>a</p>"), "Not Found: method not found");
}

#[test]
fn a_text_that_breaks_a_rule_is_refused() {
    let bot = Bot::new();
    let check = |body: Value, description: &str| bot.refused_here("sendMessage", body, description);
    check(json!({}), "Bad Request: message text is empty");
    check(json!({"text": ""}), "Bad Request: message text is empty");
    check(json!({"text": "😀".repeat(2049)}), "Bad Request: message is too long");
    check(json!({"text": "a", "parse_mode": "HTML"}), "Bad Request: unsupported parse_mode");
    check(json!({"text": "a", "entities": "["}), "Bad Request: can't parse message entities JSON object");
    check(
        json!({"text": "a", "entities": {}}),
        "Bad Request: can't parse entities: expected an Array of MessageEntity",
    );
    bot.ok_here("sendMessage", json!({"text": "😀".repeat(2048)}));
}

#[test]
fn a_chat_in_which_the_bot_can_not_write_is_refused() {
    let bot = Bot::new();
    let check = |chat: Value, description: &str| {
        bot.refused("sendMessage", &json!({"chat_id": chat, "text": "a"}), description);
    };
    bot.refused("sendMessage", &json!({"text": "a"}), "Bad Request: chat_id is empty");
    check(json!(5), "Bad Request: chat not found");
    check(json!("@nobody"), "Bad Request: chat not found");
    bot.api.role(bot.chat, bot.api.me(), Role::Kicked);
    check(json!(bot.chat), "Forbidden: bot was blocked by the user");
    bot.api.role(bot.chat, bot.api.me(), Role::Member);
    bot.ok_here("sendMessage", json!({"text": "a"}));
    for (kind, role, description) in [
        (ChatKind::Group, Role::Kicked, "Forbidden: bot was kicked from the group chat"),
        (ChatKind::Forum, Role::Kicked, "Forbidden: bot was kicked from the supergroup chat"),
        (ChatKind::Supergroup, Role::Left, "Forbidden: bot is not a member of the supergroup chat"),
        (ChatKind::Channel, Role::Member, "Bad Request: need administrator rights in the channel chat"),
    ] {
        let chat = bot.api.chat(kind, "a chat", &[bot.person]);
        bot.api.role(chat, bot.api.me(), role);
        check(json!(chat), description);
    }
}

#[test]
fn a_group_that_became_a_large_one_says_where_it_is() {
    let bot = Bot::new();
    let group = bot.api.chat(ChatKind::Group, "small", &[bot.person]);
    let large = bot.api.migrate(group);
    let body = json!({"chat_id": group, "text": "a"});
    let answer = bot.runtime.block_on(bot.call("sendMessage", &body));
    assert_eq!(answer["description"], "Bad Request: group chat was upgraded to a supergroup chat");
    assert_eq!(answer["parameters"], json!({"migrate_to_chat_id": large}));
    bot.ok("sendMessage", &json!({"chat_id": large, "text": "a"}));
    let updates = bot.updates();
    assert_eq!(updates[0]["message"]["migrate_to_chat_id"], json!(large));
    assert_eq!(updates[1]["message"]["migrate_from_chat_id"], json!(group));
}

#[test]
fn an_answer_to_nothing_is_refused_unless_that_is_fine() {
    let bot = Bot::new();
    let missing = "Bad Request: message to be replied not found";
    bot.refused_here("sendMessage", json!({"text": "a", "reply_parameters": {"message_id": 99}}), missing);
    bot.refused_here("sendMessage", json!({"text": "a", "reply_to_message_id": 99}), missing);
    bot.refused_here(
        "sendMessage",
        json!({"text": "a", "reply_parameters": {"message_id": "x"}}),
        "Bad Request: can't parse reply parameters JSON object",
    );
    let sent = bot.ok_here(
        "sendMessage",
        json!({"text": "a", "reply_parameters": {"message_id": 99, "allow_sending_without_reply": true}}),
    );
    assert_eq!(sent.get("reply_to_message"), None);
}

#[test]
fn buttons_that_break_a_rule_are_refused() {
    let bot = Bot::new();
    let check = |keyboard: Value, description: &str| {
        let body = json!({"text": "a", "reply_markup": {"inline_keyboard": keyboard}});
        bot.refused_here("sendMessage", body, description);
    };
    let with = |data: &str| json!([[{"text": "a", "callback_data": data}]]);
    check(with(""), "Bad Request: BUTTON_DATA_INVALID");
    check(with(&"x".repeat(65)), "Bad Request: BUTTON_DATA_INVALID");
    // Bytes count, not characters.
    check(with(&"ü".repeat(33)), "Bad Request: BUTTON_DATA_INVALID");
    check(json!([[{"text": " ", "callback_data": "a"}]]), "Bad Request: BUTTON_INVALID");
    check(
        json!([[{"text": "a"}]]),
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    );
    check(
        json!([[{"callback_data": "a"}]]),
        "Bad Request: can't parse inline keyboard button: Can't find field \"text\"",
    );
    check(
        json!([[{"text": "a", "url": "localhost"}]]),
        "Bad Request: inline keyboard button URL 'localhost' is invalid: Wrong HTTP URL",
    );
    check(json!([{"text": "a"}]), "Bad Request: field \"inline_keyboard\" must be an Array of Arrays");
    check(json!(vec![with("a")[0].clone(); 101]), "Bad Request: REPLY_MARKUP_TOO_LONG");
    bot.refused_here(
        "sendMessage",
        json!({"text": "a", "reply_markup": []}),
        "Bad Request: object expected as reply markup",
    );
    bot.ok_here(
        "sendMessage",
        json!({"text": "a", "reply_markup": {"inline_keyboard": with(&"x".repeat(64))}}),
    );
}

#[test]
fn a_draft_is_seen_until_its_message_comes() {
    let bot = Bot::new();
    let draft = |id: i64, text: &str| json!({"draft_id": id, "text": text});
    bot.ok_here("sendMessageDraft", draft(7, "hel"));
    bot.ok_here("sendMessageDraft", draft(7, "hello"));
    bot.api.look(|world| assert_eq!(world.chats[&bot.chat].drafts[&7].text, "hello"));
    bot.refused_here("sendMessageDraft", draft(0, "a"), "Bad Request: RANDOM_ID_INVALID");
    bot.refused_here("sendMessageDraft", draft(1, &"a".repeat(4097)), "Bad Request: message is too long");
    bot.ok_here("sendMessageDraft", draft(7, ""));
    bot.ok_here("sendMessage", json!({"text": "hello"}));
    bot.api.look(|world| assert!(world.chats[&bot.chat].drafts.is_empty()));
    let group = bot.api.chat(ChatKind::Group, "small", &[bot.person]);
    bot.refused(
        "sendMessageDraft",
        &super::here(group, draft(1, "a")),
        "Bad Request: TEXTDRAFT_PEER_INVALID",
    );
}

#[test]
fn a_chat_action_is_one_of_a_list() {
    let bot = Bot::new();
    bot.ok_here("sendChatAction", json!({"action": "typing"}));
    bot.refused_here(
        "sendChatAction",
        json!({"action": "thinking"}),
        "Bad Request: wrong parameter action in request",
    );
    bot.api.look(|world| assert_eq!(world.chats[&bot.chat].actions, [(None, "typing".to_owned())]));
}

#[test]
fn who_writes_too_fast_has_to_wait_and_longer_if_they_do_not() {
    let bot = Bot::new();
    bot.api.limits(Limits::strict());
    let send = || bot.runtime.block_on(bot.call("sendMessage", &json!({"chat_id": bot.chat, "text": "a"})));
    let sent: Vec<_> = (0..5).map(|_| send()["result"]["message_id"].clone()).collect();
    assert_eq!(bot.api.answers(bot.chat).len(), 5);
    let refused = send();
    assert_eq!(refused["description"], "Too Many Requests: retry after 5");
    assert_eq!(refused["parameters"], json!({"retry_after": 5}));
    // What was on its way already is no fault of the bot's; later it is. An edit is a message as any other.
    assert_eq!(send()["description"], "Too Many Requests: retry after 5");
    bot.runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_millis(500)).await });
    let edit = json!({"chat_id": bot.chat, "message_id": sent[0], "text": "b"});
    bot.refused("editMessageText", &edit, "Too Many Requests: retry after 8");
    bot.ok_here("sendChatAction", json!({"action": "typing"}));
    bot.runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_secs(8)).await });
    bot.ok("editMessageText", &edit);
    let violations = bot.api.violations();
    let seen: Vec<_> = violations.iter().map(|one| (one.chat, one.method.as_str(), one.reason)).collect();
    assert_eq!(
        seen,
        [(bot.chat, "sendMessage", TooMuch::InChat), (bot.chat, "editMessageText", TooMuch::DidNotWait),]
    );
}

#[test]
fn small_chats_count_their_messages_together_and_large_ones_alone() {
    let bot = Bot::new();
    let [group, large] =
        [ChatKind::Group, ChatKind::Supergroup].map(|kind| bot.api.chat(kind, "chat", &[bot.person]));
    let say = |chat: ChatId| bot.api.say(chat, bot.person, "a").0;
    assert_eq!([bot.chat, group, large, bot.chat, large].map(say), [1, 2, 1, 3, 2]);
    assert_eq!(bot.api.messages(large).last().unwrap().id, MessageId(2));
}
