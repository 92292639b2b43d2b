//! The only crate that a takopi plugin depends on.
//!
//! A plugin is a crate with one or more backends (an engine, a transport, a chat command, a hook), made known to the binary at
//! compile time by [`plugin!`](crate::plugin!). A newcomer reads [`mod@plugin`] for registration, then [`engine`] and [`runner`] for what an
//! engine is and does, then [`event`] for what it says. [`testing`] (feature `testing`) holds the suites that a plugin's
//! own tests run.
//!
//! What this crate must not know: any engine, chat app or command by name, the configuration file's place, the command
//! line.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod command;
pub mod config;
pub mod engine;
pub mod error;
pub mod event;
pub mod hook;
pub mod jsonl;
pub mod markdown;
pub mod message;
pub mod plugin;
pub mod process;
pub mod resume;
pub mod runner;
pub mod runtime;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tool;
pub mod transport;

/// The version of this API that a plugin was compiled against. Cargo refuses a binary with two (see `links` in this
/// crate's manifest), so the number is for reports and not for negotiation.
pub const PLUGIN_API_VERSION: u32 = 1;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What [`plugin!`] expands to. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use {inventory, linkme};
}

pub use async_trait::async_trait;
/// For the schema of a plugin's configuration table: `use takopi_api::schemars::{self, JsonSchema};` and derive it.
pub use schemars;
