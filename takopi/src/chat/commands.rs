//! The commands that takopi itself answers in a chat.

/// Their names. No engine, no command of a plugin and no project may have one of them.
pub const BUILT_IN: &[&str] =
    &["cancel", "file", "new", "agent", "model", "reasoning", "trigger", "topic", "ctx", "rules"];
