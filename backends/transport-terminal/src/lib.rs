//! A chat in the terminal in which takopi runs, or with a script over its standard input and output. It receives and
//! sends; the conversation itself lives in takopi.
//!
//! Read in this order: `backend` decides how the terminal is used, `session` takes what is typed until the person leaves,
//! `input` and `interrupt` say what a line and Ctrl-C mean, `transport` sends, `screen` knows what has been shown and what
//! there is to print next (`fresh`: of an edit only what is new), `render` makes lines of a message. `reader` and `output`
//! are the threads at the two ends; `complete` and `branches` know what Tab offers.
//!
//! What this crate must not know: the rest of takopi (it depends on `takopi-api` alone), processes, the network.
#![forbid(unsafe_code)]

mod backend;
mod branches;
mod complete;
mod fresh;
mod input;
mod interrupt;
mod output;
mod reader;
mod render;
mod screen;
mod session;
mod transport;

takopi_api::plugin! { transport "terminal" => backend::new, config = backend::Settings; }
