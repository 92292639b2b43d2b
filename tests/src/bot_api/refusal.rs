//! How the Bot API says no, in its own words: clients tell errors apart by them.

use std::time::Duration;

use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) description: String,
    hint: Option<Hint>,
}

/// What a client can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    RetryAfter(u64),
    MigrateTo(i64),
}

impl Refusal {
    fn new(status: u16, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), hint: None }
    }

    pub(super) fn bad(what: impl std::fmt::Display) -> Self {
        Self::new(400, format!("Bad Request: {what}"))
    }

    /// A bad request whose description is whole already.
    pub(super) fn described(description: String) -> Self {
        Self::new(400, description)
    }

    pub(super) fn forbidden(what: &str) -> Self {
        Self::new(403, format!("Forbidden: {what}"))
    }

    pub(super) fn conflict(what: &str) -> Self {
        Self::new(409, format!("Conflict: {what}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// A server that is too old for a method says this.
    pub(super) fn no_method() -> Self {
        Self::new(404, "Not Found: method not found")
    }

    pub(super) fn too_large() -> Self {
        Self::new(413, "Request Entity Too Large")
    }

    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        let description = format!("Too Many Requests: retry after {seconds}");
        Self { hint: Some(Hint::RetryAfter(seconds)), ..Self::new(429, description) }
    }

    pub(super) fn migrated(to: i64) -> Self {
        let refusal = Self::bad("group chat was upgraded to a supergroup chat");
        Self { hint: Some(Hint::MigrateTo(to)), ..refusal }
    }

    pub(super) fn json(&self) -> Value {
        let mut answer = json!({"ok": false, "error_code": self.status, "description": self.description});
        match self.hint {
            Some(Hint::RetryAfter(seconds)) => answer["parameters"] = json!({"retry_after": seconds}),
            Some(Hint::MigrateTo(chat)) => answer["parameters"] = json!({"migrate_to_chat_id": chat}),
            None => {}
        }
        answer
    }
}
