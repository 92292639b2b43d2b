//! The lines of `qwen -o stream-json`, as far as takopi looks at them: claude's form with differences. Fields are read
//! without trust in their type: what the CLI changes costs a field, never a line.

use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

wire! {
    /// One line. One struct for all types: a line has the fields of its type.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        "subtype" => subtype: Field<'a>,
        /// `assistant` and `user`: a [`Message`].
        "message" => message: Object<'a, Message<'a>>,
        /// `assistant` and `user`: the call of the sub-agent that says this.
        "parent_tool_use_id" => parent_tool_use_id: Field<'a>,

        /// `system`/`init`.
        "session_id" => session_id: Field<'a>,
        "model" => model: Field<'a>,
        /// The other `system` lines: a [`Data`].
        "data" => data: Object<'a, Data<'a>>,

        /// `result`.
        "is_error" => is_error: Field<'a>,
        "result" => result: Field<'a>,
        /// An [`ErrorBody`].
        "error" => error: Field<'a>,
        /// A list of [`Denial`].
        "permission_denials" => permission_denials: Objects<'a, Denial<'a>>,
        "duration_ms" => duration_ms: Field<'a>,
        "usage" => usage: Object<'a, Tokens<'a>>,
    }

    /// What qwen says about itself. One struct for all subtypes.
    pub(crate) struct Data<'a> {
        /// `task_started` and `task_notification`.
        "task_id" => task_id: Field<'a>,
        "tool_use_id" => tool_use_id: Field<'a>,
        "status" => status: Field<'a>,
        /// `model_fallback`.
        "fromModel" => from_model: Field<'a>,
        "toModel" => to_model: Field<'a>,
        /// Any: what a person should read.
        "notice" => notice: Field<'a>,
    }

    pub(crate) struct Message<'a> {
        "model" => model: Field<'a>,
        /// `assistant`, in the last of the lines that a message of the model is told in.
        "usage" => usage: Object<'a, Tokens<'a>>,
        /// A text, or a list of [`Block`].
        "content" => content: Objects<'a, Block<'a>>,
    }

    /// A piece of a message. One struct for all types.
    pub(crate) struct Block<'a> {
        "type" => kind: Field<'a>,
        "text" => text: Field<'a>,
        "thinking" => thinking: Field<'a>,
        /// `tool_use`.
        "id" => id: Field<'a>,
        "name" => name: Field<'a>,
        "input" => input: Field<'a>,
        /// `tool_result`.
        "tool_use_id" => tool_use_id: Field<'a>,
        "is_error" => is_error: Field<'a>,
        "content" => content: Field<'a>,
    }

    pub(crate) struct ErrorBody<'a> {
        "message" => message: Field<'a>,
    }

    pub(crate) struct Denial<'a> {
        "tool_name" => tool_name: Field<'a>,
    }

    pub(crate) struct Tokens<'a> {
        /// With those that came out of a cache.
        "input_tokens" => input_tokens: Field<'a>,
        "cache_read_input_tokens" => cache_read_input_tokens: Field<'a>,
        "output_tokens" => output_tokens: Field<'a>,
    }
}
