//! The lines of `claude -p --output-format stream-json`, as far as takopi looks at them. Fields are read without trust in
//! their type: what the CLI changes costs a field, never a line.

use serde::Deserialize;
use takopi_api::jsonl::{Field, Object, Objects};

/// One line. One struct for all types: a line has the fields of its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow)]
    pub(crate) subtype: Field<'a>,
    #[serde(borrow)]
    pub(crate) session_id: Field<'a>,
    /// `assistant` and `user`: a [`Message`]. `system`/`permission_denied`: a text.
    #[serde(borrow)]
    pub(crate) message: Object<'a, Message<'a>>,
    /// `assistant` and `user`: the call of the sub-agent that says this.
    #[serde(borrow)]
    pub(crate) parent_tool_use_id: Field<'a>,

    /// `system`/`init`.
    #[serde(borrow)]
    pub(crate) model: Field<'a>,
    /// `system`: what some subtypes tell a person.
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
    /// `system`/`informational`.
    #[serde(borrow)]
    pub(crate) level: Field<'a>,
    /// `system`/`status`.
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    /// `system`/`api_retry`.
    #[serde(borrow)]
    pub(crate) attempt: Field<'a>,
    #[serde(borrow)]
    pub(crate) max_retries: Field<'a>,
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
    #[serde(borrow)]
    pub(crate) error_status: Field<'a>,
    /// `system`/`permission_denied`.
    #[serde(borrow)]
    pub(crate) tool_name: Field<'a>,
    /// `system`/`task_…`.
    #[serde(borrow)]
    pub(crate) task_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) task_type: Field<'a>,
    #[serde(borrow)]
    pub(crate) tool_use_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) description: Field<'a>,
    #[serde(borrow)]
    pub(crate) is_backgrounded: Field<'a>,
    /// `system`/`background_tasks_changed`: a list of [`BackgroundTask`].
    #[serde(borrow)]
    pub(crate) tasks: Field<'a>,

    /// `rate_limit_event`: a [`RateLimit`].
    #[serde(borrow)]
    pub(crate) rate_limit_info: Field<'a>,

    /// `result`.
    #[serde(borrow)]
    pub(crate) is_error: Field<'a>,
    #[serde(borrow)]
    pub(crate) result: Field<'a>,
    #[serde(borrow)]
    pub(crate) errors: Field<'a>,
    #[serde(borrow)]
    pub(crate) terminal_reason: Field<'a>,
    #[serde(borrow)]
    pub(crate) queued_turn_count: Field<'a>,
    #[serde(borrow)]
    pub(crate) total_cost_usd: Field<'a>,
    #[serde(borrow)]
    pub(crate) duration_ms: Field<'a>,
    /// [`Tokens`].
    #[serde(borrow)]
    pub(crate) usage: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    /// `assistant`.
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    #[serde(borrow)]
    pub(crate) model: Field<'a>,
    /// [`Tokens`].
    #[serde(borrow)]
    pub(crate) usage: Field<'a>,
    /// A text, or a list of [`Block`].
    #[serde(borrow)]
    pub(crate) content: Objects<'a, Block<'a>>,
}

/// A piece of a message. One struct for all types.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow)]
    pub(crate) text: Field<'a>,
    #[serde(borrow)]
    pub(crate) thinking: Field<'a>,
    /// `tool_use`.
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    #[serde(borrow)]
    pub(crate) name: Field<'a>,
    #[serde(borrow)]
    pub(crate) input: Field<'a>,
    /// `tool_result`.
    #[serde(borrow)]
    pub(crate) tool_use_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) is_error: Field<'a>,
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BackgroundTask<'a> {
    #[serde(borrow)]
    pub(crate) task_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) task_type: Field<'a>,
    #[serde(borrow)]
    pub(crate) description: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RateLimit<'a> {
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    #[serde(borrow, rename = "rateLimitType")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow)]
    pub(crate) utilization: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens<'a> {
    #[serde(borrow)]
    pub(crate) input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cache_creation_input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cache_read_input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) output_tokens: Field<'a>,
    /// An [`OutputDetails`].
    #[serde(borrow)]
    pub(crate) output_tokens_details: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutputDetails<'a> {
    #[serde(borrow)]
    pub(crate) thinking_tokens: Field<'a>,
}
