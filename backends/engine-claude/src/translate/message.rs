//! Messages: what the model says and calls, and what its tools answer.

use takopi_api::event::{ActionId, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::Recognition;
use takopi_api::tool;

use super::{Translation, text};
use crate::event::{Block, Line};

/// The name of the model in messages that the CLI made itself.
const SYNTHETIC: &str = "<synthetic>";

impl Translation {
    pub(super) fn assistant(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let Some(message) = line.message.get() else { return Recognition::Ignored };
        let is_synthetic = message.model.text() == SYNTHETIC;
        // What a sub-agent says is for the agent that started it; only its calls are shown.
        let is_own = !line.parent_tool_use_id.is_present();
        if is_own && !is_synthetic && message.model.is_present() {
            self.model = Some(message.model.text().into_owned());
            self.turns.count(message);
        }
        // An error of the API comes as a message too, and then the retries came to nothing; the result says so.
        if !is_synthetic {
            self.end_retry(ActionOutcome::Ok, out);
        }
        let mut recognition = Recognition::Known;
        for block in message.content.get() {
            let kind = block.kind.text();
            match &*kind {
                "text" if is_own && is_synthetic => self.said.by_cli = block.text.text().into_owned(),
                "text" if is_own => {
                    let text = block.text.text();
                    if !text.trim().is_empty() {
                        self.say(text.into_owned(), out);
                    }
                }
                "thinking" if is_own => {
                    let thinking = block.thinking.trimmed();
                    if !thinking.is_empty() {
                        out.note(thinking);
                    }
                }
                "text" | "thinking" | "redacted_thinking" => {}
                "tool_use" | "server_tool_use" | "mcp_tool_use" => self.call(line, block, out),
                kind if kind.ends_with("_tool_result") => self.answered(block, out),
                kind => recognition = Recognition::Unknown { kind: format!("assistant {kind}") },
            }
        }
        recognition
    }

    pub(super) fn user(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let Some(message) = line.message.get() else { return Recognition::Ignored };
        if let Some(printed) = text::of_local_command(message.content.text()) {
            self.said.by_cli = printed;
            return Recognition::Known;
        }
        let mut recognition = Recognition::Known;
        for block in message.content.get() {
            let kind = block.kind.text();
            match &*kind {
                kind if kind == "tool_result" || kind.ends_with("_tool_result") => {
                    self.answered(block, out);
                }
                // What takopi or the CLI itself told the model.
                "text" | "image" | "document" => {}
                kind => recognition = Recognition::Unknown { kind: format!("user {kind}") },
            }
        }
        recognition
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

    /// A result of a call that is not known (of an earlier run of the session) tells a person nothing.
    fn answered(&mut self, block: &Block<'_>, out: &mut EventFactory) {
        let id = block.tool_use_id.text();
        if self.tasks.keeps_open(&id) {
            return;
        }
        let Some(at) = self.open.iter().position(|action| action.id.as_str() == id) else { return };
        let mut action = self.open.swap_remove(at);
        let is_error: bool = block.is_error.read().unwrap_or_default();
        if is_error && action.kind == ActionKind::Command {
            action = action.exit_code(text::exit_code(&block.content.text()));
        }
        out.action_completed(action, ActionOutcome::from(!is_error));
    }
}
