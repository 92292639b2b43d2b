//! Runs Google's gemini CLI: `gemini -o stream-json`, one process a run.
//!
//! Read `args` for how the CLI is called, `event` for what its lines look like, and `translate` for what becomes of
//! them.
#![forbid(unsafe_code)]

mod args;
mod backend;
#[cfg(test)]
mod conformance;
mod event;
mod text;
mod translate;

takopi_api::plugin! {
    engine "gemini" => backend::new, config = backend::Settings;
}
