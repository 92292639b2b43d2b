//! What becomes of a line: a state machine without I/O.

mod item;
mod text;

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Recognition, Unfinished, Wire};
use takopi_api::process::Exit;
use takopi_api::resume::ResumeToken;

use crate::backend::ENGINE;
use crate::event::{ErrorBody, Line};

/// What one run remembers between lines.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    turns: u32,
    /// The action of the turn that is going on.
    turn: Option<Action>,
    answer: Answer,
    /// The action of the reconnects that are going on. They end when the next thing happens.
    reconnect: Option<Action>,
    reconnects: u32,
    /// An error that may be told again as the reason of the turn's failure; it is shown once.
    pending_error: Option<String>,
}

/// The answer, as far as it is known.
#[derive(Debug, Clone, Default)]
enum Answer {
    #[default]
    None,
    /// The last message so far. If another one follows, this one was said on the way.
    Last(String),
    /// A message that is marked as final.
    Final(String),
}

impl Answer {
    fn into_text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Last(text) | Self::Final(text) => text,
        }
    }
}

impl Translation {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            turns: 0,
            turn: None,
            answer: Answer::None,
            reconnect: None,
            reconnects: 0,
            pending_error: None,
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let kind = line.kind.text();
        if kind != "error" {
            self.settle(&kind, &line, out);
        }
        match &*kind {
            "thread.started" => return self.thread_started(&line, out),
            "turn.started" => self.turn_started(out),
            "turn.completed" => self.turn_completed(&line, out),
            "turn.failed" => self.turn_failed(&line, out),
            "error" => self.error(&line.message.text(), out),
            "item.started" | "item.updated" | "item.completed" => match line.item.get() {
                Some(item) => return self.item(&kind, item, out),
                None => return Recognition::Malformed { reason: format!("{kind} without an item") },
            },
            "" => return Recognition::Malformed { reason: "a line without a type".to_owned() },
            _ => return Recognition::Unknown { kind: kind.into_owned() },
        }
        Recognition::Known
    }

    /// The program ended without the end of a turn.
    pub(crate) fn unfinished(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        self.end_reconnect(ActionOutcome::Failed, out);
        self.end_turn(ActionOutcome::Failed, out);
        let reason = match (self.pending_error.take(), out.resume()) {
            (Some(error), _) => Some(error),
            (None, Some(thread)) if exit.stderr_tail.contains("no rollout found") => Some(format!(
                "codex has no thread {}; leave out the resume line to start a new one",
                thread.value()
            )),
            (None, _) => None,
        };
        // What a turn used is told at its end and not before.
        Unfinished { answer: std::mem::take(&mut self.answer).into_text(), reason, usage: None }
    }

    /// Something other than an error happened: reconnects came to their end, and an error that was held back is told,
    /// unless the turn fails with the same words.
    fn settle(&mut self, kind: &str, line: &Line<'_>, out: &mut EventFactory) {
        let fails = kind == "turn.failed";
        let is_connected = !fails && kind != "error";
        self.end_reconnect(is_connected.into(), out);
        if let Some(error) = self.pending_error.take()
            && !(fails && text::of_error(&failure(line)) == error)
        {
            let id = format!("codex.error.{}", self.next_number());
            out.action_completed(Action::new(id, ActionKind::Warning, error), ActionOutcome::Failed);
        }
    }

    fn thread_started(&self, line: &Line<'_>, out: &mut EventFactory) -> Recognition {
        match ResumeToken::new(ENGINE, line.thread_id.text()) {
            Ok(token) => {
                out.started(token, self.title.as_str());
                Recognition::Known
            }
            Err(error) => Recognition::Malformed { reason: error.to_string() },
        }
    }

    fn turn_started(&mut self, out: &mut EventFactory) {
        self.turns += 1;
        self.answer = Answer::None;
        let action = Action::new(format!("turn_{}", self.turns), ActionKind::Turn, "turn");
        self.turn = Some(action.clone());
        out.action_started(action);
    }

    fn turn_completed(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.end_turn(ActionOutcome::Ok, out);
        out.done(std::mem::take(&mut self.answer).into_text(), usage(line));
    }

    fn turn_failed(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.end_turn(ActionOutcome::Failed, out);
        let mut error = text::of_error(&failure(line));
        if error.is_empty() {
            "codex says that the turn failed, but not why".clone_into(&mut error);
        }
        out.failed(error, std::mem::take(&mut self.answer).into_text(), usage(line));
    }

    fn error(&mut self, message: &str, out: &mut EventFactory) {
        let Some(attempt) = message.strip_prefix("Reconnecting... ") else {
            self.settle("error", &Line::default(), out);
            self.pending_error = Some(text::of_error(message));
            return;
        };
        let title = format!("reconnecting {attempt}");
        match &mut self.reconnect {
            Some(action) => {
                action.title = title;
                out.action_updated(action.clone());
            }
            None => {
                self.reconnects += 1;
                let action =
                    Action::new(format!("codex.reconnect.{}", self.reconnects), ActionKind::Note, title);
                self.reconnect = Some(action.clone());
                out.action_started(action);
            }
        }
    }

    fn end_reconnect(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(action) = self.reconnect.take() {
            out.action_completed(action, outcome);
        }
    }

    fn end_turn(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(action) = self.turn.take() {
            out.action_completed(action, outcome);
        }
    }

    fn next_number(&mut self) -> u32 {
        self.reconnects += 1;
        self.reconnects
    }
}

/// The message of a `turn.failed`.
fn failure<'a>(line: &Line<'a>) -> std::borrow::Cow<'a, str> {
    line.error.object::<ErrorBody<'a>>().map_or_else(|| line.error.text(), |body| body.message.text())
}

fn usage(line: &Line<'_>) -> Option<Usage> {
    let wire = line.usage.get()?;
    let mut usage = Usage::default();
    usage.input_tokens = wire.input_tokens.read();
    usage.cached_input_tokens = wire.cached_input_tokens.read();
    usage.output_tokens = wire.output_tokens.read();
    usage.reasoning_output_tokens = wire.reasoning_output_tokens.read();
    Some(usage)
}

/// Calls that codex refuses before they start (a policy, a sandbox, an unknown tool) have no line: only standard error
/// tells of them.
pub(crate) fn refused_calls(stderr: &str, out: &mut EventFactory) {
    const MARK: &str = " ERROR codex_core::tools::router: error=";
    const SHOWN: usize = 5;
    let refused: Vec<&str> =
        stderr.lines().filter_map(|line| line.split_once(MARK)).map(|(_, error)| error).collect();
    for error in refused.iter().take(SHOWN) {
        out.warning(format!("codex refused a call: {}", text::of_refusal(error)));
    }
    if refused.len() > SHOWN {
        out.warning(format!("codex refused {} more calls", refused.len() - SHOWN));
    }
}
