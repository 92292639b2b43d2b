//! Runs the myengine CLI: one `myengine` a run, the prompt on its standard input, one JSON value a line on its output.
//!
//! `engine` says what it is, what can be set, and how the CLI is called; `translate` what becomes of its lines.
#![forbid(unsafe_code)]

mod engine;
mod translate;

takopi_api::plugin! {
    engine "myengine" => engine::new, config = engine::Settings;
}
