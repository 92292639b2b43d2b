//! The thread that a person goes on with where a message names none.
//!
//! The folder is part of the key: whoever starts takopi elsewhere, or goes to another branch and back, finds the thread
//! of that folder again.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};
use takopi_api::engine::EngineId;
use takopi_api::message::PersonId;
use takopi_api::resume::ResumeToken;
use takopi_api::runtime::StoreError;

use super::Store;
use super::columns::{Folder, Text, readable, thread};
use super::place::{self, Place, PlaceId};

/// Whose thread it is, and where. There is one for each engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Where the conversation lives.
    pub place: Place,
    /// Whose thread it is; `None` where all share one.
    pub person: Option<PersonId>,
    /// The folder that the engine works in.
    pub cwd: PathBuf,
}

/// A thread that is remembered for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose thread it is; `None` where all share one.
    pub person: Option<PersonId>,
    /// The folder that the engine works in.
    pub cwd: PathBuf,
    /// The thread.
    pub token: ResumeToken,
}

/// What a run that ends does to the session that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// Nothing.
    None,
    /// This thread is the one to go on with, in place of the last one of its engine.
    Remember(SessionKey, ResumeToken),
    /// Its engine does not know this thread any more: it is forgotten wherever it is remembered.
    Forget(ResumeToken),
}

impl Store {
    /// The thread to go on with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(
        &self,
        key: &SessionKey,
        engine: &EngineId,
    ) -> Result<Option<ResumeToken>, StoreError> {
        let (key, engine) = (key.clone(), engine.clone());
        self.read(move |connection| Ok(find(connection, &key, &engine)?)).await
    }

    /// Remembers the thread to go on with, in place of the last one of its engine.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember_session(&self, key: &SessionKey, token: &ResumeToken) -> Result<(), StoreError> {
        let (key, token) = (key.clone(), token.clone());
        self.write(move |connection| Ok(put(connection, &key, &token)?)).await
    }

    /// Forgets a thread wherever it is remembered, such as one that its engine does not know any more. Says how often it
    /// was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_session(&self, token: &ResumeToken) -> Result<usize, StoreError> {
        let token = token.clone();
        self.write(move |connection| Ok(forget(connection, &token)?)).await
    }

    /// Forgets a person's threads in a place, or those that all share there. Says how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_sessions(
        &self,
        place: &Place,
        person: Option<&PersonId>,
    ) -> Result<usize, StoreError> {
        let (place, person) = (place.clone(), person.cloned());
        self.write(move |connection| {
            let Some(id) = place::find(connection, &place.transport, &place.address)? else { return Ok(0) };
            Ok(connection
                .prepare_cached(
                    "DELETE FROM sessions WHERE place = ?1 AND ifnull(person, 0) = ifnull(?2, 0)",
                )?
                .execute((id, person.as_ref().map(PersonId::as_str)))?)
        })
        .await
    }

    /// All threads that are remembered for a place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(&self, place: &Place) -> Result<Vec<Session>, StoreError> {
        let place = place.clone();
        self.read(move |connection| {
            let Some(id) = place::find(connection, &place.transport, &place.address)? else {
                return Ok(Vec::new());
            };
            Ok(of_place(connection, id)?)
        })
        .await
    }
}

pub(super) fn change(connection: &Connection, change: &SessionChange) -> rusqlite::Result<()> {
    match change {
        SessionChange::None => Ok(()),
        SessionChange::Remember(key, token) => put(connection, key, token),
        SessionChange::Forget(token) => forget(connection, token).map(drop),
    }
}

fn forget(connection: &Connection, token: &ResumeToken) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM sessions WHERE engine = ?1 AND token = ?2")?
        .execute((token.engine().as_str(), token.value()))
}

pub(super) fn find(
    connection: &Connection,
    key: &SessionKey,
    engine: &EngineId,
) -> rusqlite::Result<Option<ResumeToken>> {
    let Some(place) = place::find(connection, &key.place.transport, &key.place.address)? else {
        return Ok(None);
    };
    let value: Option<String> = connection
        .prepare_cached(
            "SELECT token FROM sessions
             WHERE place = ?1 AND ifnull(person, 0) = ifnull(?2, 0) AND engine = ?3 AND cwd = ?4",
        )?
        .query_one(
            (place, key.person.as_ref().map(PersonId::as_str), engine.as_str(), Folder(&key.cwd)),
            |row| row.get(0),
        )
        .optional()?;
    value.map(|value| thread(engine.clone(), value)).transpose()
}

pub(super) fn put(connection: &Connection, key: &SessionKey, token: &ResumeToken) -> rusqlite::Result<()> {
    let place = place::find_or_add(connection, &key.place.transport, &key.place.address)?;
    connection
        .prepare_cached(
            "INSERT INTO sessions (place, person, engine, cwd, token) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (place, ifnull(person, 0), engine, cwd) DO UPDATE SET token = excluded.token",
        )?
        .execute((
            place,
            key.person.as_ref().map(PersonId::as_str),
            token.engine().as_str(),
            Folder(&key.cwd),
            token.value(),
        ))?;
    Ok(())
}

pub(super) fn of_place(connection: &Connection, place: PlaceId) -> rusqlite::Result<Vec<Session>> {
    let mut statement = connection.prepare_cached(
        "SELECT person, engine, cwd, token FROM sessions WHERE place = ?1
         ORDER BY ifnull(person, 0), engine, cwd",
    )?;
    let rows = statement.query_map((place,), |row| {
        let Text(engine) = row.get::<_, Text<EngineId>>("engine")?;
        Ok(Session {
            person: row.get::<_, Option<Text<PersonId>>>("person")?.map(|Text(person)| person),
            cwd: row.get::<_, Folder<PathBuf>>("cwd")?.0,
            token: thread(engine, row.get("token")?)?,
        })
    })?;
    readable("sessions", rows)
}
