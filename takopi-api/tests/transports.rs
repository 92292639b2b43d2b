//! The fakes for transports, and the contract at work on transports that keep it and that break it.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::async_trait;
use takopi_api::message::{
    Address, Body, Button, ButtonData, IncomingFile, IncomingMessage, MessageKind, MessageRef,
    OutgoingMessage, SendOptions, Sender, Speech,
};
use takopi_api::runtime::{Acceptance, Batch, Catalog, Write};
use takopi_api::testing::{Call, FakeConversation, RecordingTransport, TransportContract, TransportFixture};
use takopi_api::transport::{
    Access, Capabilities, Edited, SendError, SendFailure, TextLimit, TextUnit, Transport,
};

fn everything() -> Capabilities {
    Capabilities::none()
        .edit(Duration::ZERO)
        .delete()
        .buttons()
        .topics()
        .files()
        .typing()
        .replies()
        .voice()
        .text(TextLimit { max: 4096, unit: TextUnit::Utf16 })
}

fn fixture(transport: Arc<RecordingTransport>) -> TransportFixture {
    let screen = Arc::clone(&transport);
    let seen = move || {
        let files = screen.shown().into_iter().flat_map(|shown| shown.content.files);
        files.fold(screen.screen(), |screen, file| format!("{screen}\n{}", file.name))
    };
    TransportFixture { transport, address: Address::general("chat"), seen: Box::new(seen) }
}

fn answer(text: &str) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Answer, Body::markdown(text))
}

#[tokio::test]
async fn the_fake_keeps_the_contract_whatever_it_can() {
    for capabilities in [Capabilities::none(), everything()] {
        TransportContract { start: async || fixture(RecordingTransport::new(capabilities.clone())) }
            .check()
            .await;
    }
}

/// Announces what it has not.
struct Boaster(Arc<RecordingTransport>);

#[async_trait]
impl Transport for Boaster {
    fn capabilities(&self) -> Capabilities {
        everything()
    }

    async fn send(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        self.0.send(to, message, options).await
    }

    async fn edit(&self, _message: &MessageRef, _new: OutgoingMessage) -> Result<Edited, SendError> {
        Ok(Edited::Done)
    }
}

#[tokio::test]
#[should_panic(expected = "\"changed\" is not seen")]
async fn an_edit_that_nobody_sees_is_found_out() {
    let start = async || {
        let recording = RecordingTransport::new(everything());
        TransportFixture { transport: Arc::new(Boaster(Arc::clone(&recording))), ..fixture(recording) }
    };
    TransportContract { start }.check().await;
}

#[tokio::test]
async fn a_call_fails_as_the_test_wants_it() {
    let transport = RecordingTransport::new(everything());
    let to = Address::general("chat");
    let send = async |text| transport.send(&to, answer(text), SendOptions::default()).await;
    transport.fail_next(1, SendFailure::Unreachable);
    transport.lose_next(1);
    assert_eq!(send("a").await.unwrap_err().failure, SendFailure::Unreachable);
    assert_eq!(transport.screen(), "");
    assert_eq!(send("b").await.unwrap_err().failure, SendFailure::Unknown);
    assert_eq!(transport.screen(), "b", "nobody knows, but it arrived");
    let sent = send("c").await.unwrap();
    transport.edit(&sent, answer("d")).await.unwrap();
    assert_eq!(transport.screen(), "b\n\nd");
    let failures: Vec<_> =
        transport.records().iter().map(|record| (record.sequence, record.failure)).collect();
    let expected = [Some(SendFailure::Unreachable), Some(SendFailure::Unknown), None, None];
    assert_eq!(failures, expected.into_iter().enumerate().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_said_is_written_down_where_there_is_somebody_who_can() {
    let file = IncomingFile::new("v").spoken();
    let transport = RecordingTransport::new(everything());
    transport.put_transcript("v", "fix it");
    assert_eq!(transport.transcribe(&file).await.unwrap(), "fix it");
    let deaf = RecordingTransport::new(Capabilities::none());
    deaf.put_transcript("v", "fix it");
    deaf.transcribe(&file).await.unwrap_err();
}

#[test]
fn what_was_said_is_stored_with_its_file() {
    let mut file = IncomingFile::new("v").spoken();
    let written = |file: &IncomingFile| serde_json::to_value(file).unwrap();
    assert_eq!(written(&file), serde_json::json!({ "id": "v", "speech": "unheard" }));
    file.speech = Some(Speech::Transcript("fix it".to_owned()));
    assert_eq!(written(&file), serde_json::json!({ "id": "v", "speech": { "transcript": "fix it" } }));
    assert_eq!(serde_json::from_value::<IncomingFile>(written(&file)).unwrap(), file);
    let kept = serde_json::json!({ "id": "v" });
    assert_eq!(serde_json::from_value::<IncomingFile>(kept).unwrap(), IncomingFile::new("v"));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_overtaken_by_what_is_not() {
    let transport = RecordingTransport::new(everything());
    let held = transport.hold_next(1);
    let sending = |text: &'static str| {
        let transport = Arc::clone(&transport);
        tokio::spawn(async move {
            transport.send(&Address::general("chat"), answer(text), SendOptions::default()).await.unwrap()
        })
    };
    let slow = sending("slow");
    tokio::task::yield_now().await;
    sending("quick").await.unwrap();
    assert_eq!(transport.screen(), "quick");
    drop(held);
    let slow = slow.await.unwrap();
    let last = transport.until(|transport| transport.shown().get(1).cloned()).await;
    assert_eq!(last.message, slow);
    transport.delay_next(1, Duration::from_secs(3600));
    sending("late").await.unwrap();
    assert_eq!(transport.screen(), "quick\n\nslow\n\nlate");
}

#[tokio::test]
async fn a_button_is_pressed_where_it_was_shown_last() {
    let transport = RecordingTransport::new(everything());
    let to = Address::general("chat");
    let mut sent = Vec::new();
    for data in ["one", "two"] {
        let button = Button::new("cancel", ButtonData::new(data).unwrap());
        let message = answer("a").buttons([button]);
        sent.push(transport.send(&to, message, SendOptions::default()).await.unwrap());
    }
    let press = transport.press("cancel", Sender::new("7")).unwrap();
    assert_eq!((press.data.as_str(), &press.message), ("two", &sent[1]));
    assert_eq!(transport.screen(), "a\n[cancel]\n\na\n[cancel]");
    assert_eq!(transport.press("steer", Sender::new("7")), None);
    transport.answer_press(&press.id, Some("cancelling")).await.unwrap();
    let last = transport.records().pop().unwrap();
    assert_eq!(last.call, Call::AnswerPress { press: press.id, text: Some("cancelling".into()) });
}

#[tokio::test]
async fn a_conversation_keeps_what_it_got_and_knows_a_second_delivery() {
    let conversation = FakeConversation::new("/nowhere");
    let runtime = conversation.runtime("acme");
    let connection = runtime.connect(RecordingTransport::new(Capabilities::none()), Access::local());
    assert_eq!(conversation.connected().await.1, Access::local());

    let message = |id: &str| IncomingMessage::new(Address::general("chat"), id, "hello");
    let batch = Batch::new([message("1"), message("2"), message("1")]).write(Write::put("offset", "2"));
    conversation.refuse_next(1);
    connection.handle_batch(batch.clone()).await.unwrap_err();
    assert_eq!(runtime.store().get("offset").await, Ok(None), "nothing of it is stored");
    let answers = connection.handle_batch(batch).await.unwrap();
    assert_eq!(answers, [Acceptance::Stored, Acceptance::Stored, Acceptance::Duplicate]);
    assert_eq!(runtime.store().list("off").await.unwrap(), [("offset".to_owned(), b"2".to_vec())]);
    let update = message("3").update("9");
    assert_eq!(connection.handle_message(update.clone()).await, Ok(Acceptance::Stored));
    assert_eq!(connection.handle_message(update).await, Ok(Acceptance::Duplicate));
    let ids = conversation.messages().into_iter().map(|message| message.id.to_string());
    assert_eq!(ids.collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_change_of_the_catalog_is_told() {
    let conversation = FakeConversation::new("/nowhere");
    let runtime = conversation.runtime("acme");
    let first = runtime.catalog();
    let setting = tokio::spawn({
        let conversation = Arc::clone(&conversation);
        async move { conversation.set_catalog(Catalog::new(7)) }
    });
    assert_eq!(runtime.catalog_after(&first).await.revision, 7);
    setting.await.unwrap();
    runtime.settled().await;
}
