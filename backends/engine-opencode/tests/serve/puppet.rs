//! A server that does what it is told, as often as it is told: for what is about many runs.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use takopi_api::process::{CommandSpec, ProcessHost};
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The program.
pub(crate) struct Puppet {
    processes: Arc<ScriptedProcesses>,
    threads: ThreadLocks,
    strings: Arc<Strings>,
}

struct Strings {
    /// What a person configured.
    configuration: Value,
    is_deaf: bool,
    processes: Mutex<Option<Arc<ScriptedProcesses>>>,
    state: Mutex<Pulled>,
}

#[derive(Default)]
struct Pulled {
    sessions: usize,
    prompts: usize,
    listeners: Vec<mpsc::UnboundedSender<String>>,
}

impl Puppet {
    /// One that has this configuration.
    pub(crate) fn start(configuration: Value) -> Self {
        Self::serve(configuration, false)
    }

    /// One that does not listen to what is said in its environment.
    pub(crate) fn start_deaf() -> Self {
        Self::serve(json!({}), true)
    }

    fn serve(configuration: Value, is_deaf: bool) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Script::new(format!("opencode server listening on http://127.0.0.1:{port}\n")).waits();
        let processes = ScriptedProcesses::new(script);
        let strings = Arc::new(Strings {
            configuration,
            is_deaf,
            processes: Mutex::new(Some(Arc::clone(&processes))),
            state: Mutex::default(),
        });
        let app = Router::new().fallback(pull).with_state(Arc::clone(&strings));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { processes, threads: ThreadLocks::default(), strings }
    }

    pub(crate) fn spec(&self, prompt: &str) -> RunSpec {
        let host = Arc::clone(&self.processes) as Arc<dyn ProcessHost>;
        RunSpec::new(prompt, "/repo", host, self.threads.clone())
    }

    pub(crate) fn commands(&self) -> Vec<CommandSpec> {
        self.processes.commands()
    }

    /// What each start was told in its environment.
    pub(crate) fn contents(&self) -> Vec<Value> {
        self.commands().iter().map(content).collect()
    }

    pub(crate) fn prompts(&self) -> usize {
        self.strings.state().prompts
    }
}

fn content(command: &CommandSpec) -> Value {
    let mut set = command.environment.select([]);
    let (_, content) = set.find(|(name, _)| name == "OPENCODE_CONFIG_CONTENT").unwrap();
    serde_json::from_str(content.to_str().unwrap()).unwrap()
}

impl Strings {
    fn state(&self) -> MutexGuard<'_, Pulled> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn configuration(&self) -> Value {
        let mut configuration = self.configuration.clone();
        let processes = self.processes.lock().unwrap().clone().unwrap();
        if !self.is_deaf {
            merge(&mut configuration, content(&processes.commands().pop().unwrap()));
        }
        configuration
    }

    fn tell(&self, session: &str, kind: &str, mut properties: Value) {
        properties["sessionID"] = json!(session);
        let event = format!("data: {}\n\n", json!({"type": kind, "properties": properties}));
        self.state().listeners.retain(|listener| listener.send(event.clone()).is_ok());
    }

    fn prompt(&self, session: &str, prompt: &Value) {
        let number = {
            let mut state = self.state();
            state.prompts += 1;
            state.prompts
        };
        let (user, reply) = (format!("msg_{number:04}a"), format!("msg_{number:04}b"));
        let message = |role: &str, id: &str| json!({"info": {"id": id, "role": role, "parentID": user}});
        let part = |kind: &str, more: Value| {
            let mut part = json!({"id": format!("prt_{number}{kind}"), "messageID": reply, "sessionID": session, "type": kind});
            merge(&mut part, more);
            json!({"part": part})
        };
        self.tell(session, "message.updated", message("user", &user));
        self.tell(session, "session.status", json!({"status": {"type": "busy"}}));
        self.tell(session, "message.updated", message("assistant", &reply));
        if prompt["parts"][0]["text"] != "slow" {
            self.tell(session, "message.part.updated", part("text", json!({"text": "hello"})));
            self.tell(session, "message.part.updated", part("step-finish", json!({"reason": "stop"})));
            self.tell(session, "session.status", json!({"status": {"type": "idle"}}));
        }
    }
}

async fn pull(State(strings): State<Arc<Strings>>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let described = |id: &str| json!({"id": id, "directory": "/repo"}).to_string().into_response();
    match (&*method, &parts[..]) {
        ("GET", ["config"]) => strings.configuration().to_string().into_response(),
        ("GET", ["event"]) => {
            let (listener, told) = mpsc::unbounded_channel();
            let _ = listener.send("data: {\"type\":\"server.connected\",\"properties\":{}}\n\n".to_owned());
            strings.state().listeners.push(listener);
            let told =
                futures_util::stream::unfold(told, |mut told: mpsc::UnboundedReceiver<String>| async move {
                    let text = told.recv().await?;
                    Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), told))
                });
            Response::new(Body::from_stream(told))
        }
        ("POST", ["session"]) => {
            let number = {
                let mut state = strings.state();
                state.sessions += 1;
                state.sessions
            };
            described(&format!("ses_{number}"))
        }
        ("GET", ["session", "status"]) => "{}".into_response(),
        ("GET", ["session", id]) => described(id),
        ("POST", ["session", id, "prompt_async"]) => {
            strings.prompt(id, &serde_json::from_slice(&body).unwrap());
            StatusCode::NO_CONTENT.into_response()
        }
        ("POST", ["session", id, "abort"]) => {
            strings.tell(id, "session.status", json!({"status": {"type": "idle"}}));
            "true".into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// As opencode merges configurations.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
