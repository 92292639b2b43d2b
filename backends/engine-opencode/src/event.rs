//! The lines of `opencode run --format json`, as far as takopi looks at them. Fields are read without trust in their type:
//! what the CLI changes costs a field, never a line.

use serde::Deserialize;
use takopi_api::jsonl::Field;

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Field<'a>,
    #[serde(borrow, rename = "sessionID")]
    pub(crate) session_id: Field<'a>,
    /// A [`Part`]; all lines but `error`.
    #[serde(borrow)]
    pub(crate) part: Field<'a>,
    /// `error`: an [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
}

/// What a line is about. One struct for all types: a part has the fields of its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    pub(crate) id: Field<'a>,
    /// `text` and `reasoning`.
    #[serde(borrow)]
    pub(crate) text: Field<'a>,
    /// `tool_use`.
    #[serde(borrow)]
    pub(crate) tool: Field<'a>,
    #[serde(borrow, rename = "callID")]
    pub(crate) call_id: Field<'a>,
    /// `tool_use`: a [`State`].
    #[serde(borrow)]
    pub(crate) state: Field<'a>,
    /// `step_finish`.
    #[serde(borrow)]
    pub(crate) reason: Field<'a>,
    /// `step_finish`: [`Tokens`].
    #[serde(borrow)]
    pub(crate) tokens: Field<'a>,
    #[serde(borrow)]
    pub(crate) cost: Field<'a>,
}

/// Where a call of a tool stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State<'a> {
    #[serde(borrow)]
    pub(crate) status: Field<'a>,
    #[serde(borrow)]
    pub(crate) input: Field<'a>,
    /// A [`Metadata`].
    #[serde(borrow)]
    pub(crate) metadata: Field<'a>,
    #[serde(borrow)]
    pub(crate) error: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata<'a> {
    /// The exit code of a command.
    #[serde(borrow)]
    pub(crate) exit: Field<'a>,
}

/// The input of the tool `invalid`, by which opencode answers calls of tools that there are not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InvalidInput<'a> {
    #[serde(borrow)]
    pub(crate) tool: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens<'a> {
    #[serde(borrow)]
    pub(crate) input: Field<'a>,
    #[serde(borrow)]
    pub(crate) output: Field<'a>,
    #[serde(borrow)]
    pub(crate) reasoning: Field<'a>,
    /// A [`Cache`].
    #[serde(borrow)]
    pub(crate) cache: Field<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cache<'a> {
    #[serde(borrow)]
    pub(crate) read: Field<'a>,
    #[serde(borrow)]
    pub(crate) write: Field<'a>,
}

/// An error, and the `data` in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(crate) name: Field<'a>,
    #[serde(borrow)]
    pub(crate) message: Field<'a>,
    /// An [`ErrorBody`].
    #[serde(borrow)]
    pub(crate) data: Field<'a>,
}
