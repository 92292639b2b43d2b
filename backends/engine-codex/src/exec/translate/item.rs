//! Items: what a turn works on.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Phase, TextKind};
use takopi_api::jsonl::Recognition;

use super::Translation;
use crate::answer::Said;
use crate::exec::event::Item;
use crate::{steps, text};

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
        if self.answer.take(&item.phase.text(), text.clone(), out) == Said::Answer {
            out.text(TextKind::Answer, text);
        }
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
    let (id, status) = (item.id.text(), item.status.text());
    let (kind, title) = match kind {
        "command_execution" => {
            return Some(steps::command(id, &item.command.text(), item.exit_code.read(), &status));
        }
        "file_change" => return Some(steps::files(id, item.changes.elements(), &status)),
        "mcp_tool_call" => {
            let call = steps::Call {
                server: item.server,
                tool: item.tool,
                status: item.status,
                arguments: item.arguments,
                result: item.result,
                error: item.error,
            };
            return Some(call.action(id));
        }
        "collab_tool_call" => {
            let title = text::of_subagent(&item.tool.text(), &item.prompt.text());
            return Some(steps::subagent(id, title, &status));
        }
        "web_search" => (ActionKind::WebSearch, item.query.text().into_owned()),
        "todo_list" => {
            let todos: Vec<_> = item
                .items
                .get()
                .iter()
                .map(|todo| (todo.text.text(), todo.completed.read() == Some(true)))
                .collect();
            (ActionKind::Note, text::of_todos(&todos))
        }
        "reasoning" => (ActionKind::Note, item.text.text().into_owned()),
        _ => return None,
    };
    Some((Action::new(id, kind, title), ActionOutcome::Ok))
}

/// An item of a type that came after this program: it is named once it is done, and what it says is not guessed.
fn unknown(kind: &str, item: &Item<'_>, is_completed: bool, out: &mut EventFactory) -> Recognition {
    if is_completed && item.id.is_present() {
        out.action_completed(Action::new(item.id.text(), ActionKind::Note, kind), ActionOutcome::Ok);
    }
    Recognition::Unknown { kind: format!("item {kind}") }
}
