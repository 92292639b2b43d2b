//! A message is stored once, and claimed once.

use std::collections::HashSet;

use futures_util::future::join_all;
use proptest::prelude::*;
use takopi::store::{Accepted, ClaimError, MessageEnd, Namespace, Seq};
use takopi_api::message::{Address, ChatKind, IncomingMessage, Mention, ReplyTo, Sender};
use takopi_api::runtime::{Batch, KeyValue, Write};
use takopi_api::transport::TransportId;

use super::*;

#[tokio::test]
async fn a_message_comes_back_as_it_was() {
    let store = Sandbox::new();
    let rich = IncomingMessage::new(topic("7").address, "1", "fix \u{0}it\n@feat/x 😀")
        .update("u1")
        .sender(Sender::new("5").name("Ada"))
        .chat(ChatKind::Private)
        .mention(Mention::Named)
        .reply_to(ReplyTo::own("0", "done"));
    let seq = accept_new(&store, rich.clone()).await;
    let store = store.reopened().await;
    let waiting = store.unfinished().await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!((&waiting[0].seq, &waiting[0].transport, &waiting[0].message), (&seq, &chat(), &rich));
}

#[tokio::test]
async fn messages_wait_in_the_order_of_acceptance() {
    let store = Sandbox::new();
    let batch = Batch::new(["c", "a", "b"].map(message));
    assert_eq!(store.accept(&chat(), batch).await.unwrap().len(), 3);
    accept_new(&store, message("0")).await;
    assert_eq!(waiting(&store).await, ["c", "a", "b", "0"]);
}

#[tokio::test]
async fn a_second_delivery_is_known_by_its_own_id_and_by_the_messages() {
    let store = Sandbox::new();
    let first = message("1").update("u1");
    accept_new(&store, first.clone()).await;
    assert_eq!(accept(&store, first.clone()).await, Accepted::Duplicate);
    assert_eq!(accept(&store, first.clone().update("u2")).await, Accepted::Duplicate);
    assert_eq!(accept(&store, message("2").update("u1")).await, Accepted::Duplicate);
    // The same ids elsewhere are other messages.
    accept_new(&store, IncomingMessage::new(Address::general("-200"), "1", "x").update("u3")).await;
    let other = TransportId::parse("other").unwrap();
    assert!(matches!(store.accept(&other, Batch::new([first])).await.unwrap()[..], [Accepted::New(_)]));
    // Without a delivery's id, the message's own is all there is.
    accept_new(&store, IncomingMessage::new(here().address, "8", "x")).await;
    accept_new(&store, IncomingMessage::new(here().address, "9", "x")).await;
    // The topic is no part of a message's name.
    let moved = IncomingMessage::new(topic("7").address, "9", "x");
    assert_eq!(accept(&store, moved).await, Accepted::Duplicate);
}

#[tokio::test]
async fn a_second_delivery_is_known_after_a_restart_and_after_the_end() {
    let store = Sandbox::new();
    let seq = accept_new(&store, message("1")).await;
    store.finish(seq, MessageEnd::Command).await.unwrap();
    let store = store.reopened().await;
    assert_eq!(accept(&store, message("1")).await, Accepted::Duplicate);
    assert_eq!(waiting(&store).await, [""; 0]);
}

#[tokio::test]
async fn one_batch_is_stored_as_one() {
    let store = Sandbox::new();
    accept_new(&store, message("1")).await;
    let batch = Batch::new([message("1"), message("2"), message("2")])
        .write(Write::put("offset", "3"))
        .write(Write::delete("gap"));
    let accepted = store.accept(&chat(), batch).await.unwrap();
    assert!(matches!(accepted[..], [Accepted::Duplicate, Accepted::New(_), Accepted::Duplicate]));
    let values = store.values(Namespace::transport(&chat()));
    assert_eq!(values.get("offset").await.unwrap().as_deref(), Some(&b"3"[..]));
    // Also one without messages.
    store.accept(&chat(), Batch::default().write(Write::put("offset", "4"))).await.unwrap();
    assert_eq!(values.get("offset").await.unwrap().as_deref(), Some(&b"4"[..]));
}

#[tokio::test]
async fn of_many_deliveries_at_a_time_one_is_new() {
    let store = Sandbox::new();
    let tasks = (0..300).map(|n| {
        let store = store.store.clone();
        tokio::spawn(async move { accept(&store, message(&(n % 3).to_string())).await })
    });
    let accepted = join_all(tasks).await;
    let new = accepted.iter().filter(|accepted| matches!(accepted, Ok(Accepted::New(_)))).count();
    assert_eq!(new, 3);
}

#[tokio::test]
async fn a_message_is_claimed_once() {
    let store = Sandbox::new();
    let one = accept_new(&store, message("1")).await;
    let two = accept_new(&store, message("2")).await;
    let claims = (0..50).map(|n| {
        let store = store.store.clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                store.begin_run(run_of(&[one])).await.map(drop)
            } else {
                store.finish(one, MessageEnd::Cancelled).await
            }
        })
    });
    let claims = join_all(claims).await.into_iter().map(Result::unwrap);
    let (won, lost): (Vec<_>, Vec<_>) = claims.partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 49));
    assert!(lost.iter().all(|claim| *claim == Err(ClaimError::AlreadyBegun(one))));

    // A run that can not have all of its messages has none of them.
    assert_eq!(store.begin_run(run_of(&[two, one])).await, Err(ClaimError::AlreadyBegun(one)));
    assert_eq!(waiting(&store).await, ["2"]);
    store.begin_run(run_of(&[two])).await.unwrap();
    assert_eq!(waiting(&store).await, [""; 0]);
}

#[tokio::test]
async fn what_says_that_a_message_waits_is_used_again() {
    let store = Sandbox::new();
    let seq = accept_new(&store, message("1")).await;
    store.waiting_message(seq, &bubble("9")).await.unwrap();
    let store = store.killed_here();
    assert_eq!(store.unfinished().await.unwrap()[0].shown, Some(bubble("9")));
}

#[tokio::test]
async fn what_was_heard_in_a_message_is_known_after_a_kill_and_changes_nothing_that_was_begun() {
    let store = Sandbox::new();
    let seqs = [accept_new(&store, message("1")).await, accept_new(&store, message("2")).await];
    store.begin_run(run_of(&seqs[1..])).await.unwrap();
    let heard = |id| {
        let mut message = message(id);
        "heard".clone_into(&mut message.text);
        message
    };
    store.heard(seqs[0], &heard("1")).await.unwrap();
    store.heard(seqs[1], &heard("2")).await.unwrap();
    let store = store.killed_here();
    let texts: Vec<_> = store.unfinished().await.unwrap().into_iter().map(|one| one.message.text).collect();
    assert_eq!(texts, ["heard"]);
}

#[tokio::test]
async fn a_reply_to_a_steered_message_continues_the_run_that_it_went_into() {
    let store = Sandbox::new();
    let run = run_of(&[accept_new(&store, message("1")).await]);
    store.begin_run(run.clone()).await.unwrap();
    store.thread_known(&run.id, &token("t1")).await.unwrap();
    let seq = accept_new(&store, message("2")).await;
    store.finish(seq, MessageEnd::Steered(run.id.clone())).await.unwrap();
    let thread = store.thread_of(&chat(), &message("2").reference()).await.unwrap().unwrap();
    assert_eq!((thread.run, thread.token), (run.id, Some(token("t1"))));
}

#[tokio::test]
async fn a_megabyte_and_nothing_at_all_are_messages_too() {
    let store = Sandbox::new();
    let texts = [String::new(), "ä".repeat(500_000)];
    for (n, text) in texts.iter().enumerate() {
        accept_new(&store, IncomingMessage::new(here().address, n.to_string(), text.clone())).await;
    }
    let kept: Vec<_> = store.unfinished().await.unwrap().into_iter().map(|one| one.message.text).collect();
    assert_eq!(kept, texts);
}

/// One delivery: of which message of which chat, by which update if it has one, and whether it comes with the next one.
#[derive(Debug, Clone)]
struct Delivered {
    channel: u8,
    id: u8,
    update: Option<u8>,
    joins_next: bool,
}

fn deliveries() -> impl Strategy<Value = Vec<Delivered>> {
    let delivery = (0..3_u8, 0..6_u8, proptest::option::of(0..12_u8), any::<bool>())
        .prop_map(|(channel, id, update, joins_next)| Delivered { channel, id, update, joins_next });
    proptest::collection::vec(delivery, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A message is new if neither its name nor its delivery was seen on a new one, however deliveries are batched, ended
    /// and interrupted by restarts.
    #[test]
    fn each_message_is_new_once(deliveries in deliveries(), restart_at in 0..40_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut store = Sandbox::new();
            let (mut names, mut updates) = (HashSet::new(), HashSet::new());
            let mut expected_waiting: Vec<Seq> = Vec::new();
            let mut batch: Vec<&Delivered> = Vec::new();
            for (n, delivered) in deliveries.iter().enumerate() {
                batch.push(delivered);
                if delivered.joins_next && n + 1 < deliveries.len() {
                    continue;
                }
                let messages = batch.iter().map(|one| {
                    let address = Address::general(one.channel.to_string());
                    let message = IncomingMessage::new(address, one.id.to_string(), "x");
                    match one.update {
                        Some(update) => message.update(update.to_string()),
                        None => message,
                    }
                });
                let accepted = store.accept(&chat(), Batch::new(messages)).await.unwrap();
                prop_assert_eq!(accepted.len(), batch.len());
                for (one, accepted) in batch.drain(..).zip(accepted) {
                    let is_known = names.contains(&(one.channel, one.id))
                        || one.update.is_some_and(|update| updates.contains(&update));
                    match accepted {
                        Accepted::Duplicate => prop_assert!(is_known),
                        Accepted::New(seq) => {
                            prop_assert!(!is_known);
                            names.insert((one.channel, one.id));
                            updates.extend(one.update);
                            if one.id % 2 == 0 {
                                store.finish(seq, MessageEnd::Ignored).await.unwrap();
                            } else {
                                expected_waiting.push(seq);
                            }
                        }
                    }
                }
                if n == restart_at {
                    store = store.killed_here();
                }
            }
            let waiting: Vec<_> = store.unfinished().await.unwrap().iter().map(|one| one.seq).collect();
            prop_assert_eq!(waiting, expected_waiting);
            Ok(())
        })?;
    }
}
