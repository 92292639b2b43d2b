//! The audit: what engines asked, what became of it, and the rules by which takopi answered by itself.
//!
//! It only grows. Each row has the hash of the one before it, so a row that is changed, taken away, put in or moved is
//! found; the last hash is also kept elsewhere, so an end that is cut off is found as well. Who can write to the file and
//! knows takopi can make all of it anew: an audit that has to stand against that is copied to another machine.

mod verify;

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use takopi_api::engine::EngineId;
use takopi_api::message::{PersonId, Sender};
use takopi_api::runner::RunId;

pub(super) use verify::verify;
pub use verify::{Broken, Verified};

use super::columns::{Json, Moment, readable};
use super::digest::Digest;
use super::error::Failure;
use super::requests::{DecidedBy, RequestNumber, Verdict};
use super::rules::{Covers, RuleId};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// An engine asked.
    Asked {
        /// The request.
        request: RequestNumber,
        /// The run that asked.
        run: RunId,
        /// Where it was asked.
        place: String,
        /// Whose run it is.
        person: Option<PersonId>,
        /// Its engine.
        engine: EngineId,
        /// The tool that it wanted to use.
        tool: Option<String>,
        /// SHA-256 of what was asked.
        digest: Digest,
        /// What was asked, in a line.
        title: String,
    },
    /// It was decided.
    Decided {
        /// The request.
        request: RequestNumber,
        /// How.
        decision: Verdict,
        /// By whom, or by what.
        by: DecidedBy,
    },
    /// Nobody decided it in time.
    Expired {
        /// The request.
        request: RequestNumber,
    },
    /// Its engine did not wait for it any more.
    Withdrawn {
        /// The request.
        request: RequestNumber,
    },
    /// takopi ended while it was open.
    CutOff {
        /// The request.
        request: RequestNumber,
    },
    /// A person made a rule.
    RuleMade {
        /// The rule.
        rule: RuleId,
        /// Whose requests it allows.
        engine: EngineId,
        /// The thread that it is for; of none: for all.
        thread: Option<String>,
        /// The folder that it is for.
        folder: String,
        /// What it covers.
        covers: Covers,
        /// Where it was made.
        place: String,
        /// Who made it; nobody: whoever was at the terminal.
        by: Option<Sender>,
    },
    /// A person revoked a rule.
    RuleRevoked {
        /// The rule.
        rule: RuleId,
        /// Who did; nobody: whoever was at the terminal.
        by: Option<Sender>,
    },
}

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number: they count from one.
    pub seq: i64,
    /// When it was written.
    pub at: SystemTime,
    /// What happened.
    pub event: AuditEvent,
    /// The hash of the row.
    pub hash: Digest,
}

/// The last row, as it is known beside the rows themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    seq: i64,
    hash: Digest,
}

impl Head {
    const NONE: Self = Self { seq: 0, hash: Digest::ZERO };

    /// Of the row that follows.
    fn next(self, at: Moment, event: &str) -> Self {
        let seq = self.seq.saturating_add(1);
        Self { seq, hash: row_hash(&self.hash, seq, at, event) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(' ')?;
        Some(Self { seq: seq.parse().ok().filter(|&seq| seq > 0)?, hash: Digest::parse(hash)? })
    }
}

/// Under which name `meta` has the head.
const HEAD: &str = "audit";

fn row_hash(previous: &Digest, seq: i64, at: Moment, event: &str) -> Digest {
    Digest::of_chained(&[previous.bytes(), &seq.to_be_bytes(), &at.to_be_bytes(), event.as_bytes()])
}

/// Adds a row. It belongs to the transaction of what it tells of.
pub(super) fn append(connection: &Connection, event: &AuditEvent, at: Moment) -> Result<(), Failure> {
    let event = serde_json::to_string(event)
        .map_err(|error| Failure::Unfit(format!("it can not be written down for the audit: {error}")))?;
    // Where somebody took rows off the end or put some there, the gap has to stay, and a row after it has to have a number.
    let last = last(connection)?;
    let head = head(connection)?.unwrap_or(last);
    let next = Head { seq: head.seq.max(last.seq), ..head }.next(at, &event);
    connection
        .prepare_cached("INSERT INTO audit (seq, at, event, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((next.seq, at, &event, head.hash, next.hash))?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute((HEAD, format!("{} {}", next.seq, next.hash)))?;
    Ok(())
}

/// The head as `meta` has it; `None` if nothing that makes sense stands there.
fn head(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_one((HEAD,), |row| row.get(0))
        .optional()?;
    Ok(text.as_deref().and_then(Head::parse))
}

/// The head as the rows have it.
fn last(connection: &Connection) -> rusqlite::Result<Head> {
    connection
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_one((), |row| Ok(Head { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()
        .map(|head| head.unwrap_or(Head::NONE))
}

/// The youngest rows since then, oldest first. Rows that make no sense are left out: `verify` names them.
pub(super) fn list(
    connection: &Connection,
    since: Option<SystemTime>,
    limit: u32,
) -> rusqlite::Result<Vec<AuditRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM (SELECT seq, at, event, hash FROM audit WHERE at >= ?1 ORDER BY seq DESC LIMIT ?2)
         ORDER BY seq",
    )?;
    let rows = statement.query_map((since.map_or(Moment::FIRST, Moment::from), limit), |row| {
        Ok(AuditRow {
            seq: row.get("seq")?,
            at: row.get::<_, Moment>("at")?.time(),
            event: row.get::<_, Json<_>>("event")?.0,
            hash: row.get("hash")?,
        })
    })?;
    readable("audit", rows)
}
