//! The audit: what was done to it is found, and named.

use rusqlite::Connection;
use takopi::store::{AuditEvent, Broken, DecidedBy, Digest, Look, Verdict, Verified};

use super::requests::{ann, open_request, says};
use super::*;

/// A store whose audit has six rows.
async fn written() -> Sandbox {
    let store = Sandbox::new();
    for what in ["one", "two", "three"] {
        let token = open_request(&store, what).await;
        store.decide(&token, says(Verdict::AllowOnce)).await.unwrap();
    }
    store
}

fn look(store: &Sandbox) -> Look {
    Look::open(store.folder.path()).unwrap().unwrap()
}

/// What is found after somebody was at the file.
async fn after(sql: &str) -> Verified {
    let store = written().await;
    let connection = Connection::open(store.folder.path().join(FILE)).unwrap();
    connection
        .execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;")
        .unwrap();
    connection.execute_batch(sql).unwrap();
    let found = look(&store).verify_audit().unwrap();
    // What is written afterwards mends nothing.
    open_request(&store, "four").await;
    let later = look(&store).verify_audit().unwrap();
    let is_same = match (&found, &later) {
        (
            Verified::Broken { seq, what: Broken::CutOff { .. } },
            Verified::Broken { seq: later, what: Broken::Missing },
        ) => seq == later,
        (Verified::Broken { .. }, Verified::Broken { .. }) => true,
        (found, later) => found == later,
    };
    assert!(is_same, "{found:?}, then {later:?}");
    found
}

fn broken(seq: i64, what: Broken) -> Verified {
    Verified::Broken { seq, what }
}

#[tokio::test]
async fn what_nobody_touched_is_whole() {
    let empty = Sandbox::new();
    assert_eq!(look(&empty).verify_audit().unwrap(), Verified::Whole { rows: 0, hash: None });
    assert_eq!(look(&empty).audit(None, 10).unwrap(), []);

    let store = written().await.reopened().await;
    let rows = look(&store).audit(None, 10).unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let whole = Verified::Whole { rows: 6, hash: Some(rows[5].hash) };
    assert_eq!(look(&store).verify_audit().unwrap(), whole);
    let AuditEvent::Asked { request, digest, title, .. } = &rows[0].event else { panic!("{rows:?}") };
    assert_eq!((*digest, title.as_str()), (Digest::of(&[b"one"]), "run one"));
    let by = DecidedBy::Person(Some(ann()));
    assert_eq!(rows[1].event, AuditEvent::Decided { request: *request, decision: Verdict::AllowOnce, by });
    assert_eq!(look(&store).audit(None, 2).unwrap(), rows[4..]);
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    assert_eq!(look(&store).audit(Some(tomorrow), 10).unwrap(), []);
}

#[tokio::test]
async fn a_changed_row_is_named() {
    let changes = [
        "UPDATE audit SET event = replace(event, 'allow_once', 'deny') WHERE seq = 4",
        "UPDATE audit SET event = event || ' ' WHERE seq = 4",
        "UPDATE audit SET event = '' WHERE seq = 4",
        "UPDATE audit SET at = at + 1 WHERE seq = 4",
        "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 3) WHERE seq = 4",
        "UPDATE audit SET previous = hash WHERE seq = 4",
        "UPDATE audit SET hash = 'none' WHERE seq = 4",
        "UPDATE audit SET hash = upper(hash) WHERE seq = 4",
    ];
    for change in changes {
        assert_eq!(after(change).await, broken(4, Broken::Changed), "{change}");
    }
}

#[tokio::test]
async fn a_row_that_was_taken_away_is_named() {
    for seq in [1, 3, 5] {
        let taken = format!("DELETE FROM audit WHERE seq = {seq}");
        assert_eq!(after(&taken).await, broken(seq, Broken::Missing));
        let closed_up = format!("{taken}; UPDATE audit SET seq = seq - 1 WHERE seq > {seq}");
        assert_eq!(after(&closed_up).await, broken(seq, Broken::Changed));
    }
}

#[tokio::test]
async fn rows_that_changed_places_are_named() {
    let swapped = "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 4;
                   UPDATE audit SET seq = 4 WHERE seq = 100;";
    assert_eq!(after(swapped).await, broken(2, Broken::Changed));
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_named_and_stays_so() {
    assert_eq!(after("DELETE FROM audit WHERE seq > 4").await, broken(5, Broken::CutOff { last: 6 }));
    assert_eq!(after("DELETE FROM audit").await, broken(1, Broken::CutOff { last: 6 }));
}

#[tokio::test]
async fn rows_that_takopi_did_not_write_are_named() {
    let put_in = |seq: i64| {
        format!("INSERT INTO audit SELECT {seq}, at, event, hash, previous FROM audit WHERE seq = 6")
    };
    assert_eq!(after(&put_in(0)).await, broken(0, Broken::Unknown));
    assert_eq!(after(&put_in(7)).await, broken(7, Broken::Changed));
    assert_eq!(after(&put_in(9)).await, broken(7, Broken::Missing));
}

/// Whoever changes what is known of the last row can hide the rows after an older one, and nothing else.
#[tokio::test]
async fn another_last_row_is_named() {
    for lie in ["'6 ' || previous", "'5 ' || previous", "'nothing'"] {
        let change =
            format!("UPDATE meta SET value = (SELECT {lie} FROM audit WHERE seq = 6) WHERE name = 'audit'");
        let found = after_lie(&change).await;
        assert!(matches!(found, Verified::Broken { what: Broken::Unknown, .. }), "{lie}: {found:?}");
    }
}

async fn after_lie(sql: &str) -> Verified {
    let store = written().await;
    Connection::open(store.folder.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
    look(&store).verify_audit().unwrap()
}

#[tokio::test]
async fn nobody_changes_a_row_by_mistake() {
    let store = written().await;
    let connection = Connection::open(store.folder.path().join(FILE)).unwrap();
    for change in ["DELETE FROM audit", "UPDATE audit SET at = 0 WHERE seq = 1"] {
        let error = connection.execute(change, ()).unwrap_err();
        assert!(error.to_string().contains("the audit is not"), "{error}");
    }
    assert!(matches!(look(&store).verify_audit().unwrap(), Verified::Whole { rows: 6, .. }));
}
