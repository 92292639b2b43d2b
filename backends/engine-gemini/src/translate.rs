//! What becomes of a line: a state machine without I/O.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Field, Recognition, Unfinished, Wire};
use takopi_api::process::Exit;
use takopi_api::resume::ResumeToken;
use takopi_api::tool;

use crate::backend::ENGINE;
use crate::event::Line;
use crate::text;

/// What one run remembers between lines.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    /// What the model said since its last call of a tool.
    said: String,
    /// The calls that are going on; their ends do not repeat what they are.
    calls: Vec<Action>,
    /// An error that the result may repeat, or not name.
    pending_error: Option<String>,
    /// The last warning: the reason, if there is no answer.
    warning: Option<String>,
    errors: u32,
    is_over: bool,
}

impl Translation {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            said: String::new(),
            calls: Vec::new(),
            pending_error: None,
            warning: None,
            errors: 0,
            is_over: false,
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let kind = line.kind.text();
        match &*kind {
            _ if self.is_over => return Recognition::Ignored,
            "init" => match ResumeToken::new(ENGINE, line.session_id.text()) {
                Ok(token) => out.started(token, self.title.as_str()),
                Err(error) => return Recognition::Malformed { reason: error.to_string() },
            },
            "message" if line.role.text() == "assistant" => self.message(&line, out),
            "message" => return Recognition::Ignored,
            "tool_use" => self.call_started(&line, out),
            "tool_result" => self.call_ended(&line, out),
            "error" => self.error(&line, out),
            "result" => self.result(&line, out),
            "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => return Recognition::Unknown { kind: kind.into_owned() },
        }
        Recognition::Known
    }

    /// The program ended without a result. That it exited with code 0 says nothing: it does so when it is asked to end, and
    /// when its output breaks off.
    pub(crate) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        let stderr = &exit.stderr_tail;
        let thread = out.resume().map(|thread| thread.value().to_owned()).unwrap_or_default();
        let reason = if let Some(error) = self.pending_error.take() {
            Some(error)
        } else if stderr.contains("Error resuming session") {
            Some(format!(
                "gemini has no thread {thread} in this folder (it keeps threads by folder); leave out the resume line to \
                 start a new one"
            ))
        } else if stderr.contains("not running in a trusted directory") {
            Some(
                "gemini does not trust this folder; trust it in gemini itself, or set `skip_trust = true` in `[gemini]`"
                    .to_owned(),
            )
        } else if exit.status.is_zero() {
            Some("gemini ended without a result: its output broke off".to_owned())
        } else {
            text::of_last_attempt(stderr)
        };
        // What a run used is told in its result and not before.
        Unfinished { answer: std::mem::take(&mut self.said).trim().to_owned(), reason, usage: None }
    }

    /// Messages come in pieces, which are joined; a whole one begins anew.
    fn message(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        if !line.delta.read().unwrap_or(false) {
            self.tell_said(out);
        }
        self.said.push_str(&line.content.text());
    }

    fn call_started(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.tell_said(out);
        let action = tool::action(line.tool_id.text(), &line.tool_name.text(), line.parameters);
        self.calls.push(action.clone());
        out.action_started(action);
    }

    fn call_ended(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let id = line.tool_id.text();
        let mut action = match self.calls.iter().position(|call| call.id.as_str() == id) {
            Some(at) => self.calls.swap_remove(at),
            None => tool::action(id, "tool", Field::default()),
        };
        let ok = line.status.text() == "success";
        let error = line.error.fields();
        if error.message.is_present() {
            action = action.with("error_message", error.message.text());
        }
        out.action_completed(action, ok.into());
    }

    fn error(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let message = text::of_error(&line.message.text());
        if line.severity.text() == "warning" {
            out.warning(message.as_str());
            self.warning = Some(message);
        } else {
            self.tell_error(out);
            self.pending_error = Some(message);
        }
    }

    fn result(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.is_over = true;
        let answer = std::mem::take(&mut self.said).trim().to_owned();
        let usage = Some(usage(line));
        if line.status.text() != "success" {
            let told = text::of_error(&line.error.fields().message.text());
            let error = Some(told).filter(|error| !error.is_empty()).or_else(|| self.pending_error.take());
            let error = error.unwrap_or_else(|| "gemini says that the run failed, but not why".to_owned());
            return out.failed(error, answer, usage);
        }
        // Gemini calls it a success when it stops the model, in a loop for instance, before it has said anything.
        match self.warning.take() {
            Some(warning) if answer.is_empty() => out.failed(warning, answer, usage),
            _ => {
                self.tell_error(out);
                out.done(answer, usage);
            }
        }
    }

    /// What was said before a call of a tool was said on the way.
    fn tell_said(&mut self, out: &mut EventFactory) {
        let said = std::mem::take(&mut self.said);
        if !said.trim().is_empty() {
            out.note(said.trim());
        }
    }

    fn tell_error(&mut self, out: &mut EventFactory) {
        if let Some(error) = self.pending_error.take() {
            self.errors += 1;
            let id = format!("gemini.error.{}", self.errors);
            out.action_completed(Action::new(id, ActionKind::Warning, error), ActionOutcome::Failed);
        }
    }
}

fn usage(line: &Line<'_>) -> Usage {
    let stats = line.stats.fields();
    let mut usage = Usage::default();
    usage.input_tokens = stats.input_tokens.read();
    usage.cached_input_tokens = stats.cached.read();
    usage.output_tokens = stats.output_tokens.read();
    usage.duration_ms = stats.duration_ms.read();
    usage
}
