//! Tables are tables where Telegram has them, and code in columns where it does not.

use std::sync::Arc;

use serde_json::json;
use takopi_api::message::{Address, Body, Button, ButtonData, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::transport::{Edited, SendFailure, Transport};
use takopi_tests::bot_api::{BotApi, ChatId, Content, Fault, Message};
use takopi_tests::{Scene, Script};
use takopi_transport_telegram::testing::outgoing;

use super::contract::secret;
use super::phone::Phone;

const TABLE: &str = "**sizes**\n\n| file | lines |\n|---|--:|\n| `a.rs` | 12 |\n| b<i> | 7 |";

const NATIVE: &str = "<p><b>sizes</b></p><table><tr><th>file</th><th align=\"right\">lines</th></tr>\
    <tr><td><code>a.rs</code></td><td align=\"right\">12</td></tr>\
    <tr><td>b&lt;i&gt;</td><td align=\"right\">7</td></tr></table>";

const CODE: &str = "sizes\n\nfile  lines\n────  ─────\na.rs     12\nb<i>      7";

/// Somebody whose codex answers with a table.
fn phone() -> Phone {
    let phone = Phone::new();
    let Script { mut scenes, .. } = Script::echo();
    let item = json!({"id": "i", "type": "agent_message", "text": TABLE});
    scenes[3] = Scene::Out(format!("{}\n", json!({"type": "item.completed", "item": item})));
    phone.sandbox.engine("codex", &Script::new(scenes));
    phone
}

/// The same, with takopi there.
fn begun(mut phone: Phone, lines: &str) -> Phone {
    let own = format!("chat_id = {}\nallowed_user_ids = [{}]\n{lines}", phone.chat, phone.me);
    phone.configure("codex", &own, "");
    phone.start();
    phone
}

#[track_caller]
fn assert_native(message: &Message) {
    let Content::Rich { html, .. } = &message.content else { panic!("{message:?}") };
    assert!(html.contains(NATIVE), "{html}");
}

#[track_caller]
fn assert_code(message: &Message) {
    assert!(matches!(message.content, Content::Text(_)), "{message:?}");
    assert!(message.text().contains(CODE), "{}", message.text());
    assert!(message.entities.iter().any(|entity| entity["type"] == "pre"), "{message:?}");
}

#[test]
fn a_table_arrives_as_a_table() {
    let phone = begun(phone(), "");
    let answer = phone.ask("one");
    assert_native(&answer);
    assert!(answer.text().starts_with("done · codex"), "{}", answer.text());
    assert!(answer.text().contains("codex resume "), "{}", answer.text());
    assert!(!answer.is_silent);
    assert_eq!(phone.api.calls("sendRichMessage").len(), 1);
    // Telegram does not tell its text, and its thread goes on all the same.
    let second = phone.api.reply(&answer, phone.me, "two");
    assert_native(&phone.answer(phone.chat, second));
    assert!(phone.sandbox.starts_of("codex")[1].thread().is_some());
    phone.was_never_too_fast();
}

#[test]
fn a_server_that_is_too_old_gets_code_and_is_asked_once() {
    let phone = phone();
    phone.api.is_without("sendRichMessage");
    let phone = begun(phone, "progress = \"none\"\n");
    assert_code(&phone.ask("one"));
    assert_code(&phone.ask("two"));
    assert_eq!(phone.api.calls("sendRichMessage").len(), 1);
    phone.was_never_too_fast();
}

#[test]
fn who_wants_code_gets_code() {
    let phone = begun(phone(), "tables = \"code\"\n");
    assert_code(&phone.ask("one"));
    assert_eq!(phone.api.calls("sendRichMessage").len(), 0);
}

/// The outgoing side by itself, and a chat with a person.
fn outside() -> (Arc<dyn Transport>, BotApi, ChatId, Address) {
    let api = BotApi::start();
    let me = api.person("Mia");
    let chat = api.private(me);
    let transport = outgoing(secret(&api.token()), &api.url()).unwrap();
    (transport, api, chat, Address::general(chat.to_string()))
}

fn request() -> OutgoingMessage {
    let data = ButtonData::new("yes").unwrap();
    OutgoingMessage::new(MessageKind::Request, Body::markdown(TABLE)).buttons([Button::new("yes", data)])
}

#[tokio::test]
async fn buttons_stand_below_a_table_and_an_edit_takes_its_place() {
    let (transport, api, chat, address) = outside();
    let sent = transport.send(&address, request(), SendOptions::default()).await.unwrap();
    let message = api.messages(chat).remove(0);
    assert_native(&message);
    assert_eq!(message.labels(), ["yes"]);
    let decided = OutgoingMessage::new(MessageKind::Request, Body::markdown(TABLE));
    assert_eq!(transport.edit(&sent, decided).await.unwrap(), Edited::Done);
    let message = api.messages(chat).remove(0);
    assert_code(&message);
    assert!(message.labels().is_empty());
}

#[tokio::test]
async fn what_the_server_does_not_take_is_sent_as_code() {
    let (transport, api, chat, address) = outside();
    api.fail_next("sendRichMessage", Fault::Server(400));
    for _ in 0..2 {
        transport.send(&address, request(), SendOptions::default()).await.unwrap();
    }
    let messages = api.messages(chat);
    assert_code(&messages[0]);
    assert_eq!(messages[0].labels(), ["yes"]);
    // It was this one that it did not take.
    assert_native(&messages[1]);
    assert_eq!(messages.len(), 2);
}

#[tokio::test]
async fn what_may_have_arrived_is_not_sent_again_as_code() {
    let (transport, api, chat, address) = outside();
    api.fail_next("sendRichMessage", Fault::AcceptedThenReset);
    let error = transport.send(&address, request(), SendOptions::default()).await.unwrap_err();
    assert_eq!(error.failure, SendFailure::Unknown, "{error}");
    assert_eq!(api.messages(chat).len(), 1);
    assert_eq!(api.calls("sendMessage").len(), 0);
}

#[tokio::test]
async fn a_message_that_changes_again_and_again_has_its_tables_as_code() {
    let (transport, api, chat, address) = outside();
    let card = OutgoingMessage::new(MessageKind::Progress, Body::markdown(TABLE));
    transport.send(&address, card, SendOptions::default()).await.unwrap();
    assert_code(&api.messages(chat)[0]);
}
