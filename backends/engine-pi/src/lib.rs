//! Runs the pi coding agent's CLI: `pi --print --mode json`, one process a run.
//!
//! Read `args` for how the CLI is called, `sessions` for where a thread belongs, `event` for what its lines look
//! like, and `translate` for what becomes of them.
#![forbid(unsafe_code)]

mod args;
mod backend;
#[cfg(test)]
mod conformance;
mod event;
mod session_line;
mod sessions;
mod translate;

takopi_api::plugin! {
    engine "pi" => backend::new, config = backend::Settings;
}
