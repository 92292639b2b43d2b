//! For whom a transport speaks.

use rusqlite::{Connection, OptionalExtension};
use takopi_api::runtime::StoreError;
use takopi_api::transport::TransportId;

use super::Store;
use super::error::Failure;

/// Whether a transport speaks for the same account as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// It does, or this is the first one.
    Same,
    /// It does not: ids of messages that are known mean nothing any more.
    Other,
}

impl Store {
    /// Says for which account a transport speaks, by a fingerprint of it. To be called before anything of it is accepted.
    ///
    /// Another account of the same chat system counts its messages and deliveries from the start: without this, its first
    /// ones would pass for second deliveries of those of the last account, and be dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn speaks_for(
        &self,
        transport: &TransportId,
        fingerprint: &str,
    ) -> Result<Account, StoreError> {
        let (transport, fingerprint) = (transport.clone(), fingerprint.to_owned());
        self.write(move |connection| change(connection, &transport, &fingerprint)).await
    }
}

fn change(connection: &Connection, transport: &TransportId, fingerprint: &str) -> Result<Account, Failure> {
    let name = format!("account:{transport}");
    let known: Option<String> = connection
        .query_one("SELECT value FROM meta WHERE name = ?1", (&name,), |row| row.get(0))
        .optional()?;
    if known.as_deref() == Some(fingerprint) {
        return Ok(Account::Same);
    }
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", (&name, fingerprint))?;
    if known.is_none() {
        return Ok(Account::Same);
    }
    connection.execute(
        "UPDATE inbox SET message = NULL, update_id = NULL WHERE transport = ?1",
        (transport.as_str(),),
    )?;
    connection.execute("DELETE FROM run_messages WHERE transport = ?1", (transport.as_str(),))?;
    connection.execute("DELETE FROM request_messages WHERE transport = ?1", (transport.as_str(),))?;
    Ok(Account::Other)
}
