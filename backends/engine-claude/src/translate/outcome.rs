//! How a run ends.
//!
//! A run of claude has one `result` a turn, and may have several turns: when a task in the background ends, claude begins
//! a turn of its own to tell about it, and the answer that a person waits for comes there. On the other hand the program
//! may go on for long after its last turn (servers of MCP do not always end), and nobody should wait for that. So a
//! `result` ends the run at once, unless it is known that another turn comes: a task in the background is open, a turn
//! has begun that has no result yet (each begins with `system`/`init`; the results of two may come together), claude
//! says that it has queued one, or it has a message of a person to read. A result that is held back ends the run when the
//! program does.

use takopi_api::event::{EventFactory, Outcome, Usage};
use takopi_api::jsonl::Unfinished;
use takopi_api::process::Exit;

use super::{Said, Translation, text};
use crate::event::{Line, Message, Tokens};

/// The turns of a run.
#[derive(Debug, Default)]
pub(super) struct Turns {
    begun: u32,
    ended: u32,
    /// The result of the last turn, while another one is expected.
    held: Option<Held>,
    /// Whether it is known that another turn begins.
    is_announced: bool,
    /// Whether claude has messages of a person that it did not begin to read.
    has_unread: bool,
    /// Whether a person wants that no turn follows.
    is_interrupted: bool,
    /// What the turns that ended used.
    usage: Usage,
    /// What the turn that goes on used so far, in case that it has no result.
    spent: Usage,
    /// The message that was counted last: it comes in several lines, each with the figures of the whole.
    counted: String,
}

#[derive(Debug)]
struct Held {
    outcome: Outcome,
    answer: String,
}

impl Turns {
    pub(super) const fn begin(&mut self) {
        self.begun += 1;
        self.is_announced = false;
    }

    /// Counts what the model read for a message. What it wrote is not known before the turn's result: the figure in the
    /// message is that of its beginning.
    pub(super) fn count(&mut self, message: &Message<'_>) {
        let id = message.id.text();
        if id == self.counted {
            return;
        }
        self.counted = id.into_owned();
        let mut usage = tokens(message.usage.fields());
        usage.output_tokens = None;
        self.spent += usage;
    }

    /// What all turns used, also the one that was not finished.
    fn take_usage(&mut self) -> Usage {
        let mut usage = std::mem::take(&mut self.usage);
        usage += std::mem::take(&mut self.spent);
        usage
    }

    const fn one_is_open(&self) -> bool {
        self.begun > self.ended
    }
}

impl Translation {
    pub(super) fn result(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.turns.ended += 1;
        self.turns.spent = Usage::default();
        add_turn(&mut self.turns.usage, line);
        self.turns.is_announced = line.queued_turn_count.read::<u64>().unwrap_or_default() > 0;
        let held = self.held_by(line);
        if self.tasks.any_in_background() {
            // The task has a turn of its own when it ends.
            self.turns.is_announced = true;
            // It may be long until then: a person can read this meanwhile.
            let answer = held.answer.trim();
            if !answer.is_empty() && !self.turns.is_interrupted {
                out.note(answer);
            }
        }
        self.turns.held = Some(held);
        self.settle(out);
    }

    /// Completes the run if the last result is its end.
    fn settle(&mut self, out: &mut EventFactory) {
        let turns = &mut self.turns;
        let is_followed = (turns.is_announced || turns.has_unread) && !turns.is_interrupted;
        if !is_followed
            && !turns.one_is_open()
            && let Some(held) = turns.held.take()
        {
            self.complete(held, out);
        }
    }

    /// Whether claude has messages that it did not begin to read.
    pub(crate) fn unread(&mut self, has_unread: bool, out: &mut EventFactory) {
        self.turns.has_unread = has_unread;
        self.settle(out);
    }

    /// A message was sent to it.
    pub(crate) const fn message_sent(&mut self, has_unread: bool) {
        self.turns.has_unread = has_unread;
    }

    /// Claude begins to read a message. Between two turns it begins another one with it.
    pub(crate) const fn message_read(&mut self) {
        if self.is_between_turns() {
            self.turns.is_announced = true;
        }
    }

    /// The turn that goes on is the last one.
    pub(crate) const fn interrupted(&mut self) {
        self.turns.is_interrupted = true;
    }

    pub(crate) const fn has_begun(&self) -> bool {
        self.turns.begun > 0
    }

    pub(crate) const fn is_between_turns(&self) -> bool {
        self.turns.held.is_some() && !self.turns.one_is_open()
    }

    /// The program has ended, and the last result was held back or there is none.
    pub(crate) fn exited(&mut self, exit: &Exit, out: &mut EventFactory) -> Unfinished {
        let reason =
            self.retry.as_ref().map(|retry| format!("claude did not reach its model: {}", retry.title));
        self.end_retry(false.into(), out);
        match self.turns.held.take() {
            // What ended is the wait for a turn that never began, or claude ended by itself.
            Some(held) if exit.status.is_zero() || !self.turns.one_is_open() => {
                self.complete(held, out);
                Unfinished::default()
            }
            held => {
                let earlier = held.map(|held| held.answer).unwrap_or_default();
                let answer = self.last_words().unwrap_or(earlier);
                Unfinished { answer, reason, usage: self.take_usage().known() }
            }
        }
    }

    fn held_by(&mut self, line: &Line<'_>) -> Held {
        let earlier = self.turns.held.take().map(|held| held.answer).unwrap_or_default();
        if !line.is_error.read::<bool>().unwrap_or_default() {
            let result = line.result.text();
            let said = self.last_words();
            let answer = if result.trim().is_empty() { said.unwrap_or(earlier) } else { result.into_owned() };
            return Held { outcome: Outcome::Done, answer };
        }
        let mut error = text::of_failure(line);
        if !self.use_api_billing && error.starts_with("Not logged in") {
            error.push_str(
                "\ntakopi keeps ANTHROPIC_API_KEY back; set `use_api_billing = true` in `[claude]` to use it",
            );
        }
        // An error of the API is told as the result and by the CLI, and must not be the answer as well.
        let Said { by_model, .. } = std::mem::take(&mut self.said);
        let answer = if by_model.is_empty() { earlier } else { by_model };
        let is_told = error.trim() == answer.trim();
        Held { outcome: Outcome::Failed { error }, answer: if is_told { String::new() } else { answer } }
    }

    fn last_words(&mut self) -> Option<String> {
        let Said { by_model, by_cli, .. } = std::mem::take(&mut self.said);
        [by_model, by_cli].into_iter().find(|text| !text.trim().is_empty())
    }

    fn complete(&mut self, held: Held, out: &mut EventFactory) {
        let usage = self.take_usage();
        out.completed(held.outcome, held.answer, Some(usage));
    }

    fn take_usage(&mut self) -> Usage {
        let mut usage = self.turns.take_usage();
        usage.model = self.model.take();
        usage
    }
}

/// Adds what a turn used. The cost is that of the whole run already.
fn add_turn(usage: &mut Usage, line: &Line<'_>) {
    let mut turn = tokens(line.usage.fields());
    turn.duration_ms = line.duration_ms.read();
    *usage += turn;
    usage.cost_usd = line.total_cost_usd.read().or(usage.cost_usd);
}

fn tokens(wire: &Tokens<'_>) -> Usage {
    let mut usage = Usage::default();
    usage.cached_input_tokens = wire.cache_read_input_tokens.read();
    let read = [wire.input_tokens.read(), wire.cache_creation_input_tokens.read(), usage.cached_input_tokens];
    usage.input_tokens = read.into_iter().flatten().reduce(u64::saturating_add);
    usage.output_tokens = wire.output_tokens.read();
    usage.reasoning_output_tokens = wire.output_tokens_details.fields().thinking_tokens.read();
    usage
}
