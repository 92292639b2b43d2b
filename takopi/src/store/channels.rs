//! Chats and topics that got another id.

use rusqlite::Connection;
use takopi_api::message::{Address, ChannelId};
use takopi_api::runtime::StoreError;
use takopi_api::transport::TransportId;

use super::Store;
use super::place::{self, PlaceId};

/// The tables that know places. Of those with a key of their own, what the new place has stays.
const TABLES: &[&str] =
    &["runs", "inbox", "usage", "sessions", "bindings", "preferences", "requests", "rules"];

impl Store {
    /// Gives a chat its new id: messages that wait are answered there, and sessions, bindings and preferences go on. Where
    /// the new chat has some already, they stay.
    ///
    /// Ids of messages that were are left as they are. The new chat may count its own from the start again: one that is
    /// received there is no second delivery of an old one, and a reply to it is no reply to the old one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_channel(
        &self,
        transport: &TransportId,
        old: &ChannelId,
        new: &ChannelId,
    ) -> Result<(), StoreError> {
        if old == new {
            return Ok(());
        }
        let (transport, old, new) = (transport.clone(), old.clone(), new.clone());
        self.write(move |connection| {
            for (from, to) in places(connection, &transport, &old, &new)? {
                match to {
                    Some(to) => merge(connection, from, to)?,
                    None => {
                        connection
                            .execute("UPDATE places SET channel = ?2 WHERE id = ?1", (from, new.as_str()))?;
                    }
                }
            }
            Ok(())
        })
        .await
    }
}

impl Store {
    /// Gives a topic that was made again its new id: all that is known of it goes on there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn move_topic(
        &self,
        transport: &TransportId,
        old: &Address,
        new: &Address,
    ) -> Result<(), StoreError> {
        let (transport, old, new) = (transport.clone(), old.clone(), new.clone());
        self.write(move |connection| {
            let Some(from) = place::find(connection, &transport, &old)? else { return Ok(()) };
            let to = place::find_or_add(connection, &transport, &new)?;
            if from != to {
                merge(connection, from, to)?;
            }
            Ok(())
        })
        .await
    }
}

/// The places of a chat, each with the one that has its place in another chat, if there is one.
fn places(
    connection: &Connection,
    transport: &TransportId,
    old: &ChannelId,
    new: &ChannelId,
) -> rusqlite::Result<Vec<(PlaceId, Option<PlaceId>)>> {
    connection
        .prepare(
            "SELECT places.id, other.id FROM places LEFT JOIN places AS other
                ON other.transport = ?1 AND other.channel = ?3 AND ifnull(other.topic, 0) = ifnull(places.topic, 0)
             WHERE places.transport = ?1 AND places.channel = ?2",
        )?
        .query_map((transport.as_str(), old.as_str(), new.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn merge(connection: &Connection, from: PlaceId, to: PlaceId) -> rusqlite::Result<()> {
    for table in TABLES {
        connection
            .execute(&format!("UPDATE OR IGNORE {table} SET place = ?2 WHERE place = ?1"), (from, to))?;
        connection.execute(&format!("DELETE FROM {table} WHERE place = ?1"), (from,))?;
    }
    connection.execute("DELETE FROM places WHERE id = ?1", (from,))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn no_table_that_knows_places_is_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut tables: Vec<String> = connection
            .prepare(
                "SELECT tables.name FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys
                 WHERE tables.type = 'table' AND keys.\"table\" = 'places' ORDER BY tables.name",
            )
            .unwrap()
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        tables.sort();
        let mut known = TABLES.to_vec();
        known.sort_unstable();
        assert_eq!(tables, known);
    }
}
