//! Requests: what engines ask people, stored before it is shown, and decided once, before the engine is told.

mod left;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use takopi_api::engine::EngineId;
use takopi_api::event::RequestId;
use takopi_api::message::{MessageRef, PersonId, Sender};
use takopi_api::runner::RunId;
use takopi_api::runtime::StoreError;
use takopi_api::transport::TransportId;

pub use left::LeftRequest;

use super::Store;
use super::audit::{self, AuditEvent};
use super::columns::{Json, Moment, Text, json};
use super::digest::Digest;
use super::error::Failure;
use super::place::{self, Place};
use super::rules::{self, Like, NewRule, Rule, RuleId};

/// How much of a title is stored, in bytes: engines may make it as long as they like.
const TITLE: usize = 400;

/// The number of a request, by which the audit knows it. It is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestNumber(i64);

impl fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl ToSql for RequestNumber {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl FromSql for RequestNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// What the buttons of a request carry. Nobody can guess that of another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestToken(Arc<str>);

impl RequestToken {
    /// A new one: 32 hexadecimal digits, 122 bits of them random.
    #[must_use]
    pub fn unique() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into())
    }

    /// What a button had in it. It need not be the token of any request.
    #[must_use]
    pub fn of_button(text: &str) -> Self {
        Self(text.into())
    }

    /// The token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an engine asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// What its buttons will carry.
    pub token: RequestToken,
    /// The run that asks, which has begun.
    pub run: RunId,
    /// Its engine's name for it.
    pub request: RequestId,
    /// Where it is asked.
    pub place: Place,
    /// Whose run it is.
    pub person: Option<PersonId>,
    /// Its engine.
    pub engine: EngineId,
    /// The tool that it wants to use.
    pub tool: Option<String>,
    /// Of what is asked.
    pub digest: Digest,
    /// What is asked, in a line.
    pub title: String,
    /// What answers it is to be stored nowhere.
    pub is_secret: bool,
    /// From when on nobody's decision counts.
    pub expires_at: SystemTime,
}

/// What became of a request by asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is open: people have to be asked.
    Open,
    /// A rule allows it, and that is stored: nobody is to be asked.
    Allowed(Box<Rule>),
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes, this once.
    AllowOnce,
    /// Yes, and its like in this thread.
    AllowSession,
    /// Yes, and its like always.
    AllowAlways,
    /// No.
    Deny,
    /// The questions were answered. The answers are not stored.
    Answer,
}

/// Who decided, or what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A person; nobody: whoever was at the terminal.
    Person(Option<Sender>),
    /// A rule.
    Rule(RuleId),
    /// takopi, because of this: it could not ask.
    Takopi(String),
}

/// A decision that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What is decided.
    pub verdict: Verdict,
    /// The person who decides; nobody: whoever is at the terminal.
    pub by: Option<Sender>,
    /// The rule that comes of it.
    pub rule: Option<NewRule>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEnd {
    /// It was decided.
    Decided {
        /// How.
        verdict: Verdict,
        /// By whom, or by what.
        by: DecidedBy,
    },
    /// Nobody did in time.
    Expired,
    /// Its engine did not wait for it any more.
    Withdrawn,
    /// takopi ended while it was open.
    CutOff,
}

/// A request that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRequest {
    /// Where it was asked.
    pub place: Place,
    /// The message that asks, as long as it does not say what became of it.
    pub message: Option<MessageRef>,
    /// What was asked, in a line.
    pub title: String,
    /// What answers it is to be stored nowhere.
    pub is_secret: bool,
    /// What became of it.
    pub end: RequestEnd,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It counts, and is stored: the engine can be told.
    Now {
        /// The rule that came of it.
        rule: Option<RuleId>,
    },
    /// It was too late by the clock. That the request expired is stored, and the engine has to be told no.
    TooLate,
    /// The request ended before, and this decision counts for nothing.
    Already(RequestEnd),
    /// There is no such request.
    Gone,
}

/// How a request ends that nobody decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// Nobody did in time.
    Expired,
    /// Its engine does not wait for it any more, or its run is over.
    Withdrawn,
    /// It can not be asked, because of this: that is a no.
    Unaskable(String),
}

/// What came of ending a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It has ended so, and that is stored.
    Now,
    /// It ended before.
    Already(RequestEnd),
    /// There is no such request.
    Gone,
}

impl Store {
    /// Stores what an engine asks, before anybody is shown it. If there is a rule like this that is in force, it is decided
    /// by that rule at once.
    ///
    /// # Errors
    /// [`StoreError`], also if there is no such run. Then nothing may be asked or allowed.
    pub async fn request_asked(&self, new: NewRequest, like: Option<Like>) -> Result<Asked, StoreError> {
        let now = Moment::now();
        self.write(move |connection| {
            let number = insert(connection, &new, now)?;
            let Some(like) = &like else { return Ok(Asked::Open) };
            let rule = rules::allowing(connection, &new.engine, &new.place.transport, like)?;
            let Some(rule) = rule else { return Ok(Asked::Open) };
            decide(connection, number, Verdict::AllowOnce, &DecidedBy::Rule(rule.id), now)?;
            Ok(Asked::Allowed(Box::new(rule)))
        })
        .await
    }

    /// Remembers the message that asks: until [`request_told`](Self::request_told) for a takopi that is killed, which finds
    /// it again, and as long as the request for [`ended_request_in`](Self::ended_request_in).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_shown(&self, token: &RequestToken, message: &MessageRef) -> Result<(), StoreError> {
        let (token, at, message) = (token.clone(), message.clone(), json(message)?);
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE requests SET message = ?2 WHERE token = ?1")?
                .execute((token.as_str(), &message))?;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO request_messages (transport, channel, message, request)
                     SELECT places.transport, ?2, ?3, requests.number
                     FROM requests JOIN places ON places.id = requests.place WHERE requests.token = ?1",
                )?
                .execute((token.as_str(), at.address.channel.as_str(), at.id.as_str()))?;
            Ok(())
        })
        .await
    }

    /// Notes that the message of a request says what became of it, or never will.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_told(&self, token: &RequestToken) -> Result<(), StoreError> {
        let token = token.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE requests SET message = NULL WHERE token = ?1 AND state <> 'open'")?
                .execute((token.as_str(),))?;
            Ok(())
        })
        .await
    }

    /// Stores a decision, if it is the first. Only after [`Decided::Now`] may the engine hear of it.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was decided.
    pub async fn decide(&self, token: &RequestToken, judgement: Judgement) -> Result<Decided, StoreError> {
        let (token, now) = (token.clone(), Moment::now());
        self.write(move |connection| {
            let open = match find(connection, &token)? {
                Found::Open(open) => open,
                Found::Ended(end) => return Ok(Decided::Already(end)),
                Found::Gone => return Ok(Decided::Gone),
            };
            if open.expires_at <= now {
                end(connection, open.number, &Undecided::Expired, now)?;
                return Ok(Decided::TooLate);
            }
            let Judgement { verdict, by, rule } = &judgement;
            decide(connection, open.number, *verdict, &DecidedBy::Person(by.clone()), now)?;
            let make = |rule| rules::make(connection, &open.engine, rule, &open.place, by.as_ref(), now);
            Ok(Decided::Now { rule: rule.as_ref().map(make).transpose()? })
        })
        .await
    }

    /// Ends a request that nobody decided.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_request(&self, token: &RequestToken, how: Undecided) -> Result<Ended, StoreError> {
        let (token, now) = (token.clone(), Moment::now());
        self.write(move |connection| match find(connection, &token)? {
            Found::Open(open) => {
                end(connection, open.number, &how, now)?;
                Ok(Ended::Now)
            }
            Found::Ended(end) => Ok(Ended::Already(end)),
            Found::Gone => Ok(Ended::Gone),
        })
        .await
    }

    /// The request of a button, if it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_request(&self, token: &RequestToken) -> Result<Option<EndedRequest>, StoreError> {
        let token = token.clone();
        self.read(move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT requests.*, places.transport, places.channel, places.topic
                     FROM requests JOIN places ON places.id = requests.place WHERE requests.token = ?1",
                )?
                .query_one((token.as_str(),), ended)
                .optional()?;
            Ok(found.flatten())
        })
        .await
    }

    /// The request that a message asks or asked, if it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_request_in(
        &self,
        transport: &TransportId,
        message: &MessageRef,
    ) -> Result<Option<EndedRequest>, StoreError> {
        let (transport, message) = (transport.clone(), message.clone());
        self.read(move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT requests.*, places.transport, places.channel, places.topic
                     FROM request_messages AS shown JOIN requests ON requests.number = shown.request
                     JOIN places ON places.id = requests.place
                     WHERE shown.transport = ?1 AND shown.channel = ?2 AND shown.message = ?3",
                )?
                .query_one((transport.as_str(), message.address.channel.as_str(), message.id.as_str()), ended)
                .optional()?;
            Ok(found.flatten())
        })
        .await
    }
}

/// `None` if it is open.
fn ended(row: &Row<'_>) -> rusqlite::Result<Option<EndedRequest>> {
    let Some(end) = end_of(row)? else { return Ok(None) };
    let message = row.get::<_, Option<Json<_>>>("message")?.map(|Json(message)| message);
    let (title, is_secret) = (row.get("title")?, row.get("is_secret")?);
    Ok(Some(EndedRequest { place: place::read(row)?, message, title, is_secret, end }))
}

/// As the index `requests_open` has it.
pub(super) const LEFT: &str = "(requests.state = 'open' OR requests.message IS NOT NULL)";

/// A request that waits.
struct Open {
    number: RequestNumber,
    engine: EngineId,
    place: Place,
    expires_at: Moment,
}

enum Found {
    Open(Open),
    Ended(RequestEnd),
    Gone,
}

fn find(connection: &Connection, token: &RequestToken) -> Result<Found, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT requests.*, places.transport, places.channel, places.topic
             FROM requests JOIN places ON places.id = requests.place WHERE requests.token = ?1",
        )?
        .query_one((token.as_str(),), |row| match end_of(row)? {
            Some(end) => Ok(Found::Ended(end)),
            None => Ok(Found::Open(Open {
                number: row.get("number")?,
                engine: row.get::<_, Text<EngineId>>("engine")?.0,
                place: place::read(row)?,
                expires_at: row.get("expires_at")?,
            })),
        })
        .optional()?;
    Ok(found.unwrap_or(Found::Gone))
}

/// How the request of a row ended; `None` if it is open.
fn end_of(row: &Row<'_>) -> rusqlite::Result<Option<RequestEnd>> {
    Ok(match row.get::<_, Text<State>>("state")?.0 {
        State::Open => None,
        State::Decided => Some(RequestEnd::Decided {
            verdict: row.get::<_, Text<_>>("decision")?.0,
            by: row.get::<_, Json<_>>("decided_by")?.0,
        }),
        State::Expired => Some(RequestEnd::Expired),
        State::Withdrawn => Some(RequestEnd::Withdrawn),
        State::CutOff => Some(RequestEnd::CutOff),
    })
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Decided,
    Expired,
    Withdrawn,
    CutOff,
}

fn insert(connection: &Connection, new: &NewRequest, now: Moment) -> Result<RequestNumber, Failure> {
    let run: Option<i64> = connection
        .prepare_cached("SELECT number FROM runs WHERE id = ?1")?
        .query_one((new.run.as_str(),), |row| row.get(0))
        .optional()?;
    let run = run.ok_or_else(|| Failure::Unfit(format!("there is no run {} that could ask", new.run)))?;
    let title = &new.title[..new.title.floor_char_boundary(TITLE)];
    let number = connection
        .prepare_cached(
            "INSERT INTO requests (token, run, id, place, person, engine, tool, digest, title, is_secret, asked_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .insert((
            new.token.as_str(),
            run,
            new.request.as_str(),
            place::find_or_add(connection, &new.place.transport, &new.place.address)?,
            new.person.as_ref().map(PersonId::as_str),
            new.engine.as_str(),
            new.tool.as_deref(),
            new.digest,
            title,
            new.is_secret,
            now,
            Moment::from(new.expires_at),
        ))
        .map(RequestNumber)?;
    let event = AuditEvent::Asked {
        request: number,
        run: new.run.clone(),
        place: new.place.to_string(),
        person: new.person.clone(),
        engine: new.engine.clone(),
        tool: new.tool.clone(),
        digest: new.digest,
        title: title.to_owned(),
    };
    audit::append(connection, &event, now)?;
    Ok(number)
}

/// Decides a request that is open.
fn decide(
    connection: &Connection,
    number: RequestNumber,
    verdict: Verdict,
    by: &DecidedBy,
    now: Moment,
) -> Result<(), Failure> {
    let who = json(by).map_err(|StoreError(error)| Failure::Unfit(error))?;
    connection
        .prepare_cached(
            "UPDATE requests SET state = 'decided', decision = ?2, decided_by = ?3, ended_at = ?4
             WHERE number = ?1 AND state = 'open'",
        )?
        .execute((number, verdict.name(), &who, now))?;
    let event = AuditEvent::Decided { request: number, decision: verdict, by: by.clone() };
    audit::append(connection, &event, now)
}

/// Ends a request that is open.
fn end(connection: &Connection, number: RequestNumber, how: &Undecided, now: Moment) -> Result<(), Failure> {
    let (state, event) = match how {
        Undecided::Expired => ("expired", AuditEvent::Expired { request: number }),
        Undecided::Withdrawn => ("withdrawn", AuditEvent::Withdrawn { request: number }),
        Undecided::Unaskable(why) => {
            return decide(connection, number, Verdict::Deny, &DecidedBy::Takopi(why.clone()), now);
        }
    };
    finish(connection, number, state, &event, now)
}

fn finish(
    connection: &Connection,
    number: RequestNumber,
    state: &str,
    event: &AuditEvent,
    now: Moment,
) -> Result<(), Failure> {
    connection
        .prepare_cached("UPDATE requests SET state = ?2, ended_at = ?3 WHERE number = ?1 AND state = 'open'")?
        .execute((number, state, now))?;
    audit::append(connection, event, now)
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow_once",
            Self::AllowSession => "allow_session",
            Self::AllowAlways => "allow_always",
            Self::Deny => "deny",
            Self::Answer => "answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names stand twice: as they are written, and as they are read.
    #[test]
    fn what_is_written_is_what_is_read() {
        let verdicts =
            [Verdict::AllowOnce, Verdict::AllowSession, Verdict::AllowAlways, Verdict::Deny, Verdict::Answer];
        for verdict in verdicts {
            assert_eq!(Text::<Verdict>::column_result(ValueRef::from(verdict.name())).unwrap().0, verdict);
        }
    }
}
