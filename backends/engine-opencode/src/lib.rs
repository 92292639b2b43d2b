//! Runs the opencode CLI: `opencode run --format json`, one process a run.
//!
//! Read `args` for how the CLI is called, `folder` for why a run may be refused before it begins, `event` for what
//! its lines look like, and `translate` for what becomes of them.
#![forbid(unsafe_code)]

mod args;
mod backend;
#[cfg(test)]
mod conformance;
mod event;
mod folder;
mod resume_line;
mod serve;
mod step;
mod translate;

takopi_api::plugin! {
    engine "opencode" => backend::new, config = backend::Settings;
}
