//! The lines of `opencode run --format json`, as far as takopi looks at them. Fields are read without trust in their type:
//! what the CLI changes costs a field, never a line.

use takopi_api::jsonl::{Field, Object};
use takopi_api::wire;

wire! {
    /// One line.
    pub(crate) struct Line<'a> {
        "type" => kind: Field<'a>,
        "sessionID" => session_id: Field<'a>,
        /// All lines but `error`.
        "part" => part: Object<'a, Part<'a>>,
        /// `error`: an [`ErrorBody`].
        "error" => error: Field<'a>,
    }

    /// A part of a message, which a line is about. One struct for all types: each has its own fields.
    pub(crate) struct Part<'a> {
        "id" => id: Field<'a>,
        /// Only `opencode serve` is asked for these, and for `synthetic`.
        "sessionID" => session_id: Field<'a>,
        "messageID" => message_id: Field<'a>,
        "type" => kind: Field<'a>,
        /// Texts, also of thinking.
        "text" => text: Field<'a>,
        "synthetic" => synthetic: Field<'a>,
        /// Calls of tools.
        "tool" => tool: Field<'a>,
        "callID" => call_id: Field<'a>,
        "state" => state: Object<'a, State<'a>>,
        /// Ends of steps.
        "reason" => reason: Field<'a>,
        "tokens" => tokens: Object<'a, Tokens<'a>>,
        "cost" => cost: Field<'a>,
    }

    /// Where a call of a tool stands.
    pub(crate) struct State<'a> {
        "status" => status: Field<'a>,
        "input" => input: Field<'a>,
        "metadata" => metadata: Object<'a, Metadata<'a>>,
        "error" => error: Field<'a>,
    }

    pub(crate) struct Metadata<'a> {
        /// The exit code of a command.
        "exit" => exit: Field<'a>,
        /// Of a sub-agent: the session in which it works. Only `opencode serve` is asked for it.
        "sessionId" => session_id: Field<'a>,
    }

    /// The input of the tool `invalid`, by which opencode answers calls of tools that there are not.
    pub(crate) struct InvalidInput<'a> {
        "tool" => tool: Field<'a>,
    }

    pub(crate) struct Tokens<'a> {
        "input" => input: Field<'a>,
        "output" => output: Field<'a>,
        "reasoning" => reasoning: Field<'a>,
        "cache" => cache: Object<'a, Cache<'a>>,
    }

    pub(crate) struct Cache<'a> {
        "read" => read: Field<'a>,
        "write" => write: Field<'a>,
    }

    /// An error, and the `data` in it.
    pub(crate) struct ErrorBody<'a> {
        "name" => name: Field<'a>,
        "message" => message: Field<'a>,
        /// An [`ErrorBody`].
        "data" => data: Field<'a>,
    }
}
