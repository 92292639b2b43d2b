//! What the tests of a plugin crate need: the contract that every runner keeps, and fakes for what a runner uses.
//!
//! These functions panic with what is wrong, as tests do.

mod contract;
mod processes;

use futures_util::StreamExt;

pub use contract::{RunnerContract, check_events};
pub use processes::{Script, ScriptedProcesses};

use crate::event::Event;
use crate::runner::Run;

/// All events of a run.
pub async fn collect(run: Run) -> Vec<Event> {
    run.events.collect().await
}
