//! What becomes of a line: a state machine without I/O.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Recognition, Unfinished, Wire};
use takopi_api::process::{Exit, ExitStatus};
use takopi_api::resume::ResumeToken;

use crate::backend::ENGINE;
use crate::event::{Line, Part};
use crate::step::{self, Stand};

/// What one run remembers between lines.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    has_started: bool,
    /// What the model said in the step that goes on. Of the last step this is the answer.
    texts: Vec<String>,
    usage: Usage,
    /// Why the last step ended.
    finish: String,
    /// An error that may end the run, or be told again.
    pending_error: Option<String>,
    errors: u32,
    /// What opencode would have asked a person for.
    refused_permission: Option<String>,
    is_over: bool,
}

impl Translation {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            has_started: false,
            texts: Vec::new(),
            usage: Usage::default(),
            finish: String::new(),
            pending_error: None,
            errors: 0,
            refused_permission: None,
            is_over: false,
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let kind = line.kind.text();
        if self.is_over {
            return Recognition::Ignored;
        }
        let part = line.part.fields();
        match &*kind {
            "step_start" | "text" | "reasoning" | "tool_use" | "step_finish" | "error" => {
                self.started(&line, out);
            }
            "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => return Recognition::Unknown { kind: kind.into_owned() },
        }
        match &*kind {
            "error" => self.error(&line, out),
            "step_start" => {
                self.tell_error(out);
                self.tell_texts(out);
            }
            "text" => {
                let text = part.text.trimmed();
                if !text.is_empty() {
                    self.texts.push(text.into_owned());
                }
            }
            "reasoning" => out.note(part.text.trimmed()),
            "tool_use" => call(part, out),
            _ => self.step_finished(part, out),
        }
        Recognition::Known
    }

    /// The program ended without the end of a turn.
    pub(crate) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        let thread = out.resume().map(|thread| thread.value().to_owned()).unwrap_or_default();
        let reason = if let Some(error) = self.pending_error.take() {
            Some(error)
        } else if let Some(permission) = self.refused_permission.take() {
            Some(format!(
                "opencode needed a permission that nobody can give here: {permission}; allow it in opencode's own \
                 configuration (`permission`)"
            ))
        } else if exit.stderr_tail.contains("Session not found") {
            Some(format!("opencode has no thread {thread}; leave out the resume line to start a new one"))
        } else if !self.has_started && !thread.is_empty() && !matches!(exit.status, ExitStatus::Code(_)) {
            Some(format!(
                "opencode {} and had said nothing; does thread {thread} belong to another folder?",
                exit.status
            ))
        } else if !matches!(&*self.finish, "" | "tool-calls") {
            Some(format!("opencode ended its turn without an answer (`{}`)", self.finish))
        } else {
            None
        };
        Unfinished { answer: self.take_texts(), reason, usage: std::mem::take(&mut self.usage).known() }
    }

    /// Where a permission would be needed, `opencode run` refuses it and says so only on standard error.
    pub(crate) fn refused_permissions(&mut self, stderr: &str, out: &mut EventFactory) {
        for line in stderr.lines() {
            let Some((_, asked)) = line.split_once("permission requested: ") else { continue };
            let asked = asked.strip_suffix("; auto-rejecting").unwrap_or(asked);
            out.warning(format!("opencode refused what it would have asked for: {asked}"));
            self.refused_permission = Some(asked.to_owned());
        }
    }

    fn started(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        if self.has_started {
            return;
        }
        if let Ok(token) = ResumeToken::new(ENGINE, line.session_id.text()) {
            self.has_started = true;
            out.started(token, self.title.as_str());
        }
    }

    fn step_finished(&mut self, part: &Part<'_>, out: &mut EventFactory) {
        self.usage += step::usage(part.tokens.fields(), part.cost);
        self.finish = part.reason.text().into_owned();
        match &*self.finish {
            "stop" => {}
            "length" => out.warning("the answer is cut off: it reached the model's limit"),
            // The turn goes on after its tool calls. What opencode does after any other reason shows at its exit.
            _ => return,
        }
        self.tell_error(out);
        self.is_over = true;
        let answer = self.take_texts();
        out.done(answer, Some(std::mem::take(&mut self.usage)));
    }

    /// What was said in this step, with a blank line between its parts. Mostly there is one, and it can be long.
    fn take_texts(&mut self) -> String {
        let mut texts = std::mem::take(&mut self.texts).into_iter();
        texts.next().map(|first| texts.fold(first, |said, text| said + "\n\n" + &text)).unwrap_or_default()
    }

    /// What was said in an earlier step was said on the way.
    fn tell_texts(&mut self, out: &mut EventFactory) {
        for text in self.texts.drain(..) {
            out.note(text);
        }
    }

    /// Opencode may tell the same error twice, and may go on after one.
    fn error(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let message = step::error_message(line.error);
        if self.pending_error.as_ref() != Some(&message) {
            self.tell_error(out);
            self.pending_error = Some(message);
        }
    }

    fn tell_error(&mut self, out: &mut EventFactory) {
        if let Some(error) = self.pending_error.take() {
            self.errors += 1;
            let id = format!("opencode.error.{}", self.errors);
            out.action_completed(Action::new(id, ActionKind::Warning, error), ActionOutcome::Failed);
        }
    }
}

/// Calls are printed once they are over; other states are there for versions that print more.
fn call(part: &Part<'_>, out: &mut EventFactory) {
    let id = if part.call_id.is_present() { part.call_id.text() } else { part.id.text() };
    match step::call(id, &part.tool.text(), part.state.fields()) {
        (action, Stand::Open) => out.action_started(action),
        (action, Stand::Over(outcome)) => out.action_completed(action, outcome),
    }
}
