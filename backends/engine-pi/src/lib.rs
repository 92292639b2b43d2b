//! Runs the pi coding agent's CLI, one process a run: `pi --mode rpc`, or `pi --print --mode json`.
//!
//! Read `args` for how the CLI is called, `sessions` for where a thread belongs, `event` for what its lines look
//! like, `translate` for what becomes of them, and `rpc` for how it is talked to.
#![forbid(unsafe_code)]

mod args;
mod backend;
#[cfg(test)]
mod conformance;
mod event;
mod json;
mod rpc;
mod session_line;
mod sessions;
mod translate;

takopi_api::plugin! {
    engine "pi" => backend::new, config = backend::Settings;
}
