//! Whether the audit is as it was written.

use std::fmt;

use rusqlite::{Connection, Row};

use crate::store::columns::Moment;
use crate::store::digest::Digest;

use super::{Head, head, row_hash};

/// What came of a look at the whole audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Each row is as it was written, and none is missing.
    Whole {
        /// How many there are.
        rows: i64,
        /// The hash of the last one: whoever has kept an older one finds it in its row.
        hash: Option<Digest>,
    },
    /// This is the first row at which it is not.
    Broken {
        /// The row.
        seq: i64,
        /// What is wrong with it.
        what: Broken,
    },
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is not there, and a later one is.
    Missing,
    /// It is not what was written.
    Changed,
    /// It is written down that it was the last one or is before that, and it is not there.
    CutOff {
        /// The last one that was written.
        last: i64,
    },
    /// It was not written by takopi, or what says which was the last one was changed.
    Unknown,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::Changed => f.write_str("it was changed, or is not in its place"),
            Self::CutOff { last } => {
                write!(f, "it is missing, and so are all after it; the last one was row {last}")
            }
            Self::Unknown => f.write_str(
                "it is not the row that was written last, or what is known of that one was changed",
            ),
        }
    }
}

/// Looks at every row.
pub(in crate::store) fn verify(connection: &Connection) -> rusqlite::Result<Verified> {
    let known = head(connection)?;
    let mut statement =
        connection.prepare("SELECT seq, at, event, previous, hash FROM audit ORDER BY seq")?;
    let mut rows = statement.query(())?;
    let mut last = Head::NONE;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get("seq")?;
        let expected = last.seq + 1;
        if seq != expected {
            // A number below the first one was never given.
            let (seq, what) =
                if seq < expected { (seq, Broken::Unknown) } else { (expected, Broken::Missing) };
            return Ok(Verified::Broken { seq, what });
        }
        match written(row, &last.hash) {
            Some(hash) => last = Head { seq, hash },
            None => return Ok(Verified::Broken { seq, what: Broken::Changed }),
        }
    }
    let broken = |seq, what| Ok(Verified::Broken { seq, what });
    match known {
        Some(known) if known.seq > last.seq => broken(last.seq + 1, Broken::CutOff { last: known.seq }),
        Some(known) if known != last => broken(known.seq.min(last.seq), Broken::Unknown),
        None if last != Head::NONE => broken(last.seq, Broken::Unknown),
        _ => Ok(Verified::Whole { rows: last.seq, hash: (last != Head::NONE).then_some(last.hash) }),
    }
}

/// The hash of a row that is what was written after the one with this hash. A value of another type is none.
fn written(row: &Row<'_>, previous: &Digest) -> Option<Digest> {
    let seq: i64 = row.get("seq").ok()?;
    let at: Moment = row.get("at").ok()?;
    let event = row.get_ref("event").ok()?.as_str().ok()?;
    let (claimed, hash): (Digest, Digest) = (row.get("previous").ok()?, row.get("hash").ok()?);
    (claimed == *previous && hash == row_hash(previous, seq, at, event)).then_some(hash)
}
