//! The tables, and how an older file comes up to date.
//!
//! For a person with the `sqlite3` program: moments (`…_at`) are milliseconds since 1970 in UTC, as in
//! `datetime(begun_at / 1000, 'unixepoch')`, and nothing is ordered by them; a folder (`cwd`) is a text, or a blob if its
//! name is no UTF-8; JSON is as in the types of takopi-api.
//!
//! For whoever changes it: three or more values after `IN` make SQLite build a table of them each time, also in a `CHECK`
//! and for an index. That was half of what a message cost; comparisons are for nothing.

use rusqlite::Connection;

/// What makes the tables, and each later change of them: migration `n` brings a file of version `n` to version `n + 1`.
/// A published migration is never changed; a change of the schema is one more at the end.
const MIGRATIONS: &[&str] = &[FIRST, REQUESTS, REQUEST_MESSAGES];

/// The version of files that this takopi writes; `PRAGMA user_version` in the file.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

const FIRST: &str = "
-- What happened once: 'imported:<file>' for a file of the Python program, 'account:<transport>' for whom it speaks.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where conversations live. The other tables know a place by its id, so a chat that gets another id is one change here.
CREATE TABLE places (
    id        INTEGER PRIMARY KEY,
    transport TEXT NOT NULL,
    channel   TEXT NOT NULL,
    topic     TEXT                  -- NULL: the chat itself, or its general part
) STRICT;
CREATE UNIQUE INDEX places_by_address ON places (transport, channel, ifnull(topic, 0));

-- Runs of engines, in the order in which they began.
--   running     its engine is at work, as far as anybody knows
--   answered    it has ended and its answer is here; some of that may have been sent
--   delivered   the end; the answer's text is not kept
--   cut_off     takopi ended while it ran, and nobody has been told yet
--   interrupted the same, and it was told: the end, unless a person asks for it again
--   reopened    a person did, and its messages are in the inbox again
CREATE TABLE runs (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    state     TEXT NOT NULL DEFAULT 'running' CHECK (
              state = 'running' OR state = 'answered' OR state = 'delivered' OR state = 'cut_off' OR
              state = 'interrupted' OR state = 'reopened'),
    place     INTEGER NOT NULL REFERENCES places (id),
    person    TEXT,                 -- whose run it is
    engine    TEXT NOT NULL,
    token     TEXT,                 -- the engine's name for the thread, once it is known
    project   TEXT,
    branch    TEXT,
    cwd       ANY NOT NULL,
    reply_to  TEXT,                 -- the message that the answer replies to
    progress  TEXT,                 -- JSON: the message that shows how far it is; of a delivered one, has to go still
    progress_key TEXT NOT NULL,     -- under which that message is sent: so it is found where `progress` was not stored
    outcome   TEXT CHECK (outcome = 'done' OR outcome = 'failed' OR outcome = 'interrupted'),
    completed TEXT,                 -- JSON: the run's last event, until it is delivered
    parts     INTEGER NOT NULL DEFAULT 0, -- how many messages of its answer were sent while there were more
    begun_at  INTEGER NOT NULL,
    ended_at  INTEGER
) STRICT;
CREATE INDEX runs_open ON runs (number)
    WHERE (state <> 'delivered' OR progress IS NOT NULL) AND state <> 'interrupted' AND state <> 'reopened';

-- The bot's messages that belong to a run: a reply to one of them continues the run's thread.
CREATE TABLE run_messages (
    transport TEXT NOT NULL,
    channel   TEXT NOT NULL,
    message   TEXT NOT NULL,
    run       INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    PRIMARY KEY (transport, channel, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_messages_by_run ON run_messages (run);

-- What people sent, in the order of acceptance. A row outlives its message, to know a second delivery.
--   accepted    nothing was begun for it
--   started     its run goes on
--   done        `ending` says how
CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    state       TEXT NOT NULL DEFAULT 'accepted' CHECK (state = 'accepted' OR state = 'started' OR state = 'done'),
    ending      TEXT,               -- 'answered', 'cut_off', or why it came to no run
    transport   TEXT NOT NULL,
    channel     TEXT NOT NULL,      -- as it was delivered: the chat may have another id by now, see `place`
    message     TEXT,               -- NULL: of an account that the transport does not have any more
    update_id   TEXT,
    place       INTEGER NOT NULL REFERENCES places (id),
    run         INTEGER REFERENCES runs (number) ON DELETE SET NULL,
    shown       TEXT,               -- JSON: the bot's message that says that it waits
    payload     TEXT,               -- JSON: the message, as long as it may have to be run (again)
    accepted_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbox_by_message ON inbox (transport, channel, message);
CREATE UNIQUE INDEX inbox_by_update ON inbox (transport, update_id) WHERE update_id IS NOT NULL;
CREATE INDEX inbox_by_run ON inbox (run) WHERE run IS NOT NULL;
CREATE INDEX inbox_accepted ON inbox (seq) WHERE state = 'accepted';

-- The thread that a person goes on with where a message names none.
CREATE TABLE sessions (
    place  INTEGER NOT NULL REFERENCES places (id),
    person TEXT,                    -- NULL: everybody's
    engine TEXT NOT NULL,
    cwd    ANY NOT NULL,
    token  TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_by_key ON sessions (place, ifnull(person, 0), engine, cwd);
CREATE INDEX sessions_by_token ON sessions (engine, token);

-- The project and branch that a place is bound to.
CREATE TABLE bindings (
    place   INTEGER PRIMARY KEY REFERENCES places (id),
    project TEXT,
    branch  TEXT,
    title   TEXT                    -- the topic's title, if takopi gave it one
) STRICT;

-- What people chose, one choice a row, so that changing one can not touch another.
CREATE TABLE preferences (
    place  INTEGER NOT NULL REFERENCES places (id),
    name   TEXT NOT NULL,           -- 'default_engine', 'trigger', 'queue', 'model' or 'reasoning'
    engine TEXT NOT NULL,           -- the engine that it is about; '' if it is about none
    value  TEXT NOT NULL,
    PRIMARY KEY (place, name, engine)
) STRICT, WITHOUT ROWID;

-- What transports and commands remember.
CREATE TABLE plugin_values (
    namespace TEXT NOT NULL,        -- '<kind>:<id>'
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;

-- What runs used, by their engines' own figures; NULL: the engine did not say. It outlives the runs.
CREATE TABLE usage (
    run                     TEXT NOT NULL PRIMARY KEY,
    place                   INTEGER NOT NULL REFERENCES places (id),
    person                  TEXT,
    engine                  TEXT NOT NULL,
    project                 TEXT,
    model                   TEXT,
    input_tokens            INTEGER,
    cached_input_tokens     INTEGER,
    output_tokens           INTEGER,
    reasoning_output_tokens INTEGER,
    cost_usd                REAL,
    duration_ms             INTEGER,
    ended_at                INTEGER NOT NULL
) STRICT;
";

const REQUESTS: &str = "
-- What engines asked people, in the order in which it was asked. A row goes with its run.
--   open        it waits for somebody
--   decided     a person or a rule decided it: see `decision` and `decided_by`
--   expired     nobody did in time, which is a no
--   withdrawn   its engine does not wait for it any more
--   cut_off     takopi ended while it was open
CREATE TABLE requests (
    number     INTEGER PRIMARY KEY AUTOINCREMENT, -- by which the audit knows it
    token      TEXT NOT NULL UNIQUE, -- what its buttons carry; random
    run        INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    id         TEXT NOT NULL,       -- its engine's name for it; may come again in the same run
    state      TEXT NOT NULL DEFAULT 'open' CHECK (
               state = 'open' OR state = 'decided' OR state = 'expired' OR state = 'withdrawn' OR state = 'cut_off'),
    place      INTEGER NOT NULL REFERENCES places (id),
    person     TEXT,                -- whose run it is
    engine     TEXT NOT NULL,
    tool       TEXT,
    digest     TEXT NOT NULL,       -- SHA-256 of what is asked
    title      TEXT NOT NULL,
    decision   TEXT,                -- 'allow_once', 'allow_session', 'allow_always', 'deny' or 'answer'
    decided_by TEXT,                -- JSON: the person, or the rule
    message    TEXT,                -- JSON: the message that asks, until it says what became of it
    asked_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    CHECK ((state = 'decided') = (decision IS NOT NULL) AND (state = 'decided') = (decided_by IS NOT NULL))
) STRICT;
CREATE INDEX requests_by_run ON requests (run);
CREATE INDEX requests_open ON requests (number) WHERE state = 'open' OR message IS NOT NULL;

-- What people allowed for more than once. A rule that was revoked stays, to say what the audit means.
CREATE TABLE rules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    engine     TEXT NOT NULL,
    thread     TEXT,                -- the thread of the engine that it is for; NULL: all of them
    project    TEXT,                -- the alias of the project when it was made
    folder     ANY NOT NULL,        -- the project's, or the one that the run worked in
    covers     TEXT NOT NULL,       -- JSON: what is like what was allowed
    place      INTEGER NOT NULL REFERENCES places (id), -- where it was made
    made_by    TEXT NOT NULL,       -- JSON: the person; null: whoever was at the terminal
    made_at    INTEGER NOT NULL,
    revoked_by TEXT,                -- JSON, as made_by
    revoked_at INTEGER
) STRICT;
CREATE INDEX rules_in_force ON rules (engine, folder) WHERE revoked_at IS NULL;

-- What was asked, what became of it, and the rules: nothing here is changed or deleted, ever. Each row has the hash of the
-- one before it, and `meta` the number and hash of the last one under 'audit': `takopi audit verify` compares.
--   hash = SHA-256 (previous ++ seq ++ at ++ event): 32 bytes, two numbers of 8 bytes (the first byte is the highest), and
--   the text as it stands here
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,         -- JSON
    previous TEXT NOT NULL,         -- hexadecimal; of the first row, zeros
    hash     TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is not deleted'); END;
";

const REQUEST_MESSAGES: &str = "
-- The messages that ask or asked: a reply to one of them is no prompt. They go with their request.
CREATE TABLE request_messages (
    transport TEXT NOT NULL,
    channel   TEXT NOT NULL,
    message   TEXT NOT NULL,
    request   INTEGER NOT NULL REFERENCES requests (number) ON DELETE CASCADE,
    PRIMARY KEY (transport, channel, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_messages_by_request ON request_messages (request);
ALTER TABLE requests ADD COLUMN is_secret INTEGER NOT NULL DEFAULT 0; -- 1: what answers it is stored nowhere
";

/// The version of a file.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_one("PRAGMA user_version", (), |row| row.get(0))
}

/// Brings the tables up to date: all changes, or none.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Read within the transaction: another takopi may have been at it.
    let version = version(&transaction)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    if version < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_gets_all_tables_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(version(&connection).unwrap(), 0);
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
    }

    #[test]
    fn a_file_of_each_older_version_comes_up_to_date() {
        for older in 1..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            MIGRATIONS[..older].iter().for_each(|migration| connection.execute_batch(migration).unwrap());
            connection.pragma_update(None, "user_version", older as i64).unwrap();
            connection.execute("INSERT INTO meta (name, value) VALUES ('kept', 'yes')", ()).unwrap();
            migrate(&mut connection).unwrap();
            assert_eq!(version(&connection).unwrap(), VERSION);
            let kept: String = connection.query_one("SELECT value FROM meta", (), |row| row.get(0)).unwrap();
            assert_eq!(kept, "yes");
        }
    }

    #[test]
    fn what_is_looked_for_at_each_start_is_found_by_an_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let plan = |query: &str| -> String {
            connection.query_one(&format!("EXPLAIN QUERY PLAN {query}"), (), |row| row.get("detail")).unwrap()
        };
        assert!(plan("SELECT * FROM inbox WHERE state = 'accepted' ORDER BY seq").contains("inbox_accepted"));
        let open = format!("SELECT * FROM runs WHERE {} ORDER BY number", crate::store::runs::OPEN);
        assert!(plan(&open).contains("runs_open"));
        let left = format!("SELECT * FROM requests WHERE {} ORDER BY number", crate::store::requests::LEFT);
        assert!(plan(&left).contains("requests_open"));
        let rules = format!("SELECT * FROM rules WHERE {}", crate::store::rules::OF_ENGINE_AND_FOLDER);
        let rules = rules.replace("?1", "'e'").replace("?2", "'/'");
        assert!(plan(&rules).contains("rules_in_force"));
    }
}
