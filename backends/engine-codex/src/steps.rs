//! What codex does, as actions: the same names whichever way it is driven.

use serde::de::IgnoredAny;
use serde_json::{Value, json};
use takopi_api::event::{Action, ActionKind, ActionOutcome, FileChange};
use takopi_api::jsonl::Field;
use takopi_api::wire;

use crate::text;

/// Arguments of a call that are longer than this are not kept, in bytes.
const KEPT_ARGUMENTS: usize = 2_000;

wire! {
    pub(crate) struct CallResult<'a> {
        "content" => content: Field<'a>,
        "structured_content" => structured_content: Field<'a>,
        "structuredContent" => structured: Field<'a>,
    }

    pub(crate) struct CallError<'a> {
        "message" => message: Field<'a>,
    }
}

pub(crate) fn command(
    id: impl Into<String>,
    command: &str,
    exit_code: Option<i32>,
    status: &str,
) -> (Action, ActionOutcome) {
    let ok = status == "completed" && exit_code.unwrap_or_default() == 0;
    (Action::new(id, ActionKind::Command, text::of_command(command)).exit_code(exit_code), ok.into())
}

pub(crate) fn files(
    id: impl Into<String>,
    changes: Vec<FileChange>,
    status: &str,
) -> (Action, ActionOutcome) {
    (Action::new(id, ActionKind::FileChange, "files").changes(changes), (status == "completed").into())
}

pub(crate) fn subagent(id: impl Into<String>, title: String, status: &str) -> (Action, ActionOutcome) {
    (Action::new(id, ActionKind::Subagent, title), (status != "failed").into())
}

/// A call of an MCP server's tool, as far as it is told.
pub(crate) struct Call<'a> {
    pub(crate) server: Field<'a>,
    pub(crate) tool: Field<'a>,
    pub(crate) status: Field<'a>,
    pub(crate) arguments: Field<'a>,
    /// A [`CallResult`].
    pub(crate) result: Field<'a>,
    /// A [`CallError`].
    pub(crate) error: Field<'a>,
}

impl Call<'_> {
    pub(crate) fn action(&self, id: impl Into<String>) -> (Action, ActionOutcome) {
        let title = format!("{}.{}", self.server.text(), self.tool.text());
        let mut action = Action::new(id, ActionKind::Tool, title)
            .with("server", self.server.text())
            .with("tool", self.tool.text())
            .with("status", self.status.text());
        if self.arguments.text().len() <= KEPT_ARGUMENTS
            && let Some(arguments) = self.arguments.read::<Value>()
        {
            action = action.with("arguments", arguments);
        }
        if let Some(error) = self.error.object::<CallError<'_>>() {
            action = action.with("error_message", error.message.text());
        }
        if let Some(result) = self.result.object::<CallResult<'_>>() {
            let summary = json!({
                "content_blocks": result.content.elements::<IgnoredAny>().len(),
                "has_structured": result.structured_content.is_present() || result.structured.is_present(),
            });
            action = action.with("result_summary", summary);
        }
        let ok = self.status.text() == "completed" && !self.error.is_present();
        (action, ok.into())
    }
}
