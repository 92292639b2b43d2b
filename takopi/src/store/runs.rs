//! Runs: from the claim of their messages to the delivery of their answers.

mod cut_off;
mod history;

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome};
use takopi_api::message::{MessageId, MessageRef, PersonId};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{RunContext, StoreError};

pub use cut_off::{CutOffEnd, CutOffRun};
pub(super) use history::recent;
pub use history::{RunSummary, ThreadOfMessage};

use super::columns::{Folder, Moment, json};
use super::error::Failure;
use super::inbox::{self, ClaimError, Seq};
use super::place::{self, Place};
use super::sessions::{self, SessionChange, SessionKey};
use super::{Store, usage};

/// What a run continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// Nothing.
    Nothing,
    /// This thread.
    Thread(ResumeToken),
    /// The thread of its engine that is remembered here when it begins, if one is.
    Session(SessionKey),
}

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The messages that it answers; none if a command wants it.
    pub messages: Vec<Seq>,
    /// Where its answer goes.
    pub place: Place,
    /// Whose run it is.
    pub person: Option<PersonId>,
    /// Its engine.
    pub engine: EngineId,
    /// Its project and branch.
    pub context: RunContext,
    /// Its folder.
    pub cwd: PathBuf,
    /// What it continues.
    pub resume: Resume,
    /// The message that its answer replies to.
    pub reply_to: Option<MessageId>,
    /// The message that shows how far it is, if there is one already.
    pub progress: Option<MessageRef>,
    /// The key under which such a message is sent.
    pub progress_key: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its engine is at work.
    Running,
    /// It has ended, and its answer is stored.
    Answered,
    /// Its answer was sent.
    Delivered,
    /// takopi ended while it ran, and nobody was told yet.
    CutOff,
    /// takopi ended while it ran, and that was told.
    Interrupted,
    /// It was cut off, and its messages were given back to the inbox.
    Reopened,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The engine finished its turn.
    Done,
    /// It did not.
    Failed,
    /// A person ended it.
    Interrupted,
}

impl Store {
    /// Begins a run: it claims its messages, all or none. Gives the thread that it continues.
    ///
    /// # Errors
    /// [`ClaimError`]; [`ClaimError::AlreadyBegun`] if one of its messages does not wait any more.
    pub async fn begin_run(&self, run: NewRun) -> Result<Option<ResumeToken>, ClaimError> {
        let now = Moment::now();
        let progress = run.progress.as_ref().map(json).transpose()?;
        let claimed = self
            .write(move |connection| {
                if let Some(seq) = inbox::first_taken(connection, &run.messages)? {
                    return Ok(Err(seq));
                }
                let thread = match &run.resume {
                    Resume::Nothing => None,
                    Resume::Thread(token) => Some(token.clone()),
                    Resume::Session(key) => sessions::find(connection, key, &run.engine)?,
                };
                let number = insert(connection, &run, thread.as_ref(), progress.as_deref(), now)?;
                if let Some(message) = &run.progress {
                    belongs_to(connection, number, message)?;
                }
                inbox::start(connection, &run.messages, number)?;
                Ok(Ok(thread))
            })
            .await?;
        claimed.map_err(ClaimError::AlreadyBegun)
    }

    /// Remembers the message that shows how far a run is. A reply to it continues the run's thread, also when another one
    /// has taken its place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn progress_message(&self, run: &RunId, message: &MessageRef) -> Result<(), StoreError> {
        let (run, message, shown) = (run.clone(), message.clone(), json(message)?);
        self.write(move |connection| {
            let number = update(connection, "progress = ?2", UNTOLD, &run, &shown)?;
            belongs_to(connection, number, &message)
        })
        .await
    }

    /// Remembers the thread of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn thread_known(&self, run: &RunId, token: &ResumeToken) -> Result<(), StoreError> {
        let (run, token) = (run.clone(), token.clone());
        self.write(move |connection| update(connection, "token = ?2", UNTOLD, &run, token.value()).map(drop))
            .await
    }

    /// Stores the end of a run, and the session that goes on from it. From here on its answer is not lost, and its messages
    /// are done.
    ///
    /// # Errors
    /// [`StoreError`], also if the run has ended already.
    pub async fn answered(
        &self,
        run: &RunId,
        completed: &Completed,
        session: SessionChange,
    ) -> Result<(), StoreError> {
        let (run, completed, event, now) = (run.clone(), completed.clone(), json(completed)?, Moment::now());
        self.write(move |connection| {
            let number = find(connection, &run, "state = 'running'")?;
            connection
                .prepare_cached(
                    "UPDATE runs SET state = 'answered', completed = ?2, outcome = ?3, ended_at = ?4,
                            token = ifnull(?5, token)
                     WHERE number = ?1",
                )?
                .execute((
                    number,
                    &event,
                    outcome(&completed.outcome),
                    now,
                    completed.resume.as_ref().map(ResumeToken::value),
                ))?;
            connection
                .prepare_cached(
                    "UPDATE inbox SET state = 'done', ending = 'answered', payload = NULL
                     WHERE run = ?1 AND state = 'started'",
                )?
                .execute((number,))?;
            sessions::change(connection, &session)?;
            usage::insert(connection, number, completed.usage.as_ref(), now)?;
            Ok(())
        })
        .await
    }

    /// Notes that one more message of an answer was sent, but not the last. `progress` is the progress message, unless that
    /// became the answer.
    ///
    /// # Errors
    /// [`StoreError`], also if there was no answer to send.
    pub async fn part_delivered(
        &self,
        run: &RunId,
        message: &MessageRef,
        progress: Option<&MessageRef>,
    ) -> Result<(), StoreError> {
        let (run, message) = (run.clone(), message.clone());
        let progress = progress.map(json).transpose()?;
        self.write(move |connection| {
            let number = find(connection, &run, "state = 'answered'")?;
            connection
                .prepare_cached("UPDATE runs SET parts = parts + 1, progress = ?2 WHERE number = ?1")?
                .execute((number, &progress))?;
            belongs_to(connection, number, &message)
        })
        .await
    }

    /// Notes that the whole answer was sent, this message last. Its text is not kept. `left` is the progress message whose
    /// place it took: it is found after a kill until [`progress_gone`](Self::progress_gone).
    ///
    /// # Errors
    /// [`StoreError`], also if there was no answer to send.
    pub async fn delivered(
        &self,
        run: &RunId,
        last: Option<&MessageRef>,
        left: Option<&MessageRef>,
    ) -> Result<(), StoreError> {
        let (run, last) = (run.clone(), last.cloned());
        let left = left.map(json).transpose()?;
        self.write(move |connection| {
            let number = find(connection, &run, "state = 'answered'")?;
            connection
                .prepare_cached(
                    "UPDATE runs SET completed = NULL, progress = ?2, state = 'delivered' WHERE number = ?1",
                )?
                .execute((number, &left))?;
            last.iter().try_for_each(|message| belongs_to(connection, number, message))
        })
        .await
    }

    /// Notes that the progress message of a delivered run was taken away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn progress_gone(&self, run: &RunId) -> Result<(), StoreError> {
        let run = run.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE runs SET progress = NULL WHERE id = ?1 AND state = 'delivered'")?
                .execute((run.as_str(),))?;
            Ok(())
        })
        .await
    }
}

/// As the index `runs_open` has it.
pub(super) const OPEN: &str =
    "(state <> 'delivered' OR progress IS NOT NULL) AND state <> 'interrupted' AND state <> 'reopened'";

/// A run whose people do not know the end yet.
const UNTOLD: &str = "state <> 'delivered' AND state <> 'interrupted' AND state <> 'reopened'";

fn insert(
    connection: &Connection,
    run: &NewRun,
    thread: Option<&ResumeToken>,
    progress: Option<&str>,
    now: Moment,
) -> rusqlite::Result<i64> {
    let place = place::find_or_add(connection, &run.place.transport, &run.place.address)?;
    connection
        .prepare_cached(
            "INSERT INTO runs (id, place, person, engine, token, project, branch, cwd, reply_to, progress,
                               progress_key, begun_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .insert((
            run.id.as_str(),
            place,
            run.person.as_ref().map(PersonId::as_str),
            run.engine.as_str(),
            thread.map(ResumeToken::value),
            run.context.project.as_deref(),
            run.context.branch.as_deref(),
            Folder(&run.cwd),
            run.reply_to.as_ref().map(MessageId::as_str),
            progress,
            &run.progress_key,
            now,
        ))
}

/// The number of a run that is in one of these states.
///
/// Where a number is wanted, it is looked up before the change: `RETURNING` costs a table of its own each time.
fn find(connection: &Connection, run: &RunId, states: &str) -> Result<i64, Failure> {
    connection
        .prepare_cached(&format!("SELECT number FROM runs WHERE id = ?1 AND {states}"))?
        .query_one((run.as_str(),), |row| row.get(0))
        .optional()?
        .ok_or_else(|| {
            Failure::Unfit(format!(
                "there is no run {run} that this could be said of: it has ended, or never began"
            ))
        })
}

/// Changes a run that is in one of these states, and gives its number.
fn update(
    connection: &Connection,
    change: &str,
    states: &str,
    run: &RunId,
    value: &str,
) -> Result<i64, Failure> {
    let number = find(connection, run, states)?;
    connection
        .prepare_cached(&format!("UPDATE runs SET {change} WHERE number = ?1"))?
        .execute((number, value))?;
    Ok(number)
}

/// Notes that one of the bot's messages belongs to a run.
fn belongs_to(connection: &Connection, number: i64, message: &MessageRef) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO run_messages (transport, channel, message, run)
             SELECT places.transport, ?2, ?3, ?1
             FROM runs JOIN places ON places.id = runs.place WHERE runs.number = ?1",
        )?
        .execute((number, message.address.channel.as_str(), message.id.as_str()))?;
    Ok(())
}

/// Claims a run that was cut off for a person who wants it again, and gives its number.
pub(super) fn reopen(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "UPDATE runs SET state = 'reopened' WHERE id = ?1 AND state IN ('cut_off', 'interrupted')
             RETURNING number",
        )?
        .query_one((run.as_str(),), |row| row.get(0))
        .optional()
}

const fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed { .. } => "failed",
        Outcome::Interrupted => "interrupted",
    }
}
