//! The project and branch that a place is bound to.

use rusqlite::{Connection, OptionalExtension};
use takopi_api::runtime::{RunContext, StoreError};
use takopi_api::transport::TransportId;

use super::Store;
use super::columns::readable;
use super::place::{self, Place, PlaceId};

/// A place that is bound to a project and branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The place.
    pub place: Place,
    /// Its project and branch.
    pub context: RunContext,
    /// The topic's title, if takopi gave it one.
    pub title: Option<String>,
}

impl Store {
    /// Binds a place, in place of what it was bound to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bind(&self, binding: Binding) -> Result<(), StoreError> {
        self.write(move |connection| Ok(put(connection, &binding)?)).await
    }

    /// Forgets what a place is bound to. False if it was bound to nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unbind(&self, place: &Place) -> Result<bool, StoreError> {
        let place = place.clone();
        self.write(move |connection| {
            let Some(id) = place::find(connection, &place.transport, &place.address)? else {
                return Ok(false);
            };
            let deleted =
                connection.prepare_cached("DELETE FROM bindings WHERE place = ?1")?.execute((id,))?;
            Ok(deleted > 0)
        })
        .await
    }

    /// All places of a transport that are bound, in the order in which they were first seen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bindings(&self, transport: &TransportId) -> Result<Vec<Binding>, StoreError> {
        let transport = transport.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT places.transport, places.channel, places.topic, project, branch, title
                 FROM bindings JOIN places ON places.id = bindings.place
                 WHERE places.transport = ?1 ORDER BY places.id",
            )?;
            let rows = statement.query_map((transport.as_str(),), |row| {
                Ok(Binding {
                    place: place::read(row)?,
                    context: RunContext { project: row.get("project")?, branch: row.get("branch")? },
                    title: row.get("title")?,
                })
            })?;
            Ok(readable("bindings", rows)?)
        })
        .await
    }
}

pub(super) fn of_place(
    connection: &Connection,
    id: PlaceId,
    place: &Place,
) -> rusqlite::Result<Option<Binding>> {
    connection
        .prepare_cached("SELECT project, branch, title FROM bindings WHERE place = ?1")?
        .query_one((id,), |row| {
            Ok(Binding {
                place: place.clone(),
                context: RunContext { project: row.get("project")?, branch: row.get("branch")? },
                title: row.get("title")?,
            })
        })
        .optional()
}

pub(super) fn is_bound(connection: &Connection, place: &Place) -> rusqlite::Result<bool> {
    let Some(id) = place::find(connection, &place.transport, &place.address)? else { return Ok(false) };
    connection.prepare_cached("SELECT 1 FROM bindings WHERE place = ?1")?.exists((id,))
}

pub(super) fn put(connection: &Connection, binding: &Binding) -> rusqlite::Result<()> {
    let Binding { place, context, title } = binding;
    let id = place::find_or_add(connection, &place.transport, &place.address)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO bindings (place, project, branch, title) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((id, context.project.as_deref(), context.branch.as_deref(), title.as_deref()))?;
    Ok(())
}
