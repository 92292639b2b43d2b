//! Engines that print one JSON value a line, or say before each how long it is ([`Framing`]): the reader ([`LineReader`]),
//! and the runner ([`JsonlSubprocessRunner`]) that leaves to an engine only its arguments and its translation
//! ([`JsonlEngine`]).

mod engine;
mod field;
mod framing;
mod lines;
mod reader;
mod runner;
mod silence;
mod text;
mod unread;
mod wire;

pub use engine::{JsonlEngine, Recognition, RefusedRun, Unfinished};
pub use field::Field;
pub use framing::Framing;
pub use lines::{Line, LineReader};
pub use reader::{Malformed, Reader};
pub use runner::JsonlSubprocessRunner;
pub use wire::{Object, Objects, Slot, Wire};

/// The longest line that is read, in bytes. A longer one is skipped to its end and reported.
pub const LINE_BYTES: usize = 16 * 1024 * 1024;
