//! A service that writes down what it is sent, in the form that OpenAI gave it. It hears what the bytes of a recording
//! spell, and fails when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::bot_api::parts_of;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the service was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The fields beside the recording, in their order.
    pub fields: Vec<(String, String)>,
    /// What the recording is called.
    pub file_name: String,
    /// What is in it.
    pub recording: Bytes,
}

impl Asked {
    /// A field beside the recording.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
enum Trouble {
    Answer(u16, String),
    Hold(watch::Receiver<()>),
}

/// Keeps the service from answering until it is dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "what counts is when it is dropped")] watch::Sender<()>);

#[derive(Debug, Default)]
struct Known {
    asked: Vec<Asked>,
    troubles: VecDeque<Trouble>,
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }
}

/// A running service. It ends when this is dropped.
#[derive(Debug)]
pub struct Transcriptions {
    shared: Arc<Shared>,
    port: u16,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Transcriptions {
    /// A service on a free port of this machine.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let (opened, opening) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                // Who started the service waits for this.
                let _ = opened.send(listener.local_addr().unwrap().port());
                let router = Router::new()
                    .route("/v1/audio/transcriptions", post(answer))
                    .layer(DefaultBodyLimit::disable())
                    .with_state(served);
                tokio::select! {
                    _ = async { axum::serve(listener, router).await } => {}
                    _ = stopped => {}
                }
            });
        });
        Self { shared, port: opening.recv().unwrap(), thread: Some((stop, thread)) }
    }

    /// What takes the place of `https://api.openai.com/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Answers the next recording that has no trouble yet with this.
    pub fn answer_next(&self, status: u16, body: &str) {
        self.shared.lock().troubles.push_back(Trouble::Answer(status, body.to_owned()));
    }

    /// Answers the next recording that has no trouble yet only when what this returns is dropped.
    #[must_use]
    pub fn hold_next(&self) -> Held {
        let (held, holding) = watch::channel(());
        self.shared.lock().troubles.push_back(Trouble::Hold(holding));
        Held(held)
    }

    /// All that it was asked.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// Waits until it was asked so often.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Asked> {
        let known = self.shared.lock();
        let waited =
            self.shared.changed.wait_timeout_while(known, PATIENCE, |known| known.asked.len() < count);
        let (known, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{count} recordings did not come: {:?}", known.asked);
        known.asked.clone()
    }
}

impl Drop for Transcriptions {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            // A service that has panicked already said so.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kind = header(header::CONTENT_TYPE).unwrap_or_default();
    let Some((fields, mut files)) = parts_of(&kind, &body) else {
        return (StatusCode::BAD_REQUEST, "this is no form").into_response();
    };
    let Some((field, file_name, recording)) = files.pop().filter(|_| files.is_empty()) else {
        return (StatusCode::BAD_REQUEST, "one file is wanted").into_response();
    };
    if field != "file" || !fields.iter().any(|(name, _)| name == "model") {
        return (StatusCode::BAD_REQUEST, "`file` and `model` are wanted").into_response();
    }
    let words = String::from_utf8_lossy(&recording).into_owned();
    let asked = Asked { authorization: header(header::AUTHORIZATION), fields, file_name, recording };
    let trouble = {
        let mut known = shared.lock();
        known.asked.push(asked);
        known.troubles.pop_front()
    };
    shared.changed.notify_all();
    match trouble {
        Some(Trouble::Answer(status, body)) => {
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
        // Its sender says nothing before it is dropped.
        Some(Trouble::Hold(mut held)) => _ = held.changed().await,
        None => {}
    }
    Json(json!({ "text": words, "usage": { "type": "duration", "seconds": 3 } })).into_response()
}
