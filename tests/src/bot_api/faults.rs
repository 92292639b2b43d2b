//! What goes wrong between a bot and Telegram.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing is done, and the bot is told to wait. If it does not, that is a violation of the limits.
    TooMany {
        /// How many seconds.
        retry_after: u64,
    },
    /// Nothing is done, and the answer is an error of HTTP, from 502 on a page instead of JSON.
    Server(u16),
    /// Nothing is done, and the connection is reset.
    Reset,
    /// Nothing is done for so long, and then all, if the bot still waits.
    Hang(Duration),
    /// Nothing is done, and the answer ends in the middle.
    Malformed,
    /// The call is carried out, and the connection is reset before its answer.
    AcceptedThenReset,
}

/// How long a call hangs that does so by chance: long enough to be overtaken, and short enough to be waited for.
const SHORT_HANG: Duration = Duration::from_millis(300);

/// The faults that are to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: HashMap<&'static str, VecDeque<Fault>>,
    rate: Option<(u8, Dice)>,
}

impl Faults {
    pub(super) fn queue(&mut self, method: &'static str, fault: Fault) {
        self.next.entry(method).or_default().push_back(fault);
    }

    pub(super) fn rate(&mut self, percent: u8, seed: u64) {
        self.rate = (percent > 0).then(|| (percent, Dice::new(seed)));
    }

    /// What becomes of this call of a method.
    pub(super) fn strike(&mut self, method: &str) -> Option<Fault> {
        if let Some(fault) = self.next.get_mut(method).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        let (percent, dice) = self.rate.as_mut()?;
        dice.hits(*percent).then(|| {
            *dice.pick(&[
                Fault::TooMany { retry_after: 1 },
                Fault::Server(500),
                Fault::Server(502),
                Fault::Reset,
                Fault::Malformed,
                Fault::Hang(SHORT_HANG),
                Fault::AcceptedThenReset,
            ])
        })
    }
}

/// Chance that is the same for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64: a counter, well mixed.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    pub(super) fn hits(&mut self, percent: u8) -> bool {
        self.below(100) < usize::from(percent)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_queued_for_a_method_strikes_it_once_and_in_order() {
        let mut faults = Faults::default();
        faults.queue("sendMessage", Fault::Reset);
        faults.queue("sendMessage", Fault::Malformed);
        assert_eq!(faults.strike("getMe"), None);
        let struck: Vec<_> = (0..3).map(|_| faults.strike("sendMessage")).collect();
        assert_eq!(struck, [Some(Fault::Reset), Some(Fault::Malformed), None]);
    }

    #[test]
    fn a_rate_is_about_kept_and_the_same_for_the_same_seed() {
        let strike = |seed| {
            let mut faults = Faults::default();
            faults.rate(20, seed);
            (0..1000).map(|_| faults.strike("getMe")).collect::<Vec<_>>()
        };
        let struck = strike(7).iter().flatten().count();
        assert!((150..250).contains(&struck), "{struck}");
        assert_eq!(strike(7), strike(7));
        assert_ne!(strike(7), strike(8));
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<_> = (0..100).collect();
        Dice::new(1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
