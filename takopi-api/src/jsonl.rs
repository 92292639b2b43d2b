//! Engines that print one JSON value a line, or say before each how long it is ([`Framing`]): the reader ([`LineReader`]),
//! and the runners that leave to an engine only its arguments and its translation: [`JsonlSubprocessRunner`] for programs that
//! print ([`JsonlEngine`]), [`DialogueRunner`] for such that are also talked to ([`DialogueEngine`]).

mod dialogue;
mod engine;
mod field;
mod framing;
mod lines;
mod one_way;
mod reader;
mod runner;
mod silence;
mod talk;
mod text;
mod unread;
mod wire;

pub use dialogue::{DialogueEngine, Interruption, Receipt, Says};
pub use engine::{JsonlEngine, Recognition, RefusedRun, Unfinished};
pub use field::Field;
pub use framing::Framing;
pub use lines::{Line, LineReader};
pub use reader::{Malformed, Reader, value_in_head};
pub use runner::{DialogueRunner, JsonlSubprocessRunner};
pub use wire::{Object, Objects, Slot, Wire};

/// The longest line that is read, in bytes. A longer one is skipped to its end and reported.
pub const LINE_BYTES: usize = 16 * 1024 * 1024;
