//! What a run used. Codex tells what a thread used since it began, and what its last call did; a run is a part of a thread,
//! and has those of its sub-agents besides.

use std::collections::BTreeMap;

use takopi_api::event::Usage;

use super::message::{Count, Tokens};

/// The figures of the threads of a run.
#[derive(Debug, Default)]
pub(super) struct Meter(BTreeMap<String, Reading>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    before: Figures,
    now: Figures,
}

/// Input, cached input, output and reasoning.
type Figures = [Option<u64>; 4];

impl Meter {
    pub(super) fn note(&mut self, thread: &str, tokens: &Tokens<'_>) {
        let (Some(total), Some(last)) = (tokens.total.get(), tokens.last.get()) else { return };
        let (now, last) = (figures(total), figures(last));
        match self.0.get_mut(thread) {
            Some(reading) => reading.now = now,
            None => {
                let before = both(now, last, u64::saturating_sub);
                self.0.insert(thread.to_owned(), Reading { before, now });
            }
        }
    }

    pub(super) fn usage(&self, duration_ms: Option<u64>, model: Option<String>) -> Option<Usage> {
        let used = self.0.values().map(|reading| both(reading.now, reading.before, u64::saturating_sub));
        let sum = used.reduce(|one, other| both(one, other, u64::saturating_add));
        let [input, cached, output, reasoning] = sum.unwrap_or_default();
        let mut usage = Usage::default();
        usage.input_tokens = input;
        usage.cached_input_tokens = cached;
        usage.output_tokens = output;
        usage.reasoning_output_tokens = reasoning;
        usage.duration_ms = duration_ms;
        usage.model = model;
        usage.known()
    }
}

fn figures(count: &Count<'_>) -> Figures {
    [count.input.read(), count.cached.read(), count.output.read(), count.reasoning.read()]
}

/// A figure that is unknown on one side is what is known on the other.
fn both(one: Figures, other: Figures, join: fn(u64, u64) -> u64) -> Figures {
    std::array::from_fn(|at| match (one[at], other[at]) {
        (Some(one), Some(other)) => Some(join(one, other)),
        (one, _) => one,
    })
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;

    #[test]
    fn a_run_is_a_part_of_its_thread() {
        let mut meter = Meter::default();
        let mut note = |thread: &str, total: u64, last: u64| {
            let json = format!(
                r#"{{"total":{{"inputTokens":{total},"outputTokens":"many"}},"last":{{"inputTokens":{last}}}}}"#
            );
            meter.note(thread, &Tokens::read(&json).unwrap());
        };
        note("a", 1_100, 100);
        note("a", 1_300, 200);
        note("b", 50, 50);
        let usage = meter.usage(Some(7), None).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.duration_ms), (Some(350), None, Some(7)));
        assert_eq!(Meter::default().usage(None, None), None);
    }
}
