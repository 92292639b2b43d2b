//! What becomes of a line: a state machine without I/O.

mod message;
mod text;

use takopi_api::event::{Action, ActionKind, ActionOutcome, Completed, Event, EventFactory, Outcome, Usage};
use takopi_api::jsonl::{Field, Recognition, Unfinished, Wire};
use takopi_api::process::Exit;
use takopi_api::resume::ResumeToken;
use takopi_api::tool;

use crate::backend::ENGINE;
use crate::event::{Line, ToolResult};
use crate::sessions::is_path;

/// How lines begin of which most of the output consists and of which nothing comes: they are not even parsed.
pub(crate) const CALL_UPDATE: &str = "{\"type\":\"tool_execution_update\",";
pub(crate) const MESSAGE_UPDATE: &str = "{\"type\":\"message_update\",";

/// Which thread pi opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// A new one, or the one that it was asked for.
    AsAsked,
    /// Another one. The contract ends such a run.
    Other,
}

/// What one run remembers between lines.
#[derive(Debug)]
pub(crate) struct Translation {
    asked: Option<ResumeToken>,
    /// The thread by its full name, where it was asked for by the beginning of it.
    full_name: Option<ResumeToken>,
    /// What the model said last, unless it went on to call tools.
    answer: String,
    /// Why the last message of the model failed. A later message supersedes it.
    failure: Option<String>,
    has_spoken: bool,
    usage: Usage,
    /// The calls that are going on; their ends do not repeat what they are.
    calls: Vec<Action>,
    retry: Option<Action>,
    compaction: Option<Action>,
    count: u32,
    is_over: bool,
}

impl Translation {
    pub(crate) fn new(asked: Option<ResumeToken>) -> Self {
        Self {
            asked,
            full_name: None,
            answer: String::new(),
            failure: None,
            has_spoken: false,
            usage: Usage::default(),
            calls: Vec::new(),
            retry: None,
            compaction: None,
            count: 0,
            is_over: false,
        }
    }

    /// A line of a program that is not talked to.
    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        if [MESSAGE_UPDATE, CALL_UPDATE].iter().any(|skipped| line.starts_with(skipped)) {
            return Recognition::Ignored;
        }
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        match &*line.kind.text() {
            _ if self.is_over => Recognition::Ignored,
            "session" => self.session(&line, out),
            "agent_end" => {
                self.agent_ended(&line, out);
                Recognition::Known
            }
            "agent_settled" => {
                self.settled(out);
                Recognition::Known
            }
            _ => self.event(&line, out),
        }
    }

    /// A line that says what happens in a turn, in whichever way pi is talked to.
    pub(crate) fn event(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let kind = line.kind.text();
        match &*kind {
            "message_end" => self.message(line.message.fields(), out),
            "tool_execution_start" => self.call_started(line, out),
            "tool_execution_end" => self.call_ended(line, out),
            "auto_retry_start" => self.retry_started(line, out),
            "auto_retry_end" => self.end_retry(line.success.read().unwrap_or(true), out),
            "compaction_start" => self.compaction_started(out),
            "compaction_end" => self.end_compaction(line, out),
            "agent_start"
            | "turn_start"
            | "turn_end"
            | "message_start"
            | "message_update"
            | "tool_execution_update"
            | "entry_appended"
            | "queue_update"
            | "session_info_changed"
            | "thinking_level_changed"
            | "summarization_retry_scheduled"
            | "summarization_retry_attempt_start"
            | "summarization_retry_finished"
            | "bash_execution_update" => return Recognition::Ignored,
            "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => return Recognition::Unknown { kind: kind.into_owned() },
        }
        Recognition::Known
    }

    /// The program ended without the end of its work.
    pub(crate) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        self.end_retry(false, out);
        let stderr = &exit.stderr_tail;
        let thread = out.resume().map(|thread| thread.value().to_owned()).unwrap_or_default();
        let reason = if let Some(failure) = self.failure.take() {
            Some(failure)
        } else if stderr.contains("No session found matching") {
            Some(format!("pi has no thread {thread}; leave out the resume line to start a new one"))
        } else if stderr.contains("Session found in different project") {
            Some(format!("thread {thread} belongs to another folder, and pi continues it only there"))
        } else {
            None
        };
        Unfinished {
            answer: std::mem::take(&mut self.answer),
            reason,
            usage: std::mem::take(&mut self.usage).known(),
        }
    }

    fn session(&mut self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        let opened = match ResumeToken::new(ENGINE, line.id.text()) {
            Ok(token) => token,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let parent = line.parent_session.text();
        let is_fork = !parent.is_empty()
            && self
                .asked
                .as_ref()
                .is_some_and(|asked| !is_path(asked.value()) || parent.ends_with(asked.value()));
        self.opened(opened, is_fork, out);
        Recognition::Known
    }

    /// Which thread pi opened. Old messages name a thread by the beginning of its id or by its file; the run is known by
    /// that name until it is over.
    pub(crate) fn opened(&mut self, opened: ResumeToken, is_fork: bool, out: &mut EventFactory) -> Opened {
        let Some(asked) = self.asked.clone() else {
            out.started(opened, "pi");
            return Opened::AsAsked;
        };
        let by_path = is_path(asked.value());
        if opened.value().starts_with(asked.value()) {
            self.full_name = Some(opened);
            out.started(asked, "pi");
        } else if is_fork {
            // A fork into the folder of the run: the conversation goes on under a new name.
            out.started(asked, "pi");
            out.started(opened, "pi");
        } else if by_path {
            out.started(asked, "pi");
        } else {
            out.started(opened, "pi");
            return Opened::Other;
        }
        Opened::AsAsked
    }

    /// Whether this call is going on.
    pub(crate) fn is_running(&self, call: &str) -> bool {
        self.calls.iter().any(|running| running.id.as_str() == call)
    }

    /// Whether pi is about to try again what failed.
    pub(crate) const fn is_retrying(&self) -> bool {
        self.retry.is_some()
    }

    fn call_started(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let action = call(line, line.args);
        self.calls.push(action.clone());
        out.action_started(action);
    }

    fn call_ended(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let failed = line.is_error.read().unwrap_or(false);
        let id = line.tool_call_id.text();
        let mut action = match self.calls.iter().position(|call| call.id.as_str() == id) {
            Some(at) => self.calls.swap_remove(at),
            None => call(line, Field::default()),
        };
        if action.kind == ActionKind::Command {
            let code = if failed { exit_code(line.result) } else { Some(0) };
            action = action.exit_code(code);
        }
        out.action_completed(action, (!failed).into());
    }

    /// One attempt ended. A failed one may be tried again, also where pi does not announce it (older CLIs; a conversation
    /// that is made shorter), so a failure waits for `agent_settled` or for the program's end.
    fn agent_ended(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let is_last = line.will_retry.read::<bool>() != Some(true);
        if is_last && self.has_spoken && self.failure.is_none() {
            self.settled(out);
        }
    }

    /// Whether the model said anything.
    pub(crate) const fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// The work can not go on, for this reason.
    pub(crate) fn fails(&mut self, error: String) {
        self.failure = Some(error);
    }

    /// The work is done without a word of the model.
    pub(crate) const fn needs_no_words(&mut self) {
        self.has_spoken = true;
    }

    /// The work is done, and nothing more comes of it.
    pub(crate) fn settled(&mut self, out: &mut EventFactory) {
        self.is_over = true;
        self.end_retry(self.failure.is_none(), out);
        let outcome = match self.failure.take() {
            Some(error) => Outcome::Failed { error },
            None if self.has_spoken => Outcome::Done,
            None => Outcome::Failed { error: "pi ended its work without a word of the model".to_owned() },
        };
        let completed = Completed::new(ENGINE, outcome)
            .answer(std::mem::take(&mut self.answer))
            .resume(self.full_name.take().or_else(|| out.resume().cloned()))
            .usage(Some(std::mem::take(&mut self.usage)));
        out.push(Event::Completed(completed));
    }

    fn retry_started(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        let error = text::of_error(&line.error_message.text());
        let attempt = line.attempt.text();
        let wait = line.delay_ms.read::<f64>().unwrap_or_default() / 1000.0;
        let title = format!("retrying {attempt}/{} in {wait:.0} s ({error})", line.max_attempts.text());
        if let Some(action) = &mut self.retry {
            action.title = title;
            out.action_updated(action.clone());
        } else {
            let action = Action::new(self.next_id("retry"), ActionKind::Note, title);
            self.retry = Some(action.clone());
            out.action_started(action);
        }
    }

    fn end_retry(&mut self, ok: bool, out: &mut EventFactory) {
        if let Some(action) = self.retry.take() {
            out.action_completed(action, ok.into());
        }
    }

    fn compaction_started(&mut self, out: &mut EventFactory) {
        let action = Action::new(self.next_id("compaction"), ActionKind::Note, "compacting the conversation");
        self.compaction = Some(action.clone());
        out.action_started(action);
    }

    fn end_compaction(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        if let Some(action) = self.compaction.take() {
            out.action_completed(action, ActionOutcome::from(line.result.is_present()));
        }
    }

    fn next_id(&mut self, what: &str) -> String {
        self.count += 1;
        format!("pi.{what}.{}", self.count)
    }
}

fn call(line: &Line<'_>, args: Field<'_>) -> Action {
    tool::action(line.tool_call_id.text(), &line.tool_name.text(), args)
}

/// Pi tells the exit code of a failed command only at the end of its output.
fn exit_code(result: Field<'_>) -> Option<i32> {
    let result: ToolResult<'_> = result.object()?;
    let output = message::texts(result.content.get());
    output.trim_end().rsplit_once("Command exited with code ")?.1.parse().ok()
}
