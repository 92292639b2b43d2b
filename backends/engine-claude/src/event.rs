//! The lines of `claude -p --output-format stream-json`, as far as takopi looks at them. Fields are read without trust in
//! their type: what the CLI changes costs a field, never a line. Those of its control protocol are among them.

use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

wire! {
    /// One line. One struct for all types: a line has the fields of its type.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        "subtype" => subtype: Field<'a>,
        "session_id" => session_id: Field<'a>,
        /// `assistant` and `user`: a [`Message`]. `system`/`permission_denied`: a text.
        "message" => message: Object<'a, Message<'a>>,
        /// `assistant` and `user`: the call of the sub-agent that says this.
        "parent_tool_use_id" => parent_tool_use_id: Field<'a>,

        /// `system`/`init`.
        "cwd" => cwd: Field<'a>,
        "model" => model: Field<'a>,
        "capabilities" => capabilities: Field<'a>,
        /// `system`: what some subtypes tell a person.
        "content" => content: Field<'a>,
        /// `system`/`informational`.
        "level" => level: Field<'a>,
        /// `system`/`status`.
        "status" => status: Field<'a>,
        /// `system`/`api_retry`.
        "attempt" => attempt: Field<'a>,
        "max_retries" => max_retries: Field<'a>,
        "error" => error: Field<'a>,
        "error_status" => error_status: Field<'a>,
        /// `system`/`permission_denied`.
        "tool_name" => tool_name: Field<'a>,
        /// `system`/`task_…`.
        "task_id" => task_id: Field<'a>,
        "task_type" => task_type: Field<'a>,
        "tool_use_id" => tool_use_id: Field<'a>,
        "description" => description: Field<'a>,
        "is_backgrounded" => is_backgrounded: Field<'a>,
        "ambient" => ambient: Field<'a>,
        /// `system`/`background_tasks_changed`: a list of [`BackgroundTask`].
        "tasks" => tasks: Objects<'a, BackgroundTask<'a>>,

        /// `rate_limit_event`: a [`RateLimit`].
        "rate_limit_info" => rate_limit_info: Object<'a, RateLimit<'a>>,

        /// `result`.
        "is_error" => is_error: Field<'a>,
        "result" => result: Field<'a>,
        "errors" => errors: Field<'a>,
        "terminal_reason" => terminal_reason: Field<'a>,
        "queued_turn_count" => queued_turn_count: Field<'a>,
        "total_cost_usd" => total_cost_usd: Field<'a>,
        "duration_ms" => duration_ms: Field<'a>,
        "usage" => usage: Object<'a, Tokens<'a>>,

        /// `stream_event`: a piece of a message.
        "event" => event: Object<'a, Piece<'a>>,

        /// `control_request` and `control_cancel_request`.
        "request_id" => request_id: Field<'a>,
        /// `control_request`.
        "request" => request: Object<'a, Asked<'a>>,
        /// `control_response`.
        "response" => response: Object<'a, Response<'a>>,
        /// `command_lifecycle`: what became of a message of a person.
        "command_uuid" => command_uuid: Field<'a>,
        "state" => state: Field<'a>,
    }

    /// What claude wants to know. One struct for all that it can ask; takopi answers `can_use_tool`.
    pub(crate) struct Asked<'a> {
        "subtype" => subtype: Field<'a>,
        "tool_name" => tool_name: Field<'a>,
        "tool_use_id" => tool_use_id: Field<'a>,
        "input" => input: Field<'a>,
        "description" => description: Field<'a>,
        "decision_reason" => decision_reason: Field<'a>,
        "blocked_path" => blocked_path: Field<'a>,
        "requires_user_interaction" => requires_user_interaction: Field<'a>,
        /// The sub-agent that wants it.
        "agent_id" => agent_id: Field<'a>,
    }

    /// What claude answers to what takopi asked.
    pub(crate) struct Response<'a> {
        "subtype" => subtype: Field<'a>,
        "request_id" => request_id: Field<'a>,
        "error" => error: Field<'a>,
    }

    /// One struct for all pieces: `content_block_start`, `content_block_delta` and those that say nothing new.
    pub(crate) struct Piece<'a> {
        "type" => kind: Field<'a>,
        "content_block" => content_block: Object<'a, Block<'a>>,
        "delta" => delta: Object<'a, Delta<'a>>,
    }

    pub(crate) struct Delta<'a> {
        "type" => kind: Field<'a>,
        "text" => text: Field<'a>,
        "thinking" => thinking: Field<'a>,
    }

    pub(crate) struct Message<'a> {
        /// `assistant`.
        "id" => id: Field<'a>,
        "model" => model: Field<'a>,
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

    pub(crate) struct BackgroundTask<'a> {
        "task_id" => task_id: Field<'a>,
        "task_type" => task_type: Field<'a>,
        "description" => description: Field<'a>,
        /// Whether it belongs to claude's own upkeep.
        "ambient" => ambient: Field<'a>,
        /// Whether it goes on outside of claude.
        "off_host" => off_host: Field<'a>,
    }

    pub(crate) struct RateLimit<'a> {
        "status" => status: Field<'a>,
        "rateLimitType" => kind: Field<'a>,
        "utilization" => utilization: Field<'a>,
    }

    pub(crate) struct Tokens<'a> {
        "input_tokens" => input_tokens: Field<'a>,
        "cache_creation_input_tokens" => cache_creation_input_tokens: Field<'a>,
        "cache_read_input_tokens" => cache_read_input_tokens: Field<'a>,
        "output_tokens" => output_tokens: Field<'a>,
        "output_tokens_details" => output_tokens_details: Object<'a, OutputDetails<'a>>,
    }

    pub(crate) struct OutputDetails<'a> {
        "thinking_tokens" => thinking_tokens: Field<'a>,
    }
}
