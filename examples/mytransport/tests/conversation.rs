//! The whole transport, with a takopi that only listens.

use std::fs;
use std::path::Path;

use takopi_api::config::ConfigTable;
use takopi_api::error::Error;
use takopi_api::message::{Body, MessageKind, OutgoingMessage, PersonId, SendOptions};
use takopi_api::runtime::ShutdownSwitch;
use takopi_api::testing::{FakeConversation, transport};
use takopi_api::transport::{Access, Channels, People, SetupContext, TransportRun};
use takopi_transport_mytransport as _;

fn config(text: &str) -> ConfigTable {
    ConfigTable::from_toml(Path::new("takopi.toml"), text).expect("it is TOML")
}

/// Runs it until `talk` has ended.
async fn run(folder: &Path, settings: &str, talk: impl AsyncFnOnce(&FakeConversation)) -> Result<(), Error> {
    let conversation = FakeConversation::new(folder);
    let (switch, shutdown) = ShutdownSwitch::new();
    let runtime = conversation.runtime("mytransport");
    let run = TransportRun::new(config(settings), folder.join("takopi.toml"), runtime, shutdown);
    let backend = transport("mytransport");
    let running = backend.build_and_run(run);
    let talking = async {
        talk(&conversation).await;
        switch.shut_down();
    };
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => ended,
        () = talking => running.await,
    }
}

#[tokio::test]
async fn it_receives_and_sends() {
    let folder = tempfile::tempdir().expect("there is room");
    let chat = folder.path().join("chat");
    let talk = async |conversation: &FakeConversation| {
        let (outgoing, access) = conversation.connected().await;
        let named = People::listed(["ann"]);
        assert_eq!(access, Access::nobody().people(named).channels(Channels::All));
        let line = "{\"from\":\"ann\",\"text\":\"/myengine hello\"}\n";
        fs::write(chat.join("in.jsonl"), line).expect("ann can write");
        let message = conversation.until(|conversation| conversation.messages().pop()).await;
        assert_eq!(message.text, "/myengine hello");
        assert_eq!(message.sender.map(|sender| sender.id), Some(PersonId::new("ann")));
        let answer = OutgoingMessage::new(MessageKind::Answer, Body::plain("hello"));
        let options = SendOptions::default().reply_to(Some(message.id));
        outgoing.send(&message.address, answer, options).await.expect("it is sent");
    };
    run(folder.path(), "folder = 'chat'\npeople = ['ann']", talk).await.expect("it ends well");
    assert_eq!(
        fs::read_to_string(chat.join("out.jsonl")).expect("takopi wrote"),
        "{\"id\":1,\"chat\":\"main\",\"kind\":\"answer\",\"text\":\"hello\",\"reply_to\":\"in-0\"}\n"
    );
}

#[tokio::test]
async fn without_a_name_nobody_is_heard() {
    let folder = tempfile::tempdir().expect("there is room");
    let talk = async |conversation: &FakeConversation| {
        conversation.connected().await;
    };
    for settings in ["folder = 'chat'", "folder = 'chat'\npeople = []"] {
        let error = run(folder.path(), settings, talk).await.expect_err("nobody is named");
        assert_eq!(error.to_string(), "nobody is named who may be heard");
        let issues = transport("mytransport")
            .check_setup(&SetupContext::new(&config(settings), Path::new("takopi.toml")));
        let [issue] = &issues[..] else { panic!("one issue, not {issues:?}") };
        assert_eq!(issue.title, "configure mytransport");
    }
}
