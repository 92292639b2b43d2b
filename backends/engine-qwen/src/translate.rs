//! What becomes of a line: a state machine without I/O.

mod message;

use std::collections::BTreeSet;

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Field, Recognition, Unfinished, Wire};
use takopi_api::process::Exit;
use takopi_api::resume::ResumeToken;

use crate::backend::ENGINE;
use crate::event::{Data, ErrorBody, Line, Tokens};

/// What one run remembers between lines. The open actions and agents are those that go on right now.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    /// The model that answered last.
    model: Option<String>,
    /// What the messages so far used, in case that there is no result.
    spent: Usage,
    /// The calls of tools that have no result yet.
    open: Vec<Action>,
    /// The calls whose agents work in the background: their results say only that they began.
    agents: Vec<String>,
    said: Said,
    /// The action of the retries that are going on, and how many there were. They end when the next thing happens.
    retry: Option<(Action, u32)>,
    /// How many actions have an id that was made here.
    made: u32,
}

/// The model's last words, in case that the result has none. If something follows, they were said on the way.
#[derive(Debug, Default)]
struct Said {
    text: String,
    /// Whether a note has them already.
    is_noted: bool,
}

impl Translation {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            model: None,
            spent: Usage::default(),
            open: Vec::new(),
            agents: Vec::new(),
            said: Said::default(),
            retry: None,
            made: 0,
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let kind = line.kind.text();
        match &*kind {
            "system" => self.system(&line, out),
            "assistant" => self.assistant(&line, out),
            "user" => self.user(&line, out),
            "result" => {
                self.result(&line, out);
                Recognition::Known
            }
            // Pieces of messages that come whole as well, the state of a goal, and signs of life of a tool.
            "stream_event" | "tool_progress" | "control_request" | "control_response" => Recognition::Ignored,
            "" => Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => Recognition::Unknown { kind: kind.into_owned() },
        }
    }

    /// The program ended without a result.
    pub(crate) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        let reason = match (&self.retry, out.resume()) {
            (Some((retry, _)), _) => Some(format!("qwen did not reach its model: {}", retry.title)),
            (None, Some(thread)) if exit.stderr_tail.contains("No saved session found") => Some(format!(
                "qwen has no thread {}; leave out the resume line to start a new one",
                thread.value()
            )),
            (None, _) => None,
        };
        self.end_retry(ActionOutcome::Failed, out);
        let mut usage = std::mem::take(&mut self.spent);
        usage.model = self.model.take();
        Unfinished { answer: std::mem::take(&mut self.said).text, reason, usage: usage.known() }
    }

    fn system(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let data = line.data.fields();
        match &*line.subtype.text() {
            "init" => return self.init(line, out),
            "retry" => self.retry(out),
            "task_started" => self.agents.push(data.tool_use_id.text().into_owned()),
            "task_notification" => self.agent_ended(data, out),
            "model_fallback" => {
                let (from, to) = (data.from_model.text(), data.to_model.text());
                out.warning(format!("qwen went on with the model {to} instead of {from}"));
            }
            _ if data.notice.is_present() => out.note(data.notice.text()),
            "session_start" | "session_end" | "worktree_started" | "worktree_restored" => {
                return Recognition::Ignored;
            }
            subtype => return Recognition::Unknown { kind: format!("system {subtype}") },
        }
        Recognition::Known
    }

    fn init(&self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let title = if line.model.is_present() { line.model.text() } else { self.title.as_str().into() };
        match ResumeToken::new(ENGINE, line.session_id.text()) {
            Ok(token) => {
                out.started(token, title);
                Recognition::Known
            }
            Err(error) => Recognition::Malformed { reason: error.to_string() },
        }
    }

    fn retry(&mut self, out: &mut EventFactory) {
        if let Some((action, attempts)) = &mut self.retry {
            *attempts += 1;
            action.title = format!("asking the model again, attempt {attempts}");
            out.action_updated(action.clone());
        } else {
            let action =
                Action::new(self.next_id("retry"), ActionKind::Note, "asking the model again, attempt 1");
            self.retry = Some((action.clone(), 1));
            out.action_started(action);
        }
    }

    fn end_retry(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some((action, _)) = self.retry.take() {
            out.action_completed(action, outcome);
        }
    }

    fn agent_ended(&mut self, data: &Data<'_>, out: &mut EventFactory) {
        let call = data.tool_use_id.text();
        self.agents.retain(|agent| *agent != call);
        if let Some(action) = self.take_open(&call) {
            out.action_completed(action, (data.status.text() == "completed").into());
        }
    }

    /// The one result of a run. Agents in the background have ended by then; qwen waits for them.
    fn result(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let is_error = line.is_error.read::<bool>().unwrap_or_default();
        self.end_retry((!is_error).into(), out);
        let usage = Some(self.usage(line));
        self.tell_denials(line, out);
        let said = std::mem::take(&mut self.said).text;
        let result = line.result.text();
        if !is_error {
            let answer = if result.trim().is_empty() { said } else { result.into_owned() };
            return out.done(answer, usage);
        }
        let message =
            line.error.object::<ErrorBody<'_>>().map_or(Field::default(), |body| body.message).text();
        let error =
            match [message, line.error.text(), result].into_iter().find(|text| !text.trim().is_empty()) {
                Some(error) => error.into_owned(),
                None => format!("qwen says that the run failed, but not why ({})", line.subtype.text()),
            };
        // An error of the API is said as a message too, and must not be the answer as well.
        let answer = if error.trim() == said.trim() { String::new() } else { said };
        out.failed(error, answer, usage);
    }

    /// Calls that were refused because nobody could be asked: each tool once.
    fn tell_denials(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let denials = line.permission_denials.get();
        let tools: BTreeSet<_> = denials.iter().map(|denial| denial.tool_name.text()).collect();
        for tool in tools {
            let title = format!("qwen may not use {tool}; `approval_mode` in `[qwen]` decides that");
            let action = Action::new(self.next_id("denied"), ActionKind::Warning, title);
            out.action_completed(action, ActionOutcome::Failed);
        }
    }

    fn usage(&mut self, line: &Line<'_>) -> Usage {
        let mut usage = tokens(line.usage.fields());
        usage.duration_ms = line.duration_ms.read();
        usage.model = self.model.take();
        usage
    }

    fn take_open(&mut self, id: &str) -> Option<Action> {
        let at = self.open.iter().position(|action| action.id.as_str() == id)?;
        Some(self.open.swap_remove(at))
    }

    /// An id for an action that has none of qwen's.
    fn next_id(&mut self, what: &str) -> String {
        self.made += 1;
        format!("qwen.{what}.{}", self.made)
    }
}

/// What one message used, or the run.
fn tokens(wire: &Tokens<'_>) -> Usage {
    let mut usage = Usage::default();
    usage.input_tokens = wire.input_tokens.read();
    usage.cached_input_tokens = wire.cache_read_input_tokens.read();
    usage.output_tokens = wire.output_tokens.read();
    usage
}
