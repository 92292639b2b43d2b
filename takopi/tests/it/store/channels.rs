//! Chats that get another id, and transports that get another account.

use takopi::store::{
    Accepted, Account, Binding, Change, CutOffEnd, MessageEnd, Preferences, SessionKey, TriggerMode,
};
use takopi_api::message::ChannelId;

use super::*;

fn moved(place: &Place) -> Place {
    let address = Address { channel: ChannelId::new("-200"), topic: place.address.topic.clone() };
    Place::new(place.transport.clone(), address)
}

async fn rewrite(store: &Store) {
    store.rewrite_channel(&chat(), &ChannelId::new("-100"), &ChannelId::new("-200")).await.unwrap();
}

fn session(place: Place) -> SessionKey {
    SessionKey { place, person: None, cwd: "/a".into() }
}

#[tokio::test]
async fn everything_goes_on_in_the_chat_with_the_new_id() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    store.begin_run(run.clone()).await.unwrap();
    accept_new(&store, message("2")).await;
    accept_new(&store, IncomingMessage::new(topic("7").address, "3", "x")).await;
    for place in [here(), topic("7")] {
        store.remember_session(&session(place.clone()), &token("t1")).await.unwrap();
        store.bind(Binding { place: place.clone(), context: context(), title: None }).await.unwrap();
        store.change_preferences(&place, Change::Trigger(Some(TriggerMode::Mentions))).await.unwrap();
    }
    rewrite(&store).await;

    let addresses: Vec<_> =
        store.unfinished().await.unwrap().into_iter().map(|one| one.message.address).collect();
    assert_eq!(addresses, [moved(&here()).address, moved(&topic("7")).address]);
    for place in [here(), topic("7")] {
        let new = moved(&place);
        assert_eq!(store.session(&session(new.clone()), &ACME).await.unwrap(), Some(token("t1")));
        assert_eq!(store.around(&new).await.unwrap().binding.unwrap().context, context());
        assert_eq!(store.around(&new).await.unwrap().own.trigger, Some(TriggerMode::Mentions));
        assert_eq!(store.session(&session(place.clone()), &ACME).await.unwrap(), None);
        assert_eq!(store.around(&place).await.unwrap().binding, None);
        assert_eq!(store.around(&place).await.unwrap().own, Preferences::default());
    }
    let runs = store.killed_here().cut_off().await.unwrap();
    assert_eq!(runs[0].place, moved(&run.place));
    let CutOffEnd::Interrupted { messages } = &runs[0].end else { panic!("it was not answered") };
    assert_eq!(messages[0].message.address, moved(&here()).address);
}

#[tokio::test]
async fn everything_goes_on_in_the_topic_that_takes_the_place_of_another() {
    let store = Sandbox::new();
    let (old, new) = (topic("7"), topic("9"));
    accept_new(&store, IncomingMessage::new(old.address.clone(), "3", "x")).await;
    store.remember_session(&session(old.clone()), &token("t1")).await.unwrap();
    store.bind(Binding { place: old.clone(), context: context(), title: Some("a".into()) }).await.unwrap();
    store.change_preferences(&old, Change::Trigger(Some(TriggerMode::Mentions))).await.unwrap();
    store.bind(Binding { place: here(), context: context(), title: None }).await.unwrap();
    store.move_topic(&chat(), &old.address, &new.address).await.unwrap();
    // A second time there is nothing to move.
    store.move_topic(&chat(), &old.address, &new.address).await.unwrap();

    assert_eq!(store.unfinished().await.unwrap()[0].message.address, new.address);
    assert_eq!(store.session(&session(new.clone()), &ACME).await.unwrap(), Some(token("t1")));
    let around = store.around(&new).await.unwrap();
    assert_eq!(around.binding.map(|binding| (binding.place, binding.title)), Some((new, Some("a".into()))));
    assert_eq!(around.own.trigger, Some(TriggerMode::Mentions));
    let left = store.around(&old).await.unwrap();
    assert_eq!((left.own, left.binding.map(|binding| binding.place)), (Preferences::default(), Some(here())));
}

#[tokio::test]
async fn what_the_new_chat_has_already_stays() {
    let store = Sandbox::new();
    let new = moved(&here());
    store.remember_session(&session(here()), &token("old")).await.unwrap();
    store.change_preferences(&here(), Change::Trigger(Some(TriggerMode::Mentions))).await.unwrap();
    store.change_preferences(&here(), Change::DefaultEngine(Some(CODEX))).await.unwrap();
    let seq = accept_new(&store, message("1")).await;
    accept_new(&store, IncomingMessage::new(new.address.clone(), "5", "x")).await;
    store.remember_session(&session(new.clone()), &token("new")).await.unwrap();
    store.change_preferences(&new, Change::Trigger(Some(TriggerMode::All))).await.unwrap();
    rewrite(&store).await;
    rewrite(&store).await;

    assert_eq!(store.session(&session(new.clone()), &ACME).await.unwrap(), Some(token("new")));
    let preferences = store.around(&new).await.unwrap().own;
    assert_eq!((preferences.trigger, preferences.default_engine), (Some(TriggerMode::All), Some(CODEX)));
    let waiting = store.unfinished().await.unwrap();
    assert_eq!(waiting.iter().map(|one| &one.message.address).collect::<Vec<_>>(), [&new.address; 2]);
    store.finish(seq, MessageEnd::Ignored).await.unwrap();
}

/// A chat that was upgraded counts its messages from the start.
#[tokio::test]
async fn messages_of_the_new_chat_are_no_second_deliveries() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    store.begin_run(run.clone()).await.unwrap();
    store.progress_message(&run.id, &bubble("2")).await.unwrap();
    rewrite(&store).await;
    assert_eq!(accept(&store, message("1")).await, Accepted::Duplicate);
    let young = IncomingMessage::new(moved(&here()).address, "1", "x").update("another");
    accept_new(&store, young.clone()).await;
    assert_eq!(store.thread_of(&chat(), &young.reference()).await.unwrap(), None);
    assert_eq!(store.thread_of(&chat(), &bubble("2")).await.unwrap().unwrap().run, run.id);
}

#[tokio::test]
async fn another_account_counts_its_messages_from_the_start() {
    let store = Sandbox::new();
    assert_eq!(store.speaks_for(&chat(), "one").await.unwrap(), Account::Same);
    let waiting_message = message("1");
    accept_new(&store, waiting_message.clone()).await;
    let run = run_of(&[accept_new(&store, message("2")).await]);
    store.begin_run(run.clone()).await.unwrap();
    store.progress_message(&run.id, &bubble("3")).await.unwrap();
    let elsewhere = TransportId::parse("other").unwrap();
    store.accept(&elsewhere, takopi_api::runtime::Batch::new([message("1")])).await.unwrap();

    let store = store.reopened().await;
    assert_eq!(store.speaks_for(&chat(), "one").await.unwrap(), Account::Same);
    assert_eq!(accept(&store, message("1")).await, Accepted::Duplicate);
    assert_eq!(store.speaks_for(&chat(), "two").await.unwrap(), Account::Other);
    assert_eq!(store.speaks_for(&chat(), "two").await.unwrap(), Account::Same);
    accept_new(&store, message("1")).await;
    assert_eq!(store.thread_of(&chat(), &bubble("3")).await.unwrap(), None);
    // What waited waits still, and other transports are as they were.
    assert_eq!(waiting(&store).await, ["1", "1", "1"]);
    let other = store.accept(&elsewhere, takopi_api::runtime::Batch::new([message("1")])).await.unwrap();
    assert_eq!(other, [Accepted::Duplicate]);
}
