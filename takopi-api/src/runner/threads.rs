//! At most one run a thread at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::resume::ResumeToken;

/// The threads that are in use. Clones share them; a program has one.
#[derive(Debug, Clone, Default)]
pub struct ThreadLocks {
    locks: Arc<Mutex<HashMap<ResumeToken, Weak<AsyncMutex<()>>>>>,
}

/// The hold on a thread; dropping it lets the next run have it.
#[derive(Debug)]
pub struct ThreadGuard {
    _guard: OwnedMutexGuard<()>,
}

impl ThreadLocks {
    /// Waits until no other run uses the thread, in the order of asking.
    pub async fn acquire(&self, thread: &ResumeToken) -> ThreadGuard {
        ThreadGuard { _guard: self.lock(thread).lock_owned().await }
    }

    /// Takes the thread if no other run uses it.
    #[must_use]
    pub fn try_acquire(&self, thread: &ResumeToken) -> Option<ThreadGuard> {
        self.lock(thread).try_lock_owned().ok().map(|guard| ThreadGuard { _guard: guard })
    }

    fn lock(&self, thread: &ResumeToken) -> Arc<AsyncMutex<()>> {
        // A poisoned map is still whole: no code panics between two changes of it.
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(thread).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(thread.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineId;

    #[test]
    fn a_thread_is_held_once_and_forgotten_when_free() {
        let locks = ThreadLocks::default();
        let token = |value| ResumeToken::new(EngineId::from_static("acme"), value).unwrap();
        let first = locks.try_acquire(&token("1")).unwrap();
        assert!(locks.clone().try_acquire(&token("1")).is_none());
        assert!(locks.try_acquire(&token("2")).is_some());
        drop(first);
        assert!(locks.try_acquire(&token("1")).is_some());
        let _third = locks.try_acquire(&token("3"));
        assert_eq!(locks.locks.lock().unwrap().len(), 1);
    }
}
