//! How a run ends.
//!
//! A run of claude has one `result` a turn, and may have several turns: when a task in the background ends, claude begins
//! a turn of its own to tell about it, and the answer that a person waits for comes there. On the other hand the program
//! may go on for long after its last turn (servers of MCP do not always end), and nobody should wait for that. So a
//! `result` ends the run at once, unless it is known that another turn comes: a task in the background is open, a turn
//! has begun that has no result yet (each begins with `system`/`init`; the results of two may come together), or claude
//! says that it has queued one. A result that is held back ends the run when the program does.

use takopi_api::event::{EventFactory, Outcome, Usage};
use takopi_api::jsonl::Unfinished;
use takopi_api::process::Exit;

use super::{Said, Translation, text};
use crate::event::{Line, OutputDetails, TurnUsage};

/// The turns of a run.
#[derive(Debug, Default)]
pub(super) struct Turns {
    begun: u32,
    ended: u32,
    /// The result of the last turn, while another one is expected.
    held: Option<Held>,
    /// What all turns used so far.
    usage: Usage,
}

#[derive(Debug)]
struct Held {
    outcome: Outcome,
    answer: String,
}

impl Turns {
    pub(super) const fn begin(&mut self) {
        self.begun += 1;
    }

    const fn one_is_open(&self) -> bool {
        self.begun > self.ended
    }
}

impl Translation {
    pub(super) fn result(&mut self, line: &Line<'_>, out: &mut EventFactory) {
        self.turns.ended += 1;
        add_usage(&mut self.turns.usage, line);
        self.turns.usage.model.clone_from(&self.model);
        let is_queued = line.queued_turn_count.read::<u64>().unwrap_or_default() > 0;
        let held = self.held_by(line);
        if self.tasks.any_in_background() {
            // It may be long until the next turn: a person can read this meanwhile.
            let answer = held.answer.trim();
            if !answer.is_empty() {
                out.note(answer);
            }
        } else if !self.turns.one_is_open() && !is_queued {
            return self.complete(held, out);
        }
        self.turns.held = Some(held);
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
            Some(held) => Unfinished { answer: self.last_words().unwrap_or(held.answer), reason },
            None => Unfinished { answer: self.last_words().unwrap_or_default(), reason },
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
        out.completed(held.outcome, held.answer, Some(std::mem::take(&mut self.turns.usage)));
    }
}

/// Adds what a turn used. The cost is that of the whole run already.
fn add_usage(usage: &mut Usage, line: &Line<'_>) {
    let turn: TurnUsage<'_> = line.usage.read().unwrap_or_default();
    let details: OutputDetails<'_> = turn.output_tokens_details.read().unwrap_or_default();
    let cached: Option<u64> = turn.cache_read_input_tokens.read();
    let read = [turn.input_tokens.read(), turn.cache_creation_input_tokens.read(), cached];
    add(&mut usage.input_tokens, read.into_iter().flatten().reduce(u64::saturating_add));
    add(&mut usage.cached_input_tokens, cached);
    add(&mut usage.output_tokens, turn.output_tokens.read());
    add(&mut usage.reasoning_output_tokens, details.thinking_tokens.read());
    add(&mut usage.duration_ms, line.duration_ms.read());
    usage.cost_usd = line.total_cost_usd.read().or(usage.cost_usd);
}

fn add(total: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *total = Some(total.unwrap_or_default().saturating_add(more));
    }
}
