//! Conversations over Telegram: the program with a Bot API that holds it to Telegram's rules, and breaks as networks do.

mod chat_id;
mod contract;
mod doctor;
mod engines;
mod faults;
mod files;
mod groups;
mod inside;
mod limits;
mod pair;
mod phone;
mod requests;
mod restart;
mod setup;
mod signs;
mod tables;
mod talk;
mod topics;
mod voice;
