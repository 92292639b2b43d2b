//! Chats over telegram. It receives and sends; the conversation itself lives in takopi.
//!
//! `render` makes of a message what the Bot API takes.
#![forbid(unsafe_code)]

pub mod render;
