//! Chats over Telegram. It receives and sends; the conversation itself lives in takopi.
//!
//! Read in this order: `backend` begins, `settings` says what can be set. What comes in: `poll` asks the server for updates
//! and stores how far it is, `receive` makes messages of them. What goes out: `transport` makes calls of messages (`render`
//! their text, `keyboard` their buttons, `files` their files), and `outbox` makes the calls in the order and at the pace that
//! Telegram takes. `setup` asks a person for what can be set, so that nobody has to write it by hand; `doctor` looks whether
//! it works, and `admit` says what lets somebody in.
//! `client` is the Bot API, `wire` what it sends. `roles`, `moves` and `menu` each know one thing: who administers a chat,
//! which chats have another number now, what the menu of commands says. `voice` has voice notes written down. `greeting` is what takopi says first.
//!
//! What this crate must not know: the rest of takopi (it depends on `takopi-api` alone), engines, processes.
#![forbid(unsafe_code)]

mod admit;
mod backend;
mod client;
mod doctor;
mod files;
mod greeting;
mod keyboard;
mod menu;
mod moves;
mod outbox;
mod poll;
mod receive;
pub mod render;
mod roles;
mod settings;
mod setup;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod voice;
mod wire;

takopi_api::plugin! {
    transport "telegram" => backend::new, config = backend::Settings;
}
