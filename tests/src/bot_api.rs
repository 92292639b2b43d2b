//! A Bot API server that holds bots to Telegram's rules, and breaks as networks break. People, their chats and what they
//! do are moved by a test, which sees what a person would see; every call of the bot is kept.
//!
//! What it refuses, it refuses in Telegram's words. Where Telegram would repair what a bot says in silence, it refuses
//! too: see [`rules`] and [`rich`].

mod control;
mod deeds;
mod driver;
mod faults;
mod files;
mod http;
mod limits;
mod message;
mod methods;
mod multipart;
mod network;
mod params;
mod presses;
mod refusal;
pub mod rich;
pub mod rules;
mod server;
mod state;
mod updates;
mod wording;
mod world;

pub use control::{WORDS as CONTROL, sample};
pub use deeds::Said;
pub use faults::Fault;
pub use files::Attachment;
pub use limits::{Limits, Pace, Quota, TooMuch, Violation};
pub use message::{Button, Content, Media, MediaKind, Message, Service};
pub(crate) use multipart::parts_of;
pub use presses::PressAnswer;
pub use server::BotApi;
pub use state::{Answered, Call, SentFile};
pub use world::{Chat, ChatId, ChatKind, Draft, MessageId, Role, Topic, TopicId, User, UserId, World};

#[cfg(test)]
mod tests;
