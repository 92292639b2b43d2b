//! Runs that are over: which thread a message belongs to, and what ran.

use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Row};
use takopi_api::engine::EngineId;
use takopi_api::message::{MessageRef, PersonId};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{RunContext, StoreError};
use takopi_api::transport::TransportId;

use crate::store::Store;
use crate::store::columns::{Folder, Moment, Text, readable, thread};
use crate::store::place::{self, Place};

use super::{RunOutcome, RunState};

/// The thread that a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadOfMessage {
    /// The run that it belongs to.
    pub run: RunId,
    /// The thread, if the run has told it.
    pub token: Option<ResumeToken>,
    /// The engine of the run.
    pub engine: EngineId,
    /// The project and branch of the run.
    pub context: RunContext,
}

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// How far it is.
    pub state: RunState,
    /// How it ended, if it did by itself.
    pub outcome: Option<RunOutcome>,
    /// Where it was wanted.
    pub place: Place,
    /// Whose run it is.
    pub person: Option<PersonId>,
    /// Its engine.
    pub engine: EngineId,
    /// Its thread, if it is known.
    pub token: Option<ResumeToken>,
    /// Its project and branch.
    pub context: RunContext,
    /// Its folder.
    pub cwd: PathBuf,
    /// When it began.
    pub begun_at: SystemTime,
    /// When it ended.
    pub ended_at: Option<SystemTime>,
}

impl Store {
    /// The thread that a message belongs to: one that the bot sent for a run, or one that a run answers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn thread_of(
        &self,
        transport: &TransportId,
        message: &MessageRef,
    ) -> Result<Option<ThreadOfMessage>, StoreError> {
        let (transport, message) = (transport.clone(), message.clone());
        self.read(move |connection| {
            let thread = connection
                .prepare_cached(
                    "SELECT id, engine, token, project, branch FROM runs WHERE number = ifnull(
                        (SELECT run FROM run_messages WHERE transport = ?1 AND channel = ?2 AND message = ?3),
                        (SELECT run FROM inbox WHERE transport = ?1 AND channel = ?2 AND message = ?3))",
                )?
                .query_one(
                    (transport.as_str(), message.address.channel.as_str(), message.id.as_str()),
                    thread_of_message,
                )
                .optional()?;
            Ok(thread)
        })
        .await
    }

    /// The youngest runs, youngest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recent_runs(&self, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        self.read(move |connection| Ok(recent(connection, limit)?)).await
    }
}

pub(in crate::store) fn recent(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<RunSummary>> {
    let mut statement = connection.prepare_cached(
        "SELECT runs.*, places.transport, places.channel, places.topic
         FROM runs JOIN places ON places.id = runs.place ORDER BY number DESC LIMIT ?1",
    )?;
    let rows = statement.query_map((limit,), summary)?;
    readable("runs", rows)
}

fn thread_of_message(row: &Row<'_>) -> rusqlite::Result<ThreadOfMessage> {
    let Text(engine) = row.get::<_, Text<EngineId>>("engine")?;
    Ok(ThreadOfMessage {
        run: row.get::<_, Text<RunId>>("id")?.0,
        token: row.get::<_, Option<String>>("token")?.map(|name| thread(engine.clone(), name)).transpose()?,
        engine,
        context: RunContext { project: row.get("project")?, branch: row.get("branch")? },
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    let ThreadOfMessage { run, token, engine, context } = thread_of_message(row)?;
    Ok(RunSummary {
        run,
        state: row.get::<_, Text<RunState>>("state")?.0,
        outcome: row.get::<_, Option<Text<RunOutcome>>>("outcome")?.map(|Text(outcome)| outcome),
        place: place::read(row)?,
        person: row.get::<_, Option<Text<PersonId>>>("person")?.map(|Text(person)| person),
        engine,
        token,
        context,
        cwd: row.get::<_, Folder<PathBuf>>("cwd")?.0,
        begun_at: row.get::<_, Moment>("begun_at")?.time(),
        ended_at: row.get::<_, Option<Moment>>("ended_at")?.map(Moment::time),
    })
}
