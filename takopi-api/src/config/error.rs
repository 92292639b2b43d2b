//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use crate::plugin::Distribution;

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// In a file. Lines and columns count from 1; columns count characters.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// In a variable of the environment, which won over the file.
    Variable(String),
}

impl Location {
    /// The place of a byte in the text of a file.
    pub(super) fn in_file(path: PathBuf, text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::File {
            path,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

/// A configuration that can not be used: what, where and which key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The place, if it is one place.
    pub location: Option<Location>,
    /// The path of the key, e.g. `codex.extra_args`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// The distribution of the plugin whose table it is about, if it is about one.
    pub plugin: Option<&'static Distribution>,
}

impl ConfigError {
    /// An error about a key that stands nowhere in particular; [`super::ConfigTable::error_at`] makes one with its place.
    #[must_use]
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { location: None, key: key.into(), message: message.into(), hints: Vec::new(), plugin: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says of which plugin the table is, unless that is said already.
    #[must_use]
    pub fn of_plugin(mut self, plugin: Option<&'static Distribution>) -> Self {
        self.plugin = self.plugin.or(plugin);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.message)?;
        self.plugin.map_or(Ok(()), |plugin| write!(f, " ({plugin})"))
    }
}

impl std::error::Error for ConfigError {}
