//! What becomes of a line: a state machine without I/O.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Recognition, Unfinished, Wire};
use takopi_api::process::{Exit, ExitStatus};
use takopi_api::resume::ResumeToken;
use takopi_api::tool;

use crate::backend::ENGINE;
use crate::event::{ErrorBody, InvalidInput, Line, Part};

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
        self.count_usage(part);
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
        let message = message(line);
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

    fn count_usage(&mut self, part: &Part<'_>) {
        let tokens = part.tokens.fields();
        let cache = tokens.cache.fields();
        let sum = |figures: &[Option<u64>]| figures.iter().copied().flatten().reduce(u64::saturating_add);
        let mut usage = Usage::default();
        usage.cached_input_tokens = cache.read.read();
        usage.reasoning_output_tokens = tokens.reasoning.read();
        // Opencode counts cached and reasoning tokens apart from the others.
        usage.input_tokens = sum(&[tokens.input.read(), usage.cached_input_tokens, cache.write.read()]);
        usage.output_tokens = sum(&[tokens.output.read(), usage.reasoning_output_tokens]);
        usage.cost_usd = part.cost.read();
        self.usage += usage;
    }
}

/// Calls are printed once they are over; other states are there for versions that print more.
fn call(part: &Part<'_>, out: &mut EventFactory) {
    let state = part.state.fields();
    let id = if part.call_id.is_present() { part.call_id.text() } else { part.id.text() };
    let name = part.tool.text();
    let mut action = tool::action(id, &name, state.input);
    let is_invalid = name == "invalid";
    if is_invalid {
        let input: InvalidInput<'_> = state.input.object().unwrap_or_default();
        action.title = format!("no such tool: {}", input.tool.text());
    }
    match &*state.status.text() {
        "completed" => {
            let code: Option<i32> = state.metadata.fields().exit.read();
            let ok = !is_invalid && code.unwrap_or_default() == 0;
            out.action_completed(action.exit_code(code), ok.into());
        }
        "error" => {
            let action = action.with("error_message", state.error.text().into_owned());
            out.action_completed(action, ActionOutcome::Failed);
        }
        _ => out.action_started(action),
    }
}

fn message(line: &Line<'_>) -> String {
    let error: ErrorBody<'_> = line.error.object().unwrap_or_default();
    let data: ErrorBody<'_> = error.data.object().unwrap_or_default();
    [data.message, error.message, error.name, line.error]
        .into_iter()
        .map(|field| field.text().trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "opencode tells of an error, but not of which".to_owned())
}
