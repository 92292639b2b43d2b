//! What the end-to-end tests share: a machine of their own to run the program on.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

pub mod asker;
pub mod bot_api;
pub mod model_server;
pub mod probe;
pub mod probe_hook;
mod sandbox;
pub mod session;
pub mod spool;
pub mod terminal;
pub mod transcriptions;

use std::path::PathBuf;
use std::time::SystemTime;

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
    /// Prints to standard output, with `{thread}` and `{prompt}` as JSON writes them: the thread that it was told to go
    /// on with, or a new one, and the first line of what it was asked.
    Say(String),
    /// The same as a message before which stands how long it is, as language servers do it.
    Frame(String),
    /// The same as [`Self::Say`], with the text for this start: the first one for the first start that was noted, and the
    /// last one for all that have none.
    SayNth(Vec<String>),
    /// Goes on only if its standard output is a terminal, and else complains and exits with code 1.
    NeedTerminal,
    /// Notes that it was started, and when: see [`Sandbox::starts_of`]. As its last scene, it notes when it ends.
    Note,
    /// Waits as many milliseconds as its prompt says after `wait:`, if it does.
    Linger,
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

/// One start of a fake engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineStart {
    /// Its arguments.
    pub args: Vec<String>,
    /// What it was asked: on standard input, else in what follows `--`.
    pub prompt: String,
    /// Where.
    pub cwd: PathBuf,
    /// When it noted this.
    pub at: SystemTime,
}

impl EngineStart {
    /// The thread that it was told to go on with, as codex is told.
    #[must_use]
    pub fn thread(&self) -> Option<&str> {
        let at = self.args.iter().position(|arg| arg == "resume")?;
        self.args.get(at + 1).map(String::as_str)
    }
}

impl Script {
    /// What codex prints when its answer is this.
    #[must_use]
    pub fn codex_says(answer: &str) -> String {
        let item = serde_json::json!({"type": "agent_message", "id": "i", "text": answer});
        let item = serde_json::json!({"type": "item.completed", "item": item});
        format!("{item}\n{}\n", serde_json::json!({"type": "turn.completed"}))
    }

    /// A codex that notes its start, and gives one of these answers a start.
    #[must_use]
    pub fn codex_with(answers: &[&str]) -> Self {
        Self::new([
            Scene::Note,
            Scene::Say("{\"type\":\"thread.started\",\"thread_id\":{thread}}\n".into()),
            Scene::Linger,
            Scene::SayNth(answers.iter().map(|answer| Self::codex_says(answer)).collect()),
        ])
    }

    /// An engine that reads its prompt and does this.
    #[must_use]
    pub fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        Self { reads_prompt: true, scenes: scenes.into_iter().collect() }
    }

    /// A codex that notes its start, takes as long as its prompt says, and answers with it.
    #[must_use]
    pub fn echo() -> Self {
        Self::new([
            Scene::Note,
            Scene::Say(
                "{\"type\":\"thread.started\",\"thread_id\":{thread}}\n{\"type\":\"turn.started\"}\n".into(),
            ),
            Scene::Linger,
            Scene::Say(
                "{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"agent_message\",\"text\":{prompt}}}\n"
                    .into(),
            ),
            Scene::Out("{\"type\":\"turn.completed\"}\n".into()),
        ])
    }
}

/// The code in the manual is compiled, and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/write-a-plugin.md")]
pub struct HowToWriteAPlugin;
