//! The error that a plugin's own operations return, and the words shared by errors of this crate.

use std::fmt;

/// Something that a plugin could not do: what happened, and what the person can do next.
///
/// Modules with failures that callers tell apart have enums of their own ([`crate::resume::ResumeError`],
/// [`crate::process::SpawnError`], [`crate::config::ConfigError`], [`crate::runner::ControlError`]); this type is for
/// the rest, where only a person reads it.
#[derive(Debug)]
pub struct Error {
    message: String,
    hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with one sentence about what happened, lower-case and without full stop.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), source: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do next, one sentence each.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The failures of this crate that a plugin has nothing to add to, so that `?` hands them on.
macro_rules! handed_on {
    ($($failure:ty),+ $(,)?) => {
        $(impl From<$failure> for Error {
            fn from(failure: $failure) -> Self {
                Self::new(failure.to_string()).source(failure)
            }
        })+
    };
}

handed_on! {
    crate::command::AskError,
    crate::config::ConfigError,
    crate::engine::InvalidId,
    crate::message::ButtonDataError,
    crate::resume::ResumeError,
    crate::runtime::StoreError,
    crate::transport::SendError,
}

/// The candidate that a mistyped `word` most likely means: at most a third of its characters differ.
///
/// ```
/// use takopi_api::error::closest;
/// assert_eq!(closest("codx", ["claude", "codex"]), Some("codex"));
/// assert_eq!(closest("zebra", ["claude", "codex"]), None);
/// ```
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let longer = typed.chars().count().max(candidate.chars().count());
            *distance <= longer.div_ceil(3)
        })
        .min()
        .map(|(_, candidate)| candidate)
}
