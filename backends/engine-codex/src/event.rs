//! The lines of `codex exec --json`, as far as takopi looks at them. Fields are read without trust in their type: what
//! the CLI changes costs a field, never a line.

use serde::Deserialize;
use takopi_api::jsonl::{Field, Object};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    /// `thread.started`.
    #[serde(borrow)]
    pub(crate) thread_id: Field<'a>,
    /// `error`.
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
    /// `turn.failed`: an [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
    /// `turn.completed`: a [`TurnUsage`].
    #[serde(borrow)]
    pub(crate) usage: Field<'a>,
    /// `item.started`, `item.updated` and `item.completed`: an [`Item`].
    #[serde(borrow)]
    pub(crate) item: Object<'a, Item<'a>>,
}

/// What a turn works on. One struct for all types: an item has the fields of its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item<'a> {
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    /// `command_execution`.
    #[serde(borrow)]
    pub(crate) command: Field<'a>,
    #[serde(borrow)]
    pub(crate) exit_code: Field<'a>,
    /// `agent_message` and `reasoning`.
    #[serde(borrow)]
    pub(crate) text: Field<'a>,
    /// `agent_message`: `commentary` or `final_answer`; older CLIs have none.
    #[serde(borrow)]
    pub(crate) phase: Field<'a>,
    /// `error`.
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
    /// `file_change`: a list of [`Change`].
    #[serde(borrow)]
    pub(crate) changes: Field<'a>,
    /// `web_search`.
    #[serde(borrow)]
    pub(crate) query: Field<'a>,
    /// `todo_list`: a list of [`Todo`].
    #[serde(borrow)]
    pub(crate) items: Field<'a>,
    /// `mcp_tool_call` and `collab_tool_call`.
    #[serde(borrow)]
    pub(crate) tool: Field<'a>,
    /// `mcp_tool_call`.
    #[serde(borrow)]
    pub(crate) server: Field<'a>,
    #[serde(borrow)]
    pub(crate) arguments: Field<'a>,
    /// `mcp_tool_call`: a [`CallResult`].
    #[serde(borrow)]
    pub(crate) result: Field<'a>,
    /// `mcp_tool_call`: an [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
    /// `collab_tool_call`.
    #[serde(borrow)]
    pub(crate) prompt: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallResult<'a> {
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
    #[serde(borrow)]
    pub(crate) structured_content: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TurnUsage<'a> {
    #[serde(borrow)]
    pub(crate) input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cached_input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) output_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) reasoning_output_tokens: Field<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Todo {
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) completed: bool,
}
