//! The chat commands `/at`, `/cron` and `/schedule`: prompts for later, once or again and again.
//!
//! `backend` are the commands and their settings. `typed` and `cron` read what people write, `book` knows what is due and what
//! was missed; these are pure, and are told what time it is. `scheduler` is what goes on from takopi's start to its end: it
//! waits, writes down what it is about to do, and does it. `view` says it to people.
#![forbid(unsafe_code)]

mod backend;
mod book;
mod cron;
mod scheduler;
mod typed;
mod view;

takopi_api::plugin! {
    command "schedule" => backend::schedule, starts = true, config = backend::Settings,
        summary = "what is to run later: list, pause, cancel";
    command "at" => backend::at, summary = "run a prompt later, once";
    command "cron" => backend::cron, summary = "run a prompt again and again";
}
