//! Messages that a bot changes, and presses that it answers.

use serde_json::json;

use super::{Bot, here};
use crate::bot_api::{Attachment, ChatKind, PressAnswer, Role};

const SAME: &str = "Bad Request: message is not modified: specified new message content and reply markup are exactly \
                    the same as a current content and reply markup of the message";

#[test]
fn an_edit_that_changes_nothing_is_refused() {
    let bot = Bot::new();
    let bold = json!({"type": "bold", "offset": 0, "length": 1});
    let code = json!({"type": "code", "offset": 2, "length": 1});
    let keyboard = json!({"inline_keyboard": [[{"text": "go", "callback_data": "1"}]]});
    let id =
        bot.ok_here("sendMessage", json!({"text": "a b", "reply_markup": keyboard}))["message_id"].clone();
    let edit = |text: &str| json!({"message_id": id, "text": text});
    let mut same = edit("a b\n");
    same["reply_markup"] = keyboard;
    bot.refused_here("editMessageText", same.clone(), SAME);
    same["entities"] = json!([bold, code]);
    bot.ok_here("editMessageText", same.clone());
    same["entities"] = json!([code, bold]);
    bot.refused_here("editMessageText", same, SAME);
    // No word of the buttons takes them away.
    assert_eq!(bot.api.answers(bot.chat)[0].labels(), ["go"]);
    bot.ok_here("editMessageText", edit("a b"));
    assert!(bot.api.answers(bot.chat)[0].buttons.is_empty() && bot.api.answers(bot.chat)[0].edited.is_some());
    bot.refused_here("editMessageReplyMarkup", json!({"message_id": id}), SAME);
}

#[test]
fn what_can_not_be_edited_is_refused() {
    let bot = Bot::new();
    let theirs = bot.api.say(bot.chat, bot.person, "mine");
    let edit = |id: i64| json!({"message_id": id, "text": "a"});
    bot.refused_here("editMessageText", edit(99), "Bad Request: message to edit not found");
    bot.refused_here(
        "editMessageText",
        json!({"text": "a"}),
        "Bad Request: message identifier is not specified",
    );
    bot.refused_here("editMessageText", edit(theirs.0), "Bad Request: message can't be edited");
    let own = bot.ok_here("sendMessage", json!({"text": "b"}))["message_id"].as_i64().unwrap();
    bot.refused_here(
        "editMessageText",
        json!({"message_id": own, "text": "a".repeat(4097)}),
        "Bad Request: message is too long",
    );
    let mut other = edit(own);
    other["reply_markup"] = json!({"force_reply": true});
    bot.refused_here("editMessageText", other, "Bad Request: inline keyboard expected");
    let file = bot.api.send_document(bot.chat, bot.person, "", Attachment::new("a.txt", "text/plain", "a"));
    let id = bot.api.messages(bot.chat).iter().find(|message| message.id == file).cloned().unwrap();
    let crate::bot_api::Content::Media(media) = id.content else { panic!("no file in {id:?}") };
    let sent = bot.ok_here("sendDocument", json!({"document": media.file}))["message_id"].as_i64().unwrap();
    bot.refused_here("editMessageText", edit(sent), "Bad Request: there is no text in the message to edit");
}

#[test]
fn what_can_not_be_deleted_is_refused() {
    let bot = Bot::new();
    let group = bot.api.chat(ChatKind::Supergroup, "large", &[bot.person]);
    let theirs = bot.api.say(group, bot.person, "mine");
    let delete = |id: i64| here(group, json!({"message_id": id}));
    bot.refused("deleteMessage", &delete(99), "Bad Request: message to delete not found");
    bot.refused("deleteMessage", &delete(theirs.0), "Bad Request: message can't be deleted");
    bot.api.role(group, bot.api.me(), Role::Administrator { manages_topics: false });
    bot.ok("deleteMessage", &delete(theirs.0));
    let own = bot.ok("sendMessage", &here(group, json!({"text": "a"})))["message_id"].clone();
    let many = |ids: &[i64]| here(group, json!({"message_ids": ids}));
    bot.refused("deleteMessages", &many(&[]), "Bad Request: message identifiers are not specified");
    bot.refused("deleteMessages", &many(&[1; 101]), "Bad Request: too many message identifiers specified");
    bot.ok("deleteMessages", &here(group, json!({"message_ids": [own, 98, 99]})));
    assert!(bot.api.messages(group).is_empty());
}

#[test]
fn a_press_is_answered_once_and_in_time() {
    let bot = Bot::new();
    let keyboard = json!({"inline_keyboard": [[{"text": "go", "callback_data": "data"}]]});
    bot.ok_here("sendMessage", json!({"text": "a", "reply_markup": keyboard}));
    let message = bot.api.answers(bot.chat).remove(0);
    let press = bot.api.press(&message, "go", bot.person);
    let update = bot.updates().remove(0);
    let query = &update["callback_query"];
    assert_eq!((&query["id"], &query["data"]), (&json!(press), &json!("data")));
    assert_eq!(query["message"]["message_id"], json!(message.id));
    let answer = json!({"callback_query_id": press, "text": "done", "show_alert": true});
    let mut long = answer.clone();
    long["text"] = json!("a".repeat(201));
    bot.refused("answerCallbackQuery", &long, "Bad Request: MESSAGE_TOO_LONG");
    assert_eq!(bot.api.press_answer(&press), None);
    bot.ok("answerCallbackQuery", &answer);
    let told = PressAnswer { text: Some("done".to_owned()), is_alert: true };
    assert_eq!(bot.api.press_answer(&press), Some(told));
    let late = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    bot.refused("answerCallbackQuery", &answer, late);
    bot.refused("answerCallbackQuery", &json!({"callback_query_id": "1"}), late);
    let press = bot.api.press(&message, "go", bot.person);
    bot.api.expire(&press);
    bot.refused("answerCallbackQuery", &json!({"callback_query_id": press}), late);
}

#[test]
#[should_panic(expected = "\"stop\" is not among [\"go\"]")]
fn nobody_presses_a_button_that_is_not_there() {
    let bot = Bot::new();
    let keyboard = json!({"inline_keyboard": [[{"text": "go", "callback_data": "data"}]]});
    bot.ok_here("sendMessage", json!({"text": "a", "reply_markup": keyboard}));
    bot.api.press(&bot.api.answers(bot.chat)[0], "stop", bot.person);
}

#[test]
fn a_reaction_is_one_of_a_list_and_alone() {
    let bot = Bot::new();
    let id = bot.api.say(bot.chat, bot.person, "a");
    let react = |id: i64, emoji: &[&str]| {
        let reaction: Vec<_> = emoji.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect();
        json!({"message_id": id, "reaction": reaction})
    };
    bot.ok_here("setMessageReaction", react(id.0, &["👀"]));
    assert_eq!(bot.api.messages(bot.chat)[0].reactions, ["👀"]);
    bot.refused_here("setMessageReaction", react(id.0, &["🦀"]), "Bad Request: REACTION_INVALID");
    bot.refused_here("setMessageReaction", react(id.0, &["👀", "🔥"]), "Bad Request: REACTIONS_TOO_MANY");
    bot.refused_here("setMessageReaction", react(99, &["👀"]), "Bad Request: message to react not found");
    bot.ok_here("setMessageReaction", react(id.0, &[]));
    assert!(bot.api.messages(bot.chat)[0].reactions.is_empty());
}
