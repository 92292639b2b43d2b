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
        /// `start`: the thread. `tool`: the step, the same from its begin to its end.
        "id" => id: Field<'a>,
        /// `say`: what it says on the way. `tool`: what it does. `error`: what went wrong.
        "text" => text: Field<'a>,
        /// `tool`: `running`, `ok` or `failed`.
        "status" => status: Field<'a>,
        /// `end`: the answer.
        "answer" => answer: Field<'a>,
    }
}

pub(crate) fn line(line: &str, out: &mut EventFactory) -> Recognition {
    let line = match Line::read(line) {
        Ok(line) => line,
        Err(error) => return Recognition::Malformed { reason: error.to_string() },
    };
    match &*line.kind.text() {
        "start" => match ResumeToken::new(ENGINE.clone(), line.id.text()) {
            Ok(thread) => out.started(thread, "my engine"),
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        },
        "say" => out.note(line.text.text()),
        "tool" => {
            let action = Action::new(line.id.text(), ActionKind::Tool, line.text.text());
            match &*line.status.text() {
                "ok" => out.action_completed(action, ActionOutcome::Ok),
                "failed" => out.action_completed(action, ActionOutcome::Failed),
                _ => out.action_started(action),
            }
        }
        "end" => out.done(line.answer.text(), None),
        "error" => out.failed(line.text.text(), "", None),
        "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
        kind => return Recognition::Unknown { kind: kind.to_owned() },
    }
    Recognition::Known
}
