//! Polls.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Bot;

const POLL: u64 = 30;

async fn poll(bot: &Bot) -> Value {
    bot.call("getUpdates", &json!({"timeout": POLL})).await
}

#[test]
fn a_poll_waits_for_a_message_and_no_longer_than_it_says() {
    let bot = Bot::new();
    bot.runtime.block_on(async {
        let start = Instant::now();
        assert_eq!(poll(&bot).await["result"], json!([]));
        assert_eq!(start.elapsed(), Duration::from_secs(POLL));
        let say = async {
            sleep(Duration::from_secs(5)).await;
            bot.api.say(bot.chat, bot.person, "hello");
        };
        let (answer, ()) = tokio::join!(poll(&bot), say);
        assert_eq!(answer["result"][0]["message"]["text"], "hello");
        assert_eq!(start.elapsed(), Duration::from_secs(POLL + 5));
    });
}

#[test]
fn a_second_poll_ends_the_first() {
    let bot = Bot::new();
    let conflict =
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    bot.runtime.block_on(async {
        let (first, second) = tokio::join!(poll(&bot), poll(&bot));
        assert_eq!((&first["error_code"], &first["description"]), (&json!(409), &json!(conflict)));
        assert_eq!(second["result"], json!([]));
        let other = async { bot.api.another_poller() };
        assert_eq!(tokio::join!(poll(&bot), other).0["description"], conflict);
        // Who went away is in nobody's way.
        assert!(timeout(Duration::from_secs(1), poll(&bot)).await.is_err());
        assert_eq!(poll(&bot).await["ok"], true);
    });
}

#[test]
fn a_webhook_is_in_the_way_of_polls() {
    let bot = Bot::new();
    bot.api.webhook(Some("https://example.org/"));
    bot.refused(
        "getUpdates",
        &json!({}),
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    );
    bot.api.say(bot.chat, bot.person, "old");
    let info = bot.ok("getWebhookInfo", &json!({}));
    assert_eq!((&info["url"], &info["pending_update_count"]), (&json!("https://example.org/"), &json!(1)));
    bot.ok("deleteWebhook", &json!({"drop_pending_updates": true}));
    assert_eq!(bot.updates(), [json!(null); 0]);
}

#[test]
fn an_update_comes_until_it_is_confirmed() {
    let bot = Bot::new();
    for text in ["a", "b", "c"] {
        bot.api.say(bot.chat, bot.person, text);
    }
    let get = |body: &Value| bot.ok("getUpdates", body).as_array().unwrap().clone();
    let first = get(&json!({"limit": 1}));
    assert_eq!((first.len(), get(&json!({"limit": 1000})).len()), (1, 3));
    let next = first[0]["update_id"].as_i64().unwrap() + 1;
    assert_eq!(get(&json!({"offset": next}))[0]["message"]["text"], "b");
    assert_eq!(get(&json!({})).len(), 2);
}

#[test]
fn only_what_was_asked_for_comes() {
    let bot = Bot::new();
    bot.ok("getUpdates", &json!({"allowed_updates": ["message"]}));
    let id = bot.api.say(bot.chat, bot.person, "a");
    bot.api.edit(bot.chat, id, "b");
    assert_eq!(bot.updates().len(), 1);
    bot.ok("getUpdates", &json!({"allowed_updates": "[\"edited_message\"]"}));
    bot.api.edit(bot.chat, id, "c");
    assert_eq!(bot.updates()[0]["edited_message"]["text"], "c");
    bot.refused(
        "getUpdates",
        &json!({"allowed_updates": "x"}),
        "Bad Request: can't parse allowed updates JSON object",
    );
}

#[test]
fn repeated_and_shuffled_updates_reach_the_bot() {
    let bot = Bot::new();
    bot.api.duplicate_updates(100);
    bot.api.say(bot.chat, bot.person, "a");
    let twice = bot.updates();
    assert_eq!(twice[0]["message"], twice[1]["message"]);
    assert_ne!(twice[0]["update_id"], twice[1]["update_id"]);
    bot.api.duplicate_updates(0);
    bot.api.shuffle_updates(Some(1));
    for text in ["a", "b", "c", "d", "e", "f"] {
        bot.api.say(bot.chat, bot.person, text);
    }
    let ids: Vec<_> = bot.updates().iter().map(|update| update["update_id"].as_i64().unwrap()).collect();
    assert!(ids.len() == 6 && !ids.is_sorted(), "{ids:?}");
}
