//! The lines of `gemini -o stream-json`, as far as takopi looks at them. Fields are read without trust in their type: what
//! the CLI changes costs a field, never a line.

use serde::Deserialize;
use takopi_api::jsonl::Field;

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    /// `init`.
    #[serde(borrow)]
    pub(crate) session_id: Field<'a>,
    /// `message`.
    #[serde(borrow)]
    pub(crate) role: Field<'a>,
    #[serde(borrow)]
    pub(crate) content: Field<'a>,
    #[serde(borrow)]
    pub(crate) delta: Field<'a>,
    /// `tool_use` and `tool_result`.
    #[serde(borrow)]
    pub(crate) tool_id: Field<'a>,
    /// `tool_use`.
    #[serde(borrow)]
    pub(crate) tool_name: Field<'a>,
    #[serde(borrow)]
    pub(crate) parameters: Field<'a>,
    /// `tool_result` and `result`.
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    /// An [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
    /// `error`.
    #[serde(borrow)]
    pub(crate) severity: Field<'a>,
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
    /// `result`: [`Stats`].
    #[serde(borrow)]
    pub(crate) stats: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stats<'a> {
    #[serde(borrow)]
    pub(crate) input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) output_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cached: Field<'a>,
    #[serde(borrow)]
    pub(crate) duration_ms: Field<'a>,
}
