//! Items: what a turn works on.

use serde::de::IgnoredAny;
use serde_json::{Value, json};
use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, FileChange, Phase, TextKind};
use takopi_api::jsonl::Recognition;

use super::{Answer, Translation, text};
use crate::event::{CallResult, ErrorBody, Item};

/// Arguments of a call that are longer than this are not kept, in bytes.
const KEPT_ARGUMENTS: usize = 2_000;

impl Translation {
    pub(super) fn item(&mut self, kind: &str, item: &Item<'_>, out: &mut EventFactory) -> Recognition {
        let is_completed = kind == "item.completed";
        match &*item.kind.text() {
            "agent_message" if is_completed => self.message(item, out),
            "agent_message" => {}
            "error" if is_completed => self.item_error(item, out),
            "error" => {}
            item_kind => {
                let Some((action, outcome)) = action(item_kind, item) else {
                    return unknown(item_kind, item, is_completed, out);
                };
                let phase = match kind {
                    "item.started" => Phase::Started,
                    "item.updated" => Phase::Updated,
                    _ => Phase::Completed(outcome),
                };
                out.action(action, phase);
            }
        }
        Recognition::Known
    }

    fn message(&mut self, item: &Item<'_>, out: &mut EventFactory) {
        let text = item.text.text().into_owned();
        match &*item.phase.text() {
            "commentary" => out.note(text),
            "final_answer" => self.supersede(Answer::Final(text), out),
            _ if matches!(self.answer, Answer::Final(_)) => out.note(text),
            _ => self.supersede(Answer::Last(text), out),
        }
    }

    /// A newer answer: the older message was said on the way, and is kept as a note.
    fn supersede(&mut self, answer: Answer, out: &mut EventFactory) {
        let younger = answer.clone().into_text();
        let older = std::mem::replace(&mut self.answer, answer).into_text();
        if !older.is_empty() {
            out.note(older);
        }
        out.text(TextKind::Answer, younger);
    }

    /// Before the first turn these are warnings about the configuration, and nothing has failed.
    fn item_error(&self, item: &Item<'_>, out: &mut EventFactory) {
        let outcome = if self.turns == 0 { ActionOutcome::Ok } else { ActionOutcome::Failed };
        let title = text::of_error(&item.message.text());
        out.action_completed(Action::new(item.id.text(), ActionKind::Warning, title), outcome);
    }
}

/// The action of an item of a known type, and its outcome if the item is completed.
fn action(kind: &str, item: &Item<'_>) -> Option<(Action, ActionOutcome)> {
    let is_completed = item.status.text() == "completed";
    let (kind, title) = match kind {
        "command_execution" => (ActionKind::Command, text::of_command(&item.command.text())),
        "file_change" => (ActionKind::FileChange, "files".to_owned()),
        "web_search" => (ActionKind::WebSearch, item.query.text().into_owned()),
        "mcp_tool_call" => (ActionKind::Tool, format!("{}.{}", item.server.text(), item.tool.text())),
        "collab_tool_call" => {
            (ActionKind::Subagent, text::of_subagent(&item.tool.text(), &item.prompt.text()))
        }
        "todo_list" => (ActionKind::Note, text::of_todos(item.items.get())),
        "reasoning" => (ActionKind::Note, item.text.text().into_owned()),
        _ => return None,
    };
    let action = Action::new(item.id.text(), kind, title);
    Some(match kind {
        ActionKind::Command => {
            let exit_code = item.exit_code.read::<i32>();
            let ok = is_completed && exit_code.unwrap_or_default() == 0;
            (action.exit_code(exit_code), ok.into())
        }
        ActionKind::FileChange => {
            let changes: Vec<FileChange> = item.changes.elements();
            (action.changes(changes), is_completed.into())
        }
        ActionKind::Tool => {
            let ok = is_completed && !item.error.is_present();
            (with_call(action, item), ok.into())
        }
        ActionKind::Subagent => (action, (item.status.text() != "failed").into()),
        _ => (action, ActionOutcome::Ok),
    })
}

/// What is known of a call of an MCP server's tool.
fn with_call(action: Action, item: &Item<'_>) -> Action {
    let mut action = action
        .with("server", item.server.text())
        .with("tool", item.tool.text())
        .with("status", item.status.text());
    if item.arguments.text().len() <= KEPT_ARGUMENTS
        && let Some(arguments) = item.arguments.read::<Value>()
    {
        action = action.with("arguments", arguments);
    }
    if let Some(error) = item.error.object::<ErrorBody<'_>>() {
        action = action.with("error_message", error.message.text());
    }
    if let Some(result) = item.result.object::<CallResult<'_>>() {
        let summary = json!({
            "content_blocks": result.content.elements::<IgnoredAny>().len(),
            "has_structured": result.structured_content.is_present(),
        });
        action = action.with("result_summary", summary);
    }
    action
}

/// An item of a type that came after this program: it is named once it is done, and what it says is not guessed.
fn unknown(kind: &str, item: &Item<'_>, is_completed: bool, out: &mut EventFactory) -> Recognition {
    if is_completed && item.id.is_present() {
        out.action_completed(Action::new(item.id.text(), ActionKind::Note, kind), ActionOutcome::Ok);
    }
    Recognition::Unknown { kind: format!("item {kind}") }
}
