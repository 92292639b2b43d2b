//! What is scheduled: which of it is due, what was missed, and what has to be written down for it. It does nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use takopi_api::error::Error;
use takopi_api::runtime::{Origin, Write};

use crate::cron::Pattern;
use crate::typed::When;

/// How late a time may be taken and still counts as kept: takopi was started anew meanwhile.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// What was missed more often than this is not counted on.
const MOST_MISSED: u32 = 999;

/// What somebody wants to run later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// By which people name it.
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    /// What is to run, as it was typed.
    pub(crate) text: String,
    pub(crate) when: When,
    pub(crate) state: State,
    /// Why its last time came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is due at this time.
    Waiting(Timestamp),
    /// It waits for a person.
    Paused,
    /// Its only time came to nothing.
    Missed(Timestamp),
}

/// What becomes of times that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, takopi_api::schemars::JsonSchema)]
#[schemars(crate = "takopi_api::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum IfMissed {
    /// They are told, and people decide.
    #[default]
    Skip,
    /// They are told, and made up for by one run.
    Run,
}

/// An entry whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// As it was before.
    pub(crate) entry: Entry,
    /// Whether it runs now.
    pub(crate) runs: bool,
    /// The first time that was missed, and how many were.
    pub(crate) missed: Option<(Timestamp, u32)>,
}

/// That an entry was about to run. It is there until that run has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) number: u32,
    pub(crate) origin: Origin,
    pub(crate) text: String,
}

/// All that is scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Book {
    entries: BTreeMap<u32, Entry>,
    /// The largest number that was ever given, so that none is given twice.
    last: u32,
}

const ENTRY: &str = "entry/";
const TAKEN: &str = "taken/";
const LAST: &str = "last";

fn entry_key(number: u32) -> String {
    format!("{ENTRY}{number:010}")
}

fn taken_key(number: u32) -> String {
    format!("{TAKEN}{number:010}")
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::new(format!("it can not be written down: {error}")))
}

/// A book as it was written down, what was about to run, and what could not be read.
pub(crate) fn read(stored: Vec<(String, Vec<u8>)>) -> (Book, Vec<Taken>, Vec<String>) {
    let (mut book, mut taken, mut unread) = (Book::default(), Vec::new(), Vec::new());
    for (key, value) in stored {
        let read = if key.starts_with(ENTRY) {
            serde_json::from_slice(&value).map(|entry: Entry| {
                book.last = book.last.max(entry.number);
                book.entries.insert(entry.number, entry);
            })
        } else if key.starts_with(TAKEN) {
            serde_json::from_slice(&value).map(|one| taken.push(one))
        } else if key == LAST {
            serde_json::from_slice(&value).map(|last: u32| book.last = book.last.max(last))
        } else {
            Ok(())
        };
        if let Err(error) = read {
            unread.push(format!("{key}: {error}"));
        }
    }
    (book, taken, unread)
}

/// What is to be written down before an entry runs.
pub(crate) fn takes(entry: &Entry) -> Result<Write, Error> {
    let Entry { number, origin, text, .. } = entry.clone();
    Ok(Write::put(taken_key(number), json(&Taken { number, origin, text })?))
}

/// What is to be written down when its run has ended.
pub(crate) fn ended(number: u32) -> Write {
    Write::delete(taken_key(number))
}

impl Entry {
    /// When it is due, if it is to be.
    pub(crate) const fn next(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting(next) => Some(next),
            State::Paused | State::Missed(_) => None,
        }
    }

    fn is_at(&self, place: &Origin) -> bool {
        self.origin.transport == place.transport && self.origin.address == place.address
    }
}

impl Book {
    /// Those of a place, in the order of their numbers.
    pub(crate) fn at<'a>(&'a self, place: &'a Origin) -> impl Iterator<Item = &'a Entry> {
        self.entries.values().filter(|entry| entry.is_at(place))
    }

    /// The one of a place with this number.
    pub(crate) fn find(&self, place: &Origin, number: u32) -> Result<&Entry, Error> {
        self.entries.get(&number).filter(|entry| entry.is_at(place)).ok_or_else(|| {
            Error::new(format!("nothing is scheduled here as #{number}")).hint("`/schedule` lists what is")
        })
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// The next time at which something is due, leaving out what is at work.
    pub(crate) fn next(&self, at_work: &BTreeSet<u32>) -> Option<Timestamp> {
        let idle = self.entries.values().filter(|entry| !at_work.contains(&entry.number));
        idle.filter_map(Entry::next).min()
    }

    /// What is due now, leaving out what is at work.
    pub(crate) fn due(&self, now: Timestamp, at_work: &BTreeSet<u32>) -> Vec<u32> {
        let idle = self.entries.values().filter(|entry| !at_work.contains(&entry.number));
        idle.filter(|entry| entry.next().is_some_and(|next| next <= now)).map(|entry| entry.number).collect()
    }

    /// Takes something in, and says what to write down.
    pub(crate) fn add(
        &mut self,
        origin: Origin,
        when: When,
        text: String,
        now: Timestamp,
        zone: &TimeZone,
        limit: usize,
    ) -> Result<(u32, Vec<Write>), Error> {
        let count = self.at(&origin).count();
        if count >= limit {
            return Err(Error::new(format!("{count} are scheduled here already, which is the limit"))
                .hint("cancel one with `/schedule`, or set `[plugins.schedule] limit`"));
        }
        let number = self.last.checked_add(1).ok_or_else(|| Error::new("there are no numbers left"))?;
        let next = match &when {
            When::At(time) => *time,
            When::Cron(pattern) => next(pattern, now, zone)?,
        };
        let entry = Entry { number, origin, text, when, state: State::Waiting(next), trouble: None };
        let writes = vec![Write::put(entry_key(number), json(&entry)?), Write::put(LAST, json(&number)?)];
        self.last = number;
        self.entries.insert(number, entry);
        Ok((number, writes))
    }

    /// Forgets an entry.
    pub(crate) fn cancel(&mut self, number: u32) -> Vec<Write> {
        self.entries.remove(&number);
        vec![Write::delete(entry_key(number))]
    }

    /// Lets an entry wait for a person.
    pub(crate) fn pause(&mut self, number: u32) -> Result<Vec<Write>, Error> {
        self.change(number, |entry| match entry.state {
            State::Waiting(_) => {
                entry.state = State::Paused;
                Ok(())
            }
            State::Paused => Err(Error::new(format!("#{number} is paused already"))),
            State::Missed(_) => Err(Error::new(format!("the time of #{number} is over"))),
        })
    }

    /// Lets an entry go on. What it would have run meanwhile is not made up for.
    pub(crate) fn resume(
        &mut self,
        number: u32,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Vec<Write>, Error> {
        self.change(number, |entry| {
            let at = match (&entry.when, entry.state) {
                (_, State::Waiting(_)) => return Err(Error::new(format!("#{number} is not paused"))),
                (When::At(time), _) if *time <= now => {
                    return Err(Error::new(format!("the time of #{number} is over"))
                        .hint(format!("`/schedule run {number}` runs it now")));
                }
                (When::At(time), _) => *time,
                (When::Cron(pattern), _) => next(pattern, now, zone)?,
            };
            entry.state = State::Waiting(at);
            Ok(())
        })
    }

    /// Says what is to be done with an entry now, and moves it on: nothing of it is due again before its next time. `None` if it
    /// is not due any more.
    pub(crate) fn take(
        &mut self,
        number: u32,
        now: Timestamp,
        zone: &TimeZone,
        if_missed: IfMissed,
    ) -> Result<Option<(Due, Vec<Write>)>, Error> {
        let Some(entry) = self.entries.get(&number).cloned() else { return Ok(None) };
        let Some(first) = entry.next().filter(|first| *first <= now) else { return Ok(None) };
        let (last, count, after) = match &entry.when {
            When::At(_) => (first, 1, None),
            When::Cron(pattern) => {
                let (mut last, mut count, mut after) = (first, 1, next(pattern, first, zone)?);
                while after <= now {
                    if count > MOST_MISSED {
                        // What was missed for that long is not looked at one by one.
                        after = next(pattern, now.max(after), zone)?;
                        break;
                    }
                    (last, count) = (after, count + 1);
                    after = next(pattern, after, zone)?;
                }
                (last, count, Some(after))
            }
        };
        let is_kept = now.duration_since(last) <= LATE;
        let missed = count - u32::from(is_kept);
        let runs = is_kept || if_missed == IfMissed::Run;
        let writes = match after {
            Some(after) => self.change(number, |entry| {
                entry.state = State::Waiting(after);
                Ok(())
            })?,
            None if runs => self.cancel(number),
            None => self.change(number, |entry| {
                entry.state = State::Missed(first);
                Ok(())
            })?,
        };
        let missed = (missed > 0).then_some((first, missed.min(MOST_MISSED)));
        Ok(Some((Due { entry, runs, missed }, writes)))
    }

    /// Takes an entry that a person wants to run now. One that runs once has run by that.
    pub(crate) fn take_now(&mut self, entry: &Entry) -> Vec<Write> {
        match entry.when {
            When::At(_) => self.cancel(entry.number),
            When::Cron(_) => Vec::new(),
        }
    }

    /// A run of an entry could not begin, or one could at last.
    pub(crate) fn note(&mut self, entry: &Entry, trouble: Option<String>) -> Result<Vec<Write>, Error> {
        if let Entry { when: When::At(time), number, .. } = entry
            && trouble.is_some()
        {
            let lost = Entry { state: State::Missed(*time), trouble, ..entry.clone() };
            let write = Write::put(entry_key(*number), json(&lost)?);
            self.entries.insert(*number, lost);
            return Ok(vec![write]);
        }
        match self.entries.get(&entry.number) {
            Some(known) if known.trouble != trouble => self.change(entry.number, |entry| {
                entry.trouble = trouble;
                Ok(())
            }),
            _ => Ok(Vec::new()),
        }
    }

    /// The clock is another one from now on, so times to come are other ones.
    pub(crate) fn follow(&mut self, now: Timestamp, zone: &TimeZone) -> Result<Vec<Write>, Error> {
        let mut writes = Vec::new();
        for entry in self.entries.values_mut() {
            if let (When::Cron(pattern), State::Waiting(at)) = (&entry.when, entry.state)
                && at > now
            {
                let fresh = next(pattern, now, zone)?;
                if fresh != at {
                    entry.state = State::Waiting(fresh);
                    writes.push(Write::put(entry_key(entry.number), json(entry)?));
                }
            }
        }
        Ok(writes)
    }

    fn change(
        &mut self,
        number: u32,
        change: impl FnOnce(&mut Entry) -> Result<(), Error>,
    ) -> Result<Vec<Write>, Error> {
        let Some(entry) = self.entries.get_mut(&number) else { return Ok(Vec::new()) };
        change(entry)?;
        Ok(vec![Write::put(entry_key(number), json(entry)?)])
    }
}

fn next(pattern: &Pattern, after: Timestamp, zone: &TimeZone) -> Result<Timestamp, Error> {
    pattern
        .next(after, zone)
        .ok_or_else(|| Error::new(format!("`{}` has no time any more", pattern.as_str())))
}

#[cfg(test)]
mod tests;
