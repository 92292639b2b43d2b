//! Calling a hook: whatever it does, takopi goes on.
//!
//! Every call has a thread of its own. Takopi itself runs on one, and a hook that blocks would stop all chats with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::error::Error;

use super::Hook;
use crate::plugins::{self, Aside};

/// What is wrong with a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none that could be asked.
    Absent(String),
    /// It says that it failed.
    Failed(String),
    /// It did not return in time.
    TimedOut(Duration),
    /// It did not come so far.
    Code(plugins::Fault),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => f.write_str(why),
            Self::Failed(why) => write!(f, "it failed: {why}"),
            Self::TimedOut(after) => write!(f, "it did not return within {} s", after.as_secs()),
            Self::Code(fault) => fault.fmt(f),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let hints = error.hints().iter();
        Self::Failed(hints.fold(error.to_string(), |told, hint| format!("{told}; {hint}")))
    }
}

impl From<plugins::Fault> for Fault {
    fn from(fault: plugins::Fault) -> Self {
        Self::Code(fault)
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
        Ok(Aside::begin(&thread(hook), permit, code)?.done().await??)
    };
    tokio::time::timeout(patience, answered).await.unwrap_or(Err(Fault::TimedOut(hook.rule.timeout)))
}

/// What threads of a hook are called.
pub(super) fn thread(hook: &Hook) -> String {
    format!("hook {}", hook.id)
}
