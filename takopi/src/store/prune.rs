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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    const OLD: i64 = 10;

    /// A file with `count` of the youngest rows that are kept in any case, after what a test puts in.
    fn after(rows: &str, count: i64) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute_batch(rows).unwrap();
        let many = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {count})");
        connection
            .execute_batch(&format!(
                "{many} INSERT INTO inbox (state, transport, channel, message, place, accepted_at)
                    SELECT 'done', 't', 'c', 'young ' || i, 1, {OLD} FROM n;
                 {many} INSERT INTO runs (id, state, place, engine, cwd, progress_key, begun_at, ended_at)
                    SELECT 'young ' || i, 'delivered', 1, 'e', '/', 'card', {OLD}, {OLD} FROM n;
                 {many} INSERT INTO usage (run, place, engine, ended_at) SELECT 'young ' || i, 1, 'e', {OLD} FROM n;"
            ))
            .unwrap();
        connection
    }

    fn names(connection: &Connection, query: &str) -> Vec<String> {
        connection
            .prepare(query)
            .unwrap()
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn what_is_old_goes_and_what_may_be_needed_stays() {
        let rows = "
            INSERT INTO places (id, transport, channel) VALUES (1, 't', 'c');
            INSERT INTO runs (number, id, state, place, engine, cwd, progress_key, begun_at, ended_at) VALUES
                (1, 'delivered', 'delivered', 1, 'e', '/', 'card', 10, 10), (2, 'told', 'interrupted', 1, 'e', '/', 'card', 10, 10),
                (3, 'answered', 'answered', 1, 'e', '/', 'card', 10, 10), (4, 'cut off', 'cut_off', 1, 'e', '/', 'card', 10, 10),
                (5, 'running', 'running', 1, 'e', '/', 'card', 10, NULL),
                (6, 'of tomorrow', 'delivered', 1, 'e', '/', 'card', 10, 99999999999999);
            INSERT INTO run_messages VALUES ('t', 'c', 'm1', 1), ('t', 'c', 'm6', 6);
            INSERT INTO inbox (state, transport, channel, message, place, run, accepted_at) VALUES
                ('done', 't', 'c', 'done', 1, NULL, 10), ('accepted', 't', 'c', 'waits', 1, NULL, 10),
                ('done', 't', 'c', 'of a run', 1, 1, 10), ('started', 't', 'c', 'at work', 1, 5, 10),
                ('done', 't', 'c', 'of a run that stays', 1, 6, 10),
                ('done', 't', 'c', 'of tomorrow', 1, NULL, 99999999999999);
            INSERT INTO usage (run, place, engine, ended_at) VALUES ('old', 1, 'e', 10);";
        let connection = after(rows, YOUNGEST);
        prune(&connection).unwrap();
        let not_young = |column: &str, table: &str| {
            names(
                &connection,
                &format!("SELECT {column} FROM {table} WHERE {column} NOT LIKE 'young%' ORDER BY rowid"),
            )
        };
        assert_eq!(not_young("id", "runs"), ["answered", "cut off", "running", "of tomorrow"]);
        assert_eq!(not_young("message", "inbox"), ["waits", "at work", "of a run that stays", "of tomorrow"]);
        assert_eq!(not_young("run", "usage"), [""; 0]);
        assert_eq!(names(&connection, "SELECT message FROM run_messages"), ["m6"]);
        for table in ["runs", "inbox", "usage"] {
            let young = format!(
                "SELECT '' FROM {table} WHERE {} LIKE 'young%'",
                match table {
                    "runs" => "id",
                    "inbox" => "message",
                    _ => "run",
                }
            );
            assert_eq!(names(&connection, &young).len() as i64, YOUNGEST, "{table}");
        }
    }

    /// A clock that was years ahead, or is now, makes everything old.
    #[test]
    fn the_youngest_rows_stay_whatever_the_clock_says() {
        let connection =
            after("INSERT INTO places (id, transport, channel) VALUES (1, 't', 'c')", YOUNGEST + 3);
        prune(&connection).unwrap();
        for table in ["runs", "inbox", "usage"] {
            assert_eq!(
                names(&connection, &format!("SELECT '' FROM {table}")).len() as i64,
                YOUNGEST,
                "{table}"
            );
        }
    }
}
