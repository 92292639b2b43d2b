//! What a transport needs before it can run.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;

use crate::config::{ConfigTable, Secret};
use crate::error::Error;
use crate::runtime::ProjectInfo;

/// What a check of the setup, or the setup itself, looks at.
#[derive(Debug)]
#[non_exhaustive]
pub struct SetupContext<'a> {
    /// The table `[transports.<id>]`; empty if there is none.
    pub config: &'a ConfigTable,
    /// The file in which it belongs.
    pub config_path: &'a Path,
    /// The projects, some of which may have chats of their own.
    pub projects: &'a [ProjectInfo],
    /// A secret that counts this once, in place of the one of the table.
    pub secret: Option<&'a Secret>,
}

impl<'a> SetupContext<'a> {
    /// What a check of the setup looks at.
    #[must_use]
    pub const fn new(config: &'a ConfigTable, config_path: &'a Path) -> Self {
        Self { config, config_path, projects: &[], secret: None }
    }

    /// The projects of the configuration.
    #[must_use]
    pub const fn projects(mut self, projects: &'a [ProjectInfo]) -> Self {
        self.projects = projects;
        self
    }

    /// A secret that counts this once, in place of the one of the table.
    #[must_use]
    pub const fn secret(mut self, secret: Option<&'a Secret>) -> Self {
        self.secret = secret;
        self
    }
}

/// Something that has to be done first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupIssue {
    /// What, in a few words: `configure telegram`.
    pub title: String,
    /// How, one line each.
    pub steps: Vec<String>,
}

/// Names what no two programs may share at a time. Made from a secret it is a digest of it, never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockToken(String);

impl LockToken {
    /// A token; hexadecimal digits of a digest.
    #[must_use]
    pub fn new(fingerprint: impl Into<String>) -> Self {
        Self(fingerprint.into())
    }
}

impl fmt::Display for LockToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The person gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Why a transport was not set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The person gave up.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// It can not be set up, or not like this.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Asks a person at a terminal.
#[async_trait]
pub trait Wizard: Send {
    /// Begins a step: `bot token`.
    fn step(&mut self, title: &str);

    /// Says something.
    fn say(&mut self, text: &str);

    /// Asks yes or no.
    ///
    /// # Errors
    /// [`Cancelled`].
    async fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Cancelled>;

    /// Asks for one of several; the answer is its place in the list.
    ///
    /// # Errors
    /// [`Cancelled`].
    async fn select(&mut self, question: &str, choices: &[String]) -> Result<usize, Cancelled>;

    /// Asks for a text.
    ///
    /// # Errors
    /// [`Cancelled`].
    async fn text(&mut self, question: &str, default: Option<&str>) -> Result<String, Cancelled>;

    /// Asks for a secret, which is not shown.
    ///
    /// # Errors
    /// [`Cancelled`].
    async fn secret(&mut self, question: &str) -> Result<Secret, Cancelled>;
}
