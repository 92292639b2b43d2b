//! The lines of `qwen -o stream-json`, as far as takopi looks at them: claude's form with differences. Fields are read
//! without trust in their type: what the CLI changes costs a field, never a line.

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
    /// `assistant` and `user`: a [`Message`].
    #[serde(borrow)]
    pub(crate) message: Object<'a, Message<'a>>,
    /// `assistant` and `user`: the call of the sub-agent that says this.
    #[serde(borrow)]
    pub(crate) parent_tool_use_id: Field<'a>,

    /// `system`/`init`.
    #[serde(borrow)]
    pub(crate) session_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) model: Field<'a>,
    /// The other `system` lines: a [`Data`].
    #[serde(borrow)]
    pub(crate) data: Field<'a>,

    /// `result`.
    #[serde(borrow)]
    pub(crate) is_error: Field<'a>,
    #[serde(borrow)]
    pub(crate) result: Field<'a>,
    /// An [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
    /// A list of [`Denial`].
    #[serde(borrow)]
    pub(crate) permission_denials: Field<'a>,
    #[serde(borrow)]
    pub(crate) duration_ms: Field<'a>,
    /// [`Tokens`].
    #[serde(borrow)]
    pub(crate) usage: Field<'a>,
}

/// What qwen says about itself. One struct for all subtypes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data<'a> {
    /// `task_started` and `task_notification`.
    #[serde(borrow)]
    pub(crate) task_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) tool_use_id: Field<'a>,
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    /// `model_fallback`.
    #[serde(borrow, rename = "fromModel")]
    pub(crate) from_model: Field<'a>,
    #[serde(borrow, rename = "toModel")]
    pub(crate) to_model: Field<'a>,
    /// Any: what a person should read.
    #[serde(borrow)]
    pub(crate) notice: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) model: Field<'a>,
    /// `assistant`: [`Tokens`], in the last of the lines that a message of the model is told in.
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
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Denial<'a> {
    #[serde(borrow)]
    pub(crate) tool_name: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens<'a> {
    /// With those that came out of a cache.
    #[serde(borrow)]
    pub(crate) input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cache_read_input_tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) output_tokens: Field<'a>,
}
