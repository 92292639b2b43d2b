//! What Ctrl-C means.

use std::time::{Duration, Instant};

/// A second one within this time leaves.
const AGAIN: Duration = Duration::from_secs(2);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Cancel the run that began last.
    Cancel,
    /// The line was cleared, and that is all; the next one leaves.
    Clear,
    /// Leave.
    Leave,
}

/// Remembers the last one.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    last: Option<Instant>,
}

impl Interrupts {
    pub(crate) fn next(&mut self, now: Instant, is_running: bool) -> Interrupt {
        let last = self.last.take();
        if is_running {
            return Interrupt::Cancel;
        }
        if last.is_some_and(|last| now.saturating_duration_since(last) <= AGAIN) {
            return Interrupt::Leave;
        }
        self.last = Some(now);
        Interrupt::Clear
    }

    /// Something was typed in between.
    pub(crate) const fn forget(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_in_a_row_leaves_when_nothing_runs() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut interrupts = Interrupts::default();
        assert_eq!(interrupts.next(at(0), false), Interrupt::Clear);
        assert_eq!(interrupts.next(at(3), false), Interrupt::Clear, "too late");
        interrupts.forget();
        assert_eq!(interrupts.next(at(4), false), Interrupt::Clear, "something was typed");
        assert_eq!(interrupts.next(at(6), false), Interrupt::Leave);
    }

    #[test]
    fn a_run_is_cancelled_first() {
        let now = Instant::now();
        let mut interrupts = Interrupts::default();
        assert_eq!(interrupts.next(now, true), Interrupt::Cancel);
        assert_eq!(interrupts.next(now, true), Interrupt::Cancel);
        assert_eq!(interrupts.next(now, false), Interrupt::Clear, "what cancelled does not leave");
        assert_eq!(interrupts.next(now, true), Interrupt::Cancel);
    }
}
