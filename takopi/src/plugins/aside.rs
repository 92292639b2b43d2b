//! Code of a plugin on a thread of its own: one that blocks holds up nobody else, and a panic in it is no panic of takopi.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::plugin::{BackendKind, Distribution};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::{Registry, caught};

/// How many threads [`aside`] has at a time. What finds none runs among the rest of takopi.
const THREADS: usize = 128;

/// How long code may take to come to a place where it can be dropped, before it counts as blocked.
const NOTICE: Duration = Duration::from_secs(1);

/// A plugin, as its faults name it: `the command /ping (acme-ping 1.2.0)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    kind: BackendKind,
    /// Its id.
    pub id: String,
    distribution: Option<&'static Distribution>,
}

/// How code of a plugin ended, if not by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It panicked, with this message.
    Panicked(String),
    /// It was to end, and does not even wait for anything, so that it can not be dropped. Its thread is lost.
    Blocked,
    /// The machine has no thread for it.
    NoThread(String),
}

impl Whose {
    /// The plugin of a kind with this id.
    #[must_use]
    pub fn new(kind: BackendKind, id: &str, registry: &Registry) -> Self {
        let distribution = registry.find(kind, id).ok().and_then(|entry| entry.row().distribution);
        Self { kind, id: id.to_owned(), distribution }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.kind == BackendKind::Command { "/" } else { "" };
        write!(f, "the {} {slash}{}", self.kind, self.id)?;
        self.distribution.map_or(Ok(()), |distribution| write!(f, " ({distribution})"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "it panicked: {message}"),
            Self::Blocked => f.write_str("it blocks its thread and can not be ended; that thread is lost"),
            Self::NoThread(why) => write!(f, "there is no thread for it: {why}"),
        }
    }
}

/// Runs code of a plugin until it ends, or until `end` does: then it is dropped, and `None` is given.
///
/// # Errors
/// [`Fault`].
pub async fn aside<T: Send + 'static>(
    code: impl Future<Output = T> + Send + 'static,
    end: impl Future<Output = ()> + Send,
) -> Result<Option<T>, Fault> {
    static SEATS: Semaphore = Semaphore::const_new(THREADS);
    let Ok(seat) = SEATS.try_acquire() else {
        return tokio::select! {
            biased;
            done = AssertUnwindSafe(code).catch_unwind() => done.map(Some).map_err(panicked),
            () = end => Ok(None),
        };
    };
    Aside::begin("plugin", seat, code)?.until(end).await
}

/// Code of a plugin that runs on a thread of its own. Dropping this drops the code as soon as it waits for anything.
#[derive(Debug)]
pub(crate) struct Aside<T> {
    /// Gone without a word, the code was dropped before it ended.
    ended: oneshot::Receiver<Result<T, Fault>>,
    /// Gone, nobody waits for the code any more.
    wanted: oneshot::Sender<()>,
}

impl<T: Send + 'static> Aside<T> {
    /// Begins code. Its thread keeps the permit as long as it has the code, which may be for ever.
    pub(crate) fn begin(
        thread: &str,
        permit: impl Send + 'static,
        code: impl Future<Output = T> + Send + 'static,
    ) -> Result<Self, Fault> {
        let (told, ended) = oneshot::channel();
        let (wanted, unwanted) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let run = move || {
            let done = caught(|| {
                runtime.block_on(async {
                    tokio::select! {
                        biased;
                        done = code => Some(done),
                        _ = unwanted => None,
                    }
                })
            });
            drop(permit);
            if let Some(done) = done.map_err(Fault::Panicked).transpose() {
                // Whoever waited may have given up just now.
                let _ = told.send(done);
            }
        };
        let begun = std::thread::Builder::new().name(thread.to_owned()).spawn(run);
        begun.map(|_| Self { ended, wanted }).map_err(|error| Fault::NoThread(error.to_string()))
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// [`Fault`].
    pub(crate) async fn done(self) -> Result<T, Fault> {
        let Self { ended, wanted } = self;
        let done = ended.await;
        drop(wanted);
        // The thread always answers while somebody waits.
        done.unwrap_or_else(|_| Err(Fault::Panicked("no message".to_owned())))
    }

    /// Waits until it ends, or until `end` does: then it is dropped, and `None` is given.
    async fn until(mut self, end: impl Future<Output = ()> + Send) -> Result<Option<T>, Fault> {
        let ended = tokio::select! {
            biased;
            ended = &mut self.ended => ended,
            () = end => {
                drop(self.wanted);
                match tokio::time::timeout(NOTICE, self.ended).await {
                    Ok(ended) => ended,
                    Err(_) => return Err(Fault::Blocked),
                }
            }
        };
        ended.map_or(Ok(None), |done| done.map(Some))
    }
}

/// The message of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn panicked(panic: Box<dyn Any + Send>) -> Fault {
    Fault::Panicked(message(&*panic))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::watch;

    use super::*;

    #[tokio::test]
    async fn it_ends_by_itself_by_its_end_or_by_a_panic() {
        assert_eq!(aside(ready(1), pending()).await, Ok(Some(1)));
        assert_eq!(aside(pending::<()>(), ready(())).await, Ok(None));
        let panics = async { panic!("on {}", "purpose") };
        assert_eq!(
            aside(panics, pending()).await,
            Err::<Option<()>, _>(Fault::Panicked("on purpose".into()))
        );
    }

    #[tokio::test]
    async fn one_that_blocks_holds_up_nobody_and_is_named() {
        let (go_on, blocks) = std::sync::mpsc::channel::<()>();
        let blocked = aside(async move { blocks.recv().is_ok() }, async {
            // Only a runtime that goes on gets here.
            tokio::task::yield_now().await;
        });
        assert_eq!(blocked.await, Err(Fault::Blocked));
        drop(go_on);
    }

    /// Panics when it is dropped.
    struct Trap;

    impl Drop for Trap {
        fn drop(&mut self) {
            panic!("at its end");
        }
    }

    #[tokio::test]
    async fn one_that_panics_as_it_is_dropped_is_named() {
        let trap = Trap;
        let code = async move {
            let _trap = trap;
            pending::<()>().await;
        };
        assert_eq!(aside(code, ready(())).await, Err(Fault::Panicked("at its end".into())));
    }

    #[tokio::test]
    async fn more_than_there_are_threads_run_all_the_same() {
        let (begun, go_on) = (AtomicUsize::new(0), watch::Sender::new(false));
        let begun = Arc::new(begun);
        let code = || {
            let (begun, mut go_on) = (Arc::clone(&begun), go_on.subscribe());
            async move {
                begun.fetch_add(1, Ordering::AcqRel);
                go_on.wait_for(|go_on| *go_on).await.is_ok()
            }
        };
        let all = join_all((0..THREADS + 2).map(|_| aside(code(), pending())));
        let watched = async {
            while begun.load(Ordering::Acquire) < THREADS + 2 {
                tokio::task::yield_now().await;
            }
            go_on.send_replace(true);
        };
        let (ended, ()) = tokio::join!(all, watched);
        assert!(ended.into_iter().all(|ended| ended == Ok(Some(true))));
    }

    #[tokio::test]
    async fn what_uses_time_and_tasks_finds_them_there() {
        let code = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::spawn(async { 2 }).await.unwrap_or_default()
        };
        assert_eq!(aside(code, pending()).await, Ok(Some(2)));
    }
}
