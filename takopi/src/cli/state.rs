//! The state as commands show it: read beside a takopi that may be running.

use std::process::ExitCode;
use std::time::SystemTime;

use serde::Serialize;

use super::error::CliError;
use super::{Session, output};
use crate::store::{Look, OpenError};

/// Opens the state to look at; `None` if there is none yet.
pub(super) fn look(session: &Session<'_>) -> Result<Option<Look>, CliError> {
    Look::open(session.config.folder()).map_err(CliError::from)
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

/// A time as programs read it; none before 1970.
pub(super) fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

pub(super) fn print_json(value: &impl Serialize) -> Result<ExitCode, CliError> {
    let json = serde_json::to_string_pretty(value).map_err(|error| CliError::new(error.to_string()))?;
    output::data(&(json + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
