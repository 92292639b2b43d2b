//! Runs Anthropic's claude CLI: `claude -p` with lines of JSON, one process a run.
//!
//! Read `args` for how the CLI is called, `event` for what its lines look like, and `translate` for what becomes of
//! them. `control` is the dialogue with it, and `print` the way without one.
#![forbid(unsafe_code)]

mod args;
mod backend;
#[cfg(test)]
mod conformance;
mod control;
mod environment;
mod event;
mod print;
mod translate;

takopi_api::plugin! {
    engine "claude" => backend::new, config = backend::Settings;
}
