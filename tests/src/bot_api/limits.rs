//! How fast a bot may write. Telegram does not say it exactly; this is what bots meet in practice.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::world::ChatId;

/// Whether a bot is held to Telegram's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// It may write as fast as it can.
    Off,
    /// It may not.
    On(Pace),
}

impl Limits {
    /// One message a second to a person, with bursts of five; twenty a minute to a group; thirty a second overall.
    #[must_use]
    pub const fn strict() -> Self {
        Self::On(Pace {
            person: Quota { count: 5, per: Duration::from_secs(5) },
            group: Quota { count: 20, per: Duration::from_mins(1) },
            overall: Quota { count: 30, per: Duration::from_secs(1) },
        })
    }
}

/// How much of it is fast enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// To one person.
    pub person: Quota,
    /// To one group or channel.
    pub group: Quota,
    /// To all of them together.
    pub overall: Quota,
}

/// So many within such a time, whenever one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: usize,
    /// Within what time.
    pub per: Duration,
}

/// A message that was too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When, since the server began.
    pub at: Duration,
    /// In which chat.
    pub chat: ChatId,
    /// The method that was called.
    pub method: String,
    /// What was wrong with it.
    pub reason: TooMuch,
    /// How long the bot was told to wait.
    pub wait: Duration,
}

/// Why a message was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// Too many in this chat.
    InChat,
    /// Too many in all chats together.
    Overall,
    /// It came before the end of the time that the bot was told to wait, which lasts longer now.
    DidNotWait,
    /// The same, and the bot could not know it yet.
    OnTheWay,
}

/// By how much the wait of a bot that does not wait becomes longer.
const PENALTY: Duration = Duration::from_secs(3);

/// For how long a bot can not know yet that it has to wait: what was on its way is refused, and is no fault of it.
const ON_THE_WAY: Duration = Duration::from_millis(500);

/// What was sent lately, and who has to wait.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    chats: HashMap<ChatId, Lane>,
    overall: Lane,
}

#[derive(Debug, Default)]
struct Lane {
    sent: VecDeque<Instant>,
    closed: Option<Closed>,
}

/// When a lane was closed, and until when.
#[derive(Debug, Clone, Copy)]
struct Closed {
    at: Instant,
    until: Instant,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, chats: HashMap::new(), overall: Lane::default() }
    }

    pub(super) fn set(&mut self, limits: Limits) {
        *self = Self::new(limits);
    }

    /// Takes no messages to a chat for so long.
    pub(super) fn close(&mut self, chat: ChatId, now: Instant, wait: Duration) {
        self.chats.entry(chat).or_default().closed = Some(Closed { at: now, until: now + wait });
    }

    /// Counts so many messages to a chat, or says how long they have to wait.
    pub(super) fn admit(
        &mut self,
        chat: ChatId,
        count: usize,
        now: Instant,
    ) -> Result<(), (TooMuch, Duration)> {
        let lane = self.chats.entry(chat).or_default();
        for lane in [&mut *lane, &mut self.overall] {
            lane.insist(now)?;
        }
        let Limits::On(pace) = self.limits else { return Ok(()) };
        let quota = if chat.is_person() { pace.person } else { pace.group };
        lane.check(quota, count, now).map_err(|wait| (TooMuch::InChat, wait))?;
        self.overall.check(pace.overall, count, now).map_err(|wait| (TooMuch::Overall, wait))?;
        for lane in [lane, &mut self.overall] {
            lane.sent.extend(std::iter::repeat_n(now, count));
        }
        Ok(())
    }
}

impl Lane {
    /// Makes the wait longer for who does not wait.
    fn insist(&mut self, now: Instant) -> Result<(), (TooMuch, Duration)> {
        match &mut self.closed {
            Some(closed) if closed.until > now => {
                let reason =
                    if now < closed.at + ON_THE_WAY { TooMuch::OnTheWay } else { TooMuch::DidNotWait };
                if reason == TooMuch::DidNotWait {
                    closed.until += PENALTY;
                }
                Err((reason, closed.until - now))
            }
            _ => {
                self.closed = None;
                Ok(())
            }
        }
    }

    fn check(&mut self, quota: Quota, count: usize, now: Instant) -> Result<(), Duration> {
        while self.sent.front().is_some_and(|at| *at + quota.per <= now) {
            self.sent.pop_front();
        }
        // A burst that never fits may go alone.
        let room = quota.count.max(count) - count;
        let Some(excess) = self.sent.len().checked_sub(room).filter(|excess| *excess > 0) else {
            return Ok(());
        };
        let until = self.sent[excess - 1] + quota.per;
        self.closed = Some(Closed { at: now, until });
        Err(until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: ChatId = ChatId(7);
    const GROUP: ChatId = ChatId(-7);

    /// Times in tenths of a second, and how long the message at each has to wait, in the same unit.
    #[track_caller]
    fn check(chat: ChatId, rows: &[(u64, Option<(TooMuch, u64)>)]) {
        let mut meter = Meter::new(Limits::strict());
        let start = Instant::now();
        for (row, (at, expected)) in rows.iter().enumerate() {
            let admitted = meter.admit(chat, 1, start + Duration::from_millis(at * 100));
            let expected = expected.map(|(reason, wait)| (reason, Duration::from_millis(wait * 100)));
            assert_eq!(admitted.err(), expected, "row {row}");
        }
    }

    #[test]
    fn a_person_gets_one_a_second_with_bursts() {
        let burst = [0, 1, 2, 3, 4].map(|at| (at, None));
        check(PERSON, &[&burst[..], &[(10, Some((TooMuch::InChat, 40)))]].concat());
        check(PERSON, &[&burst[..], &[(50, None), (51, None), (52, None)]].concat());
        let calm: Vec<_> = (0..100).map(|second| (second * 10, None)).collect();
        check(PERSON, &calm);
    }

    #[test]
    fn a_group_gets_twenty_a_minute() {
        let mut rows: Vec<_> = (0..20).map(|second| (second * 10, None)).collect();
        rows.push((300, Some((TooMuch::InChat, 300))));
        check(GROUP, &rows);
        rows.pop();
        rows.push((600, None));
        check(GROUP, &rows);
    }

    #[test]
    fn who_does_not_wait_waits_longer() {
        let mut rows = vec![(0, None); 5];
        rows.push((0, Some((TooMuch::InChat, 50))));
        rows.push((10, Some((TooMuch::DidNotWait, 70))));
        rows.push((50, Some((TooMuch::DidNotWait, 60))));
        rows.push((110, None));
        check(PERSON, &rows);
    }

    #[test]
    fn what_was_on_its_way_waits_no_longer() {
        let mut rows = vec![(0, None); 5];
        rows.push((0, Some((TooMuch::InChat, 50))));
        rows.push((0, Some((TooMuch::OnTheWay, 50))));
        rows.push((5, Some((TooMuch::DidNotWait, 75))));
        check(PERSON, &rows);
    }

    #[test]
    fn thirty_a_second_go_out_overall() {
        let mut meter = Meter::new(Limits::strict());
        let now = Instant::now();
        for chat in 1..=30 {
            meter.admit(ChatId(chat), 1, now).unwrap();
        }
        let refused = meter.admit(ChatId(31), 1, now).unwrap_err();
        assert_eq!(refused, (TooMuch::Overall, Duration::from_secs(1)));
        meter.set(Limits::Off);
        for _ in 0..1000 {
            meter.admit(ChatId(31), 1, now).unwrap();
        }
    }

    #[test]
    fn an_album_counts_as_its_messages() {
        let mut meter = Meter::new(Limits::strict());
        let now = Instant::now();
        meter.admit(PERSON, 10, now).unwrap();
        assert_eq!(meter.admit(PERSON, 1, now).unwrap_err().0, TooMuch::InChat);
    }
}
