//! What transports and commands remember: keys and values, each plugin's by itself.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use takopi_api::runtime::{KeyValue, StoreError, Write};
use takopi_api::transport::TransportId;

use super::Store;

/// Whose keys and values they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// A transport's. What is given with [`Store::accept`] is written here.
    #[must_use]
    pub fn transport(id: &TransportId) -> Self {
        Self(format!("transport:{id}"))
    }

    /// A command's.
    #[must_use]
    pub fn command(id: &str) -> Self {
        Self(format!("command:{id}"))
    }

    /// A hook's.
    #[must_use]
    pub fn hook(id: &str) -> Self {
        Self(format!("hook:{id}"))
    }

    /// What takopi itself notes of uses of commands that go on.
    pub(crate) fn uses() -> Self {
        Self("uses".to_owned())
    }
}

/// The keys and values of one plugin.
#[derive(Debug, Clone)]
pub struct Values {
    store: Store,
    namespace: Namespace,
}

impl Store {
    /// The keys and values of a plugin.
    #[must_use]
    pub fn values(&self, namespace: Namespace) -> Values {
        Values { store: self.clone(), namespace }
    }
}

#[async_trait]
impl KeyValue for Values {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (namespace, key) = (self.namespace.clone(), key.to_owned());
        let get = move |connection: &Connection| {
            Ok(connection
                .prepare_cached("SELECT value FROM plugin_values WHERE namespace = ?1 AND key = ?2")?
                .query_one((&namespace.0, &key), |row| row.get(0))
                .optional()?)
        };
        self.store.read(get).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let (namespace, prefix) = (self.namespace.clone(), prefix.to_owned());
        let list = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, value FROM plugin_values WHERE namespace = ?1 AND key >= ?2 ORDER BY key",
            )?;
            let rows = statement.query_map((&namespace.0, &prefix), |row| Ok((row.get(0)?, row.get(1)?)))?;
            // In the order of bytes, all keys with the prefix follow it at once.
            let begins_so = |row: &rusqlite::Result<(String, Vec<u8>)>| {
                row.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
            };
            Ok(rows.take_while(begins_so).collect::<rusqlite::Result<_>>()?)
        };
        self.store.read(list).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let namespace = self.namespace.clone();
        self.store.write(move |connection| Ok(write(connection, &namespace, &writes)?)).await
    }
}

pub(super) fn write(
    connection: &Connection,
    namespace: &Namespace,
    writes: &[Write],
) -> rusqlite::Result<()> {
    for Write { key, value } in writes {
        match value {
            Some(value) => connection
                .prepare_cached(
                    "INSERT INTO plugin_values (namespace, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value",
                )?
                .execute((&namespace.0, key, value))?,
            None => connection
                .prepare_cached("DELETE FROM plugin_values WHERE namespace = ?1 AND key = ?2")?
                .execute((&namespace.0, key))?,
        };
    }
    Ok(())
}
