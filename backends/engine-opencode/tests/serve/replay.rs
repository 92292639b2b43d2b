//! A server that does what the real one did when it was recorded: each thing that it says comes when all that was said to
//! it before has been said again, and what is said is compared.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::testing::{Script, ScriptedProcesses};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// One thing of a recording.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A request with this line and body has to come.
    Asked(String, Option<Value>),
    /// The oldest request without an answer gets this one.
    Answered(u16, Value),
    /// Whoever listens is told this.
    Told(String),
    /// Nobody is told anything more, until somebody listens anew.
    Broken,
}

/// A request on its way in.
struct Asked {
    line: String,
    body: Option<Value>,
    answer: oneshot::Sender<Response>,
}

/// The program, and the server in it.
pub(crate) struct Replay {
    processes: Arc<ScriptedProcesses>,
    course: Arc<Course>,
}

struct Course {
    wrong: Mutex<Vec<String>>,
    left: Mutex<VecDeque<Step>>,
    requests: mpsc::UnboundedSender<Asked>,
    /// The programs that it is in, which know the password.
    processes: Mutex<Option<Arc<ScriptedProcesses>>>,
}

impl Course {
    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn left(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client has to show.
    fn authorization(&self) -> Option<String> {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let command = processes.commands().pop()?;
        let set: Vec<_> = command.environment.select([]).collect();
        let value =
            |name: &str| set.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string_lossy());
        let credentials =
            format!("{}:{}", value("OPENCODE_SERVER_USERNAME")?, value("OPENCODE_SERVER_PASSWORD")?);
        Some(format!("Basic {}", base64(credentials.as_bytes())))
    }
}

/// The lines of a recording, with a folder in the place of `$WORK`.
pub(crate) fn recording(name: &str, cwd: &Path) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/serve/{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap().replace("$WORK", &cwd.to_string_lossy());
    text.lines().filter_map(step).collect()
}

fn step(line: &str) -> Option<Step> {
    let line: Value = serde_json::from_str(line).unwrap();
    let message = &line["msg"];
    match line["dir"].as_str().unwrap() {
        ">" => Some(Step::Asked(message["http"].as_str().unwrap().to_owned(), message.get("body").cloned())),
        "<" => Some(match message.get("event") {
            Some(event) => Step::Told(event.to_string()),
            None => {
                let status = u16::try_from(message["status"].as_u64().unwrap()).unwrap();
                Step::Answered(status, message["body"].clone())
            }
        }),
        _ => None,
    }
}

impl Replay {
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        Self::serve(steps, Script::waits)
    }

    /// One whose program has ended before it is asked anything.
    pub(crate) fn start_dead(steps: Vec<Step>) -> Self {
        Self::serve(steps, |script| script.status(ExitStatus::Code(3)))
    }

    fn serve(steps: Vec<Step>, end: impl Fn(Script) -> Script) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, inbox) = mpsc::unbounded_channel();
        let course = Arc::new(Course {
            wrong: Mutex::default(),
            left: Mutex::new(steps.into()),
            requests,
            processes: Mutex::default(),
        });
        let said = format!("Warning: something\nopencode server listening on http://127.0.0.1:{port}\n");
        let script = Script::new(said).stderr("the last words of opencode\n");
        let processes = ScriptedProcesses::new(end(script));
        *course.processes.lock().unwrap() = Some(Arc::clone(&processes));
        let app = Router::new().fallback(take).with_state(Arc::clone(&course));
        tokio::spawn(async move { axum::serve(listener, app).await });
        tokio::spawn(play(Arc::clone(&course), inbox));
        Self { processes, course }
    }

    pub(crate) fn host(&self) -> Arc<dyn ProcessHost> {
        Arc::clone(&self.processes) as Arc<dyn ProcessHost>
    }

    /// Everything was as in the recording, and its program has ended.
    pub(crate) async fn finish(self) {
        self.processes.all_ended().await;
        let wrong = self.course.wrong.lock().unwrap().clone();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // What the server would have told after the end of the turn is of no interest.
        let left: Vec<Step> =
            self.course.left().iter().filter(|step| matches!(step, Step::Asked(..))).cloned().collect();
        assert!(left.is_empty(), "never said: {left:?}");
    }
}

/// A request comes in, and waits until the recording gets there.
async fn take(State(course): State<Arc<Course>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if authorization.is_none() || authorization.map(str::to_owned) != course.authorization() {
        course.wrong(format!("{line} without the password"));
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let body = if body.is_empty() { None } else { Some(serde_json::from_slice(&body).unwrap()) };
    let (answer, answered) = oneshot::channel();
    let _ = course.requests.send(Asked { line, body, answer });
    answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn play(course: Arc<Course>, mut inbox: mpsc::UnboundedReceiver<Asked>) {
    let mut waiting = VecDeque::new();
    let mut listener: Option<mpsc::UnboundedSender<String>> = None;
    loop {
        let Some(step) = course.left().pop_front() else { break };
        match step {
            Step::Asked(line, body) => {
                let Some(asked) = inbox.recv().await else { return };
                if (&asked.line, &asked.body) != (&line, &body) {
                    course.wrong(format!("said: {} {:?}\nrecorded: {line} {body:?}", asked.line, asked.body));
                    course.left().clear();
                    return;
                }
                if line == "GET /event" {
                    let (tell, told) = mpsc::unbounded_channel();
                    listener = Some(tell);
                    let _ = asked.answer.send(Response::new(Body::from_stream(stream(told))));
                } else {
                    waiting.push_back(asked.answer);
                }
            }
            Step::Answered(status, body) => {
                let body = if body == json!("") { String::new() } else { body.to_string() };
                let answer = waiting.pop_front().expect("a recording answers what was asked");
                let _ = answer.send((StatusCode::from_u16(status).unwrap(), body).into_response());
            }
            Step::Told(data) => {
                if let Some(listener) = &listener {
                    let _ = listener.send(format!("data: {data}\n\n"));
                }
            }
            Step::Broken => listener = None,
        }
    }
    while let Some(asked) = inbox.recv().await {
        course.wrong(format!("said after the end: {} {:?}", asked.line, asked.body));
    }
    drop(listener);
}

/// The events in pieces, as a network may tear them.
fn stream(
    told: mpsc::UnboundedReceiver<String>,
) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let pieces = futures_util::stream::unfold(told, |mut told| async move {
        let text = told.recv().await?;
        let bytes = Bytes::from(text);
        let middle = bytes.len() / 2;
        let pieces = [bytes.slice(..middle), bytes.slice(middle..)].map(Ok);
        Some((futures_util::stream::iter(pieces), told))
    });
    futures_util::StreamExt::flatten(pieces)
}

/// RFC 4648: a second way to the same header, so that a wrong one is noticed.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or_default()));
        for at in 0..4 {
            let is_there = at <= chunk.len();
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if is_there { char::from(letter) } else { '=' });
        }
    }
    text
}
