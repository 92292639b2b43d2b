//! Chats over Telegram. It receives and sends; the conversation itself lives in takopi.
//!
//! Read `backend`.
#![forbid(unsafe_code)]

mod backend;
mod client;
mod outbox;
mod receive;
pub mod render;
mod wire;

takopi_api::plugin! {
    transport "telegram" => backend::new, config = backend::Settings;
}
