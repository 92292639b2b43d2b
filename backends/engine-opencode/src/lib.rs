//! Runs the opencode CLI, both ways: `opencode serve`, one server a run, which is talked to over HTTP; or, if that is
//! configured, `opencode run --format json`, which only prints.
//!
//! Read `serve` for the first. For the second, `args` is how the CLI is called, `folder` why a run may be refused before it
//! begins, `event` what its lines look like, and `translate` what becomes of them. `step` is what both have in common.
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
