//! Rows that nobody needs any more.

use std::time::Duration;

use rusqlite::Connection;

use super::columns::Moment;
use super::error::Failure;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For how long a second delivery of a message is known.
const DELIVERIES: Duration = DAY.saturating_mul(30);

/// For how long a reply to a message of a run finds its thread.
const RUNS: Duration = DAY.saturating_mul(90);

/// For how long it is known what a run used.
const USAGE: Duration = DAY.saturating_mul(2 * 365);

/// How many of the youngest rows stay whatever the clock says: it may be wrong by years.
const YOUNGEST: i64 = 10_000;

/// How many rows of a table go at a time, so that nobody has to wait for it.
const AT_ONCE: i64 = 2_500;

/// Deletes what is older than it is kept. A message of a run stays as long as the run.
pub(super) fn prune(connection: &Connection) -> Result<(), Failure> {
    let before = |span| Moment::now().before(span);
    connection
        .prepare_cached(
            "DELETE FROM runs WHERE number IN (SELECT number FROM runs
                WHERE number <= (SELECT max(number) FROM runs) - ?1 AND ended_at < ?2
                AND state IN ('delivered', 'interrupted', 'reopened') ORDER BY number LIMIT ?3)",
        )?
        .execute((YOUNGEST, before(RUNS), AT_ONCE))?;
    connection
        .prepare_cached(
            "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox
                WHERE seq <= (SELECT max(seq) FROM inbox) - ?1 AND accepted_at < ?2
                AND state = 'done' AND run IS NULL ORDER BY seq LIMIT ?3)",
        )?
        .execute((YOUNGEST, before(DELIVERIES), AT_ONCE))?;
    connection
        .prepare_cached(
            "DELETE FROM usage WHERE rowid IN (SELECT rowid FROM usage
                WHERE rowid <= (SELECT max(rowid) FROM usage) - ?1 AND ended_at < ?2 ORDER BY rowid LIMIT ?3)",
        )?
        .execute((YOUNGEST, before(USAGE), AT_ONCE))?;
    Ok(())
}
