//! What a client that breaks a rule is told, and what a client that keeps them all brings about.

mod chats;
mod edit;
mod faults;
mod files;
mod network;
mod send;
mod topics;
mod updates;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::{BotApi, ChatId, Limits, UserId, http, network::Wire};

/// A bot without a network, on a clock that only goes on when all wait.
struct Bot {
    api: BotApi,
    runtime: Runtime,
    person: UserId,
    chat: ChatId,
}

impl Bot {
    fn new() -> Self {
        let api = BotApi::start();
        api.limits(Limits::Off);
        let person = api.person("Mia");
        let chat = api.private(person);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        Self { api, runtime, person, chat }
    }

    fn request(&self, path: &str, content_type: &str, body: impl Into<Body>) -> (u16, String) {
        self.runtime.block_on(self.answer(path, content_type, body))
    }

    async fn answer(&self, path: &str, content_type: &str, body: impl Into<Body>) -> (u16, String) {
        let request = Request::post(path).header("content-type", content_type).body(body.into()).unwrap();
        let wire = ConnectInfo(Wire::default());
        let response = http::serve(self.api.shared.clone(), wire, request).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn call(&self, method: &str, body: &Value) -> Value {
        let path = format!("/bot{}/{method}", self.api.token());
        let (status, answer) = self.answer(&path, "application/json", body.to_string()).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ok"] == true, status == 200, "{answer}");
        if status != 200 {
            assert_eq!(answer["error_code"], status);
        }
        answer
    }

    #[track_caller]
    fn ok(&self, method: &str, body: &Value) -> Value {
        let mut answer = self.runtime.block_on(self.call(method, body));
        assert_eq!(answer["ok"], true, "{method} {body}: {answer}");
        answer["result"].take()
    }

    /// The call is refused with this.
    #[track_caller]
    fn refused(&self, method: &str, body: &Value, description: &str) {
        let answer = self.runtime.block_on(self.call(method, body));
        assert_eq!(answer["description"], description, "{method} {body}");
    }

    /// A call about the private chat is refused with this.
    #[track_caller]
    fn refused_here(&self, method: &str, body: Value, description: &str) {
        self.refused(method, &here(self.chat, body), description);
    }

    #[track_caller]
    fn ok_here(&self, method: &str, body: Value) -> Value {
        self.ok(method, &here(self.chat, body))
    }

    /// The updates that wait, which are confirmed.
    #[track_caller]
    fn updates(&self) -> Vec<Value> {
        let updates = self.ok("getUpdates", &json!({"timeout": 0}));
        let updates = updates.as_array().unwrap().clone();
        if let Some(last) = updates.iter().filter_map(|update| update["update_id"].as_i64()).max() {
            self.ok("getUpdates", &json!({"offset": last + 1, "timeout": 0}));
        }
        updates
    }
}

/// The same body, about a chat.
fn here(chat: ChatId, mut body: Value) -> Value {
    body["chat_id"] = json!(chat);
    body
}

#[test]
fn a_wrong_address_is_refused() {
    let bot = Bot::new();
    let token = bot.api.token();
    let check = |path: &str, expected: (u16, &str)| {
        let answer = bot.request(path, "", "");
        assert_eq!((answer.0, answer.1.as_str()), expected, "{path}");
    };
    let not_found = (404, r#"{"ok":false,"error_code":404,"description":"Not Found"}"#);
    let unauthorized = (401, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#);
    check("/", not_found);
    check("/bot/getMe", not_found);
    check("/botnonsense/getMe", not_found);
    check("/bot123:AAFakeTokenOfNoBotAtAll-9876543210_/getMe", unauthorized);
    check(&format!("/bot{token}/getYou"), not_found);
    check(&format!("/file/bot{token}/documents/file_0.txt"), not_found);
    check("/file/bot123:AAFakeTokenOfNoBotAtAll-9876543210_/x", unauthorized);
    assert_eq!(bot.request(&format!("/bot{token}/GETME"), "", "").0, 200);
}

#[test]
fn what_is_read_by_hand_is_what_people_see() {
    let bot = Bot::new();
    let say = json!({"chat": bot.chat, "user": bot.person, "text": "hello"}).to_string();
    assert_eq!(bot.request("/control/say", "", say), (200, r#"{"message":1}"#.to_owned()));
    assert_eq!(bot.updates()[0]["message"]["text"], "hello");
    let buttons = json!({"inline_keyboard": [[{"text": "go", "callback_data": "1"}]]});
    bot.ok_here("sendMessage", json!({"text": "hi", "reply_markup": buttons}));
    let seen = bot.request(&format!("/control/messages?chat={}", bot.chat), "", "").1;
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(
        (&seen[1]["content"]["text"], &seen[1]["buttons"][0][0]["label"]),
        (&json!("hi"), &json!("go"))
    );
    let press = |label: &str| {
        let press = json!({"chat": bot.chat, "user": bot.person, "message": 2, "label": label});
        bot.request("/control/press", "", press.to_string())
    };
    assert_eq!(press("stop"), (400, "\"stop\" is not among [\"go\"]\n".to_owned()));
    assert_eq!(press("go").0, 200);
    assert_eq!(bot.updates()[0]["callback_query"]["data"], "1");
    let forum = bot.api.forum("Forum", &[bot.person]);
    let topic = bot.api.topic(forum, bot.person, "site");
    let edit = json!({"chat": forum, "message": topic, "text": "a"}).to_string();
    for (what, body) in [
        ("edit", edit.as_str()),
        ("nothing", "{}"),
        ("say", "no json"),
        ("say", r#"{"chat": 5, "user": 5}"#),
        ("migrate", r#"{"chat": 5}"#),
        ("messages?chat=x", ""),
        ("chat", r#"{"kind": "private", "title": "x"}"#),
    ] {
        assert_eq!(bot.request(&format!("/control/{what}"), "", body.to_owned()).0, 400, "{what} {body}");
    }
}
