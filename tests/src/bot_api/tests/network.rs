//! Faults of the network, over sockets.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::bot_api::{Answered, BotApi, ChatId, Fault};

/// Sends a call over a connection, and gives all of the answer.
fn call_over(stream: &mut TcpStream, api: &BotApi, method: &str, body: &Value) -> io::Result<String> {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "POST /bot{}/{method} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}",
        api.token()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn connect(api: &BotApi) -> io::Result<TcpStream> {
    TcpStream::connect(api.url().strip_prefix("http://").unwrap())
}

fn call(api: &BotApi, method: &str, body: &Value) -> io::Result<String> {
    call_over(&mut connect(api)?, api, method, body)
}

fn started() -> (BotApi, ChatId, Value) {
    let api = BotApi::start();
    let chat = api.private(api.person("Mia"));
    (api, chat, json!({"chat_id": chat, "text": "a"}))
}

#[track_caller]
fn is_reset(answer: io::Result<String>) {
    assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_call_may_be_reset_before_it_is_carried_out_or_after() {
    let (api, chat, body) = started();
    api.fail_next("sendMessage", Fault::Reset);
    is_reset(call(&api, "sendMessage", &body));
    assert!(api.messages(chat).is_empty());
    api.fail_next("sendMessage", Fault::AcceptedThenReset);
    is_reset(call(&api, "sendMessage", &body));
    assert_eq!(api.wait_for("the message", |world| Some(world.chats[&chat].messages.len())), 1);
    assert_eq!(api.calls("sendMessage")[1].answer, Some(Answered::Lost));
    assert!(call(&api, "sendMessage", &body).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn without_a_network_nothing_gets_in_and_what_was_in_is_reset() {
    let (api, chat, body) = started();
    let mut stream = connect(&api).unwrap();
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| call_over(&mut stream, &api, "getUpdates", &json!({"timeout": 50})));
        api.wait_for_calls("getUpdates", 1);
        api.network_down();
        is_reset(poll.join().unwrap());
    });
    assert_eq!(call(&api, "sendMessage", &body).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    // People have a network of their own.
    api.say(chat, api.look(|world| *world.users.keys().next().unwrap()), "hello");
    api.network_up();
    assert!(call(&api, "getUpdates", &json!({})).unwrap().contains("hello"));
    api.network_down();
    api.network_down();
    api.network_up();
    api.network_up();
    assert!(call(&api, "getMe", &json!({})).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_test_that_is_the_bot_may_wait_without_blocking() {
    let (api, chat, body) = started();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| call(&api, "sendMessage", &body).unwrap());
        let seen = runtime
            .block_on(api.until("a message", |world| world.chats[&chat].messages.values().next().cloned()));
        assert_eq!(seen.text(), "a");
    });
}

#[test]
fn a_server_ends_when_it_is_dropped() {
    let (api, _, body) = started();
    let url = api.url();
    drop(api);
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err(), "{body}");
}
