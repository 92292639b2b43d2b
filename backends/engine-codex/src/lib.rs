//! Runs OpenAI's codex CLI: by `codex app-server`, one server for all runs, or by `codex exec --json`, one process a run.
//!
//! Read `app_server` for the first and `exec` for the second; `steps`, `answer`, `troubles` and `text` are what both make
//! of what codex does.
#![forbid(unsafe_code)]

mod answer;
mod app_server;
mod backend;
#[cfg(test)]
mod conformance;
mod environment;
mod exec;
mod steps;
mod text;
mod troubles;

takopi_api::plugin! {
    engine "codex" => backend::new, config = backend::Settings;
}
