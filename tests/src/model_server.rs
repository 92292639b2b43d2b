//! A model server that answers from a script, so that real engines can be tried without a model: OpenAI's Responses and
//! chat completions, Anthropic's Messages, and Gemini. `[[name]]` in a prompt chooses the scenario.

mod anthropic;
mod conversation;
mod gemini;
mod openai_chat;
mod openai_responses;
mod reply;
mod scenario;
mod tool;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::stream;
use serde_json::{Value, json};

use conversation::Message;
use reply::{Frame, Protocol, Reply};
use scenario::Step;
use tool::{Tool, Toolbox};

/// What a request asks, whatever its protocol.
#[derive(Debug)]
struct Asked {
    messages: Vec<Message>,
    tools: Vec<Tool>,
    /// Whether only JSON is understood.
    wants_json: bool,
}

/// How often a conversation was answered with an error.
#[derive(Debug, Clone, Default)]
struct Failures(Arc<Mutex<HashMap<String, u32>>>);

impl Failures {
    /// Counts one more, and says how many there were before.
    fn count(&self, key: String) -> u32 {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(key).or_default();
        *count += 1;
        *count - 1
    }
}

/// The server's routes.
pub fn router() -> Router {
    let protocol = |protocol: Protocol| {
        post(move |State(failures): State<Failures>, body: Bytes| async move {
            answer(protocol, Form::Asked, &failures, &body)
        })
    };
    Router::new()
        .route("/", any(StatusCode::OK))
        .route("/__reset", post(async |State(failures): State<Failures>| failures.0.lock().unwrap().clear()))
        .route("/v1/models", get(async || Json(models())))
        .route("/v1/responses", protocol(openai_responses::PROTOCOL))
        .route("/v1/chat/completions", protocol(openai_chat::PROTOCOL))
        .route("/v1/messages", protocol(anthropic::PROTOCOL))
        .route("/v1/messages/count_tokens", post(async || Json(json!({"input_tokens": 100}))))
        .route("/v1beta/models/{call}", post(gemini))
        .fallback(async |uri: Uri| {
            let error = reply::error(404, &format!("nothing at {}", uri.path()));
            (StatusCode::NOT_FOUND, Json(error))
        })
        // Output of tools comes back in the next request, and the conversation grows.
        .layer(DefaultBodyLimit::disable())
        .with_state(Failures::default())
}

async fn gemini(State(failures): State<Failures>, Path(call): Path<String>, body: Bytes) -> Response {
    match call.rsplit_once(':').map(|(_, method)| method) {
        Some("countTokens") => Json(json!({"totalTokens": 100})).into_response(),
        Some("streamGenerateContent") => answer(gemini::PROTOCOL, Form::Stream, &failures, &body),
        _ => answer(gemini::PROTOCOL, Form::Whole, &failures, &body),
    }
}

fn models() -> Value {
    let model = |id| {
        json!({"id": id, "object": "model", "type": "model", "display_name": id, "owned_by": "fake",
            "created_at": "2025-01-01T00:00:00Z"})
    };
    json!({"object": "list", "data": [model("fake-model")], "models": [], "has_more": false})
}

/// Whether an answer comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Stream,
    Whole,
    /// As the request says.
    Asked,
}

fn answer(protocol: Protocol, form: Form, failures: &Failures, body: &[u8]) -> Response {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return failure(protocol, 400, &format!("the request is no JSON: {error}")),
    };
    let asked = (protocol.read)(&request);
    let conversation::Next { step, key } = conversation::next(&asked.messages);
    if let Some(wanted) = step.failure
        && wanted.times.is_none_or(|times| failures.count(key) < times)
    {
        return failure(protocol, wanted.status, &format!("Fake {} error.", wanted.status));
    }
    let is_cut = step.is_cut;
    let folder = tool::folder(&String::from_utf8_lossy(body));
    let mut reply = reply(step, asked, folder);
    reply.model = request["model"].clone();
    if form == Form::Whole || form == Form::Asked && request["stream"] != true {
        return Json((protocol.whole)(&reply)).into_response();
    }
    events((protocol.stream)(&reply), is_cut)
}

fn reply(step: Step, asked: Asked, folder: Option<String>) -> Reply {
    if asked.wants_json {
        return Reply { text: Some(gemini::side_answer()), ..Reply::default() };
    }
    // A request without tools for a scenario that needs some is for a title or a summary.
    if asked.tools.is_empty() && !step.acts.is_empty() {
        return Reply { text: Some("Fake title".to_owned()), ..Reply::default() };
    }
    let toolbox = Toolbox { tools: asked.tools, folder };
    let calls = step.acts.iter().map(|act| toolbox.call(act)).collect();
    Reply { thinking: step.thinking, text: step.text, calls, model: Value::Null }
}

fn failure(protocol: Protocol, status: u16, message: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, Json((protocol.error)(status, message))).into_response()
}

/// Server-sent events; a cut stream breaks off after half of them.
fn events(mut frames: Vec<Frame>, is_cut: bool) -> Response {
    if is_cut {
        frames.truncate(frames.len().div_ceil(2));
    }
    let end = is_cut.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
    let pieces = frames.into_iter().map(|frame| Ok(Bytes::from(frame.0))).chain(end);
    let body = stream::unfold(pieces, async |mut pieces| {
        let piece = pieces.next()?;
        if piece.is_err() {
            // What was said before must have gone out.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some((piece, pieces))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(body)).into_response()
}

#[cfg(test)]
mod tests;
