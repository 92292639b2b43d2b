//! What fails in a round, and what does not.

use futures_util::FutureExt;
use futures_util::future::join_all;
use takopi_api::message::{Address, IncomingMessage};
use takopi_api::runtime::Batch;
use takopi_api::transport::TransportId;

use super::*;
use crate::store::{Accepted, FILE, Store};

struct Fixture {
    store: Store,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        Self { store, folder }
    }

    async fn accept(&self, id: &str, text: &str) -> Result<Vec<Accepted>, StoreError> {
        let message = IncomingMessage::new(Address::general("1"), id, text);
        self.store.accept(&TransportId::parse("chat").unwrap(), Batch::new([message])).await
    }

    /// Does jobs in one round: they wait behind one that waits for the last of them.
    async fn in_one_round<T>(&self, jobs: Vec<impl Future<Output = T>>) -> Vec<T> {
        let (open, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let first = self.store.write(move |_| {
            let _ = gate.lock().unwrap().recv();
            Ok(())
        });
        let last = async move { drop(open) };
        // Each is polled, and so sent, in this order.
        let (first, done, ()) = tokio::join!(biased; first, join_all(jobs), last);
        first.unwrap();
        done
    }

    async fn waiting(&self) -> Vec<String> {
        let waiting = self.store.unfinished().await.unwrap();
        waiting.into_iter().map(|waiting| waiting.message.id.to_string()).collect()
    }

    async fn run(&self, sql: &'static str) -> Result<(), StoreError> {
        self.store.write(move |connection| Ok(connection.execute_batch(sql)?)).await
    }
}

enum Task {
    Accept(&'static str, usize),
    Run(&'static str),
}

impl Task {
    async fn of(self, fixture: &Fixture) -> Result<(), String> {
        let done = match self {
            Self::Accept(id, length) => fixture.accept(id, &"x".repeat(length)).await.map(drop),
            Self::Run(sql) => fixture.run(sql).await,
        };
        done.map_err(|error| error.to_string())
    }
}

/// Three tasks in one round, of which the one in the middle fails.
async fn only_the_middle_fails(fixture: &Fixture, middle: Task, expected: &str) {
    let tasks = [Task::Accept("1", 1), middle, Task::Accept("3", 1)];
    let done = fixture.in_one_round(tasks.into_iter().map(|task| task.of(fixture)).collect()).await;
    let file = fixture.folder.path().join(FILE);
    let [Ok(()), Err(error), Ok(())] = &done[..] else { panic!("{done:?}") };
    assert!(error.starts_with(&format!("{}: ", file.display())) && error.contains(expected), "{error}");
    assert_eq!(fixture.waiting().await, ["1", "3"]);
}

#[tokio::test]
async fn a_job_that_fails_takes_no_other_with_it() {
    let half_done = Task::Run(
        "INSERT INTO meta VALUES ('half', 'done'); INSERT INTO meta VALUES ('half', 'done again');",
    );
    let fixture = Fixture::new();
    only_the_middle_fails(&fixture, half_done, "UNIQUE constraint failed").await;
    fixture.run("INSERT INTO meta VALUES ('half', 'of it was undone')").await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_comes_to_nothing_is_done_again_job_by_job() {
    let gives_up = Task::Run("ROLLBACK; SELECT no_such_thing;");
    only_the_middle_fails(&Fixture::new(), gives_up, "no such column").await;
}

#[tokio::test]
async fn a_commit_that_fails_is_done_again_job_by_job() {
    let fails_late = Task::Run("PRAGMA defer_foreign_keys = 1; INSERT INTO bindings (place) VALUES (99);");
    only_the_middle_fails(&Fixture::new(), fails_late, "FOREIGN KEY constraint failed").await;
}

#[tokio::test]
async fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
    let fixture = Fixture::new();
    let limit = |pages: i64| {
        fixture.store.write(move |connection| {
            let now: i64 = connection.query_one("PRAGMA page_count", (), |row| row.get(0))?;
            connection.query_one(&format!("PRAGMA max_page_count = {}", now + pages), (), |_| Ok(()))?;
            Ok(())
        })
    };
    limit(20).await.unwrap();
    only_the_middle_fails(&fixture, Task::Accept("2", 1_000_000), "the disk is full: make room").await;
    limit(10_000).await.unwrap();
    assert!(matches!(fixture.accept("2", &"x".repeat(1_000_000)).await.unwrap()[..], [Accepted::New(_)]));
    assert_eq!(fixture.waiting().await, ["1", "3", "2"]);
}

#[tokio::test]
async fn a_file_that_can_not_be_written_can_still_be_read() {
    let fixture = Fixture::new();
    fixture.accept("1", "").await.unwrap();
    fixture.run("PRAGMA query_only = 1").await.unwrap();
    for _ in 0..2 {
        let error = fixture.accept("2", "").await.unwrap_err();
        assert!(error.to_string().contains("make the file and its folder writable"), "{error}");
        assert_eq!(fixture.waiting().await, ["1"]);
    }
}

#[tokio::test]
async fn another_program_that_holds_the_file_is_named_and_survived() {
    let fixture = Fixture::new();
    fixture.store.write(|connection| Ok(connection.busy_timeout(std::time::Duration::ZERO)?)).await.unwrap();
    let other = Connection::open(fixture.folder.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let jobs = ["1", "2"].map(|id| fixture.accept(id, "")).into_iter().collect();
    for accepted in join_all::<Vec<_>>(jobs).await {
        let error = accepted.unwrap_err();
        assert!(error.to_string().contains("another program writes to it"), "{error}");
    }
    assert_eq!(fixture.waiting().await, [""; 0]);
    other.execute_batch("ROLLBACK").unwrap();
    fixture.accept("1", "").await.unwrap();
}

#[tokio::test]
async fn more_jobs_than_a_round_has_are_all_done() {
    let fixture = Fixture::new();
    let ids: Vec<_> = (0..ROUND * 2 + 3).map(|n| n.to_string()).collect();
    let accepted = fixture.in_one_round(ids.iter().map(|id| fixture.accept(id, "")).collect()).await;
    assert!(accepted.iter().all(|accepted| matches!(accepted.as_deref(), Ok([Accepted::New(_)]))));
    assert_eq!(fixture.waiting().await, ids);
}

#[tokio::test]
async fn dropping_the_last_handle_stores_what_waits() {
    let fixture = Fixture::new();
    // It is sent, and given up.
    assert!(fixture.accept("1", "").now_or_never().is_none());
    let Fixture { store, folder } = fixture;
    drop(store);
    let (store, _) = Store::open(folder.path()).unwrap();
    assert_eq!(store.unfinished().await.unwrap().len(), 1);
}
