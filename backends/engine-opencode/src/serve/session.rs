//! One turn of a session as a state machine without I/O: what the server tells comes in, events and calls go out.

mod catch_up;
mod parts;
mod requests;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use takopi_api::event::{
    Action, ActionId, ActionKind, ActionOutcome, EventFactory, Outcome, RequestId, TextKind, Usage,
};
use takopi_api::jsonl::{Field, Wire};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::ControlError;

use super::ask::ToolCall;
use super::prompt::Prompt;
use super::wire;
use crate::step;
pub(super) use catch_up::Present;
pub(super) use requests::Delivery;
use requests::Requests;

/// Kinds of unknown events that are told apart.
const UNKNOWN_KINDS: usize = 64;

/// How often a turn that has not begun yet is looked for after the stream was lost.
const SEARCHES: u32 = 20;

/// What happens besides, and is nobody's business here.
const IGNORED: &[&str] = &[
    "catalog.updated",
    "command.executed",
    "file.edited",
    "file.watcher.updated",
    "integration.updated",
    "lsp.client.diagnostics",
    "lsp.updated",
    "mcp.tools.changed",
    "message.part.removed",
    "message.removed",
    "plugin.added",
    "project.directories.updated",
    "project.updated",
    "reference.updated",
    "server.connected",
    "server.heartbeat",
    "session.compacted",
    "session.deleted",
    "session.diff",
    "session.updated",
    "todo.updated",
    "vcs.branch.updated",
];

/// What is to be said to the server. The answer to each comes back to the session.
#[derive(Debug, PartialEq)]
pub(super) enum Call {
    /// The first message: [`Session::prompted`].
    Prompt(Value),
    /// End the turn: [`Session::aborted`].
    Abort,
    /// What does the session do? [`Session::looked`].
    Look,
    /// Wait a moment for the call of a request: [`Session::waited`].
    Wait(RequestId),
}

/// A piece of text that the model writes.
#[derive(Debug)]
struct Piece {
    id: String,
    kind: TextKind,
    text: String,
    /// Whether something of it was told as it was written.
    is_told: bool,
}

/// One turn.
#[derive(Debug)]
pub(super) struct Session {
    thread: ResumeToken,
    /// Whether it has messages of earlier runs.
    is_resumed: bool,
    /// The folder of the run.
    cwd: String,
    title: String,
    prompt: Prompt,
    /// Other sessions that work for this one, and the step in which they do.
    inner: HashMap<String, Option<ActionId>>,
    /// How many messages were sent, and how many the session has.
    sent: u32,
    seen: u32,
    /// How many are on their way.
    steering: u32,
    /// The first and the last message of a person in this turn.
    first_message: String,
    last_message: String,
    /// The message that the model writes, and which one it answers.
    reply: String,
    replies_to: String,
    /// What it writes in there. Of the last message this is the answer.
    pieces: Vec<Piece>,
    /// Whether the message is what opencode makes of a conversation that got too long.
    is_summary: bool,
    has_told_text: bool,
    /// Calls that go on: what they are called, and their input.
    calls: HashMap<ToolCall, (String, String)>,
    /// Calls that are over.
    over: HashSet<ToolCall>,
    /// The ends of steps that were counted.
    counted: HashSet<String>,
    requests: Requests,
    usage: Usage,
    /// Why the last step ended.
    finish: String,
    pending_error: Option<String>,
    errors: u32,
    retry: u64,
    is_busy: bool,
    /// Whether it has ever done something.
    has_begun: bool,
    searches: u32,
    is_looking: bool,
    is_interrupted: bool,
    is_over: bool,
    has_malformed: bool,
    unknown: BTreeSet<String>,
}

impl Session {
    pub(super) fn new(
        thread: ResumeToken,
        is_resumed: bool,
        cwd: String,
        title: String,
        prompt: Prompt,
    ) -> Self {
        Self {
            thread,
            is_resumed,
            cwd,
            title,
            prompt,
            inner: HashMap::new(),
            sent: 0,
            seen: 0,
            steering: 0,
            first_message: String::new(),
            last_message: String::new(),
            reply: String::new(),
            replies_to: String::new(),
            pieces: Vec::new(),
            is_summary: false,
            has_told_text: false,
            calls: HashMap::new(),
            over: HashSet::new(),
            counted: HashSet::new(),
            requests: Requests::default(),
            usage: Usage::default(),
            finish: String::new(),
            pending_error: None,
            errors: 0,
            retry: 0,
            is_busy: false,
            has_begun: false,
            searches: 0,
            is_looking: false,
            is_interrupted: false,
            is_over: false,
            has_malformed: false,
            unknown: BTreeSet::new(),
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether something of it still runs, as far as is known.
    pub(super) const fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// The turn begins.
    pub(super) fn begin(&mut self, out: &mut EventFactory) -> Call {
        out.started(self.thread.clone(), self.title.as_str());
        self.sent += 1;
        Call::Prompt(self.prompt.first())
    }

    /// The first message was taken, or not.
    pub(super) fn prompted(&mut self, taken: Result<(), String>, out: &mut EventFactory) {
        if let Err(reason) = taken {
            self.fail(format!("opencode did not take the prompt: {reason}"), out);
        }
    }

    /// Somebody wants to say something in the turn. What this gives is to be said to the server.
    ///
    /// # Errors
    /// If the turn is to end: nobody would read it.
    pub(super) fn steer(&mut self, text: &str) -> Result<Value, ControlError> {
        if self.is_interrupted {
            return Err(ControlError::Over);
        }
        // From now on the turn is not over before it is answered.
        self.sent += 1;
        self.steering += 1;
        Ok(self.prompt.later(text))
    }

    pub(super) fn steered(&mut self, is_taken: bool, calls: &mut Vec<Call>) {
        self.steering = self.steering.saturating_sub(1);
        if !is_taken {
            self.sent -= 1;
        }
        // The turn may have ended meanwhile, or another one may begin. One that has not begun will, and then tells so.
        if self.has_begun && !self.is_busy {
            self.look(calls);
        }
    }

    /// Somebody wants the turn to end.
    pub(super) fn interrupt(&mut self, calls: &mut Vec<Call>) {
        if !std::mem::replace(&mut self.is_interrupted, true) {
            calls.push(Call::Abort);
        }
    }

    /// The server has ended the turn, and what its tools had started. It tells that the session is idle before it tells what
    /// became of them, so the end of the turn waits until that is told too.
    pub(super) fn aborted(&mut self, calls: &mut Vec<Call>) {
        self.look(calls);
    }

    /// What the session does, by its own word.
    pub(super) fn looked(&mut self, is_busy: bool, out: &mut EventFactory, calls: &mut Vec<Call>) {
        self.is_looking = false;
        self.is_busy = is_busy;
        self.has_begun |= is_busy;
        if self.is_over {
            return;
        }
        if !is_busy && self.may_begin() {
            self.searches += 1;
            self.look(calls);
        } else if !is_busy {
            // What is on its way is looked at when it has arrived: whoever said it must know whether it did.
            if self.steering == 0 || self.is_interrupted {
                self.end(out);
            }
        } else if self.is_interrupted {
            // It was told to end before it had begun.
            calls.push(Call::Abort);
        }
    }

    /// Whether nothing of the turn was seen, and it may still begin.
    fn may_begin(&self) -> bool {
        !self.has_begun
            && self.first_message.is_empty()
            && self.pending_error.is_none()
            && !self.is_interrupted
            && self.searches < SEARCHES
    }

    /// The run can not go on.
    pub(super) fn fail(&mut self, reason: String, out: &mut EventFactory) {
        if !self.is_over {
            self.tell_error(out);
            self.pending_error = Some(reason);
            self.end(out);
        }
    }

    /// The server tells of something.
    pub(super) fn hear(&mut self, data: &str, out: &mut EventFactory, calls: &mut Vec<Call>) {
        if self.is_over {
            return;
        }
        let told = match wire::Told::read(data) {
            Ok(told) if told.kind.is_present() => told,
            other => return self.malformed(data, &format!("{:?}", other.err()), out),
        };
        let properties = told.properties.fields();
        match &*told.kind.text() {
            "message.part.delta" => self.delta(properties, out),
            "message.part.updated" => self.part(properties.part.fields(), out),
            "message.updated" => {
                if self.is_own(properties.session_id) {
                    self.message(properties.info.fields(), out);
                }
            }
            "session.created" => {
                let info = properties.info.fields();
                self.session_created(&info.id.text(), &info.parent_id.text());
            }
            "session.status" if self.is_own(properties.session_id) => {
                self.status(properties.status.fields(), out, calls);
            }
            // `session.status` says the same; older servers say only this.
            "session.idle" if self.is_own(properties.session_id) => self.idle(out, calls),
            "session.error" if self.is_own(properties.session_id) => self.error(properties.error, out, calls),
            "session.status" | "session.idle" | "session.error" => {}
            kind @ ("permission.asked" | "question.asked") => {
                let asks = wire::Asks::read(data).unwrap_or_default();
                self.asked(kind, &asks.properties.text(), out, calls);
            }
            "permission.replied" | "question.replied" | "question.rejected" => {
                self.requests.resolved(&properties.request_id.text(), out);
            }
            kind if IGNORED.contains(&kind) => {}
            kind => self.unknown(kind),
        }
    }

    fn is_own(&self, session: Field<'_>) -> bool {
        session.text() == self.thread.value()
    }

    fn session_created(&mut self, session: &str, parent: &str) {
        let step = self.inner.get(parent).cloned().flatten();
        if parent == self.thread.value() || self.inner.contains_key(parent) {
            self.inner.entry(session.to_owned()).or_insert(step);
        }
    }

    fn status(&mut self, status: &wire::Status<'_>, out: &mut EventFactory, calls: &mut Vec<Call>) {
        match &*status.kind.text() {
            "idle" => self.idle(out, calls),
            "retry" => {
                self.busy();
                let attempt = status.attempt.read().unwrap_or(self.retry + 1);
                if attempt != self.retry {
                    self.retry = attempt;
                    out.warning(format!("opencode tries again: {}", status.message.trimmed()));
                }
            }
            _ => self.busy(),
        }
    }

    const fn busy(&mut self) {
        self.is_busy = true;
        self.has_begun = true;
    }

    /// Nothing of the session runs. The turn is over if everything that was said is answered.
    fn idle(&mut self, out: &mut EventFactory, calls: &mut Vec<Call>) {
        self.is_busy = false;
        self.has_begun = true;
        if self.is_interrupted {
            // It is over once the server has answered.
        } else if self.steering > 0 {
            // It has to be known first whether it is in this turn.
        } else if self.pending_error.is_some() || self.is_answered() {
            self.end(out);
        } else {
            self.look(calls);
        }
    }

    fn is_answered(&self) -> bool {
        self.seen >= self.sent && self.replies_to == self.last_message
    }

    fn look(&mut self, calls: &mut Vec<Call>) {
        if !self.is_over && !std::mem::replace(&mut self.is_looking, true) {
            calls.push(Call::Look);
        }
    }

    /// Opencode may tell the same error twice, and may go on after one.
    fn error(&mut self, error: Field<'_>, out: &mut EventFactory, calls: &mut Vec<Call>) {
        // What comes after the first one while the session is asked what it does is the same error from deeper inside.
        if self.is_interrupted || self.is_looking && self.pending_error.is_some() {
            return;
        }
        let message = step::error_message(error);
        if self.pending_error.as_ref() != Some(&message) {
            self.tell_error(out);
            self.pending_error = Some(message);
        }
        // What can not even begin never gets idle.
        if !self.is_busy {
            self.look(calls);
        }
    }

    fn tell_error(&mut self, out: &mut EventFactory) {
        if let Some(error) = self.pending_error.take() {
            self.errors += 1;
            let id = format!("opencode.error.{}", self.errors);
            out.action_completed(Action::new(id, ActionKind::Warning, error), ActionOutcome::Failed);
        }
    }

    fn end(&mut self, out: &mut EventFactory) {
        self.is_over = true;
        self.requests.close(out);
        let usage = std::mem::take(&mut self.usage).known();
        let answer = self.take_answer();
        if self.is_interrupted {
            out.completed(Outcome::Interrupted, answer, usage);
        } else if let Some(error) = self.pending_error.take() {
            out.failed(error, answer, usage);
        } else if matches!(&*self.finish, "stop" | "length") {
            out.done(answer, usage);
        } else {
            let reason = match &*self.finish {
                "" => "opencode ended its turn without an answer".to_owned(),
                finish => format!("opencode ended its turn without an answer (`{finish}`)"),
            };
            out.failed(reason, answer, usage);
        }
    }

    fn malformed(&mut self, data: &str, reason: &str, out: &mut EventFactory) {
        tracing::warn!(reason, bytes = data.len(), "unreadable event of opencode");
        if !std::mem::replace(&mut self.has_malformed, true) {
            let shown: String =
                data.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
            out.warning(format!("opencode told something that takopi can not read: {shown}"));
        }
    }

    fn unknown(&mut self, kind: &str) {
        let kind: String = kind.chars().take(200).collect();
        if self.unknown.len() < UNKNOWN_KINDS && self.unknown.insert(kind.clone()) {
            tracing::info!(kind, "unknown events of opencode");
        }
    }
}
