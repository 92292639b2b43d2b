//! What becomes of a line: a state machine without I/O.

mod message;
mod outcome;
mod system;
mod task;
mod text;

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory};
use takopi_api::jsonl::{Recognition, Wire};
use takopi_api::resume::ResumeToken;

use crate::backend::ENGINE;
use crate::event::Line;

/// What one run remembers between lines. The open actions and tasks are those that go on right now.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    use_api_billing: bool,
    /// The session that was told last.
    session: String,
    /// The model that answered last.
    model: Option<String>,
    /// The calls of tools that have no result yet.
    open: Vec<Action>,
    tasks: task::Tasks,
    said: Said,
    turns: outcome::Turns,
    /// The action of the retries that are going on. They end when the next thing happens.
    retry: Option<Action>,
    /// How many actions have an id that was made here.
    made: u32,
}

/// The last words, in case that the result has none.
#[derive(Debug, Default)]
struct Said {
    /// By the model. If something follows, it was said on the way.
    by_model: String,
    /// Whether a note has it already.
    is_noted: bool,
    /// By the CLI itself: errors of the API, and what slash commands answer.
    by_cli: String,
}

impl Translation {
    pub(crate) fn new(title: &str, use_api_billing: bool) -> Self {
        Self {
            title: title.to_owned(),
            use_api_billing,
            session: String::new(),
            model: None,
            open: Vec::new(),
            tasks: task::Tasks::default(),
            said: Said::default(),
            turns: outcome::Turns::default(),
            retry: None,
            made: 0,
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        match Line::read(line) {
            Ok(line) => self.read(&line, out),
            Err(error) => Recognition::Malformed { reason: error.to_string() },
        }
    }

    pub(crate) fn read(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let kind = line.kind.text();
        match &*kind {
            "system" => self.system(line, out),
            "assistant" => self.assistant(line, out),
            "user" => self.user(line, out),
            "result" => {
                // A failure after retries is the end of the retries too.
                let is_error: bool = line.is_error.read().unwrap_or_default();
                self.end_retry(ActionOutcome::from(!is_error), out);
                self.result(line, out);
                Recognition::Known
            }
            "conversation_reset" => {
                // The command has no other answer.
                "The conversation was cleared.".clone_into(&mut self.said.by_cli);
                self.session(line, out)
            }
            "rate_limit_event" => rate_limit(line, out),
            // Pieces of messages that come whole as well, what a dialogue is about, signs of life of a tool, and what only a
            // user interface needs.
            "stream_event"
            | "command_lifecycle"
            | "control_request"
            | "control_response"
            | "control_cancel_request"
            | "keep_alive"
            | "tool_progress"
            | "tool_use_summary"
            | "prompt_suggestion"
            | "auth_status" => Recognition::Ignored,
            "" => Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => Recognition::Unknown { kind: kind.into_owned() },
        }
    }

    /// The session of a line that begins one, or ends one with `/clear`. In the second case the session that was asked
    /// for has been opened: it must be told before the new one is.
    fn session(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let session = line.session_id.text();
        if session == self.session {
            return Recognition::Known;
        }
        match ResumeToken::new(ENGINE, &*session) {
            Ok(token) => {
                self.session = session.into_owned();
                out.started(token, self.title.as_str());
                Recognition::Known
            }
            Err(error) => Recognition::Malformed { reason: error.to_string() },
        }
    }

    fn end_retry(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(action) = self.retry.take() {
            out.action_completed(action, outcome);
        }
    }

    /// An id for an action that has none of claude's.
    fn next_id(&mut self, what: &str) -> String {
        self.made += 1;
        format!("claude.{what}.{}", self.made)
    }

    fn say(&mut self, text: String, out: &mut EventFactory) {
        self.note_said(out);
        self.said.by_model = text;
        self.said.is_noted = false;
    }

    /// Something follows what was said last: it is kept as a note, in its place among the steps.
    fn note_said(&mut self, out: &mut EventFactory) {
        if !self.said.by_model.is_empty() && !self.said.is_noted {
            out.note(self.said.by_model.as_str());
            self.said.is_noted = true;
        }
    }

    /// Something that did not work, and that a person can do something about.
    fn failed_warning(&mut self, what: &str, title: String, out: &mut EventFactory) {
        let action = Action::new(self.next_id(what), ActionKind::Warning, title);
        out.action_completed(action, ActionOutcome::Failed);
    }
}

fn rate_limit(line: &Line<'_>, out: &mut EventFactory) -> Recognition {
    let Some(limit) = line.rate_limit_info.get() else { return Recognition::Ignored };
    if limit.status.text() == "allowed" {
        return Recognition::Ignored;
    }
    out.warning(text::of_rate_limit(limit));
    Recognition::Known
}
