//! What Telegram takes of a message, and what it refuses: the outgoing side keeps to it, to the last unit.

use std::sync::Arc;

use takopi_api::message::{
    Address, Body, Button, ButtonData, ChannelId, MessageKind, OutgoingFile, OutgoingMessage, PressId,
    SendOptions,
};
use takopi_api::transport::{Edited, SendFailure, Transport};
use takopi_tests::bot_api::{Answered, BotApi, ChatId, Content, Limits, Message, TopicId, UserId};
use takopi_transport_telegram::testing::outgoing;

use super::contract::secret;

struct Way {
    api: BotApi,
    me: UserId,
    chat: ChatId,
    to: Address,
    transport: Arc<dyn Transport>,
}

impl Way {
    fn new() -> Self {
        let api = BotApi::start();
        api.limits(Limits::Off);
        let me = api.person("Mia");
        let chat = api.forum("Work", &[me]);
        let transport = outgoing(secret(&api.token()), &api.url()).unwrap();
        Self { me, chat, to: Address::general(chat.to_string()), transport, api }
    }

    async fn send(&self, message: OutgoingMessage) -> takopi_api::message::MessageRef {
        self.transport.send(&self.to, message, SendOptions::default()).await.unwrap()
    }

    fn channel(&self) -> ChannelId {
        ChannelId::new(self.chat.to_string())
    }

    /// What the bot wrote, in order.
    fn sent(&self) -> Vec<Message> {
        self.api.answers(self.chat)
    }

    fn topic_named(&self, topic: &str) -> String {
        let topic = TopicId(topic.parse().unwrap());
        self.api.look(|world| world.chats[&self.chat].topics[&topic].name.clone())
    }
}

fn plain(text: &str) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Notice, Body::plain(text))
}

/// Two UTF-16 units each.
fn octopuses(count: usize) -> String {
    "🐙".repeat(count)
}

#[tokio::test]
async fn a_text_has_4096_units_and_what_is_longer_goes_on() {
    let way = Way::new();
    way.send(plain(&octopuses(2048))).await;
    way.send(plain(&octopuses(2049))).await;
    let lengths: Vec<_> = way.sent().iter().map(|message| message.text().encode_utf16().count()).collect();
    assert_eq!(lengths, [4096, 4096, 2]);
}

#[tokio::test]
async fn a_caption_has_1024_units_and_what_is_longer_is_a_message() {
    let way = Way::new();
    let file = || OutgoingFile::text("notes.txt", "some notes");
    way.send(plain(&octopuses(512)).file(file())).await;
    way.send(plain(&octopuses(513)).file(file())).await;
    let sent = way.sent();
    let is_file = |message: &Message| matches!(message.content, Content::Media(_));
    let kinds: Vec<_> =
        sent.iter().map(|message| (is_file(message), message.text().chars().count())).collect();
    assert_eq!(kinds, [(true, 512), (true, 0), (false, 513)]);
}

#[tokio::test]
async fn a_file_has_50_mib_and_a_larger_one_is_not_sent() {
    let way = Way::new();
    let file = OutgoingFile::bytes("large.bin", vec![0; (50 << 20) + 1]);
    let refused = way.transport.send(&way.to, plain("here").file(file), SendOptions::default()).await;
    let error = refused.unwrap_err();
    assert_eq!(error.failure, SendFailure::TooLong);
    assert!(error.to_string().contains("large.bin is larger than the 50 MiB"), "{error}");
    assert!(way.api.history().is_empty() && way.sent().is_empty());
}

#[tokio::test]
async fn a_button_carries_64_bytes() {
    let way = Way::new();
    let data = ButtonData::new("x".repeat(64)).unwrap();
    assert!(ButtonData::new("x".repeat(65)).is_err());
    way.send(plain("choose").buttons([Button::new("this", data)])).await;
    assert_eq!(way.sent()[0].labels(), ["this"]);
}

#[tokio::test]
async fn the_answer_to_a_press_has_200_units() {
    let way = Way::new();
    way.send(plain("choose").buttons([Button::new("this", ButtonData::new("x").unwrap())])).await;
    let press = way.api.press(&way.sent()[0], "this", way.me);
    let long = format!("a{}", octopuses(200));
    way.transport.answer_press(&PressId::new(press.clone()), Some(&long)).await.unwrap();
    let told = way.api.press_answer(&press).unwrap().text.unwrap();
    assert_eq!(told, format!("a{}", octopuses(99)));
}

#[tokio::test]
async fn the_title_of_a_topic_has_128_characters() {
    let way = Way::new();
    let long = "é".repeat(200);
    let topic = way.transport.create_topic(&way.channel(), &long).await.unwrap();
    assert_eq!(way.topic_named(topic.as_str()), "é".repeat(128));
    way.transport.rename_topic(&way.channel(), &topic, &"ö".repeat(200)).await.unwrap();
    assert_eq!(way.topic_named(topic.as_str()), "ö".repeat(128));
    let said = |call: &takopi_tests::bot_api::Call| call.body["name"].as_str().unwrap().chars().count();
    let calls = [way.api.calls("createForumTopic"), way.api.calls("editForumTopic")].concat();
    assert_eq!(calls.iter().map(said).collect::<Vec<_>>(), [128, 128], "the server cuts nothing off");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_no_error() {
    let way = Way::new();
    let sent = way.send(plain("the same")).await;
    assert_eq!(way.transport.edit(&sent, plain("the same")).await.unwrap(), Edited::Done);
    let calls = way.api.calls("editMessageText");
    let Some(Answered::Refused { description, .. }) = &calls[0].answer else { panic!("{calls:?}") };
    assert!(description.contains("message is not modified"), "{description}");
}

#[tokio::test]
async fn an_edit_of_what_is_gone_is_told_and_a_deletion_is_done() {
    let way = Way::new();
    let sent = way.send(plain("here")).await;
    way.api.delete(way.chat, way.sent()[0].id);
    assert_eq!(way.transport.edit(&sent, plain("there")).await.unwrap_err().failure, SendFailure::Gone);
    way.transport.delete(&sent).await.unwrap();
}

#[tokio::test]
async fn an_answer_arrives_where_the_question_was_deleted() {
    let way = Way::new();
    let question = way.api.say(way.chat, way.me, "how?");
    way.api.delete(way.chat, question);
    let options =
        SendOptions::default().reply_to(Some(takopi_api::message::MessageId::new(question.to_string())));
    way.transport.send(&way.to, plain("so"), options).await.unwrap();
    assert_eq!(way.sent()[0].reply_to, None);
}

#[tokio::test]
async fn a_message_that_nobody_would_see_is_not_sent() {
    let way = Way::new();
    let refused = way.transport.send(&way.to, plain(" \u{200b}\n"), SendOptions::default()).await;
    assert_eq!(refused.unwrap_err().failure, SendFailure::Refused);
    assert!(way.api.history().is_empty());
}
