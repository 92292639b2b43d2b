//! What the server tells, as far as takopi looks at it. Fields are read without trust in their type.

use takopi_api::jsonl::{Field, Object, Objects};
use takopi_api::wire;

use crate::event::Part;

wire! {
    /// One event.
    pub(super) struct Told<'a> {
        "type" => kind: Field<'a>,
        "properties" => properties: Object<'a, Properties<'a>>,
    }

    /// What an event is about. One struct for all types: each has its own fields.
    pub(super) struct Properties<'a> {
        "sessionID" => session_id: Field<'a>,
        /// `message.updated` and `session.created`.
        "info" => info: Object<'a, Info<'a>>,
        /// `message.part.updated`.
        "part" => part: Object<'a, Part<'a>>,
        /// `message.part.delta`.
        "partID" => part_id: Field<'a>,
        "field" => field: Field<'a>,
        "delta" => delta: Field<'a>,
        /// `session.status`.
        "status" => status: Object<'a, Status<'a>>,
        /// `session.error`.
        "error" => error: Field<'a>,
        /// `permission.replied`, `question.replied` and `question.rejected`.
        "requestID" => request_id: Field<'a>,
    }

    /// A message, or a session.
    pub(super) struct Info<'a> {
        "id" => id: Field<'a>,
        "role" => role: Field<'a>,
        /// The message that this one answers, or the session for which this one works.
        "parentID" => parent_id: Field<'a>,
        /// Whether it is what became of a conversation that got too long.
        "summary" => summary: Field<'a>,
    }

    /// What a session does.
    pub(super) struct Status<'a> {
        "type" => kind: Field<'a>,
        /// `retry`.
        "attempt" => attempt: Field<'a>,
        "message" => message: Field<'a>,
    }

    /// What `permission.asked` and `question.asked` ask.
    pub(super) struct Asked<'a> {
        "id" => id: Field<'a>,
        "sessionID" => session_id: Field<'a>,
        /// The call that waits for the answer.
        "tool" => tool: Object<'a, Caller<'a>>,
        /// Of a permission.
        "permission" => permission: Field<'a>,
        "patterns" => patterns: Field<'a>,
        "metadata" => metadata: Field<'a>,
        /// Of a question.
        "questions" => questions: Objects<'a, Question<'a>>,
    }

    pub(super) struct Caller<'a> {
        "callID" => call_id: Field<'a>,
    }

    /// What the tools of opencode say about themselves when they ask.
    pub(super) struct Metadata<'a> {
        "command" => command: Field<'a>,
        "filepath" => filepath: Field<'a>,
        "diff" => diff: Field<'a>,
        /// Of a patch: where each of its files is, and where it goes.
        "files" => files: Field<'a>,
    }

    /// The input of a call, as far as a request shows it.
    pub(super) struct Input<'a> {
        "workdir" => workdir: Field<'a>,
        "description" => description: Field<'a>,
    }

    pub(super) struct Question<'a> {
        "question" => question: Field<'a>,
        "header" => header: Field<'a>,
        "options" => options: Objects<'a, Choice<'a>>,
        "multiple" => multiple: Field<'a>,
    }

    pub(super) struct Choice<'a> {
        "label" => label: Field<'a>,
        "description" => description: Field<'a>,
    }

    /// The properties of an event that asks, which are the request itself.
    pub(super) struct Asks<'a> {
        "properties" => properties: Field<'a>,
    }
}
