//! What goes out next, and when: a state machine without I/O and without a clock.
//!
//! Each chat has a queue and a pace of its own. What is more urgent goes first ([`Rank`]), and what is less urgent leaves
//! room for it, so that an answer never waits for an edit that was made just before. Of the edits of a message only the
//! youngest is made.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::pace::{self, Pace, Paces, Window};
use crate::wire::ChatId;

/// The time since some beginning.
pub(crate) type Moment = Duration;

/// Names something to send from the moment it was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// How urgent something is; what is listed first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Whatever somebody waits for: answers, requests, notices.
    Final,
    /// The first message of a run.
    Card,
    /// What an answer took the place of goes away.
    Delete,
    /// A message that says something new of a run.
    Edit,
}

impl Rank {
    const ALL: [Self; 4] = [Self::Final, Self::Card, Self::Delete, Self::Edit];
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Something new is sent.
    Send,
    /// An album of so many messages is sent: each of them counts.
    Album(usize),
    /// A message is changed.
    Edit(i64),
    /// A message is deleted.
    Delete(i64),
}

impl Deed {
    /// As how many messages it counts.
    const fn weight(self) -> usize {
        match self {
            Self::Album(count) => count,
            Self::Send | Self::Edit(_) | Self::Delete(_) => 1,
        }
    }
}

/// Something to do in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) chat: ChatId,
    pub(crate) rank: Rank,
    pub(crate) deed: Deed,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<P> {
    /// This, and then ask again.
    Start(Ticket, P),
    /// Nothing before this moment; `None`: before something else happens.
    Wait(Option<Moment>),
}

/// What became of something that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done with, well or not; the server was there.
    Settled,
    /// It is done with, and nobody knows whether the server was there.
    Lost,
    /// The chat wants a pause; it is tried again after that.
    PauseChat(Duration),
    /// The server wants a pause from the bot; it is tried again after that.
    PauseBot(Duration),
    /// The server can not be reached; it is tried again until it can.
    Offline,
    /// The server is in trouble; it is tried again some times.
    Trouble,
}

/// Why something ended without being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Something younger took its place.
    Superseded,
    /// It was tried often enough.
    GivenUp,
}

/// What became of the wish to take something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// It waited, and is not sent.
    Waited,
    /// It is under way, or over.
    WasNotThere,
}

/// The longest pause between two tries while the server can not be reached: everything goes on soon after it is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often something is tried that the server answers with its own trouble: some texts may be the trouble.
const TRIES: u8 = 8;

/// Chats of which something is remembered before those are forgotten in which nothing happens.
const MANY_CHATS: usize = 256;

#[derive(Debug, Clone)]
struct Item<P> {
    ticket: Ticket,
    deed: Deed,
    payload: P,
    troubles: u8,
}

#[derive(Debug, Clone)]
struct Lane<P> {
    pace: Pace,
    /// By urgency, then by age.
    waiting: BTreeMap<(Rank, u64), Item<P>>,
    window: Window,
    next_edit: Moment,
    closed_until: Moment,
}

#[derive(Debug, Clone)]
struct Flying<P> {
    chat: ChatId,
    rank: Rank,
    age: u64,
    item: Item<P>,
}

#[derive(Debug, Clone, Copy)]
struct Offline {
    until: Moment,
    pause: Duration,
    /// What tries whether it is over.
    probe: Option<Ticket>,
}

/// All that waits and all that is under way. `P` is what is sent.
#[derive(Debug, Clone)]
pub(crate) struct Machine<P> {
    paces: Paces,
    lanes: BTreeMap<ChatId, Lane<P>>,
    flying: HashMap<Ticket, Flying<P>>,
    overall: Window,
    closed_until: Moment,
    offline: Option<Offline>,
    ages: u64,
}

impl<P: Clone> Machine<P> {
    pub(crate) fn new(paces: Paces) -> Self {
        Self {
            paces,
            lanes: BTreeMap::new(),
            flying: HashMap::new(),
            overall: Window::new(paces.overall),
            closed_until: Moment::ZERO,
            offline: None,
            ages: 0,
        }
    }

    /// Takes in something to send, and gives what it supersedes, which may be itself.
    pub(crate) fn submit(&mut self, now: Moment, ticket: Ticket, order: Order, payload: P) -> Vec<Ticket> {
        if self.lanes.len() > MANY_CHATS {
            self.lanes.retain(|_, lane| {
                !lane.waiting.is_empty() || !lane.window.is_idle(now) || lane.closed_until > now
            });
        }
        self.ages += 1;
        let mut age = self.ages;
        let pace = self.paces.of(order.chat);
        let lane = self.lanes.entry(order.chat).or_insert_with(|| Lane::new(pace));
        let mut superseded = Vec::new();
        if let Deed::Edit(message) | Deed::Delete(message) = order.deed {
            if matches!(order.deed, Deed::Edit(_)) && lane.has(Deed::Delete(message)) {
                return vec![ticket];
            }
            if let Some(((_, old_age), item)) = lane.take(Deed::Edit(message)) {
                superseded.push(item.ticket);
                // Who comes in the place of another one does not stand behind it.
                age = old_age;
            }
        }
        let item = Item { ticket, deed: order.deed, payload, troubles: 0 };
        lane.waiting.insert((order.rank, age), item);
        superseded
    }

    /// Takes back what nobody wants any more. What is under way can not be taken back.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> Withdrawn {
        for lane in self.lanes.values_mut() {
            let key = lane.waiting.iter().find(|(_, item)| item.ticket == ticket).map(|(key, _)| *key);
            if let Some(key) = key {
                lane.waiting.remove(&key);
                return Withdrawn::Waited;
            }
        }
        Withdrawn::WasNotThere
    }

    /// What to do now.
    pub(crate) fn next(&mut self, now: Moment) -> Next<P> {
        let mut first: Option<(Rank, u64, ChatId)> = None;
        let mut soonest: Option<Moment> = None;
        if self.offline.is_some_and(|offline| offline.probe.is_some()) {
            return Next::Wait(None);
        }
        let begin = self.closed_until.max(self.offline.map_or(Moment::ZERO, |offline| offline.until));
        for (chat, lane) in &self.lanes {
            for rank in Rank::ALL {
                let mut items = lane.waiting.range((rank, 0)..=(rank, u64::MAX));
                let Some(((_, age), item)) = items.find(|(_, item)| !self.is_under_way(*chat, item.deed))
                else {
                    continue;
                };
                let others = item.deed.weight().saturating_sub(1);
                let overall = self.overall.free_at(pace::needed_overall(rank) + others);
                let may = begin.max(lane.may(rank, others)).max(overall);
                if may <= now {
                    let found = (rank, *age, *chat);
                    if first.is_none_or(|first| found < first) {
                        first = Some(found);
                    }
                } else if soonest.is_none_or(|soonest| may < soonest) {
                    soonest = Some(may);
                }
            }
        }
        match first {
            Some((rank, age, chat)) => self.start(now, chat, rank, age).unwrap_or(Next::Wait(soonest)),
            None => Next::Wait(soonest),
        }
    }

    fn start(&mut self, now: Moment, chat: ChatId, rank: Rank, age: u64) -> Option<Next<P>> {
        let lane = self.lanes.get_mut(&chat)?;
        let item = lane.waiting.remove(&(rank, age))?;
        for _ in 0..item.deed.weight() {
            lane.window.spend(now);
            self.overall.spend(now);
        }
        if rank == Rank::Edit {
            lane.next_edit = now + lane.pace.edits;
        }
        let (ticket, payload) = (item.ticket, item.payload.clone());
        if let Some(offline) = &mut self.offline {
            offline.probe = Some(ticket);
        }
        self.flying.insert(ticket, Flying { chat, rank, age, item });
        Some(Next::Start(ticket, payload))
    }

    /// What became of something that was started. Gives what ended by that without being done.
    pub(crate) fn finish(&mut self, now: Moment, ticket: Ticket, verdict: Verdict) -> Option<(Ticket, End)> {
        let Flying { chat, rank, age, mut item } = self.flying.remove(&ticket)?;
        let pace = self.paces.of(chat);
        if let Some(offline) = &mut self.offline
            && offline.probe == Some(ticket)
        {
            offline.probe = None;
        }
        match verdict {
            Verdict::Settled => {
                self.offline = None;
                return None;
            }
            Verdict::Lost => return None,
            Verdict::PauseChat(pause) => {
                self.offline = None;
                let lane = self.lanes.entry(chat).or_insert_with(|| Lane::new(pace));
                lane.closed_until = lane.closed_until.max(now + pause);
            }
            Verdict::PauseBot(pause) => {
                self.offline = None;
                self.closed_until = self.closed_until.max(now + pause);
            }
            Verdict::Offline => self.go_offline(now),
            Verdict::Trouble => {
                // The server is there, and other chats may have more luck.
                self.offline = None;
                item.troubles += 1;
                if item.troubles >= TRIES {
                    return Some((ticket, End::GivenUp));
                }
                let pause = self.paces.first_pause * (1 << (item.troubles - 1));
                let lane = self.lanes.entry(chat).or_insert_with(|| Lane::new(pace));
                lane.closed_until = lane.closed_until.max(now + pause.min(LONGEST_PAUSE));
            }
        }
        let lane = self.lanes.entry(chat).or_insert_with(|| Lane::new(pace));
        if let Deed::Edit(message) = item.deed
            && (lane.has(Deed::Edit(message)) || lane.has(Deed::Delete(message)))
        {
            return Some((ticket, End::Superseded));
        }
        lane.waiting.insert((rank, age), item);
        None
    }

    fn go_offline(&mut self, now: Moment) {
        let pause = match self.offline {
            // What failed together counts once.
            Some(offline) if offline.until > now => return,
            Some(offline) => (offline.pause * 2).min(LONGEST_PAUSE),
            None => self.paces.first_pause,
        };
        self.offline = Some(Offline { until: now + pause, pause, probe: None });
    }

    fn is_under_way(&self, chat: ChatId, deed: Deed) -> bool {
        // Two changes of one message could overtake each other; messages are sent one after the other by who cares.
        let (Deed::Edit(message) | Deed::Delete(message)) = deed else { return false };
        self.flying
            .values()
            .any(|flying| flying.chat == chat && matches!(flying.item.deed, Deed::Edit(at) if at == message))
    }
}

impl<P> Lane<P> {
    const fn new(pace: Pace) -> Self {
        Self {
            pace,
            waiting: BTreeMap::new(),
            window: Window::new(pace.quota),
            next_edit: Moment::ZERO,
            closed_until: Moment::ZERO,
        }
    }

    /// From when on something of this rank may go out, together with so many others.
    fn may(&self, rank: Rank, others: usize) -> Moment {
        let spaced = if rank == Rank::Edit { self.next_edit } else { Moment::ZERO };
        self.closed_until.max(spaced).max(self.window.free_at(self.pace.needed(rank) + others))
    }

    fn has(&self, deed: Deed) -> bool {
        self.waiting.values().any(|item| item.deed == deed)
    }

    fn take(&mut self, deed: Deed) -> Option<((Rank, u64), Item<P>)> {
        let key = self.waiting.iter().find(|(_, item)| item.deed == deed).map(|(key, _)| *key)?;
        self.waiting.remove_entry(&key)
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
