//! Requests that an ended takopi left.

use rusqlite::Row;
use takopi_api::message::MessageRef;
use takopi_api::runtime::StoreError;

use crate::store::Store;
use crate::store::audit::AuditEvent;
use crate::store::columns::{Json, Moment, Text, readable};
use crate::store::place::{self, Place};

use super::{LEFT, RequestEnd, RequestNumber, RequestToken, end_of, finish};

/// A request whose message does not say yet what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftRequest {
    /// Its token.
    pub token: RequestToken,
    /// Where it was asked.
    pub place: Place,
    /// What was asked, in a line.
    pub title: String,
    /// The message that asks.
    pub message: MessageRef,
    /// What became of it.
    pub end: RequestEnd,
}

impl Store {
    /// Finds what an earlier takopi left of requests, in the order in which they were asked. To be called once at start,
    /// before anything is asked: every one that is open counts as cut off.
    ///
    /// A request is given again at the next start until [`request_told`](Self::request_told).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_requests(&self) -> Result<Vec<LeftRequest>, StoreError> {
        let now = Moment::now();
        self.write(move |connection| {
            let open: Vec<RequestNumber> = connection
                .prepare(&format!(
                    "SELECT number FROM requests WHERE {LEFT} AND requests.state = 'open' ORDER BY number"
                ))?
                .query_map((), |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for number in open {
                finish(connection, number, "cut_off", &AuditEvent::CutOff { request: number }, now)?;
            }
            let mut statement = connection.prepare(&format!(
                "SELECT requests.*, places.transport, places.channel, places.topic
                 FROM requests JOIN places ON places.id = requests.place
                 WHERE {LEFT} ORDER BY requests.number"
            ))?;
            let rows = statement.query_map((), left)?;
            Ok(readable("requests", rows)?.into_iter().flatten().collect())
        })
        .await
    }
}

/// `None` if nothing is left to be told.
fn left(row: &Row<'_>) -> rusqlite::Result<Option<LeftRequest>> {
    let Some(Json(message)) = row.get("message")? else { return Ok(None) };
    let Some(end) = end_of(row)? else { return Ok(None) };
    Ok(Some(LeftRequest {
        token: row.get::<_, Text<_>>("token")?.0,
        place: place::read(row)?,
        title: row.get("title")?,
        message,
        end,
    }))
}
