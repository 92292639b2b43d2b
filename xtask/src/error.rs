//! Why a command came to nothing, and what to do next.

use std::fmt;
use std::path::Path;

/// An error as a person reads it.
#[derive(Debug)]
pub(crate) struct Error {
    message: String,
    hint: Option<String>,
}

impl Error {
    /// One sentence about what happened and where.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// A file that can not be read, written or understood.
    pub(crate) fn at(path: &Path, error: impl fmt::Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    /// Says first what it is about.
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Says after it what else came to nothing.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.message = format!("{}\n{other}", self.message);
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}
