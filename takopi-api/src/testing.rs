//! What the tests of a plugin crate need: the contracts that every runner and every transport keep, and fakes for what
//! they use.
//!
//! These functions panic with what is wrong, as tests do.

mod command;
mod contract;
mod conversation;
mod engines;
mod hook;
mod processes;
mod recordings;
mod replay;
mod transport;
mod transport_contract;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;

pub use command::FakeCommandHost;
pub use contract::{RunnerContract, check_events};
pub use conversation::{FakeConversation, MemoryStore};
pub use engines::{ScriptedEngine, engines};
pub use hook::{FakeHookChat, hook_context};
pub use processes::{Script, ScriptedProcesses};
pub use recordings::{Expected, Recordings};
pub use replay::{Replay, Replayed};
pub use transport::{Call, Held, Record, RecordingTransport, Shown};
pub use transport_contract::{TransportContract, TransportFixture};

use crate::command::CommandBackend;
use crate::engine::EngineBackend;
use crate::event::Event;
use crate::hook::HookBackend;
use crate::plugin::{self, BackendKind, Constructor};
use crate::runner::Run;
use crate::transport::TransportBackend;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine that this build registers under an id, as takopi finds it. The test must link the plugin's crate
/// (`use takopi_engine_acme as _;`).
///
/// # Panics
/// If there is none.
#[must_use]
pub fn engine(id: &str) -> EngineBackend {
    let row = plugin::backends().find(|row| row.id == id && row.kind() == BackendKind::Engine);
    match row.map(|row| row.constructor) {
        Some(Constructor::Engine(construct)) => construct(),
        _ => panic!("no engine `{id}` is registered"),
    }
}

/// The transport that this build registers under an id, as takopi finds it. The test must link the plugin's crate.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn transport(id: &str) -> Arc<dyn TransportBackend> {
    let row = plugin::backends().find(|row| row.id == id && row.kind() == BackendKind::Transport);
    match row.map(|row| row.constructor) {
        Some(Constructor::Transport(construct)) => construct(),
        _ => panic!("no transport `{id}` is registered"),
    }
}

/// The command that this build registers under an id, as takopi finds it. The test must link the plugin's crate.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn command(id: &str) -> Arc<dyn CommandBackend> {
    let row = plugin::backends().find(|row| row.id == id && row.kind() == BackendKind::Command);
    match row.map(|row| row.constructor) {
        Some(Constructor::Command(construct)) => construct(),
        _ => panic!("no command `{id}` is registered"),
    }
}

/// The hook that this build registers under an id, as takopi finds it. The test must link the plugin's crate.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn hook(id: &str) -> Arc<dyn HookBackend> {
    let row = plugin::backends().find(|row| row.id == id && row.kind() == BackendKind::Hook);
    match row.map(|row| row.constructor) {
        Some(Constructor::Hook(construct)) => construct(),
        _ => panic!("no hook `{id}` is registered"),
    }
}

/// A translation of lines: takes a line, and gives how many events it made of it.
pub type Translator = Box<dyn FnMut(&str) -> usize + Send>;

/// All events of a run.
pub async fn collect(run: Run) -> Vec<Event> {
    run.events.collect().await
}

/// Waits for what must not take long.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

/// Waits until something is there. It is looked for anew after every change.
///
/// # Panics
/// If it does not come; `seen` then says what there is.
async fn until<T>(
    changes: &watch::Sender<()>,
    mut look: impl FnMut() -> Option<T>,
    seen: impl FnOnce() -> String,
) -> T {
    let mut changes = changes.subscribe();
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            // Its sender lives as long as what is looked at.
            let _ = changes.changed().await;
        }
    });
    match found.await {
        Ok(found) => found,
        Err(_) => panic!("it does not come; there is only: {}", seen()),
    }
}
