//! Acme: the engine that lies in the binary and needs no account, no network and no other program.
//!
//! It is takopi's embedded default, so that a first run always has an answer, and it is the folder that an author of an
//! engine copies. It reads the repository in which it is started; it is no language model and says so.
//!
//! Read in this order: `backend` describes the engine, `runner` starts a run, `run` goes through it from the prompt to
//! `completed`, `understand` makes jobs of words, `jobs` does them, in `steps` that everybody sees. `session` is what a
//! continued conversation remembers.
//!
//! What this crate must not know: the rest of takopi (it depends on `takopi-api` alone), processes, the network.
#![forbid(unsafe_code)]

mod answer;
mod backend;
mod confine;
mod diff;
mod git;
mod jobs;
mod languages;
mod orders;
mod reading;
mod run;
mod runner;
mod session;
mod steps;
mod stream;
mod survey;
mod understand;

takopi_api::plugin! { engine "acme" => backend::new, config = backend::Settings; }
