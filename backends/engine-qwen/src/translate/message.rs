//! Messages: what the model says and calls, and what its tools answer.

use takopi_api::event::{ActionId, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::Recognition;
use takopi_api::tool;

use super::{Translation, tokens};
use crate::event::{Block, Line};

impl Translation {
    pub(super) fn assistant(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let Some(message) = line.message.get() else { return Recognition::Ignored };
        // What a sub-agent says is for the agent that started it; only its calls are shown.
        let is_own = !line.parent_tool_use_id.is_present();
        if is_own && message.model.is_present() {
            self.model = Some(message.model.text().into_owned());
        }
        let used = tokens(message.usage.fields());
        // Of the lines that a message comes in, the last one has its figures, and the others have zeros.
        if used.input_tokens > Some(0) {
            self.spent += used;
        }
        let mut recognition = Recognition::Known;
        for block in message.content.get() {
            let kind = block.kind.text();
            // An error of the API comes as a text too, and then the retries came to nothing; the result says so.
            if is_own && !block.text.text().starts_with("[API Error:") {
                self.end_retry(ActionOutcome::Ok, out);
            }
            match &*kind {
                "text" if is_own => {
                    let text = block.text.text();
                    if !text.trim().is_empty() {
                        self.note_said(out);
                        self.said.text = text.into_owned();
                        self.said.is_noted = false;
                    }
                }
                "thinking" if is_own => {
                    let thinking = block.thinking.trimmed();
                    if !thinking.is_empty() {
                        out.note(thinking);
                    }
                }
                "text" | "thinking" => {}
                "tool_use" => self.call(line, block, out),
                kind => recognition = Recognition::Unknown { kind: format!("assistant {kind}") },
            }
        }
        recognition
    }

    pub(super) fn user(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let Some(message) = line.message.get() else { return Recognition::Ignored };
        let mut recognition = Recognition::Known;
        for block in message.content.get() {
            let kind = block.kind.text();
            match &*kind {
                "tool_result" => self.answered(block, out),
                // What takopi or the CLI itself told the model.
                "text" => {}
                kind => recognition = Recognition::Unknown { kind: format!("user {kind}") },
            }
        }
        recognition
    }

    /// Something follows what was said last: it is kept as a note, in its place among the steps.
    fn note_said(&mut self, out: &mut EventFactory) {
        if !self.said.text.is_empty() && !self.said.is_noted {
            out.note(self.said.text.as_str());
            self.said.is_noted = true;
        }
    }

    fn call(&mut self, line: &Line<'_>, block: &Block<'_>, out: &mut EventFactory) {
        if !block.id.is_present() {
            return;
        }
        let mut action = tool::action(block.id.text(), &block.name.text(), block.input);
        if line.parent_tool_use_id.is_present() {
            action.detail.parent = Some(ActionId::new(line.parent_tool_use_id.text()));
        } else {
            self.note_said(out);
        }
        self.open.push(action.clone());
        out.action_started(action);
    }

    fn answered(&mut self, block: &Block<'_>, out: &mut EventFactory) {
        let id = block.tool_use_id.text();
        if self.agents.iter().any(|agent| *agent == id) {
            return;
        }
        let Some(mut action) = self.take_open(&id) else { return };
        let is_error: bool = block.is_error.read().unwrap_or_default();
        if is_error && action.kind == ActionKind::Command {
            action = action.exit_code(exit_code(&block.content.text()));
        }
        out.action_completed(action, ActionOutcome::from(!is_error));
    }
}

/// The code in the result of a command that failed. What the command printed comes before it, so the last such line is
/// qwen's.
fn exit_code(result: &str) -> Option<i32> {
    result.lines().rev().find_map(|line| line.strip_prefix("Exit Code: "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read() {
        assert_eq!(exit_code("Command: x\nOutput: Exit Code: 9\nExit Code: 3\nSignal: (none)"), Some(3));
        assert_eq!(exit_code("Exit Code: (none)"), None);
    }
}
