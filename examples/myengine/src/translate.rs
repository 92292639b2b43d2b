//! What becomes of a line. It is pure: a line goes in, events come out.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::{Field, Recognition, Wire};
use takopi_api::resume::ResumeToken;
use takopi_api::wire;

use crate::engine::ENGINE;

wire! {
    /// One line. What it does not name is skipped, and a field of another type than today's costs only itself.
    struct Line<'a> {
        "type" => kind: Field<'a>,
        /// Of a session or a tool.
        "id" => id: Field<'a>,
        /// What a tool does, in a few words.
        "title" => title: Field<'a>,
        /// Of a tool: `running`, `ok` or `failed`.
        "status" => status: Field<'a>,
        /// What is answered, or went wrong.
        "text" => text: Field<'a>,
    }
}

pub(crate) fn line(line: &str, out: &mut EventFactory) -> Recognition {
    let line = match Line::read(line) {
        Ok(line) => line,
        Err(error) => return Recognition::Malformed { reason: error.to_string() },
    };
    match &*line.kind.text() {
        "session" => match ResumeToken::new(ENGINE.clone(), line.id.text()) {
            Ok(thread) => out.started(thread, "my engine"),
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        },
        "tool" => {
            let action = Action::new(line.id.text(), ActionKind::Tool, line.title.text());
            match &*line.status.text() {
                "ok" => out.action_completed(action, ActionOutcome::Ok),
                "failed" => out.action_completed(action, ActionOutcome::Failed),
                _ => out.action_started(action),
            }
        }
        "answer" => out.done(line.text.text(), None),
        "error" => out.failed(line.text.text(), "", None),
        "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
        kind => return Recognition::Unknown { kind: kind.to_owned() },
    }
    Recognition::Known
}
