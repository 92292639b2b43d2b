//! The engine, talked with from outside: against recorded agents, and against one that does what a test wants.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

mod fake;
mod opencode;
mod opening;
mod play;
mod replay;
mod requests;
mod turns;

use takopi_engine_acp as _;
