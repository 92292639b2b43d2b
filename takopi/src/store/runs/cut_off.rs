//! What an ended takopi left open.

use std::path::PathBuf;

use rusqlite::{Connection, Row};
use takopi_api::engine::EngineId;
use takopi_api::event::Completed;
use takopi_api::message::{MessageId, MessageRef, PersonId};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunId;
use takopi_api::runtime::{RunContext, StoreError};

use crate::store::Store;
use crate::store::columns::{Folder, Json, Moment, Text, readable, thread};
use crate::store::inbox::{self, Unfinished};
use crate::store::place::{self, Place};

use super::{OPEN, RunState};

/// A run that an earlier takopi did not bring to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOffRun {
    /// Its id.
    pub run: RunId,
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
    /// Its thread, as far as it was known.
    pub token: Option<ResumeToken>,
    /// The message that its answer replies to.
    pub reply_to: Option<MessageId>,
    /// The message that shows how far it is.
    pub progress: Option<MessageRef>,
    /// The key under which such a message was sent, if one was.
    pub progress_key: String,
    /// Where it was cut off.
    pub end: CutOffEnd,
}

/// Where a run was cut off.
#[derive(Debug, Clone, PartialEq)]
pub enum CutOffEnd {
    /// While its engine was at work.
    Interrupted {
        /// What it was to answer; empty if a command wanted it. [`Store::reopen`] lets it be run again.
        messages: Vec<Unfinished>,
    },
    /// Before its answer was delivered; some of it may have been sent.
    Undelivered {
        /// The answer.
        completed: Box<Completed>,
        /// How many of its messages people have for sure.
        parts: u32,
    },
    /// Before its progress message was taken away. Its answer was delivered.
    Delivered,
}

impl Store {
    /// Finds what an earlier takopi left open, in the order in which it began. To be called once at start, before anything
    /// else is begun: every run that goes on counts as cut off.
    ///
    /// A run is given again at the next start until [`interruption_told`](Self::interruption_told) or
    /// [`delivered`](Self::delivered) says that the person knows, and [`progress_gone`](Self::progress_gone) that nothing is
    /// left of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut_off(&self) -> Result<Vec<CutOffRun>, StoreError> {
        let now = Moment::now();
        self.write(move |connection| {
            connection.execute(
                "UPDATE inbox SET state = 'done', ending = 'cut_off' WHERE state = 'started' AND run IN
                 (SELECT number FROM runs WHERE state = 'running')",
                (),
            )?;
            connection.execute(
                "UPDATE runs SET state = 'cut_off', ended_at = ?1 WHERE state = 'running'",
                (now,),
            )?;
            let mut statement = connection.prepare(&format!(
                "SELECT runs.*, places.transport, places.channel, places.topic
                 FROM runs JOIN places ON places.id = runs.place WHERE {OPEN} ORDER BY number"
            ))?;
            let rows = statement.query_map((), |row| cut_off_run(connection, row))?;
            Ok(readable("runs", rows)?)
        })
        .await
    }

    /// Notes that the person knows that a run was cut off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interruption_told(&self, run: &RunId) -> Result<(), StoreError> {
        let run = run.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE runs SET state = 'interrupted' WHERE id = ?1 AND state = 'cut_off'")?
                .execute((run.as_str(),))?;
            Ok(())
        })
        .await
    }
}

fn cut_off_run(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<CutOffRun> {
    let Text(engine) = row.get::<_, Text<EngineId>>("engine")?;
    let end = match row.get::<_, Text<RunState>>("state")?.0 {
        RunState::Answered => {
            let Json(completed) = row.get("completed")?;
            CutOffEnd::Undelivered { completed, parts: row.get("parts")? }
        }
        RunState::Delivered => CutOffEnd::Delivered,
        _ => CutOffEnd::Interrupted { messages: inbox::of_run(connection, row.get("number")?)? },
    };
    Ok(CutOffRun {
        run: row.get::<_, Text<RunId>>("id")?.0,
        place: place::read(row)?,
        person: row.get::<_, Option<Text<PersonId>>>("person")?.map(|Text(person)| person),
        token: row.get::<_, Option<String>>("token")?.map(|name| thread(engine.clone(), name)).transpose()?,
        engine,
        context: RunContext { project: row.get("project")?, branch: row.get("branch")? },
        cwd: row.get::<_, Folder<PathBuf>>("cwd")?.0,
        reply_to: row.get::<_, Option<Text<MessageId>>>("reply_to")?.map(|Text(message)| message),
        // Without it the person is told in a new message.
        progress: row
            .get::<_, Option<Json<MessageRef>>>("progress")
            .unwrap_or_default()
            .map(|Json(message)| message),
        progress_key: row.get("progress_key")?,
        end,
    })
}
