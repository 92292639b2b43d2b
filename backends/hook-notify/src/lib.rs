//! The hook `notify`: a desktop notification or a webhook at the end of runs.
//!
//! `backend` is the hook: its settings, and which ends count. `message` is what is said of an end, and is pure; `desktop` and
//! `webhook` say it.
#![forbid(unsafe_code)]

mod backend;
mod desktop;
mod message;
mod webhook;

takopi_api::plugin! {
    hook "notify" => backend::new, config = backend::Settings, summary = "tell the desktop or a webhook that a run ended";
}
