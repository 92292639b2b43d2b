//! What the tests of a plugin crate need: the contract that every runner keeps, and fakes for what a runner uses.
//!
//! These functions panic with what is wrong, as tests do.

mod contract;
mod processes;
mod recordings;

use futures_util::StreamExt;

pub use contract::{RunnerContract, check_events};
pub use processes::{Script, ScriptedProcesses};
pub use recordings::{Expected, Recordings};

use crate::engine::EngineBackend;
use crate::event::Event;
use crate::plugin::{self, BackendKind, Constructor};
use crate::runner::Run;

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

/// A translation of lines: takes a line, and gives how many events it made of it.
pub type Translator = Box<dyn FnMut(&str) -> usize + Send>;

/// All events of a run.
pub async fn collect(run: Run) -> Vec<Event> {
    run.events.collect().await
}
