//! What people chose for a place. Each choice is a row of its own: changing one can not touch another.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Deserialize;
use takopi_api::engine::EngineId;
use takopi_api::runtime::StoreError;

use super::Store;
use super::columns::{Text, readable, skipped};
use super::place::{self, Place, PlaceId};

/// Which messages the bot answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerMode {
    /// Every message.
    All,
    /// Those that name it or reply to it.
    Mentions,
}

/// What happens to a message whose thread is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueMode {
    /// It waits for its turn.
    Queue,
    /// It goes into the run.
    Steer,
    /// The run ends for it.
    Interrupt,
    /// It waits, and goes together with the others that wait.
    Collect,
}

/// What was chosen for a place; what was not is as elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// The engine for messages that name none.
    pub default_engine: Option<EngineId>,
    /// Which messages the bot answers.
    pub trigger: Option<TriggerMode>,
    /// What happens to a message whose thread is at work.
    pub queue: Option<QueueMode>,
    /// What was chosen for engines.
    pub engines: BTreeMap<EngineId, EnginePreferences>,
}

/// What was chosen for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnginePreferences {
    /// Its model.
    pub model: Option<String>,
    /// Its level of reasoning effort.
    pub reasoning: Option<String>,
    /// Its way of working.
    pub mode: Option<String>,
}

/// A change of one choice. `None` takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The engine for messages that name none.
    DefaultEngine(Option<EngineId>),
    /// Which messages the bot answers.
    Trigger(Option<TriggerMode>),
    /// What happens to a message whose thread is at work.
    Queue(Option<QueueMode>),
    /// The model of an engine.
    Model(EngineId, Option<String>),
    /// The level of reasoning effort of an engine.
    Reasoning(EngineId, Option<String>),
    /// The way of working of an engine.
    Mode(EngineId, Option<String>),
}

impl TriggerMode {
    const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
        }
    }
}

impl QueueMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Steer => "steer",
            Self::Interrupt => "interrupt",
            Self::Collect => "collect",
        }
    }
}

impl Change {
    /// The row that it is about (name and engine), and what is to stand there.
    fn row(&self) -> (&'static str, &str, Option<&str>) {
        match self {
            Self::DefaultEngine(engine) => ("default_engine", "", engine.as_ref().map(EngineId::as_str)),
            Self::Trigger(mode) => ("trigger", "", mode.map(TriggerMode::name)),
            Self::Queue(mode) => ("queue", "", mode.map(QueueMode::name)),
            Self::Model(engine, model) => ("model", engine.as_str(), model.as_deref()),
            Self::Reasoning(engine, level) => ("reasoning", engine.as_str(), level.as_deref()),
            Self::Mode(engine, mode) => ("mode", engine.as_str(), mode.as_deref()),
        }
    }
}

impl Store {
    /// Changes one choice for a place, and no other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_preferences(&self, place: &Place, change: Change) -> Result<(), StoreError> {
        let place = place.clone();
        self.write(move |connection| Ok(apply(connection, &place, &change)?)).await
    }
}

pub(super) fn apply(connection: &Connection, place: &Place, change: &Change) -> rusqlite::Result<()> {
    let id = place::find_or_add(connection, &place.transport, &place.address)?;
    let (name, engine, value) = change.row();
    match value {
        Some(value) => connection
            .prepare_cached(
                "INSERT OR REPLACE INTO preferences (place, name, engine, value) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((id, name, engine, value))?,
        None => connection
            .prepare_cached("DELETE FROM preferences WHERE place = ?1 AND name = ?2 AND engine = ?3")?
            .execute((id, name, engine))?,
    };
    Ok(())
}

/// Whether the choice that a change is about was made.
pub(super) fn is_made(connection: &Connection, place: &Place, change: &Change) -> rusqlite::Result<bool> {
    let Some(id) = place::find(connection, &place.transport, &place.address)? else { return Ok(false) };
    let (name, engine, _) = change.row();
    connection
        .prepare_cached("SELECT 1 FROM preferences WHERE place = ?1 AND name = ?2 AND engine = ?3")?
        .exists((id, name, engine))
}

pub(super) fn of_place(connection: &Connection, place: PlaceId) -> rusqlite::Result<Preferences> {
    let mut preferences = Preferences::default();
    let mut statement =
        connection.prepare_cached("SELECT name, engine, value FROM preferences WHERE place = ?1")?;
    for change in readable("preferences", statement.query_map((place,), change)?)?.into_iter().flatten() {
        preferences.set(change);
    }
    Ok(preferences)
}

impl Preferences {
    fn set(&mut self, change: Change) {
        match change {
            Change::DefaultEngine(engine) => self.default_engine = engine,
            Change::Trigger(mode) => self.trigger = mode,
            Change::Queue(mode) => self.queue = mode,
            Change::Model(engine, model) => self.engines.entry(engine).or_default().model = model,
            Change::Reasoning(engine, level) => self.engines.entry(engine).or_default().reasoning = level,
            Change::Mode(engine, mode) => self.engines.entry(engine).or_default().mode = mode,
        }
    }
}

/// The change that wrote a row; `None` if no change of this takopi writes such a one.
fn change(row: &Row<'_>) -> rusqlite::Result<Option<Change>> {
    let engine = || row.get::<_, Text<EngineId>>("engine").map(|Text(engine)| engine);
    let name: String = row.get("name")?;
    Ok(Some(match name.as_str() {
        "default_engine" => Change::DefaultEngine(Some(row.get::<_, Text<_>>("value")?.0)),
        "trigger" => Change::Trigger(Some(row.get::<_, Text<_>>("value")?.0)),
        "queue" => Change::Queue(Some(row.get::<_, Text<_>>("value")?.0)),
        "model" => Change::Model(engine()?, row.get("value")?),
        "reasoning" => Change::Reasoning(engine()?, row.get("value")?),
        "mode" => Change::Mode(engine()?, row.get("value")?),
        unknown => {
            skipped("preferences", &format_args!("there is no choice `{unknown}`"));
            return Ok(None);
        }
    }))
}

#[cfg(test)]
mod tests {
    use rusqlite::types::{FromSql, ValueRef};

    use super::*;

    /// The names stand twice: as they are written, and as they are read.
    #[test]
    fn what_is_written_is_what_is_read() {
        fn read<T: for<'de> Deserialize<'de>>(name: &str) -> T {
            Text::<T>::column_result(ValueRef::from(name)).unwrap().0
        }
        for mode in [TriggerMode::All, TriggerMode::Mentions] {
            assert_eq!(read::<TriggerMode>(mode.name()), mode);
        }
        for mode in [QueueMode::Queue, QueueMode::Steer, QueueMode::Interrupt, QueueMode::Collect] {
            assert_eq!(read::<QueueMode>(mode.name()), mode);
        }
    }
}
