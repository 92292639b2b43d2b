//! The lines of `codex exec --json`, as far as takopi looks at them. Fields are read without trust in their type: what
//! the CLI changes costs a field, never a line.

use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

wire! {
    /// One line.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        /// `thread.started`.
        "thread_id" => thread_id: Field<'a>,
        /// `error`.
        "message" => message: Field<'a>,
        /// `turn.failed`: an `ErrorBody`.
        "error" => error: Field<'a>,
        /// `turn.completed`.
        "usage" => usage: Object<'a, TurnUsage<'a>>,
        /// `item.started`, `item.updated` and `item.completed`.
        "item" => item: Object<'a, Item<'a>>,
    }

    /// What a turn works on. One struct for all types: an item has the fields of its type.
    pub(crate) struct Item<'a> {
        "id" => id: Field<'a>,
        "type" => kind: Field<'a>,
        "status" => status: Field<'a>,
        /// `command_execution`.
        "command" => command: Field<'a>,
        "exit_code" => exit_code: Field<'a>,
        /// `agent_message` and `reasoning`.
        "text" => text: Field<'a>,
        /// `agent_message`: `commentary` or `final_answer`; older CLIs have none.
        "phase" => phase: Field<'a>,
        /// `error`.
        "message" => message: Field<'a>,
        /// `file_change`: a list of [`takopi_api::event::FileChange`].
        "changes" => changes: Field<'a>,
        /// `web_search`.
        "query" => query: Field<'a>,
        /// `todo_list`.
        "items" => items: Objects<'a, Todo<'a>>,
        /// `mcp_tool_call` and `collab_tool_call`.
        "tool" => tool: Field<'a>,
        /// `mcp_tool_call`.
        "server" => server: Field<'a>,
        "arguments" => arguments: Field<'a>,
        /// `mcp_tool_call`: a `CallResult`.
        "result" => result: Field<'a>,
        /// `mcp_tool_call`: an `ErrorBody`.
        "error" => error: Field<'a>,
        /// `collab_tool_call`.
        "prompt" => prompt: Field<'a>,
    }

    pub(crate) struct TurnUsage<'a> {
        "input_tokens" => input_tokens: Field<'a>,
        "cached_input_tokens" => cached_input_tokens: Field<'a>,
        "output_tokens" => output_tokens: Field<'a>,
        "reasoning_output_tokens" => reasoning_output_tokens: Field<'a>,
    }

    pub(crate) struct Todo<'a> {
        "text" => text: Field<'a>,
        "completed" => completed: Field<'a>,
    }
}
