//! The lines of `pi --mode json` and of `pi --mode rpc`, as far as takopi looks at them. Fields are read without trust in their type: what the
//! CLI changes costs a field, never a line.

use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

wire! {
    /// One line.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        /// `session`: the thread; `response`: what it answers; `extension_ui_request`: its own.
        "id" => id: Field<'a>,
        /// `session` of a fork: the file of the thread that it came of.
        "parentSession" => parent_session: Field<'a>,
        /// `message_end`; of an `extension_ui_request` a text.
        "message" => message: Object<'a, Message<'a>>,
        /// `message_update`.
        "assistantMessageEvent" => update: Object<'a, Update<'a>>,
        /// `tool_execution_start` and `_end`.
        "toolCallId" => tool_call_id: Field<'a>,
        "toolName" => tool_name: Field<'a>,
        /// `tool_execution_start`.
        "args" => args: Field<'a>,
        /// `tool_execution_end`: a [`ToolResult`]; `compaction_end`: something if it went well.
        "result" => result: Field<'a>,
        "isError" => is_error: Field<'a>,
        /// `agent_end`; absent before pi 0.8x.
        "willRetry" => will_retry: Field<'a>,
        /// `auto_retry_start`.
        "attempt" => attempt: Field<'a>,
        "maxAttempts" => max_attempts: Field<'a>,
        "delayMs" => delay_ms: Field<'a>,
        "errorMessage" => error_message: Field<'a>,
        /// `auto_retry_end` and `response`.
        "success" => success: Field<'a>,
        /// `response`.
        "data" => data: Object<'a, Data<'a>>,
        /// `response` and `extension_error`.
        "error" => error: Field<'a>,
        /// `extension_error`.
        "event" => event: Field<'a>,
        /// `queue_update`.
        "steering" => steering: Field<'a>,
        "followUp" => follow_up: Field<'a>,
        /// `extension_ui_request`.
        "method" => method: Field<'a>,
        "title" => title: Field<'a>,
        "options" => options: Field<'a>,
        "placeholder" => placeholder: Field<'a>,
        "prefill" => prefill: Field<'a>,
        "timeout" => timeout: Field<'a>,
        "notifyType" => notify_type: Field<'a>,
        "statusKey" => status_key: Field<'a>,
    }

    /// What a command is answered with.
    pub(crate) struct Data<'a> {
        /// `get_state`.
        "sessionId" => session_id: Field<'a>,
        "isStreaming" => is_streaming: Field<'a>,
        "isCompacting" => is_compacting: Field<'a>,
        /// `clear_queue`.
        "steering" => steering: Field<'a>,
        "followUp" => follow_up: Field<'a>,
    }

    /// A piece of a message that is being written.
    pub(crate) struct Update<'a> {
        "type" => kind: Field<'a>,
        "delta" => delta: Field<'a>,
    }

    /// What takopi's extension asks, see `rpc/permissions.js`.
    pub(crate) struct Wanted<'a> {
        "call" => call: Field<'a>,
        "tool" => tool: Field<'a>,
        "input" => input: Field<'a>,
        "cwd" => cwd: Field<'a>,
        /// Whether the tool is pi's own.
        "builtin" => builtin: Field<'a>,
    }

    pub(crate) struct Message<'a> {
        "role" => role: Field<'a>,
        "content" => content: Objects<'a, Block<'a>>,
        "model" => model: Field<'a>,
        "usage" => usage: Object<'a, MessageUsage<'a>>,
        "stopReason" => stop_reason: Field<'a>,
        "errorMessage" => error_message: Field<'a>,
    }

    /// A part of a message.
    pub(crate) struct Block<'a> {
        "type" => kind: Field<'a>,
        "text" => text: Field<'a>,
        "thinking" => thinking: Field<'a>,
    }

    pub(crate) struct MessageUsage<'a> {
        "input" => input: Field<'a>,
        "output" => output: Field<'a>,
        "cacheRead" => cache_read: Field<'a>,
        "cacheWrite" => cache_write: Field<'a>,
        "reasoning" => reasoning: Field<'a>,
        "cost" => cost: Object<'a, Cost<'a>>,
    }

    pub(crate) struct Cost<'a> {
        "total" => total: Field<'a>,
    }

    pub(crate) struct ToolResult<'a> {
        "content" => content: Objects<'a, Block<'a>>,
    }

    /// The body of an API's error.
    pub(crate) struct ErrorBody<'a> {
        "error" => error: Field<'a>,
        "message" => message: Field<'a>,
        "detail" => detail: Field<'a>,
    }

    /// The first line of a session's file.
    pub(crate) struct SessionHeader<'a> {
        "id" => id: Field<'a>,
        "cwd" => cwd: Field<'a>,
    }
}
