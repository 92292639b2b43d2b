//! One request a protocol, over a socket.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends requests to a server of their own, and gives the status and body of each.
fn post(requests: &[(&str, Value)]) -> Vec<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, super::router()).await });
        let mut answers = Vec::new();
        for (path, body) in requests {
            let body = body.to_string();
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // A cut stream may end with an error, and what came before counts.
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
            answers.push((status, answer));
        }
        answers
    })
}

/// The answer to one prompt contains these.
#[track_caller]
fn check(path: &str, body: Value, expected: &[&str]) {
    let answers = post(&[(path, body)]);
    assert_eq!(answers[0].0, 200);
    for part in expected {
        assert!(answers[0].1.contains(part), "no {part} in {}", answers[0].1);
    }
}

#[test]
fn openai_responses() {
    let input = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "[[shell]]"}]}]);
    check(
        "/v1/responses",
        json!({"stream": true, "input": input, "tools": [{"type": "function", "name": "exec_command"}]}),
        &[
            "event: response.created\n",
            "I will run a command.",
            r#""arguments":"{\"cmd\":\"echo hi\"}""#,
            "event: response.completed\n",
        ],
    );
}

#[test]
fn openai_chat() {
    let messages =
        json!([{"role": "user", "content": "[[shell]]"}, {"role": "assistant", "tool_calls": [{}]}]);
    check(
        "/v1/chat/completions",
        json!({"stream": true, "messages": messages}),
        &["The command printed: hi", r#""finish_reason":"stop""#, "data: [DONE]\n\n"],
    );
    check("/v1/chat/completions", json!({"messages": []}), &[r#""content":"Hello from the fake model.""#]);
}

#[test]
fn anthropic() {
    check(
        "/v1/messages",
        json!({"stream": true, "messages": [{"role": "user", "content": "[[think]]"}]}),
        &["event: message_start\n", "thinking_delta", "The answer is 4.", "event: message_stop\n"],
    );
}

#[test]
fn gemini() {
    let contents = json!([{"role": "user", "parts": [{"text": "[[fail]]"}]}]);
    let tools = json!([{"functionDeclarations": [{"name": "run_shell_command"}]}]);
    check(
        "/v1beta/models/fake:streamGenerateContent?alt=sse",
        json!({"contents": contents, "tools": tools}),
        &[
            r#""functionCall":{"name":"run_shell_command","args":{"command":"echo out; echo err >&2; exit 3"}"#,
            r#""finishReason":"STOP""#,
        ],
    );
    check(
        "/v1beta/models/fake:generateContent",
        json!({"contents": contents, "generationConfig": {"responseMimeType": "application/json"}}),
        &["flash"],
    );
}

#[test]
fn errors_are_counted_by_what_was_asked() {
    let ask = |text: &str| ("/v1/messages", json!({"messages": [{"role": "user", "content": text}]}));
    let answers = post(&[
        ask("[[flaky]] 1"),
        ask("[[flaky]] 2"),
        ask("[[flaky]] 1"),
        ("/__reset", json!({})),
        ask("[[flaky]] 1"),
        ask("[[e400]]"),
        ask("[[e400]]"),
        ask("[[e401]]"),
        ("/v1/unheard-of", json!({})),
        ("/v1/messages", json!("no request")),
    ]);
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [500, 500, 200, 200, 500, 400, 400, 401, 404, 200]);
    assert!(answers[5].1.contains("Fake 400 error."));
}

#[test]
fn a_cut_stream_has_no_end() {
    let answers = post(&[(
        "/v1/messages",
        json!({"stream": true, "messages": [{"role": "user", "content": "[[drop]]"}]}),
    )]);
    let text = &answers[0].1;
    assert!(
        text.contains("This stream") && !text.contains("message_stop") && !text.ends_with("0\r\n\r\n"),
        "{text}"
    );
}
