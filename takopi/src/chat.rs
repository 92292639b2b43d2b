//! The conversation: what happens between a message and its answer.

pub mod authorize;
pub mod commands;
pub mod directives;
pub mod progress;
pub mod queue;
