//! Whether another program may start: so many at a time, and none while the machine is short of memory. A run that has to
//! wait says what for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use takopi_api::runner::RunId;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often memory is looked at while a run waits for it.
const LOOK: Duration = Duration::from_secs(1);

/// How many programs may run, and how much memory must be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many engines may run at a time.
    pub engines: usize,
    /// How much memory must be available before another one starts, in bytes.
    pub free_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { engines: 32, free_memory: 256 * 1024 * 1024 }
    }
}

/// Lets programs in.
#[derive(Debug)]
pub(super) struct Admission {
    limits: Mutex<Limits>,
    places: Arc<Semaphore>,
    /// How many places are not given on when they become free.
    owed: Arc<AtomicUsize>,
    /// The places of the runs that go on: a run has one, however many programs it starts.
    taken: Mutex<HashMap<RunId, Weak<Seat>>>,
    available_memory: fn() -> Option<u64>,
}

/// The place of a run, shared by its programs; dropping the last one lets the next run in.
#[derive(Debug, Default)]
pub(super) struct Place(#[expect(dead_code, reason = "held for its destructor")] Option<Arc<Seat>>);

/// One of the places.
#[derive(Debug)]
struct Seat {
    permit: Option<OwnedSemaphorePermit>,
    owed: Arc<AtomicUsize>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && pay(&self.owed) == Paid::One
        {
            permit.forget();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Paid {
    One,
    Nothing,
}

/// Takes one off what is owed, if anything is.
fn pay(owed: &AtomicUsize) -> Paid {
    let paid = owed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |owed| owed.checked_sub(1));
    if paid.is_ok() { Paid::One } else { Paid::Nothing }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with_memory(limits, available_memory)
    }

    fn with_memory(limits: Limits, available_memory: fn() -> Option<u64>) -> Self {
        // A limit of nothing would let nobody in for ever.
        let places = Arc::new(Semaphore::new(limits.engines.max(1)));
        Self {
            limits: Mutex::new(limits),
            places,
            owed: Arc::default(),
            taken: Mutex::default(),
            available_memory,
        }
    }

    fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the limits. Runs that go on keep their places: where there are to be fewer, those that end give theirs up.
    pub(super) fn change(&self, limits: Limits) {
        let mut current = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, limits).engines.max(1);
        let now = limits.engines.max(1);
        if now < before {
            let too_many = before - now;
            self.owed.fetch_add(too_many - self.places.forget_permits(too_many), Ordering::SeqCst);
        } else {
            let unowed = (before..now).filter(|_| pay(&self.owed) == Paid::Nothing).count();
            self.places.add_permits(unowed);
        }
    }

    /// What a program that starts now would wait for.
    pub(super) fn obstacle(&self) -> Option<String> {
        if self.places.available_permits() == 0 {
            return Some(format!("waiting: {} engines run already", self.limits().engines));
        }
        let available = self.shortage()?;
        let megabytes = |bytes: u64| bytes / (1024 * 1024);
        Some(format!(
            "waiting: {} MB of memory are free, an engine starts at {} MB",
            megabytes(available),
            megabytes(self.limits().free_memory)
        ))
    }

    /// Waits until there is a place for the run, and memory.
    pub(super) async fn enter(&self, run: &RunId) -> Place {
        if let Some(seat) = self.taken().get(run).and_then(Weak::upgrade) {
            return Place(Some(seat));
        }
        // The semaphore is never closed; without it there would be no limit.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        let seat = permit.map(|permit| Arc::new(Seat { permit: Some(permit), owed: Arc::clone(&self.owed) }));
        while self.shortage().is_some() {
            tokio::time::sleep(LOOK).await;
        }
        let mut taken = self.taken();
        taken.retain(|_, seat| seat.strong_count() > 0);
        if let Some(seat) = &seat {
            taken.insert(run.clone(), Arc::downgrade(seat));
        }
        Place(seat)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Weak<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory that is available, if that is too little.
    fn shortage(&self) -> Option<u64> {
        (self.available_memory)().filter(|available| *available < self.limits().free_memory)
    }
}

/// What the system says could be had without swapping, in bytes; see `MemAvailable` in proc(5).
fn available_memory() -> Option<u64> {
    parse_meminfo(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn the_system_is_understood() {
        assert_eq!(parse_meminfo("MemTotal: 9 kB\nMemAvailable:   1024 kB\n"), Some(1024 * 1024));
        assert_eq!(parse_meminfo("MemAvailable: lots\n"), None);
        assert!(available_memory().is_none_or(|bytes| bytes > 0));
    }

    #[tokio::test]
    async fn no_more_than_the_limit_run_at_a_time() {
        let admission = Admission::with_memory(Limits { engines: 2, free_memory: 0 }, || None);
        let run = RunId::unique();
        let first = admission.enter(&run).await;
        let again = admission.enter(&run).await;
        assert_eq!(admission.obstacle(), None);
        let _second = admission.enter(&RunId::unique()).await;
        assert_eq!(admission.obstacle().as_deref(), Some("waiting: 2 engines run already"));
        let third = tokio::time::timeout(Duration::from_millis(20), admission.enter(&RunId::unique())).await;
        assert!(third.is_err());
        drop((first, again));
        admission.enter(&RunId::unique()).await;
    }

    #[tokio::test]
    async fn limits_change_while_runs_go_on() {
        let limits = |engines| Limits { engines, free_memory: 0 };
        let admission = Admission::with_memory(limits(1), || None);
        let waits = async || {
            tokio::time::timeout(Duration::from_millis(20), admission.enter(&RunId::unique())).await.is_err()
        };
        let first = admission.enter(&RunId::unique()).await;
        assert!(waits().await);
        admission.change(limits(3));
        let second = admission.enter(&RunId::unique()).await;
        let third = admission.enter(&RunId::unique()).await;
        assert_eq!(admission.obstacle().as_deref(), Some("waiting: 3 engines run already"));
        admission.change(limits(1));
        drop((first, second));
        assert!(waits().await, "one runs, and one may");
        drop(third);
        assert!(!waits().await);
    }

    static MEMORY: AtomicU64 = AtomicU64::new(0);

    #[tokio::test(start_paused = true)]
    async fn a_program_waits_for_memory() {
        let limits = Limits { engines: 2, free_memory: 10 * 1024 * 1024 };
        let admission = Admission::with_memory(limits, || Some(MEMORY.load(Ordering::Relaxed)));
        assert_eq!(
            admission.obstacle().as_deref(),
            Some("waiting: 0 MB of memory are free, an engine starts at 10 MB")
        );
        assert!(
            tokio::time::timeout(Duration::from_secs(60), admission.enter(&RunId::unique())).await.is_err()
        );
        MEMORY.store(20 * 1024 * 1024, Ordering::Relaxed);
        assert_eq!(admission.obstacle(), None);
        admission.enter(&RunId::unique()).await;
    }
}
