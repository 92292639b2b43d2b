//! All that the server knows, behind one lock.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::faults::Faults;
use super::limits::{Limits, Meter, Violation};
use super::updates::Updates;
use super::world::{UserId, World};

/// One call of the bot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// When, since the server began.
    pub at: Duration,
    /// The method.
    pub method: String,
    /// Its parameters, as they came.
    pub body: Value,
    /// The files that came with them.
    pub files: Vec<SentFile>,
    /// What became of it; nothing as long as it goes on, or if the bot went away.
    pub answer: Option<Answered>,
}

/// A file that came with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentFile {
    /// The name of its part.
    pub field: String,
    /// Its own name.
    pub name: String,
    /// How large it is.
    pub size: usize,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// It was carried out.
    Ok,
    /// It was not.
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Why.
        description: String,
    },
    /// It was carried out, and the bot does not know.
    Lost,
    /// A fault came in between.
    Failed,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) token: String,
    pub(super) began: Instant,
    pub(super) world: World,
    pub(super) updates: Updates,
    pub(super) meter: Meter,
    pub(super) faults: Faults,
    pub(super) history: Vec<Call>,
    pub(super) violations: Vec<Violation>,
    pub(super) webhook: Option<String>,
    /// Methods that this server does not know.
    pub(super) unknown: BTreeSet<&'static str>,
    /// Which poll is the last: an earlier one ends.
    pub(super) polls: u64,
    /// How many seconds the server's clock is ahead.
    pub(super) clock: i64,
}

impl State {
    pub(super) fn new(token: String, me: UserId) -> Self {
        Self {
            token,
            began: Instant::now(),
            world: World::new(me),
            updates: Updates::new(),
            meter: Meter::new(Limits::strict()),
            faults: Faults::default(),
            history: Vec::new(),
            violations: Vec::new(),
            webhook: None,
            unknown: BTreeSet::new(),
            polls: 0,
            clock: 0,
        }
    }
}

/// The state, and who waits for a change of it.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    revision: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new(), revision: watch::Sender::new(0) }
    }

    /// A test that panicked while it held the state has failed; others may still look.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells who waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let changed = change(&mut state);
        drop(state);
        self.revision.send_modify(|revision| *revision += 1);
        self.changed.notify_all();
        changed
    }

    /// What tells of changes from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Waits until the state looks so, or the time is over.
    pub(super) fn wait<T>(&self, patience: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = std::time::Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(seen) = look(&state) {
                return Some(seen);
            }
            let left = deadline.checked_duration_since(std::time::Instant::now())?;
            let waited = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
        }
    }
}
