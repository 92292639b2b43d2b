//! The conversation: what happens between a message and its answer, for every chat system.
//!
//! In the order of a message: `receive` stores it, `dispatch` decides what it is (with [`authorize`], `door`, `voice`,
//! [`directives`] and `resolve`), [`queue`] says when it runs, `waiting` what happens until then. `execute` makes a run of it,
//! `drive` is between the engine and people while `bubble` and `signs` show its [`progress`]; `requests` asks people, `deliver`
//! brings the answer. [`files`] come and go with all of them, and `topics` knows where things belong. `recover` does all that
//! again for what the last program left.
//! The state machines know no I/O; `conversation` is what the parts share.

pub mod authorize;
mod bubble;
pub mod commands;
pub(crate) mod conversation;
mod deliver;
pub mod directives;
mod dispatch;
mod door;
mod drive;
pub mod embedded;
pub(crate) mod engines;
mod execute;
pub mod files;
mod hooks;
pub(crate) mod lifecycle;
pub(crate) mod links;
mod live;
#[cfg(test)]
mod model_test;
pub(crate) mod modes;
mod orders;
mod plugin_commands;
pub mod progress;
pub mod queue;
mod receive;
mod recover;
pub(crate) mod requests;
mod resolve;
pub mod settings;
mod signs;
pub(crate) mod snapshot;
mod steer;
mod surround;
mod topics;
mod view;
mod voice;
mod waiting;
mod work;
pub(crate) mod written;
