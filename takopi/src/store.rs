//! What takopi remembers: one SQLite file beside the configuration file.
//!
//! A message is acknowledged once it is stored here, an answer is stored before it is delivered, and what a killed takopi
//! left open is found by the next one. The tables are described in `schema.rs`; a person may open the file with the
//! `sqlite3` program, also while takopi runs.
//!
//! One thread owns the connection that writes. It makes one transaction of all jobs that wait, so that a thousand
//! messages at a time cost a few waits for the disk and not a thousand. A second thread reads, and so waits for no disk. A
//! job is answered after its transaction is on the disk: who was told that something is stored will find it.
//!
//! Nothing is kept in memory besides SQLite's own cache, which does not grow with what is stored. Order is by numbers that
//! count up, never by the clock, which may go backwards.

mod accounts;
mod around;
mod audit;
mod bindings;
mod channels;
mod columns;
mod digest;
mod error;
mod file;
mod import;
mod inbox;
mod look;
mod place;
mod preferences;
#[cfg(test)]
pub(crate) mod probe;
mod prune;
mod requests;
mod rules;
mod runs;
mod schema;
mod sessions;
mod usage;
mod values;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use takopi_api::runtime::StoreError;

pub use accounts::Account;
pub use around::Around;
pub use audit::{AuditEvent, AuditRow, Broken, Verified};
pub use bindings::Binding;
pub use digest::Digest;
pub use error::OpenError;
pub use file::{Durability, FILE};
pub use inbox::{Accepted, ClaimError, MessageEnd, Seq, Unfinished};
pub use look::Look;
pub use place::Place;
pub use preferences::{Change, EnginePreferences, Preferences, QueueMode, TriggerMode};
pub(crate) use prune::{ATTACHMENTS, FILES, OUTBOXES};
pub use requests::{
    Asked, Decided, DecidedBy, Ended, EndedRequest, Judgement, LeftRequest, NewRequest, RequestEnd,
    RequestNumber, RequestToken, Undecided, Verdict,
};
pub use rules::{Covers, Deciders, Like, NewRule, Revoked, Rule, RuleId, RuleScope};
pub use runs::{CutOffEnd, CutOffRun, NewRun, Resume, RunOutcome, RunState, RunSummary, ThreadOfMessage};
pub use sessions::{Session, SessionChange, SessionKey};
pub use usage::UsageTotal;
pub use values::{Namespace, Values};

use error::Failure;
use writer::Worker;

/// The state of takopi. A clone is another handle of the same.
///
/// Every method that changes something returns when the change is on the disk. One that is given up before it returns may
/// have been made all the same.
#[derive(Clone)]
pub struct Store(Arc<Threads>);

/// They end in this order: the connection that ends last empties SQLite's log into the file, and the reader's may not.
struct Threads {
    reader: Worker,
    writer: Worker,
    #[cfg(test)]
    probe: std::sync::OnceLock<Arc<dyn probe::Probe>>,
}

impl Store {
    /// Opens the state in a folder, and makes both if they are not there. Also gives what a person should know, such as
    /// that the file was damaged and had to be moved aside.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn open(folder: &Path) -> Result<(Self, Vec<String>), OpenError> {
        Self::open_with(folder, Durability::default())
    }

    /// Opens the state in a folder, and says what must be on the disk before a job is answered.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn open_with(folder: &Path, durability: Durability) -> Result<(Self, Vec<String>), OpenError> {
        let (opened, notices) = file::open(folder, durability)?;
        let path: Arc<Path> = opened.path.into();
        let no_thread = |source| OpenError::Thread { file: path.to_path_buf(), source };
        let writer = Worker::writer(opened.writer, Arc::clone(&path)).map_err(no_thread)?;
        let reader = Worker::reader(opened.reader, Arc::clone(&path)).map_err(no_thread)?;
        let threads = Threads {
            reader,
            writer,
            #[cfg(test)]
            probe: std::sync::OnceLock::new(),
        };
        Ok((Self(Arc::new(threads)), notices))
    }

    /// Finishes what waits and closes the file. Whoever uses the store afterwards gets an error. Dropping the last handle
    /// does the same.
    pub async fn close(&self) {
        let threads = Arc::clone(&self.0);
        // It only fails when the program ends anyway.
        let _ = tokio::task::spawn_blocking(move || {
            threads.reader.close();
            threads.writer.close();
        })
        .await;
    }

    /// Changes something. The work may be done a second time if the first one was rolled back.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        if let Some(probe) = self.0.probe.get() {
            return probe::write(&**probe, self.0.writer.run(work)).await;
        }
        self.0.writer.run(work).await
    }

    /// Looks something up.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        if self.0.probe.get().is_some() {
            return probe::now(self.0.reader.run(work));
        }
        self.0.reader.run(work).await
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.writer.file()).finish()
    }
}
