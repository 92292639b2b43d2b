//! What people sent: stored once, in the order of acceptance, and each message claimed once.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row};
use takopi_api::message::{IncomingMessage, MessageRef, UpdateId};
use takopi_api::runner::RunId;
use takopi_api::runtime::{Batch, StoreError};
use takopi_api::transport::TransportId;

use super::columns::{Json, Moment, json, readable};
use super::place::{self, Place};
use super::values::{self, Namespace};
use super::{Store, runs};

/// The place of a message in the inbox. It counts up and is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for Seq {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl FromSql for Seq {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// What became of a message that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is in the inbox.
    New(Seq),
    /// It had been delivered before.
    Duplicate,
}

/// How a message ended that came to no run of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageEnd {
    /// A command answered it.
    Command,
    /// Whoever sent it may not.
    Refused,
    /// It was taken back while it waited.
    Cancelled,
    /// It was not for the bot.
    Ignored,
    /// No run could begin, and the person was told why.
    Failed,
    /// It went into a run that was going on. A reply to it continues the thread of that run.
    Steered(RunId),
}

impl MessageEnd {
    const fn name(&self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Steered(_) => "steered",
        }
    }
}

/// A message that nothing was begun for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its place.
    pub seq: Seq,
    /// Where it came from.
    pub transport: TransportId,
    /// The message; its address is where the chat is now.
    pub message: IncomingMessage,
    /// The bot's message that says that it waits.
    pub shown: Option<MessageRef>,
}

/// A message could not be claimed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Somebody else was first: it was begun, or has ended.
    #[error("message {0} was begun already")]
    AlreadyBegun(Seq),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes in what a transport received, together with what the transport itself remembers: all of it, or nothing. The
    /// answers are in the order of the messages.
    ///
    /// A message that was delivered before is known by its delivery, and by its own id in its chat: a delivery is one
    /// message. Wait for the answer: who gives it up may have stored a message that nobody begins before the next start, as
    /// its next delivery is a second one.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored, and the same batch may be given again.
    pub async fn accept(&self, transport: &TransportId, batch: Batch) -> Result<Vec<Accepted>, StoreError> {
        let Batch { messages, writes, .. } = batch;
        let messages = messages
            .into_iter()
            .map(|message| json(&message).map(|payload| (message, payload)))
            .collect::<Result<Vec<_>, _>>()?;
        let transport = transport.clone();
        let namespace = Namespace::transport(&transport);
        let now = Moment::now();
        self.write(move |connection| {
            values::write(connection, &namespace, &writes)?;
            let accepted = messages
                .iter()
                .map(|(message, payload)| insert(connection, &transport, message, payload, now))
                .collect::<rusqlite::Result<_>>()?;
            Ok(accepted)
        })
        .await
    }

    /// The messages that nothing was begun for, in the order of acceptance.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} WHERE state = 'accepted' ORDER BY seq");
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((), unfinished)?;
            Ok(readable("inbox", rows)?)
        })
        .await
    }

    /// Remembers the bot's message that says that this one waits, so that it is used again after a restart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_message(&self, seq: Seq, shown: &MessageRef) -> Result<(), StoreError> {
        let shown = json(shown)?;
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE inbox SET shown = ?2 WHERE seq = ?1 AND state = 'accepted'")?
                .execute((seq, &shown))?;
            Ok(())
        })
        .await
    }

    /// Remembers what was heard in a message that waits: from here on it is the message that was sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn heard(&self, seq: Seq, message: &IncomingMessage) -> Result<(), StoreError> {
        let payload = json(message)?;
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE inbox SET payload = ?2 WHERE seq = ?1 AND state = 'accepted'")?
                .execute((seq, &payload))?;
            Ok(())
        })
        .await
    }

    /// Ends a message that came to no run.
    ///
    /// # Errors
    /// [`ClaimError`]; [`ClaimError::AlreadyBegun`] if a run has it, or it has ended.
    pub async fn finish(&self, seq: Seq, end: MessageEnd) -> Result<(), ClaimError> {
        let is_claimed = self
            .write(move |connection| {
                let run = match &end {
                    MessageEnd::Steered(run) => Some(run.as_str()),
                    _ => None,
                };
                let finished = connection
                    .prepare_cached(
                        "UPDATE inbox SET state = 'done', ending = ?2, payload = NULL, shown = NULL,
                                run = (SELECT number FROM runs WHERE id = ?3)
                         WHERE seq = ?1 AND state = 'accepted'",
                    )?
                    .execute((seq, end.name(), run))?;
                Ok(finished == 1)
            })
            .await?;
        if is_claimed { Ok(()) } else { Err(ClaimError::AlreadyBegun(seq)) }
    }

    /// Gives the messages of a run that was cut off back to the inbox, for a person who wants it again. They are claimed
    /// as all others are. `None` if there is no such run, or somebody was first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reopen(&self, run: &RunId) -> Result<Option<Vec<Unfinished>>, StoreError> {
        let run = run.clone();
        self.write(move |connection| {
            let Some(number) = runs::reopen(connection, &run)? else { return Ok(None) };
            connection
                .prepare_cached(
                    "UPDATE inbox SET state = 'accepted', ending = NULL WHERE run = ?1 AND ending = 'cut_off'",
                )?
                .execute((number,))?;
            of_run(connection, number).map(Some).map_err(Into::into)
        })
        .await
    }
}

/// The messages of a run that are still known.
pub(super) fn of_run(connection: &Connection, run: i64) -> rusqlite::Result<Vec<Unfinished>> {
    let sql = format!("{SELECT} WHERE run = ?1 AND payload IS NOT NULL ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((run,), unfinished)?;
    readable("inbox", rows)
}

/// The first of these messages that does not wait any more.
pub(super) fn first_taken(connection: &Connection, messages: &[Seq]) -> rusqlite::Result<Option<Seq>> {
    let mut waits = connection.prepare_cached("SELECT 1 FROM inbox WHERE seq = ?1 AND state = 'accepted'")?;
    for &seq in messages {
        if !waits.exists((seq,))? {
            return Ok(Some(seq));
        }
    }
    Ok(None)
}

/// Gives messages that wait to a run.
pub(super) fn start(connection: &Connection, messages: &[Seq], run: i64) -> rusqlite::Result<()> {
    let mut start = connection
        .prepare_cached("UPDATE inbox SET state = 'started', run = ?2, shown = NULL WHERE seq = ?1")?;
    for &seq in messages {
        start.execute((seq, run))?;
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    transport: &TransportId,
    message: &IncomingMessage,
    payload: &str,
    now: Moment,
) -> rusqlite::Result<Accepted> {
    let place = place::find_or_add(connection, transport, &message.address)?;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO inbox (transport, channel, message, update_id, place, payload, accepted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute((
            transport.as_str(),
            message.address.channel.as_str(),
            message.id.as_str(),
            message.update.as_ref().map(UpdateId::as_str),
            place,
            payload,
            now,
        ))?;
    Ok(if inserted == 0 { Accepted::Duplicate } else { Accepted::New(Seq(connection.last_insert_rowid())) })
}

const SELECT: &str = "SELECT inbox.seq, inbox.payload, inbox.shown, places.transport, places.channel, places.topic \
                      FROM inbox JOIN places ON places.id = inbox.place";

fn unfinished(row: &Row<'_>) -> rusqlite::Result<Unfinished> {
    let Place { transport, address } = place::read(row)?;
    let Json(mut message) = row.get::<_, Json<IncomingMessage>>("payload")?;
    // The chat may have got another id since.
    message.address = address;
    // Without it there is one message of the bot more, and no message of a person less.
    let shown = row.get::<_, Option<Json<MessageRef>>>("shown").unwrap_or_default();
    Ok(Unfinished { seq: row.get("seq")?, transport, message, shown: shown.map(|Json(shown)| shown) })
}
