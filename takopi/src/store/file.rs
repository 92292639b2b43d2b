//! The file: found, made, opened, and moved aside if it is damaged.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::schema;

/// The name of the file. SQLite puts two more beside it while it is open, with `-wal` and `-shm` at the end.
pub const FILE: &str = "takopi.db";

/// How long a job waits for another program that has the file, such as `sqlite3`.
const PATIENCE: Duration = Duration::from_secs(5);

/// How large the log may stay after it was large, in bytes.
const LOG_LIMIT: i64 = 16 * 1024 * 1024;

/// How much of the file a connection keeps in memory, in kB. Most of SQLite's own 2 MB would be what nobody asks for again, and
/// the system keeps the file anyway.
const PAGES: i64 = 512;

/// More than there are statements.
const STATEMENTS: usize = 128;

/// What must have happened before a job is answered. `cargo bench -p takopi --bench store` compares them: as jobs share
/// the wait for the disk, the safe one takes thousands of messages a second too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The disk has it, as far as the system knows: nothing is lost, whatever happens. The cost is one wait for the disk a
    /// round of jobs.
    #[default]
    Full,
    /// The system has it: nothing is lost when takopi is killed, but the last seconds may be when power fails. The file
    /// stays whole.
    Normal,
}

/// An open file.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) reader: Connection,
}

/// What is found where the file should be.
pub(super) enum Found {
    Nothing,
    Version(i64),
    Damaged(String),
}

/// Opens the file, with notices for a person.
pub(super) fn open(folder: &Path, durability: Durability) -> Result<(Opened, Vec<String>), OpenError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Folder { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    let path = folder.join(FILE);
    let mut notices = Vec::new();
    match look(&path)? {
        Found::Nothing => {}
        Found::Version(found) if found > schema::VERSION => {
            return Err(OpenError::Newer { file: path, found, known: schema::VERSION });
        }
        Found::Version(_) => {}
        Found::Damaged(why) => {
            let aside = move_aside(&path).map_err(at(&path))?;
            notices.push(format!(
                "{} was damaged ({why}) and is now {}: sessions, settings and messages that waited are not known any more; \
                 `sqlite3 {} .recover` shows what is left of them",
                path.display(),
                aside.display(),
                aside.display()
            ));
        }
    }
    make_private(&path).map_err(at(&path))?;
    connect(path, durability).map(|opened| (opened, notices))
}

fn connect(path: PathBuf, durability: Durability) -> Result<Opened, OpenError> {
    let opened = || {
        let mut writer = connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Where a file system has no shared memory, SQLite stays with its other journal: slower, and as safe.
        writer.query_one("PRAGMA journal_mode = WAL", (), |_| Ok(()))?;
        writer.pragma_update(
            None,
            "synchronous",
            match durability {
                Durability::Full => "FULL",
                Durability::Normal => "NORMAL",
            },
        )?;
        writer.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
        schema::migrate(&mut writer)?;
        let reader = connection(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok((writer, reader))
    };
    match opened() {
        Ok((writer, reader)) => Ok(Opened { path, writer, reader }),
        Err(error) => Err(OpenError::unusable(&path, &error)),
    }
}

/// A connection that is used by one thread at a time.
pub(super) fn connection(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A negative number is in kB and not in pages.
    connection.pragma_update(None, "cache_size", -PAGES)?;
    // A plan that depends on the values would be made anew each time that they change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Looks at the file and changes nothing in it.
pub(super) fn look(path: &Path) -> Result<Found, OpenError> {
    let size = |path: &Path| match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(source) => Err(OpenError::Folder { path: path.to_owned(), source }),
    };
    if size(path)? == 0 {
        // SQLite deletes a log that has no file. Somebody may still want it.
        let log = size(&beside(path, "-wal"))?;
        return Ok(if log == 0 {
            Found::Nothing
        } else {
            Found::Damaged("only its log is there".to_owned())
        });
    }
    let looked = || {
        let connection = connection(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let version = schema::version(&connection)?;
        let check: String = connection.query_one("PRAGMA quick_check(1)", (), |row| row.get(0))?;
        Ok(if check == "ok" { Found::Version(version) } else { Found::Damaged(one_line(&check)) })
    };
    looked().or_else(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(Found::Damaged(error.to_string())),
        _ => Err(OpenError::unusable(path, &error)),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Gives the file and what belongs to it another name. They stay openable: SQLite finds the log by the file's name.
fn move_aside(path: &Path) -> std::io::Result<PathBuf> {
    let stamp = format!(".corrupt-{}", stamp());
    let aside = (1..)
        .map(|n| beside(path, &if n == 1 { stamp.clone() } else { format!("{stamp}-{n}") }))
        .find(|aside| ["", "-wal", "-shm"].iter().all(|end| !beside(aside, end).exists()))
        .ok_or(ErrorKind::AlreadyExists)?;
    for end in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// The time in UTC, fit for the name of a file. SQLite knows the calendar.
fn stamp() -> String {
    Connection::open_in_memory()
        .and_then(|connection| {
            connection.query_one("SELECT strftime('%Y%m%dT%H%M%SZ', 'now')", (), |row| row.get(0))
        })
        .unwrap_or_else(|_| "unknown-time".to_owned())
}

/// The file holds what people wrote: nobody else may read it. SQLite gives its own two files the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
