//! The Bot API of Telegram, as far as a test needs it.

pub mod rules;
