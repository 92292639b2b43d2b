//! Where conversations live.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use takopi_api::message::{Address, Topic};
use takopi_api::transport::TransportId;

use super::columns::Text;

/// Where a conversation lives: a chat, or a topic of one, of a transport.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The chat system.
    pub transport: TransportId,
    /// The part of it.
    pub address: Address,
}

impl Place {
    /// A place of a transport.
    #[must_use]
    pub const fn new(transport: TransportId, address: Address) -> Self {
        Self { transport, address }
    }

    /// The chat itself, of which this may be a topic.
    #[must_use]
    pub fn chat(&self) -> Self {
        let address = Address { channel: self.address.channel.clone(), topic: Topic::General };
        Self::new(self.transport.clone(), address)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.address)
    }
}

/// The number that other tables know a place by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlaceId(i64);

impl ToSql for PlaceId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl FromSql for PlaceId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

pub(super) fn find(
    connection: &Connection,
    transport: &TransportId,
    address: &Address,
) -> rusqlite::Result<Option<PlaceId>> {
    connection
        .prepare_cached(
            "SELECT id FROM places WHERE transport = ?1 AND channel = ?2 AND ifnull(topic, 0) = ifnull(?3, 0)",
        )?
        .query_one((transport.as_str(), address.channel.as_str(), topic(address)), |row| row.get(0))
        .optional()
}

pub(super) fn find_or_add(
    connection: &Connection,
    transport: &TransportId,
    address: &Address,
) -> rusqlite::Result<PlaceId> {
    if let Some(id) = find(connection, transport, address)? {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO places (transport, channel, topic) VALUES (?1, ?2, ?3)")?
        .insert((transport.as_str(), address.channel.as_str(), topic(address)))
        .map(PlaceId)
}

/// The place in a row of `places`, or of another table joined with it.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Place> {
    let topic = row.get::<_, Option<Text<_>>>("topic")?;
    Ok(Place {
        transport: row.get::<_, Text<_>>("transport")?.0,
        address: Address {
            channel: row.get::<_, Text<_>>("channel")?.0,
            topic: topic.map_or(Topic::General, |Text(id)| Topic::Named(id)),
        },
    })
}

fn topic(address: &Address) -> Option<&str> {
    address.topic.id().map(takopi_api::message::TopicId::as_str)
}
