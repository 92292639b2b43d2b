//! What can go wrong, told so that a person knows what to do next.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use takopi_api::runtime::StoreError;

/// The state could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or a file in it could not be made, moved or looked at.
    #[error("{} can not be used for takopi's state: {source}", path.display())]
    Folder {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer takopi wrote the file.
    #[error("{} has version {found}, and this takopi knows versions up to {known}", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this takopi knows.
        known: i64,
    },
    /// The file is of an older takopi, and was only to be looked at.
    #[error("{} has version {found}, and this takopi reads version {known}", file.display())]
    Older {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The version that this takopi reads.
        known: i64,
    },
    /// SQLite can not work with the file.
    #[error("{} can not be opened: {why}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// There was no thread for it to be had.
    #[error("no thread could be started for {}: {source}", file.display())]
    Thread {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Folder { path, .. } => {
                format!(
                    "make {} a place that you may write to, or name another configuration file",
                    path.display()
                )
            }
            Self::Newer { file, .. } => format!(
                "use the newer takopi again, or move {} away to start anew; it was left as it is",
                file.display()
            ),
            Self::Older { .. } => "start takopi once: it brings the file up to date".to_owned(),
            Self::Unusable { file, .. } => {
                format!("see who owns {} and its folder, and whether the disk is full", file.display())
            }
            Self::Thread { .. } => "see how many processes you may have (`ulimit -u`)".to_owned(),
        }
    }

    pub(super) fn unusable(file: &Path, error: &rusqlite::Error) -> Self {
        Self::Unusable { file: file.to_owned(), why: error.to_string() }
    }
}

/// Why a job came to nothing, before it is told with the name of the file.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    /// What was asked for does not fit what is stored.
    Unfit(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    pub(super) fn tell(&self, file: &Path) -> StoreError {
        let file = file.display();
        let error = match self {
            Self::Unfit(what) => return StoreError(format!("{file}: {what}")),
            Self::Sqlite(error) => error,
        };
        let next = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk is full: make room",
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                "make the file and its folder writable"
            }
            Some(ErrorCode::SystemIoFailure) => "see whether the disk is full or broken",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another program writes to it: end that one"
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the file is damaged: restart takopi, which moves it aside and starts anew"
            }
            _ => return StoreError(format!("{file}: {error}")),
        };
        StoreError(format!("{file}: {error}; {next}"))
    }
}

/// Whether a value in a row is not what it should be, and everything else is well.
pub(super) const fn is_unreadable_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..)
            | E::InvalidColumnType(..)
            | E::IntegralValueOutOfRange(..)
            | E::Utf8Error(..)
    )
}
