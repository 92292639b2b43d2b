//! How values stand in columns.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, Value, ValueRef};
use serde::Serialize;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use takopi_api::engine::EngineId;
use takopi_api::resume::ResumeToken;
use takopi_api::runtime::StoreError;

use super::error::is_unreadable_value;

/// A value that is one text, such as an id or the name of a state.
pub(super) struct Text<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = IntoDeserializer::<ValueError>::into_deserializer(value.as_str()?);
        T::deserialize(text).map(Text).map_err(FromSqlError::other)
    }
}

/// A value that is kept as JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Json).map_err(FromSqlError::other)
    }
}

/// The JSON of a value.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError(format!("it can not be written as JSON: {error}")))
}

/// A folder: a text, or a blob if its name is none.
pub(super) struct Folder<P>(pub(super) P);

impl<P: AsRef<Path>> ToSql for Folder<P> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let path = self.0.as_ref().as_os_str();
        Ok(ToSqlOutput::Borrowed(match path.to_str() {
            Some(text) => text.into(),
            None => ValueRef::Blob(path.as_bytes()),
        }))
    }
}

impl FromSql for Folder<PathBuf> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let path = match value {
            ValueRef::Blob(bytes) => OsString::from_vec(bytes.to_vec()),
            text => OsStr::new(text.as_str()?).to_owned(),
        };
        Ok(Self(path.into()))
    }
}

/// A moment, in milliseconds since 1970-01-01 UTC. Only for people to read and for pruning: nothing is ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// No moment is before it.
    pub(super) const FIRST: Self = Self(i64::MIN);

    pub(super) const fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(super) fn now() -> Self {
        Self::from(SystemTime::now())
    }

    pub(super) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(milliseconds(span)))
    }

    pub(super) fn time(self) -> SystemTime {
        let span = Duration::from_millis(self.0.unsigned_abs());
        let time = if self.0 < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        time.unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(milliseconds(after)),
            Err(before) => Self(-milliseconds(before.duration())),
        }
    }
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// The thread of a row that has its engine and its name.
pub(super) fn thread(engine: EngineId, name: String) -> rusqlite::Result<ResumeToken> {
    ResumeToken::new(engine, name)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
}

/// Rows without those that can not be read: one that somebody changed by hand must not take the others with it. It stays
/// where it is.
pub(super) fn readable<T>(
    table: &str,
    rows: impl Iterator<Item = rusqlite::Result<T>>,
) -> rusqlite::Result<Vec<T>> {
    rows.filter_map(|row| match row {
        Err(error) if is_unreadable_value(&error) => {
            skipped(table, &error);
            None
        }
        row => Some(row),
    })
    .collect()
}

pub(super) fn skipped(table: &str, error: &dyn fmt::Display) {
    tracing::error!(table, %error, "a row of the state file can not be read: skipped");
}
