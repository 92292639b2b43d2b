//! Chats in a folder: people append lines to `in.jsonl`, takopi appends lines to `out.jsonl`.
//!
//! `backend` says what can be set, and receives; `inbox` makes messages of lines; `chat` sends. The conversation itself
//! lives in takopi: nothing here knows what an engine is.
#![forbid(unsafe_code)]

mod backend;
mod chat;
mod inbox;

takopi_api::plugin! {
    transport "mytransport" => backend::new, config = backend::Settings;
}
