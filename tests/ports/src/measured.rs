//! An agent that speaks as language servers do: each message says before it how long it is. It is asked by one message on
//! standard input, and tells what it does in notifications.

use std::sync::Arc;

use serde_json::json;
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend, EngineId};
use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::{
    Field, Framing, JsonlEngine, JsonlSubprocessRunner, Object, Recognition, RefusedRun, Wire,
};
use takopi_api::process::{CommandSpec, Stdin};
use takopi_api::resume::{ResumeLines, ResumeSyntax, ResumeToken};
use takopi_api::runner::{RunSpec, Runner};

const ENGINE: EngineId = EngineId::from_static("measured");
static ENGINE_ID: EngineId = ENGINE;
static RESUME: ResumeSyntax = ResumeSyntax::new(ENGINE, "measured", &["resume"]);

pub(crate) fn new() -> EngineBackend {
    let availability = Availability::Cli { commands: &["measured"], install: "npm install -g measured" };
    EngineBackend::new("measured", availability, build_runner)
}

#[expect(clippy::unnecessary_wraps, reason = "an engine with settings can refuse them")]
fn build_runner(_: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Ok(Arc::new(JsonlSubprocessRunner::new(Measured)))
}

struct Measured;

takopi_api::wire! {
    struct Message<'a> {
        "method" => method: Field<'a>,
        "params" => params: Object<'a, Params<'a>>,
    }

    struct Params<'a> {
        "sessionId" => session: Field<'a>,
        "id" => id: Field<'a>,
        "command" => command: Field<'a>,
        "exitCode" => exit_code: Field<'a>,
        "text" => text: Field<'a>,
    }
}

impl JsonlEngine for Measured {
    type State = ();

    const FRAMING: Framing = Framing::ContentLength;

    fn engine(&self) -> &EngineId {
        &ENGINE_ID
    }

    fn resume_lines(&self) -> &dyn ResumeLines {
        &RESUME
    }

    fn command(&self, spec: &RunSpec) -> Result<CommandSpec, RefusedRun> {
        let mut command = CommandSpec::new("measured", &spec.cwd);
        if let Some(thread) = &spec.resume {
            command = command.args(["resume", thread.value()]);
        }
        let ask = json!({"method": "session/prompt", "params": {"text": spec.prompt}}).to_string();
        let framed = format!("Content-Length: {}\r\n\r\n{ask}", ask.len());
        Ok(command.stdin(Stdin::Payload(framed.into_bytes())))
    }

    fn state(&self, _: &RunSpec) {}

    fn translate(&self, message: &str, (): &mut (), out: &mut EventFactory) -> Recognition {
        let message = match Message::read(message) {
            Ok(message) => message,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let method = message.method.text();
        let Some(params) = message.params.get() else {
            return Recognition::Malformed { reason: format!("`{method}` without params") };
        };
        match &*method {
            "session/started" => match ResumeToken::new(ENGINE, params.session.text()) {
                Ok(thread) => out.started(thread, "Measured"),
                Err(error) => return Recognition::Malformed { reason: error.to_string() },
            },
            "session/ran" => {
                let code: Option<i32> = params.exit_code.read();
                let action = Action::new(params.id.text(), ActionKind::Command, params.command.text());
                out.action_completed(action.exit_code(code), ActionOutcome::from(code == Some(0)));
            }
            "session/failed" => out.failed(params.text.text(), "", None),
            "session/ended" => out.done(params.text.text(), None),
            _ => return Recognition::Unknown { kind: method.into_owned() },
        }
        Recognition::Known
    }
}
