//! The transport with a conversation that only listens: what it tells takopi, and when.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use takopi_api::config::ConfigTable;
use takopi_api::message::{Address, Body, ChannelId, MessageKind, OutgoingMessage, SendOptions};
use takopi_api::runtime::{Shutdown, ShutdownSwitch};
use takopi_api::testing::{FakeConversation, transport};
use takopi_api::transport::{Channels, SendFailure, Transport, TransportRun};
use takopi_tests::bot_api::{BotApi, ChatId, ChatKind, Fault, UserId};
use tokio::task::JoinHandle;

struct Inside {
    api: BotApi,
    me: UserId,
    group: ChatId,
    conversation: Arc<FakeConversation>,
    switch: ShutdownSwitch,
    shutdown: Shutdown,
}

impl Inside {
    fn new() -> Self {
        let api = BotApi::start();
        let me = api.person("Mia");
        let group = api.chat(ChatKind::Group, "Us", &[me]);
        api.privacy(false);
        let (switch, shutdown) = ShutdownSwitch::new();
        Self { api, me, group, conversation: FakeConversation::new("unused"), switch, shutdown }
    }

    fn table(&self) -> ConfigTable {
        let text = format!(
            "bot_token = \"{}\"\napi_base_url = \"{}\"\nchat_id = {}\nallowed_user_ids = [{}]\n\
             startup_message = false\nforward_coalesce_s = 0\n",
            self.api.token(),
            self.api.url(),
            self.group,
            self.me,
        );
        ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap()
    }

    fn start(&self) -> JoinHandle<Result<(), takopi_api::error::Error>> {
        let runtime = self.conversation.runtime("telegram");
        let config = self.table();
        let run = TransportRun::new(config, PathBuf::from("takopi.toml"), runtime, self.shutdown.clone());
        let backend = transport("telegram");
        tokio::spawn(async move { backend.build_and_run(run).await })
    }

    async fn heard(&self, count: usize) -> Vec<String> {
        let texts = |conversation: &FakeConversation| -> Vec<String> {
            conversation.messages().into_iter().map(|message| message.text).collect()
        };
        self.conversation
            .until(|conversation| Some(texts(conversation)).filter(|texts| texts.len() >= count))
            .await
    }

    /// What is sent to where the group was arrives where it is.
    async fn arrives(&self, outgoing: &dyn Transport, new: ChatId) {
        let said = OutgoingMessage::new(MessageKind::Notice, Body::plain("still here"));
        let to = Address::general(self.group.to_string());
        outgoing.send(&to, said, SendOptions::default()).await.unwrap();
        assert!(self.api.answers(new).iter().any(|message| message.text() == "still here"));
    }
}

#[tokio::test]
async fn what_can_not_be_stored_is_given_again_and_not_confirmed_before() {
    let inside = Inside::new();
    inside.conversation.refuse_next(2);
    let running = inside.start();
    inside.api.say(inside.group, inside.me, "one");
    inside.api.say(inside.group, inside.me, "two");
    assert_eq!(inside.heard(2).await, ["one", "two"]);
    inside.switch.shut_down();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_goes_on_under_its_new_number() {
    let inside = Inside::new();
    let running = inside.start();
    inside.api.say(inside.group, inside.me, "one");
    inside.heard(1).await;
    let new = inside.api.migrate(inside.group);
    let moved = (ChannelId::new(inside.group.to_string()), ChannelId::new(new.to_string()));
    inside.conversation.until(|conversation| conversation.moves().contains(&moved).then_some(())).await;
    inside.api.say(new, inside.me, "two");
    assert_eq!(inside.heard(2).await, ["one", "two"]);
    let (outgoing, access) = inside.conversation.connected().await;
    let Channels::Listed(listed) = access.channels else { panic!("{access:?}") };
    assert!(listed.contains(&moved.1), "{listed:?}");
    inside.arrives(outgoing.as_ref(), new).await;
    inside.switch.shut_down();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_message_to_where_a_group_was_is_sent_to_where_it_is() {
    let inside = Inside::new();
    let running = inside.start();
    inside.api.say(inside.group, inside.me, "one");
    inside.heard(1).await;
    inside.switch.shut_down();
    running.await.unwrap().unwrap();
    let (outgoing, _) = inside.conversation.connected().await;
    // Nobody polls, so that only the answer to the message says it.
    let new = inside.api.migrate(inside.group);
    inside.arrives(outgoing.as_ref(), new).await;
}

#[tokio::test]
async fn what_waits_is_taken_back_and_what_went_out_is_not() {
    let inside = Inside::new();
    let running = inside.start();
    let (outgoing, _) = inside.conversation.connected().await;
    let to = Address::general(inside.group.to_string());
    let card = |key: &'static str| {
        let (outgoing, to) = (Arc::clone(&outgoing), to.clone());
        let card = OutgoingMessage::new(MessageKind::Progress, Body::plain(key));
        tokio::spawn(async move { outgoing.send(&to, card, SendOptions::default().key(key)).await })
    };
    card("first").await.unwrap().unwrap();
    outgoing.take_back("first").await;
    inside.api.fail_next("sendMessage", Fault::TooMany { retry_after: 60 });
    let mut waiting = card("second");
    // Until the server has answered it is under way, and stays so.
    let waited = loop {
        outgoing.take_back("second").await;
        if let Ok(waited) = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await {
            break waited.unwrap();
        }
    };
    assert_eq!(waited.unwrap_err().failure, SendFailure::TakenBack);
    assert_eq!(inside.api.answers(inside.group).len(), 1);
    inside.switch.shut_down();
    running.await.unwrap().unwrap();
}
