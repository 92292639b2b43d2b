//! The lines of `pi --mode json`, as far as takopi looks at them. Fields are read without trust in their type: what the
//! CLI changes costs a field, never a line.

use serde::Deserialize;
use takopi_api::jsonl::Field;

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    /// `session`.
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    /// `session` of a fork: the file of the thread that it came of.
    #[serde(borrow, rename = "parentSession")]
    pub(crate) parent_session: Field<'a>,
    /// `message_end`: a [`Message`].
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
    /// `tool_execution_start` and `_end`.
    #[serde(borrow, rename = "toolCallId")]
    pub(crate) tool_call_id: Field<'a>,
    #[serde(borrow, rename = "toolName")]
    pub(crate) tool_name: Field<'a>,
    /// `tool_execution_start`.
    #[serde(borrow)]
    pub(crate) args: Field<'a>,
    /// `tool_execution_end`: a [`ToolResult`]; `compaction_end`: something if it went well.
    #[serde(borrow)]
    pub(crate) result: Field<'a>,
    #[serde(borrow, rename = "isError")]
    pub(crate) is_error: Field<'a>,
    /// `agent_end`; absent before pi 0.8x.
    #[serde(borrow, rename = "willRetry")]
    pub(crate) will_retry: Field<'a>,
    /// `auto_retry_start`.
    #[serde(borrow)]
    pub(crate) attempt: Field<'a>,
    #[serde(borrow, rename = "maxAttempts")]
    pub(crate) max_attempts: Field<'a>,
    #[serde(borrow, rename = "delayMs")]
    pub(crate) delay_ms: Field<'a>,
    #[serde(borrow, rename = "errorMessage")]
    pub(crate) error_message: Field<'a>,
    /// `auto_retry_end`.
    #[serde(borrow)]
    pub(crate) success: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) role: Field<'a>,
    /// A list of [`Block`].
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
    #[serde(borrow)]
    pub(crate) model: Field<'a>,
    /// A [`MessageUsage`].
    #[serde(borrow)]
    pub(crate) usage: Field<'a>,
    #[serde(borrow, rename = "stopReason")]
    pub(crate) stop_reason: Field<'a>,
    #[serde(borrow, rename = "errorMessage")]
    pub(crate) error_message: Field<'a>,
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow)]
    pub(crate) text: Field<'a>,
    #[serde(borrow)]
    pub(crate) thinking: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MessageUsage<'a> {
    #[serde(borrow)]
    pub(crate) input: Field<'a>,
    #[serde(borrow)]
    pub(crate) output: Field<'a>,
    #[serde(borrow, rename = "cacheRead")]
    pub(crate) cache_read: Field<'a>,
    #[serde(borrow, rename = "cacheWrite")]
    pub(crate) cache_write: Field<'a>,
    #[serde(borrow)]
    pub(crate) reasoning: Field<'a>,
    /// A [`Cost`].
    #[serde(borrow)]
    pub(crate) cost: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cost<'a> {
    #[serde(borrow)]
    pub(crate) total: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ToolResult<'a> {
    /// A list of [`Block`].
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
}

/// The first line of a session's file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SessionHeader<'a> {
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    #[serde(borrow)]
    pub(crate) cwd: Field<'a>,
}
