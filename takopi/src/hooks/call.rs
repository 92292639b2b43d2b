//! Calling a hook: whatever it does, takopi goes on.
//!
//! Every call has a thread of its own. Takopi itself runs on one, and a hook that blocks would stop all chats with it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use takopi_api::error::Error;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::Hook;
use crate::plugins::{mute_panics, panic_message};

/// What is wrong with a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none that could be asked.
    Absent(String),
    /// It says that it failed.
    Failed(String),
    /// It panicked.
    Panicked(String),
    /// It did not return in time.
    TimedOut(Duration),
    /// The machine has no thread for it.
    NoThread(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => f.write_str(why),
            Self::Failed(why) => write!(f, "it failed: {why}"),
            Self::Panicked(message) => write!(f, "it panicked: {message}"),
            Self::TimedOut(after) => write!(f, "it did not return within {} s", after.as_secs()),
            Self::NoThread(why) => write!(f, "there is no thread to ask it on: {why}"),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let hints = error.hints().iter();
        Self::Failed(hints.fold(error.to_string(), |told, hint| format!("{told}; {hint}")))
    }
}

/// Lets a hook do something, for as long as it may take. Where this is given up, what the hook does is dropped as soon as
/// it waits for anything.
pub(super) async fn call<T: Send + 'static>(
    hook: &Hook,
    patience: Duration,
    code: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Fault> {
    let answered = async {
        let Ok(permit) = Arc::clone(&hook.calls).acquire_owned().await else {
            // Nobody closes it.
            return Err(Fault::TimedOut(hook.rule.timeout));
        };
        let answer = on_own_thread(&hook.id, permit, code)?;
        match answer.await {
            Ok(Ok(answer)) => answer.map_err(Fault::from),
            Ok(Err(panic)) => Err(Fault::Panicked(panic)),
            // The thread always answers while somebody listens.
            Err(_) => Err(Fault::Panicked("no message".to_owned())),
        }
    };
    tokio::time::timeout(patience, answered).await.unwrap_or(Err(Fault::TimedOut(hook.rule.timeout)))
}

/// Begins code of a hook on a thread of its own. Dropping the receiver drops the code where it waits.
pub(super) fn on_own_thread<T: Send + 'static>(
    id: &str,
    permit: OwnedSemaphorePermit,
    code: impl Future<Output = T> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, String>>, Fault> {
    let (mut answer, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let run = move || {
        mute_panics();
        runtime.block_on(async move {
            let code = AssertUnwindSafe(code).catch_unwind();
            let done = tokio::select! {
                done = code => Some(done),
                () = answer.closed() => None,
            };
            if let Some(done) = done {
                // Whoever asked may have given up just now.
                let _ = answer.send(done.map_err(|panic| panic_message(&*panic)));
            }
        });
        drop(permit);
    };
    let thread = std::thread::Builder::new().name(format!("hook {id}")).spawn(run);
    thread.map(|_| receiver).map_err(|error| Fault::NoThread(error.to_string()))
}
