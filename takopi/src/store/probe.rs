//! What a test hangs into a store: it says how long a write takes, and at which one the program dies.
//!
//! The clock of such a test stands still while something goes on. It can not see the threads of the store, so their work
//! is waited for on the spot.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::future::BoxFuture;

use super::Store;

/// Looks at every write.
pub(crate) trait Probe: Send + Sync {
    /// Before it is made. A program that dies here never goes on, and has not written.
    fn before(&self) -> BoxFuture<'static, ()>;

    /// After it is on the disk, and before anybody knows. A program that dies here never goes on, and has written.
    fn after(&self) -> BoxFuture<'static, ()>;
}

impl Store {
    /// Lets a probe look at every write from here on; the first one stays.
    pub(crate) fn set_probe(&self, probe: Arc<dyn Probe>) {
        let _ = self.0.probe.set(probe);
    }
}

pub(super) async fn write<T>(probe: &dyn Probe, work: impl Future<Output = T>) -> T {
    probe.before().await;
    let done = now(work);
    probe.after().await;
    done
}

/// Waits for something that another thread does, without giving way to other tasks.
pub(super) fn now<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    // Without a budget: a task that used it up is asked to give way, and here is nobody to give way to.
    let mut work = pin!(tokio::task::unconstrained(work));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
