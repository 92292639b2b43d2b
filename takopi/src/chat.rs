//! The conversation: what happens between a message and its answer.

pub mod commands;
pub mod progress;
