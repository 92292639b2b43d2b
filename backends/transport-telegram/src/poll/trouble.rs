//! What to do after a poll that failed: how long to wait, and whether anybody has to know.

use std::time::Duration;

use crate::client::{Failure, Rival};

/// The pauses between polls that fail: doubled each time, up to so much that messages arrive soon after the network is
/// back. A poll that hangs ends by itself sooner than this and a connection together take half a minute.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// The pause while somebody else receives the bot's messages.
const RIVAL: Duration = Duration::from_secs(5);

/// It is said no more often than this.
const SAID: Duration = Duration::from_secs(30 * 60);

/// A poll of our own that a killed takopi left behind is over after this.
const LEFT_BEHIND: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Wait, and try again.
    Pause(Duration),
    /// Somebody else receives: wait, and say this to the people if it is something.
    Rival { pause: Duration, say: Option<&'static str> },
    /// There is nothing to try.
    Hopeless,
}

/// The troubles of late.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    in_a_row: u32,
    /// Since when somebody else receives.
    rival: Option<Duration>,
    said: Option<Duration>,
    well: Option<Duration>,
}

const POLLER: &str = "another program receives the messages of this bot too, so some of them do not arrive here: stop it, \
                      or give takopi a bot of its own";

const WEBHOOK: &str = "a webhook is set for this bot, so no messages arrive here: remove it with the method \
                       `deleteWebhook` of the Bot API, or give takopi a bot of its own";

impl Troubles {
    /// A poll failed.
    pub(super) fn after(&mut self, failure: Failure, now: Duration) -> Trouble {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let doubled = FIRST.saturating_mul(1 << (self.in_a_row - 1).min(10)).min(LONGEST);
        match failure {
            Failure::Unauthorized => Trouble::Hopeless,
            Failure::RetryAfter { pause, .. } => Trouble::Pause(pause),
            Failure::Conflict(rival) => self.rival(rival, now),
            _ => Trouble::Pause(doubled),
        }
    }

    /// A poll went well.
    pub(super) fn over(&mut self, now: Duration) {
        self.in_a_row = 0;
        // Two pollers take turns, so that a poll that goes well says little.
        if self.well.is_some_and(|well| now.saturating_sub(well) > LEFT_BEHIND) {
            self.rival = None;
        }
        self.well = self.well.or(Some(now));
    }

    fn rival(&mut self, rival: Rival, now: Duration) -> Trouble {
        self.well = None;
        let since = *self.rival.get_or_insert(now);
        let is_sure = match rival {
            Rival::Webhook => true,
            Rival::Poller => now.saturating_sub(since) >= LEFT_BEHIND,
        };
        let is_due = self.said.is_none_or(|said| now.saturating_sub(said) >= SAID);
        let say = (is_sure && is_due).then_some(match rival {
            Rival::Poller => POLLER,
            Rival::Webhook => WEBHOOK,
        });
        if say.is_some() {
            self.said = Some(now);
        }
        Trouble::Rival { pause: RIVAL, say }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Arrival, Scope};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_grow_and_stay_short() {
        let mut troubles = Troubles::default();
        let lost = Failure::Network(Arrival::Never);
        let pauses: Vec<_> = (0..100).map(|_| troubles.after(lost, at(0))).collect();
        assert_eq!(pauses[..3], [FIRST, FIRST * 2, FIRST * 4].map(Trouble::Pause));
        assert!(pauses[5..].iter().all(|pause| *pause == Trouble::Pause(LONGEST)));
        troubles.over(at(1));
        assert_eq!(troubles.after(lost, at(1)), Trouble::Pause(FIRST));
        let busy = Failure::RetryAfter { scope: Scope::Bot, pause: at(40) };
        assert_eq!(troubles.after(busy, at(1)), Trouble::Pause(at(40)));
        assert_eq!(troubles.after(Failure::Unauthorized, at(1)), Trouble::Hopeless);
    }

    #[test]
    fn another_poller_is_told_of_when_it_stays() {
        let mut troubles = Troubles::default();
        let mut said = |now: u64| {
            if now % 2 == 1 {
                troubles.over(at(now));
            }
            match troubles.after(Failure::Conflict(Rival::Poller), at(now)) {
                Trouble::Rival { say, .. } => say.is_some(),
                other => panic!("{other:?}"),
            }
        };
        // What the last takopi left behind is gone soon.
        assert!(!said(0) && !said(5) && !said(25));
        assert!(said(31) && !said(36) && !said(1000) && said(1832));
        let mut troubles = Troubles::default();
        let webhook = troubles.after(Failure::Conflict(Rival::Webhook), at(0));
        assert_eq!(webhook, Trouble::Rival { pause: RIVAL, say: Some(WEBHOOK) });
    }
}
