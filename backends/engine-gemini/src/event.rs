//! The lines of `gemini -o stream-json`, as far as takopi looks at them. Fields are read without trust in their type: what
//! the CLI changes costs a field, never a line.

use takopi_api::jsonl::{Field, Object};
use takopi_api::wire;

wire! {
    /// One line.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        /// `init`.
        "session_id" => session_id: Field<'a>,
        /// `message`.
        "role" => role: Field<'a>,
        "content" => content: Field<'a>,
        "delta" => delta: Field<'a>,
        /// `tool_use` and `tool_result`.
        "tool_id" => tool_id: Field<'a>,
        /// `tool_use`.
        "tool_name" => tool_name: Field<'a>,
        "parameters" => parameters: Field<'a>,
        /// `tool_result` and `result`.
        "status" => status: Field<'a>,
        "error" => error: Object<'a, ErrorBody<'a>>,
        /// `error`.
        "severity" => severity: Field<'a>,
        "message" => message: Field<'a>,
        /// `result`.
        "stats" => stats: Object<'a, Stats<'a>>,
    }

    /// Gemini's own, or the API's.
    pub(crate) struct ErrorBody<'a> {
        "error" => error: Field<'a>,
        "message" => message: Field<'a>,
    }

    pub(crate) struct Stats<'a> {
        "input_tokens" => input_tokens: Field<'a>,
        "output_tokens" => output_tokens: Field<'a>,
        "cached" => cached: Field<'a>,
        "duration_ms" => duration_ms: Field<'a>,
    }
}
