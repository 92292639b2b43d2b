//! Rows that nobody needs any more, and the files that came with the messages of such.

use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension};

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

/// Where files lie that belong to the state, in the folder of the state's own file.
pub(crate) const FILES: &str = "state";

/// Where the files of messages lie among them, a folder a run.
pub(crate) const ATTACHMENTS: &str = "attachments";

/// Where the files lie that runs leave for people, a folder a run; what is left there is of runs that were cut off.
pub(crate) const OUTBOXES: &str = "outbox";

/// The files of so many of the youngest runs stay whatever the clock says.
const YOUNGEST_WITH_FILES: i64 = 100;

/// How long files stay that belong to no run: it may be one that has not been stored, and goes on.
const STRAYS: Duration = DAY;

/// The files of how many runs go at a time.
const FOLDERS_AT_ONCE: usize = 200;

/// Deletes what is older than it is kept. A message of a run stays as long as the run, and so does what it asked. Rules and
/// the audit stay: they are small, and a chain that lacks its beginning proves little.
pub(super) fn prune(connection: &Connection) -> Result<(), Failure> {
    // By what was stored before: a run that is only forgotten below may stay, if this comes to nothing. So its files go
    // the next time.
    if let Some(folder) = files(connection) {
        for files in [ATTACHMENTS, OUTBOXES] {
            prune_files(connection, &folder.join(files))?;
        }
    }
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

/// The folder of files; `None` if the state is in memory, or where its name is no text.
fn files(connection: &Connection) -> Option<PathBuf> {
    let file = connection.path().filter(|path| !path.is_empty())?;
    Some(Path::new(file).parent()?.join(FILES))
}

/// Deletes the files of runs that are forgotten or have ended long ago. Whatever is left of it by a kill goes the next
/// time; what can not be deleted is told, and keeps nothing else from going.
fn prune_files(connection: &Connection, folder: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(folder = %folder.display(), %error, "old files of runs can not be looked for");
            }
            return Ok(());
        }
    };
    let mut deleted = 0;
    for entry in entries.flatten() {
        if deleted == FOLDERS_AT_ONCE {
            break;
        }
        // takopi makes folders, and no links.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || !is_forgotten(connection, &entry)? {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => deleted += 1,
            Err(error) => {
                tracing::warn!(folder = %entry.path().display(), %error, "old files of a run can not be deleted");
            }
        }
    }
    Ok(())
}

/// Whether nobody looks at the files of a run any more.
fn is_forgotten(connection: &Connection, entry: &DirEntry) -> Result<bool, Failure> {
    let name = entry.file_name();
    // The ids of runs are texts.
    let Some(run) = name.to_str() else { return Ok(false) };
    let has_ended = connection
        .prepare_cached(
            "SELECT ifnull(ended_at < ?2, 0) AND number <= (SELECT max(number) FROM runs) - ?3
                AND state IN ('delivered', 'interrupted', 'reopened') FROM runs WHERE id = ?1",
        )?
        .query_one((run, Moment::now().before(RUNS), YOUNGEST_WITH_FILES), |row| row.get(0))
        .optional()?;
    Ok(has_ended.unwrap_or_else(|| is_older(entry, STRAYS)))
}

/// Whether nothing came into a folder for so long. One of tomorrow is young.
fn is_older(folder: &DirEntry, span: Duration) -> bool {
    let changed = folder.metadata().and_then(|metadata| metadata.modified()).ok();
    changed.and_then(|changed| SystemTime::now().duration_since(changed).ok()).is_some_and(|age| age > span)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::store::{Store, schema};

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

    #[test]
    fn a_request_goes_with_its_run_and_what_it_was_stays_in_the_audit() {
        let rows = "
            INSERT INTO places (id, transport, channel) VALUES (1, 't', 'c');
            INSERT INTO runs (number, id, state, place, engine, cwd, progress_key, begun_at, ended_at) VALUES
                (1, 'old', 'delivered', 1, 'e', '/', 'card', 10, 10),
                (2, 'answered', 'answered', 1, 'e', '/', 'card', 10, 10);
            INSERT INTO requests (token, run, id, state, place, engine, digest, title, asked_at, expires_at) VALUES
                ('a', 1, '1', 'expired', 1, 'e', '', 'of old', 10, 10),
                ('b', 2, '1', 'expired', 1, 'e', '', 'of answered', 10, 10);
            INSERT INTO rules (engine, folder, covers, place, made_by, made_at, revoked_at) VALUES
                ('e', '/', '', 1, 'null', 10, NULL), ('f', '/', '', 1, 'null', 10, 10);
            INSERT INTO audit VALUES (1, 10, '', '', '');";
        let connection = after(rows, YOUNGEST);
        prune(&connection).unwrap();
        assert_eq!(names(&connection, "SELECT title FROM requests"), ["of answered"]);
        assert_eq!(names(&connection, "SELECT engine FROM rules"), ["e", "f"]);
        assert_eq!(names(&connection, "SELECT event FROM audit"), [""]);
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

    /// Files of runs, each in a folder that was last changed `age` ago.
    fn put(folder: &Path, run: &str, age: Duration) -> PathBuf {
        let folder = folder.join(FILES).join(ATTACHMENTS).join(run);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("0-photo.jpg"), "jpg").unwrap();
        File::open(&folder).unwrap().set_modified(SystemTime::now() - age).unwrap();
        folder
    }

    #[test]
    fn files_go_with_their_run_or_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = |number: i64, id: &str, state: &str, ended: &str| {
            format!(
                "INSERT INTO runs (number, id, state, place, engine, cwd, progress_key, begun_at, ended_at)
                     VALUES ({number}, '{id}', '{state}', 1, 'e', '/', 'card', 10, {ended});"
            )
        };
        let rows = [
            "INSERT INTO places (id, transport, channel) VALUES (1, 't', 'c');".to_owned(),
            run(1, "old", "delivered", "10"),
            run(2, "not delivered", "answered", "10"),
            run(3, "at work", "running", "NULL"),
            run(4, "of today", "delivered", "99999999999999"),
            run(1000, "young by its number", "delivered", "10"),
        ];
        let mut connection = Connection::open(folder.path().join("takopi.db")).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute_batch(&rows.concat()).unwrap();
        let old = DAY * 1000;
        let goes = [put(folder.path(), "old", Duration::ZERO), put(folder.path(), "nobody's", DAY * 2)];
        let stays = [
            put(folder.path(), "not delivered", old),
            put(folder.path(), "at work", old),
            put(folder.path(), "of today", old),
            put(folder.path(), "young by its number", old),
            put(folder.path(), "of a run that is not stored", DAY / 2),
        ];
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mine"), "keep me").unwrap();
        let link = folder.path().join(FILES).join(ATTACHMENTS).join("link");
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        prune(&connection).unwrap();
        goes.iter().for_each(|folder| assert!(!folder.exists(), "{}", folder.display()));
        stays.iter().for_each(|folder| assert!(folder.join("0-photo.jpg").exists(), "{}", folder.display()));
        assert!(link.is_symlink() && outside.join("mine").exists());

        // As many as there are go, if it takes more than one time.
        for n in 0..=FOLDERS_AT_ONCE {
            put(folder.path(), &format!("stray {n}"), old);
        }
        let left = || fs::read_dir(folder.path().join(FILES).join(ATTACHMENTS)).unwrap().count();
        let all = left();
        prune(&connection).unwrap();
        assert_eq!(left(), all - FOLDERS_AT_ONCE);
        prune(&connection).unwrap();
        assert_eq!(left(), stays.len() + 1);
    }

    #[tokio::test]
    async fn files_are_looked_for_where_the_state_lies() {
        let folder = tempfile::tempdir().unwrap();
        let stray = put(folder.path(), "nobody's", DAY * 2);
        let (store, _) = Store::open(folder.path()).unwrap();
        store.close().await;
        assert!(!stray.exists());
    }
}
