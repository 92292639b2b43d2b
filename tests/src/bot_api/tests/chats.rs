//! What a bot asks about chats, and its menu.

use serde_json::{Value, json};

use super::{Bot, here};
use crate::bot_api::{ChatKind, Role};

#[test]
fn a_bot_is_told_who_it_is_and_where() {
    let bot = Bot::new();
    let me = bot.ok("getMe", &json!({}));
    assert_eq!((&me["is_bot"], &me["can_read_all_group_messages"]), (&json!(true), &json!(false)));
    let forum = bot.api.forum("Forum", &[bot.person]);
    bot.api.role(forum, bot.person, Role::Creator);
    let chat = bot.ok("getChat", &here(forum, json!({})));
    assert_eq!(
        (&chat["type"], &chat["is_forum"], &chat["title"]),
        (&json!("supergroup"), &json!(true), &json!("Forum"))
    );
    assert_eq!(bot.ok_here("getChat", json!({}))["type"], "private");
    let administrators = bot.ok("getChatAdministrators", &here(forum, json!({})));
    assert_eq!(administrators.as_array().unwrap().len(), 2);
    bot.refused_here(
        "getChatAdministrators",
        json!({}),
        "Bad Request: there are no administrators in the private chat",
    );
    let member = |user: Value| here(forum, json!({"user_id": user}));
    let me = bot.ok("getChatMember", &member(json!(bot.api.me())));
    assert_eq!((&me["status"], &me["can_manage_topics"]), (&json!("administrator"), &json!(true)));
    let stranger = bot.api.person("Tom");
    assert_eq!(bot.ok("getChatMember", &member(json!(stranger)))["status"], "left");
    bot.refused("getChatMember", &member(json!(5)), "Bad Request: member not found");
    bot.refused("getChatMember", &member(json!("Mia")), "Bad Request: invalid user_id specified");
}

#[test]
fn a_menu_that_breaks_a_rule_is_refused() {
    let bot = Bot::new();
    let menu =
        |name: &str, description: &str| json!({"commands": [{"command": name, "description": description}]});
    let check = |body: Value, description: &str| bot.refused("setMyCommands", &body, description);
    for name in ["", "New", "a-b", "ä", &"a".repeat(33)] {
        check(menu(name, "x"), "Bad Request: BOT_COMMAND_INVALID");
    }
    for description in ["", " ", &"a".repeat(257)] {
        check(menu("new", description), "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID");
    }
    let many = vec![json!({"command": "a", "description": "b"}); 101];
    check(json!({"commands": many}), "Bad Request: BOT_COMMANDS_TOO_MUCH");
    check(json!({"commands": {}}), "Bad Request: expected an Array of BotCommand");
    check(
        json!({"commands": [{"command": "a"}]}),
        "Bad Request: can't parse BotCommand: Can't find field \"description\"",
    );
    bot.ok("setMyCommands", &menu("new_1", &"a".repeat(256)));
    assert_eq!(bot.ok("getMyCommands", &json!({}))[0]["command"], "new_1");
    let groups = json!({"scope": {"type": "all_group_chats"}});
    assert_eq!(bot.ok("getMyCommands", &groups), json!([]));
    bot.ok("deleteMyCommands", &json!({}));
    assert_eq!(bot.ok("getMyCommands", &json!({})), json!([]));
}

#[test]
fn a_bot_with_privacy_gets_only_what_is_meant_for_it() {
    let bot = Bot::new();
    let group = bot.api.chat(ChatKind::Supergroup, "large", &[bot.person]);
    let name = bot.api.look(|world| world.me.username.clone());
    let say = |text: &str| {
        bot.api.say(group, bot.person, text);
        bot.updates().len()
    };
    assert_eq!(say("just talking"), 0);
    assert_eq!(say(&format!("@{name} hello")), 1);
    assert_eq!(say(&format!("@{name}helper hello")), 0);
    assert_eq!((say("/new"), say(&format!("/new@{name}")), say("/new@other_bot")), (1, 1, 0));
    bot.ok("sendMessage", &here(group, json!({"text": "a"})));
    bot.api.reply(&bot.api.answers(group)[0], bot.person, "an answer");
    assert_eq!(bot.updates().len(), 1);
    bot.api.role(group, bot.api.me(), Role::Administrator { manages_topics: false });
    bot.updates();
    assert_eq!(say("just talking"), 1);
    bot.api.role(group, bot.api.me(), Role::Kicked);
    assert_eq!(bot.updates()[0]["my_chat_member"]["new_chat_member"]["status"], "kicked");
    assert_eq!(say("/new"), 0);
}
