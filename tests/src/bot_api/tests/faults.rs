//! Faults that need no network.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Bot;
use crate::bot_api::{Answered, Fault, TooMuch};

fn send(bot: &Bot) -> (u16, String) {
    let path = format!("/bot{}/sendMessage", bot.api.token());
    let body = json!({"chat_id": bot.chat, "text": "a"}).to_string();
    bot.request(&path, "application/json", body)
}

#[track_caller]
fn check(fault: Fault, status: u16, part: &str, is_json: bool) {
    let bot = Bot::new();
    bot.api.fail_next("sendMessage", fault);
    bot.ok("getMe", &json!({}));
    let answer = send(&bot);
    assert_eq!(answer.0, status);
    assert!(answer.1.contains(part), "{}", answer.1);
    assert_eq!(serde_json::from_str::<Value>(&answer.1).is_ok(), is_json);
    assert!(bot.api.messages(bot.chat).is_empty());
    assert_eq!(bot.api.calls("sendMessage")[0].answer, Some(Answered::Failed));
    // A fault is no violation of the bot's.
    assert!(bot.api.violations().is_empty());
    bot.runtime.block_on(async { sleep(Duration::from_secs(7)).await });
    assert_eq!(send(&bot).0, 200);
}

#[test]
fn a_bot_may_be_told_to_wait() {
    check(Fault::TooMany { retry_after: 7 }, 429, r#""parameters":{"retry_after":7}"#, true);
}

#[test]
fn who_is_told_to_wait_and_does_not_breaks_a_rule() {
    let bot = Bot::new();
    bot.api.fail_next("sendMessage", Fault::TooMany { retry_after: 7 });
    send(&bot);
    bot.runtime.block_on(async { sleep(Duration::from_millis(500)).await });
    assert!(send(&bot).1.contains("retry after 10"));
    assert_eq!(bot.api.violations()[0].reason, TooMuch::DidNotWait);
}

#[test]
fn a_server_may_fail() {
    check(Fault::Server(500), 500, r#""description":"Internal Server Error""#, true);
    check(Fault::Server(502), 502, "<title>502 Bad Gateway</title>", false);
}

#[test]
fn an_answer_may_be_torn() {
    check(Fault::Malformed, 200, r#"{"ok":true"#, false);
}

#[test]
fn a_call_may_hang_and_is_not_carried_out_for_who_went_away() {
    let bot = Bot::new();
    let body = json!({"chat_id": bot.chat, "text": "a"});
    bot.api.fail_next("sendMessage", Fault::Hang(Duration::from_mins(1)));
    bot.api.fail_next("sendMessage", Fault::Hang(Duration::from_mins(1)));
    bot.runtime.block_on(async {
        let start = Instant::now();
        assert!(timeout(Duration::from_secs(30), bot.call("sendMessage", &body)).await.is_err());
        assert_eq!(bot.call("sendMessage", &body).await["ok"], true);
        assert_eq!(start.elapsed(), Duration::from_secs(90));
    });
    assert_eq!(bot.api.messages(bot.chat).len(), 1);
    let answers: Vec<_> = bot.api.calls("sendMessage").into_iter().map(|call| call.answer).collect();
    assert_eq!(answers, [None, Some(Answered::Ok)]);
}

#[test]
fn a_rate_of_faults_strikes_some_calls() {
    let bot = Bot::new();
    bot.api.fault_rate(50, 3);
    bot.runtime.block_on(async {
        for _ in 0..100 {
            // A reset has no answer here, where there is no connection.
            let path = format!("/bot{}/getMe", bot.api.token());
            let _ = timeout(Duration::from_secs(1), bot.answer(&path, "", "")).await;
        }
    });
    let failed = |answer: &Option<Answered>| matches!(answer, Some(Answered::Failed | Answered::Lost));
    let failed = bot.api.calls("getMe").iter().filter(|call| failed(&call.answer)).count();
    assert!((30..70).contains(&failed), "{failed}");
}

#[test]
#[should_panic(expected = "there is no method sendMesage")]
fn a_fault_of_no_method_is_a_mistake() {
    Bot::new().api.fail_next("sendMesage", Fault::Reset);
}
