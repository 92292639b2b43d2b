//! An agent that does what a test wants.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use takopi_api::async_trait;
use takopi_api::process::{
    Ask, CommandSpec, Ending, Exit, ExitStatus, Process, ProcessHandle, ProcessHost, SpawnError, Stdin,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::watch;

/// What the agent does when it hears something.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// It says a message.
    Say(Value),
    /// It says a line that may be no message.
    Line(String),
    /// It says something on standard error.
    Complain(String),
    /// It ends.
    Exit(ExitStatus),
}

type Behaviour = Box<dyn Fn(&Value) -> Vec<Reply> + Send + Sync>;

/// The host of the agent. Clones are one host.
#[derive(Clone)]
pub(crate) struct Agent(Arc<Inner>);

struct Inner {
    behaviour: Behaviour,
    heard: Mutex<Vec<Value>>,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}

impl Agent {
    pub(crate) fn new(behaviour: impl Fn(&Value) -> Vec<Reply> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { behaviour: Box::new(behaviour), heard: Mutex::default() }))
    }

    /// What it heard so far.
    pub(crate) fn heard(&self) -> Vec<Value> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hears(&self, line: &str) -> Vec<Reply> {
        let message: Value = serde_json::from_str(line).unwrap();
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        (self.0.behaviour)(&message)
    }

    /// Answers line by line, until its input is closed or it ends by itself.
    async fn live(&self, input: DuplexStream, mut output: DuplexStream, handle: &Handle) -> ExitStatus {
        let mut lines = BufReader::new(input).lines();
        let mut asked = handle.asked.subscribe();
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line.ok().flatten(),
                _ = asked.wait_for(|is_asked| *is_asked) => return ExitStatus::Signal(15),
            };
            let Some(line) = line else { return ExitStatus::Code(0) };
            for reply in self.hears(&line) {
                let said = match reply {
                    Reply::Say(message) => message.to_string(),
                    Reply::Line(line) => line,
                    Reply::Complain(text) => {
                        handle.stderr.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                        continue;
                    }
                    Reply::Exit(status) => return status,
                };
                // The reader may be gone already, as with a closed pipe.
                let _ = output.write_all(format!("{said}\n").as_bytes()).await;
            }
        }
    }
}

/// What an agent that works well does: it has sessions that can be continued, two modes, two models, and a login.
pub(crate) fn usual(message: &Value) -> Vec<Reply> {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": 1,
            "agentCapabilities": { "loadSession": true, "sessionCapabilities": { "resume": {} } },
            "authMethods": [{ "id": "key", "name": "Key" }],
        }),
        Some("session/new") => json!({
            "sessionId": "s",
            "modes": {
                "currentModeId": "ask",
                "availableModes": [{ "id": "ask", "name": "Ask" }, { "id": "plan", "name": "Plan" }],
            },
            "models": { "currentModelId": "small", "availableModels": [{ "modelId": "small" }, { "modelId": "large" }] },
        }),
        Some("session/prompt") => {
            let end = json!({ "stopReason": "end_turn" });
            return vec![
                say("done"),
                Reply::Say(json!({ "jsonrpc": "2.0", "id": message["id"], "result": end })),
            ];
        }
        Some(_) if message.get("id").is_some() => json!({}),
        _ => return Vec::new(),
    };
    vec![Reply::Say(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))]
}

/// A piece of the agent's answer.
pub(crate) fn say(text: &str) -> Reply {
    update(&json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } }))
}

pub(crate) fn update(update: &Value) -> Reply {
    Reply::Say(
        json!({ "jsonrpc": "2.0", "method": "session/update", "params": { "sessionId": "s", "update": update } }),
    )
}

pub(crate) fn answer(id: i64, result: &Value) -> Reply {
    Reply::Say(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

pub(crate) fn error(id: i64, error: &Value) -> Reply {
    Reply::Say(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

pub(crate) fn ask(id: i64, call: &Value, options: &Value) -> Reply {
    let params = json!({ "sessionId": "s", "toolCall": call, "options": options });
    Reply::Say(
        json!({ "jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params }),
    )
}

#[async_trait]
impl ProcessHost for Agent {
    async fn spawn(&self, command: CommandSpec) -> Result<Process, SpawnError> {
        assert_eq!(command.stdin, Stdin::Open);
        let (stdin, input) = tokio::io::duplex(PIPE);
        let (output, stdout) = tokio::io::duplex(PIPE);
        let handle = Arc::new(Handle::default());
        let (agent, program) = (self.clone(), Arc::clone(&handle));
        tokio::spawn(async move {
            let status = agent.live(input, output, &program).await;
            program.exit.send_replace(Some(status));
        });
        Ok(Process { stdout: Box::new(stdout), stdin: Some(Box::new(stdin)), handle })
    }
}

/// As much as a pipe holds.
const PIPE: usize = 64 * 1024;

#[derive(Default)]
struct Handle {
    stderr: Mutex<String>,
    asked: watch::Sender<bool>,
    exit: watch::Sender<Option<ExitStatus>>,
}

#[async_trait]
impl ProcessHandle for Handle {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        Exit { status: status.unwrap_or(ExitStatus::Unknown), stderr_tail: self.stderr_tail() }
    }

    fn stderr_tail(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, ending: Ending) {
        self.asked.send_if_modified(|is_asked| {
            *is_asked |= ending.ask != Ask::Nothing || ending.grace.is_zero();
            *is_asked
        });
    }
}
