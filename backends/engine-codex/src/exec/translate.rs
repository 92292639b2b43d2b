//! What becomes of a line: a state machine without I/O.

mod item;

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory, Usage};
use takopi_api::jsonl::{Recognition, Unfinished, Wire};
use takopi_api::process::Exit;
use takopi_api::resume::ResumeToken;

use super::event::Line;
use crate::answer::Answer;
use crate::backend::{ENGINE, no_such_thread};
use crate::text::{self, ErrorBody};
use crate::troubles::Troubles;

/// What one run remembers between lines.
#[derive(Debug)]
pub(crate) struct Translation {
    title: String,
    turns: u32,
    /// The action of the turn that is going on.
    turn: Option<Action>,
    answer: Answer,
    troubles: Troubles,
}

impl Translation {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            turns: 0,
            turn: None,
            answer: Answer::None,
            troubles: Troubles::default(),
        }
    }

    pub(crate) fn line(&mut self, line: &str, out: &mut EventFactory) -> Recognition {
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => return Recognition::Malformed { reason: error.to_string() },
        };
        let kind = line.kind.text();
        match &*kind {
            "error" => {}
            "turn.failed" => self.troubles.settle(ActionOutcome::Failed, Some(&failure(&line)), out),
            _ => self.troubles.settle(ActionOutcome::Ok, None, out),
        }
        match &*kind {
            "thread.started" => return self.thread_started(&line, out),
            "turn.started" => self.turn_started(out),
            "turn.completed" => self.turn_completed(&line, out),
            "turn.failed" => self.turn_failed(&line, out),
            "error" => self.troubles.error(&line.message.text(), out),
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
        let error = self.troubles.last(out);
        self.end_turn(ActionOutcome::Failed, out);
        let reason = match (error, out.resume()) {
            (Some(error), _) => Some(error),
            (None, Some(thread)) if exit.stderr_tail.contains("no rollout found") => {
                Some(no_such_thread(thread))
            }
            (None, _) => None,
        };
        // What a turn used is told at its end and not before.
        Unfinished { answer: std::mem::take(&mut self.answer).into_text(), reason, usage: None }
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

    fn end_turn(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(action) = self.turn.take() {
            out.action_completed(action, outcome);
        }
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
