//! The two threads: one that writes, and one that reads.
//!
//! The writer takes what waits, up to [`ROUND`] jobs, into one transaction with a savepoint a job, commits once, and then
//! answers them all. So a job that fails takes no other with it, and the disk is waited for once a round. If the
//! transaction as a whole comes to nothing (a full disk can do that), each job is done again by itself, and only those that
//! really fail are answered with an error.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::{io, mem};

use rusqlite::Connection;
use takopi_api::runtime::StoreError;
use tokio::sync::oneshot;

use super::error::Failure;
use super::prune;

/// How many jobs one transaction may have: enough that the wait for the disk does not count, and few enough that the
/// first of them is answered soon.
const ROUND: usize = 512;

/// After how many jobs old rows are looked for.
const PRUNE_EVERY: usize = 10_000;

/// A thread that owns a connection and does jobs in the order in which they came.
///
/// Whoever sends one waits for its answer, so the line is as long as there are callers at a time, and needs no bound.
pub(super) struct Worker {
    orders: Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    file: Arc<Path>,
}

enum Order {
    Job(Box<dyn Job>),
    Close,
}

impl Worker {
    /// The thread that changes things.
    pub(super) fn writer(connection: Connection, file: Arc<Path>) -> io::Result<Self> {
        let writer = Writer { connection, file: Arc::clone(&file), done: 0 };
        Self::start("store", file, |orders| writer.work(&orders))
    }

    /// The thread that looks things up.
    pub(super) fn reader(connection: Connection, file: Arc<Path>) -> io::Result<Self> {
        let path = Arc::clone(&file);
        Self::start("store-reader", file, move |orders| read(&connection, &path, &orders))
    }

    fn start(
        name: &str,
        file: Arc<Path>,
        work: impl FnOnce(Receiver<Order>) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || work(inbox))?;
        Ok(Self { orders, thread: Mutex::new(Some(thread)), file })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Does a job, and returns once what it changed is stored.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let closed = || Failure::Unfit("the store is closed: takopi is ending".to_owned()).tell(&self.file);
        let (reply, answer) = oneshot::channel();
        let task = Task { work, outcome: None, reply };
        // A thread that has ended drops the job, and with it the reply.
        let _ = self.orders.send(Order::Job(Box::new(task)));
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Does what waits, and ends the thread.
    pub(super) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.orders.send(Order::Close);
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!(file = %self.file.display(), "a thread of the store panicked");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

/// Something to do, and somebody who waits for it.
trait Job: Send {
    /// Does it; again, if what it did the first time was undone.
    fn work(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Notes that it came to nothing.
    fn fail(&mut self, error: StoreError);

    /// Tells how it ended.
    fn answer(self: Box<Self>);
}

struct Task<T, W> {
    work: W,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> Result<T, Failure> + Send,
{
    fn work(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.outcome = Some(Ok((self.work)(connection)?));
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // Nobody waits any more if the caller was cancelled.
            let _ = self.reply.send(outcome);
        }
    }
}

struct Writer {
    connection: Connection,
    file: Arc<Path>,
    /// Jobs since old rows were looked for.
    done: usize,
}

impl Writer {
    fn work(mut self, orders: &Receiver<Order>) {
        self.prune();
        let mut jobs = Vec::new();
        loop {
            let goes_on = next_round(orders, &mut jobs);
            self.round(&mut jobs);
            self.done += jobs.len();
            jobs.drain(..).for_each(Job::answer);
            if !goes_on {
                return;
            }
            if self.done >= PRUNE_EVERY {
                self.prune();
            }
        }
    }

    fn round(&self, jobs: &mut [Box<dyn Job>]) {
        match jobs {
            [] => {}
            [job] => self.alone(job),
            jobs => {
                if let Err(failure) = execute(&self.connection, "BEGIN IMMEDIATE") {
                    // No transaction can be had: trying again for each job would only take its time.
                    let error = failure.tell(&self.file);
                    jobs.iter_mut().for_each(|job| job.fail(error.clone()));
                } else if let Err(failure) = self.end(self.together(jobs)) {
                    tracing::warn!(error = %failure.tell(&self.file), jobs = jobs.len(), "done again, one by one");
                    jobs.iter_mut().for_each(|job| self.alone(job));
                }
            }
        }
    }

    /// Does jobs within a transaction. An error means that none of them is done.
    fn together(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        for job in jobs {
            execute(&self.connection, "SAVEPOINT job")?;
            if let Err(failure) = job.work(&self.connection) {
                // Some errors make SQLite give up the whole transaction by itself.
                if self.connection.is_autocommit() {
                    return Err(failure);
                }
                execute(&self.connection, "ROLLBACK TO job")?;
                job.fail(failure.tell(&self.file));
            }
            execute(&self.connection, "RELEASE job")?;
        }
        Ok(())
    }

    fn alone(&self, job: &mut Box<dyn Job>) {
        let done =
            execute(&self.connection, "BEGIN IMMEDIATE").and_then(|()| self.end(job.work(&self.connection)));
        if let Err(failure) = done {
            job.fail(failure.tell(&self.file));
        }
    }

    fn end(&self, done: Result<(), Failure>) -> Result<(), Failure> {
        end(&self.connection, done)
    }

    fn prune(&mut self) {
        self.done = 0;
        let pruned = execute(&self.connection, "BEGIN IMMEDIATE")
            .and_then(|()| self.end(prune::prune(&self.connection)));
        if let Err(failure) = pruned {
            tracing::warn!(error = %failure.tell(&self.file), "old rows could not be deleted");
        }
    }
}

/// Each job sees one state of the file, from its first look to its last.
fn read(connection: &Connection, file: &Path, orders: &Receiver<Order>) {
    while let Ok(Order::Job(mut job)) = orders.recv() {
        let done = execute(connection, "BEGIN").and_then(|()| end(connection, job.work(connection)));
        if let Err(failure) = done {
            job.fail(failure.tell(file));
        }
        job.answer();
    }
}

/// Waits for a job and takes those that wait behind it. False if there will be no more.
fn next_round(orders: &Receiver<Order>, jobs: &mut Vec<Box<dyn Job>>) -> bool {
    let mut order = orders.recv().ok();
    while let Some(Order::Job(job)) = mem::take(&mut order) {
        jobs.push(job);
        if jobs.len() == ROUND {
            return true;
        }
        match orders.try_recv() {
            Ok(next) => order = Some(next),
            Err(_) => return true,
        }
    }
    false
}

/// Commits, or undoes what was done.
fn end(connection: &Connection, done: Result<(), Failure>) -> Result<(), Failure> {
    let ended = done.and_then(|()| execute(connection, "COMMIT"));
    if ended.is_err() && !connection.is_autocommit() {
        // It fails only if there is nothing to undo.
        let _ = execute(connection, "ROLLBACK");
    }
    ended
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}
