use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::routing::any;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::client::token::tests::secret;
use crate::client::{ReplyParameters, SendFiles, Upload};
use crate::wire::ChatId;

const TOKEN: &str = "123456:AA-hunter_2";

fn client(address: &str) -> Client {
    Client::new(&BotToken::new(secret(TOKEN)).unwrap(), address).unwrap()
}

/// A server that answers everything with this, and says what it was asked.
async fn server(status: u16, answer: &'static str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let app = Router::new().fallback(any(move |uri: Uri, body: Bytes| async move {
        let asked = json!({ "path": uri.path(), "body": String::from_utf8_lossy(&body) }).to_string();
        let asked = serde_json::to_string(&asked).unwrap();
        (status, answer.replace("\"ASKED\"", &asked))
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A server that reads, writes this and hangs up.
async fn rude(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 1024];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

fn check_secret(error: &CallError) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter") && !shown.contains("http://"), "{shown}");
}

#[test]
fn only_paths_below_the_files_of_the_bot_are_fetched() {
    assert!(is_plain("documents/file_1.txt"));
    for path in
        ["", "/etc/passwd", "../bot1/getMe", "a/../b", "http://x/", "a//b", "a/./b", "a?b", "%2e%2e/a"]
    {
        assert!(!is_plain(path), "{path}");
    }
}

#[tokio::test]
async fn a_call_says_what_it_wants_and_hears_what_came_of_it() {
    let client = client(&server(200, r#"{"ok":true,"result":"ASKED"}"#).await);
    let asked: String = client.call(&GET_UPDATES, &json!({ "a": 1 }), CONNECT).await.unwrap();
    let expected = json!({ "path": format!("/bot{TOKEN}/getUpdates"), "body": r#"{"a":1}"# });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&asked).unwrap(), expected);
    assert!(!format!("{client:?}").contains("hunter"));
    let upload = |name: &str| Upload { name: name.to_owned(), content: Arc::new(b"content".to_vec()) };
    let mut files = SendFiles {
        chat_id: ChatId(-7),
        message_thread_id: Some(3),
        reply_parameters: Some(ReplyParameters { message_id: 5, allow_sending_without_reply: true }),
        disable_notification: true,
        caption: "look".to_owned(),
        caption_entities: None,
        files: vec![upload("a.txt")],
    };
    let parts = files.parts_of_one(&files.files[0]);
    let asked: String = client.upload(&GET_UPDATES, &parts, CONNECT).await.unwrap();
    for part in ["-7", "message_thread_id", "allow_sending_without_reply", "look", "a.txt", "content"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    files.files.push(upload("b.txt"));
    let asked: String = client.upload(&GET_UPDATES, &files.parts_of_album(), CONNECT).await.unwrap();
    for part in ["attach://file0", "attach://file1", "look", "a.txt", "b.txt"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert_eq!(asked.matches("look").count(), 1, "the caption stands below the first one only: {asked}");
}

#[tokio::test]
async fn what_did_not_arrive_is_told_from_what_may_have() {
    let failure = async |address: &str| {
        let error = client(address).get_me().await.unwrap_err();
        check_secret(&error);
        error.failure
    };
    assert_eq!(failure("http://127.0.0.1:1").await, Failure::Network(Arrival::Never));
    assert_eq!(failure(&rude("").await).await, Failure::Network(Arrival::Unknown));
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true,";
    assert_eq!(failure(&rude(cut).await).await, Failure::Network(Arrival::Unknown));
    assert_eq!(failure(&server(200, "{\"ok\":true,\"res").await).await, Failure::Server(Arrival::Unknown));
    assert_eq!(failure(&server(502, "<html>").await).await, Failure::Server(Arrival::Never));
    assert_eq!(failure(&server(401, r#"{"ok":false,"error_code":401}"#).await).await, Failure::Unauthorized);
}

#[tokio::test]
async fn a_file_is_fetched_up_to_a_size() {
    let client = client(&server(200, "0123456789").await);
    assert_eq!(client.download("documents/a", 10).await.unwrap(), b"0123456789");
    assert_eq!(client.download("documents/a", 9).await.unwrap_err().failure, Failure::TooLong);
    let error = client.download("../getMe", 9).await.unwrap_err();
    assert_eq!(error.failure, Failure::Refused);
    check_secret(&error);
}

#[test]
fn an_address_that_is_none_is_said_without_the_token() {
    let token = BotToken::new(secret(TOKEN)).unwrap();
    for address in ["telegram", "ftp://x.org", "http://"] {
        let error = Client::new(&token, address).unwrap_err().to_string();
        assert!(error.contains("api_base_url") && !error.contains("hunter"), "{error}");
    }
}
