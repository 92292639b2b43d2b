//! The state for a program that only shows it, such as a command line beside a takopi that runs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags};
use takopi_api::runtime::StoreError;

use super::audit::{self, AuditRow, Verified};
use super::error::{Failure, OpenError};
use super::file::{self, FILE, Found};
use super::rules::{self, Rule};
use super::runs::{self, RunSummary};
use super::schema;

/// The state, to look at. Nothing is made, moved or changed.
#[derive(Debug)]
pub struct Look {
    connection: Connection,
    file: PathBuf,
}

impl Look {
    /// Opens the state in a folder; `None` if there is none.
    ///
    /// # Errors
    /// [`OpenError`], also if the file is damaged or of another version.
    pub fn open(folder: &Path) -> Result<Option<Self>, OpenError> {
        let file = folder.join(FILE);
        match file::look(&file)? {
            Found::Nothing => return Ok(None),
            Found::Version(found) if found > schema::VERSION => {
                return Err(OpenError::Newer { file, found, known: schema::VERSION });
            }
            Found::Version(found) if found < schema::VERSION => {
                return Err(OpenError::Older { file, found, known: schema::VERSION });
            }
            Found::Version(_) => {}
            Found::Damaged(why) => return Err(OpenError::Unusable { file, why }),
        }
        match file::connection(&file, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            Ok(connection) => Ok(Some(Self { connection, file })),
            Err(error) => Err(OpenError::unusable(&file, &error)),
        }
    }

    /// The youngest runs, youngest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recent_runs(&self, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        self.told(runs::recent(&self.connection, limit))
    }

    /// The youngest rows of the audit since then, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(&self, since: Option<SystemTime>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.told(audit::list(&self.connection, since, limit))
    }

    /// Whether the audit is as it was written.
    ///
    /// # Errors
    /// [`StoreError`], where the file could not be read.
    pub fn verify_audit(&self) -> Result<Verified, StoreError> {
        // One state of the file: a takopi that runs may be writing to both of what is compared.
        let transaction = self.connection.unchecked_transaction();
        self.told(transaction.and_then(|transaction| audit::verify(&transaction)))
    }

    /// The rules in force, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rules(&self) -> Result<Vec<Rule>, StoreError> {
        self.told(rules::in_force(&self.connection))
    }

    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| Failure::from(error).tell(&self.file))
    }
}
