//! What a transport finds out about itself when somebody asks whether it works.

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works, but perhaps not as it is meant.
    Warning,
    /// It does not work.
    Error,
}

/// What was found out about one thing. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at, in a word or two: `token`, `chat_id`.
    pub label: String,
    /// How it is.
    pub status: CheckStatus,
    /// What was found, in one line.
    pub detail: String,
    /// What to do, one line each.
    pub hints: Vec<String>,
}

impl Check {
    /// What was found out about one thing.
    #[must_use]
    pub fn new(label: impl Into<String>, status: CheckStatus, detail: impl Into<String>) -> Self {
        Self { label: label.into(), status, detail: detail.into(), hints: Vec::new() }
    }

    /// It is as it should be.
    #[must_use]
    pub fn ok(label: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(label, CheckStatus::Ok, detail)
    }

    /// It works, but perhaps not as it is meant.
    #[must_use]
    pub fn warning(label: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(label, CheckStatus::Warning, detail)
    }

    /// It does not work.
    #[must_use]
    pub fn error(label: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(label, CheckStatus::Error, detail)
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
