//! The one error of the command line: what happened, and what to do next.

use std::fmt;
use std::process::ExitCode;

use takopi_api::config::ConfigError;
use takopi_api::transport::SetupError;

use super::output;
use crate::plugins::LookupError;
use crate::project::{UnknownProject, WorktreeError};

/// An error as a person reads it.
#[derive(Debug)]
pub(super) struct CliError {
    message: String,
    hints: Vec<String>,
    is_usage: bool,
}

/// Why a command line came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The words do not fit, or help was asked for: clap has the text.
    Usage(clap::Error),
    /// Anything else.
    Told(CliError),
}

impl CliError {
    /// Something failed: exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), is_usage: false }
    }

    /// What was typed can not be done: exit code 2.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).into_usage()
    }

    pub(super) fn into_usage(self) -> Self {
        Self { is_usage: true, ..self }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints the error and gives its exit code.
    pub(super) fn tell(&self) -> ExitCode {
        output::error(&self.message, &self.hints);
        ExitCode::from(if self.is_usage { 2 } else { 1 })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Told(error)
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self { message: error.to_string(), hints: error.hints, is_usage: false }
    }
}

impl From<LookupError> for CliError {
    fn from(error: LookupError) -> Self {
        Self { message: error.to_string(), hints: error.hints(), is_usage: false }
    }
}

impl From<UnknownProject> for CliError {
    fn from(error: UnknownProject) -> Self {
        Self { message: error.to_string(), hints: error.hints(), is_usage: false }
    }
}

impl From<WorktreeError> for CliError {
    fn from(error: WorktreeError) -> Self {
        Self { message: error.to_string(), hints: error.hints(), is_usage: false }
    }
}

impl From<takopi_api::error::Error> for CliError {
    fn from(error: takopi_api::error::Error) -> Self {
        Self { message: error.to_string(), hints: error.hints().to_vec(), is_usage: false }
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Cancelled(cancelled) => Self::new(cancelled.to_string()),
            SetupError::Failed(error) => error.into(),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
