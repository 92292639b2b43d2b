//! Configuration tables as a plugin sees them: typed reading, with errors that name the file, the line and the key.

mod error;
mod flag;
mod secret;
mod table;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use error::{ConfigError, Location};
pub use flag::Flag;
pub use secret::{Secret, SecretValue};
pub use table::{ConfigTable, UnknownKey};

/// The table `[<engine id>]` of the configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The table; empty if the configuration has none.
    pub table: ConfigTable,
    /// A folder of the engine's own, beside the configuration. It may not exist yet.
    pub data_dir: PathBuf,
}

impl EngineConfig {
    /// The configuration of an engine.
    #[must_use]
    pub fn new(table: ConfigTable, data_dir: impl Into<PathBuf>) -> Self {
        Self { table, data_dir: data_dir.into() }
    }

    /// An empty table: every setting has its default.
    #[must_use]
    pub fn empty(data_dir: impl AsRef<Path>) -> Self {
        Self::new(ConfigTable::empty(), data_dir.as_ref())
    }

    /// Reads the table into the engine's own type. Unknown keys are no error; they are warned about from the schema.
    ///
    /// # Errors
    /// [`ConfigError`] that names the file, the line, the key, and what was expected.
    pub fn parse<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, ConfigError> {
        self.table.parse()
    }
}
