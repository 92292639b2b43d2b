//! What the end-to-end tests share: a machine of their own to run the program on.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

pub mod model_server;
mod sandbox;
pub mod spool;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use sandbox::{Ended, Sandbox, Started, recordings};

/// What a fake engine does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Script {
    /// Whether it reads its standard input to the end first.
    pub reads_prompt: bool,
    /// What it does then, in order.
    pub scenes: Vec<Scene>,
}

/// One thing that a fake engine does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Scene {
    /// Prints to standard output.
    Out(String),
    /// Prints a file to standard output.
    OutFile(PathBuf),
    /// Prints to standard error.
    Err(String),
    /// Starts a shell command and goes on.
    Leave(String),
    /// Becomes a shell command.
    Exec(String),
    /// Waits for some seconds.
    Sleep(u64),
    /// Exits with a code.
    Exit(u8),
    /// Ends by a signal.
    Die(i32),
}

impl Script {
    /// An engine that reads its prompt and does this.
    #[must_use]
    pub fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        Self { reads_prompt: true, scenes: scenes.into_iter().collect() }
    }
}
