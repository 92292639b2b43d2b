//! How fast a bot may write, and what of that is kept free for answers.

use std::collections::VecDeque;
use std::time::Duration;

use super::machine::{Moment, Rank};
use crate::wire::ChatId;

/// So many within such a time, whenever one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) count: usize,
    pub(crate) per: Duration,
}

/// The pace of one chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) quota: Quota,
    /// How far apart edits are.
    pub(crate) edits: Duration,
    /// How many more messages could still go out at once after an edit.
    pub(crate) reserve: usize,
}

/// To one person: one a second, with bursts. What Telegram counts within five seconds may have left here within a little
/// more, so all times are longer than its own.
const PRIVATE: Pace = Pace {
    quota: Quota { count: 5, per: Duration::from_millis(5250) },
    edits: Duration::from_secs(1),
    reserve: 2,
};

/// To a group or a channel: twenty a minute. Runs of several people end at any time, so more is kept free.
const GROUP: Pace = Pace {
    quota: Quota { count: 20, per: Duration::from_secs(61) },
    edits: Duration::from_secs(3),
    reserve: 4,
};

/// To all chats together. Telegram takes thirty a second; the last takopi may have sent some of them just before this one
/// began.
const OVERALL: Quota = Quota { count: 25, per: Duration::from_millis(1100) };

/// What edits leave free of [`OVERALL`].
const OVERALL_RESERVE: usize = 8;

/// The pause after the first call that does not reach the server. It is doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The paces of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paces {
    private: Pace,
    group: Pace,
    pub(super) overall: Quota,
    pub(super) first_pause: Duration,
}

impl Paces {
    /// Those of Telegram.
    pub(crate) const TELEGRAM: Self =
        Self { private: PRIVATE, group: GROUP, overall: OVERALL, first_pause: FIRST_PAUSE };

    /// None at all, for a server that takes everything.
    #[cfg(feature = "testing")]
    pub(crate) const NONE: Self = {
        let quota = Quota { count: usize::MAX, per: Duration::ZERO };
        let pace = Pace { quota, edits: Duration::ZERO, reserve: 0 };
        Self { private: pace, group: pace, overall: quota, first_pause: FIRST_PAUSE }
    };

    /// The same where time goes so many times as fast.
    #[cfg(feature = "testing")]
    pub(crate) fn hurried(self, times: u32) -> Self {
        let quota = |quota: Quota| Quota { per: quota.per / times, ..quota };
        let pace = |pace: Pace| Pace { quota: quota(pace.quota), edits: pace.edits / times, ..pace };
        Self {
            private: pace(self.private),
            group: pace(self.group),
            overall: quota(self.overall),
            first_pause: self.first_pause / times,
        }
    }

    pub(crate) const fn of(&self, chat: ChatId) -> Pace {
        if chat.is_private() { self.private } else { self.group }
    }
}

impl Pace {
    /// How much has to be free in the chat for something of this rank to go out.
    pub(crate) const fn needed(&self, rank: Rank) -> usize {
        match rank {
            Rank::Final => 1,
            // After one of these an answer can still go out.
            Rank::Card | Rank::Delete => 2,
            Rank::Edit => 1 + self.reserve,
        }
    }
}

/// How much has to be free of [`OVERALL`] for something of this rank to go out.
pub(crate) const fn needed_overall(rank: Rank) -> usize {
    match rank {
        Rank::Final => 1,
        Rank::Card | Rank::Delete => 2,
        Rank::Edit => 1 + OVERALL_RESERVE,
    }
}

/// What went out lately.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    quota: Quota,
    log: VecDeque<Moment>,
}

impl Window {
    pub(crate) const fn new(quota: Quota) -> Self {
        Self { quota, log: VecDeque::new() }
    }

    /// Something goes out.
    pub(crate) fn spend(&mut self, now: Moment) {
        self.forget(now);
        self.log.push_back(now);
    }

    /// When so much is free: a moment that is past if it is now. More than there ever is needs all of it.
    pub(crate) fn free_at(&self, needed: usize) -> Moment {
        let needed = needed.min(self.quota.count);
        let too_many = (self.log.len() + needed).saturating_sub(self.quota.count);
        let last = too_many.checked_sub(1).and_then(|at| self.log.get(at));
        last.map_or(Moment::ZERO, |at| *at + self.quota.per)
    }

    /// Whether nothing went out lately.
    pub(crate) fn is_idle(&mut self, now: Moment) -> bool {
        self.forget(now);
        self.log.is_empty()
    }

    fn forget(&mut self, now: Moment) {
        while self.log.front().is_some_and(|at| *at + self.quota.per <= now) {
            self.log.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_free_again_when_the_oldest_leave_it() {
        let at = Duration::from_secs;
        let mut window = Window::new(Quota { count: 2, per: at(10) });
        assert_eq!(window.free_at(2), at(0));
        window.spend(at(1));
        assert_eq!((window.free_at(1), window.free_at(2)), (at(0), at(11)));
        window.spend(at(4));
        assert_eq!((window.free_at(1), window.free_at(2)), (at(11), at(14)));
        window.spend(at(11));
        assert_eq!((window.free_at(1), window.free_at(2), window.free_at(9)), (at(14), at(21), at(21)));
        assert!(!window.is_idle(at(20)) && window.is_idle(at(21)));
    }
}
