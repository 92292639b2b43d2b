//! Rules: what people allowed for more than once.
//!
//! What is like what was allowed is said by [`Covers`], of which each request has at most one: a rule is for a request if
//! the two are the same. Nothing is matched here by patterns.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use takopi_api::engine::EngineId;
use takopi_api::message::{PersonId, Sender};
use takopi_api::resume::ResumeToken;
use takopi_api::runtime::StoreError;
use takopi_api::transport::TransportId;

use super::Store;
use super::audit::{self, AuditEvent};
use super::columns::{Folder, Json, Moment, Text, json, readable, thread};
use super::digest::Digest;
use super::error::Failure;
use super::place::{self, Place};

/// The number of a rule, by which people name it. It is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(i64);

impl RuleId {
    /// The rule that a person named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|&number| number > 0).map(Self)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl ToSql for RuleId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
    }
}

impl FromSql for RuleId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// What is like what was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covers {
    /// This command, and no other.
    Command {
        /// The tool that would run it, if the engine names it.
        tool: Option<String>,
        /// Its text.
        command: String,
        /// Where it would run, below the rule's folder; empty: in that folder.
        below: String,
    },
    /// What this tool does to files below the rule's folder.
    Files {
        /// The tool.
        tool: String,
    },
    /// This use of this tool, and no other.
    Input {
        /// The tool.
        tool: String,
        /// How that begins, for people.
        says: String,
        /// SHA-256 of all that was asked.
        digest: Digest,
    },
}

/// For how long a rule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleScope {
    /// For this thread of its engine.
    Session(ResumeToken),
    /// Until it is revoked.
    Always,
}

/// Something that a person allows for more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// For how long.
    pub scope: RuleScope,
    /// The alias of the project, for people to read.
    pub project: Option<String>,
    /// The folder that it is for: the project's, whatever worktree of it the run works in; without a project, the run's.
    pub folder: PathBuf,
    /// What it covers there.
    pub covers: Covers,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its number.
    pub id: RuleId,
    /// Whose requests it allows.
    pub engine: EngineId,
    /// For how long.
    pub scope: RuleScope,
    /// The alias that the project had when it was made.
    pub project: Option<String>,
    /// The folder that it is for.
    pub folder: PathBuf,
    /// What it covers there.
    pub covers: Covers,
    /// Where it was made.
    pub place: Place,
    /// Who made it; nobody: whoever was at the terminal.
    pub made_by: Option<Sender>,
    /// When.
    pub made_at: SystemTime,
}

/// Whose rules count for a request: those of people who could decide it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deciders {
    /// These.
    People(Vec<PersonId>),
    /// Whoever uses the transport: everybody there is the same person.
    Everybody,
}

impl Deciders {
    /// Whether a rule that this person made counts.
    fn has(&self, maker: Option<&Sender>) -> bool {
        match self {
            Self::Everybody => true,
            Self::People(people) => maker.is_some_and(|maker| people.contains(&maker.id)),
        }
    }
}

/// What a rule must be like to allow a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    /// The thread of the run, if it is known.
    pub thread: Option<ResumeToken>,
    /// The folder that the rule must be for.
    pub folder: PathBuf,
    /// What it must cover.
    pub covers: Covers,
    /// Whose rules count.
    pub deciders: Deciders,
}

/// What came of revoking a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It allows nothing any more.
    Now(Box<Rule>),
    /// It did not any more already, or was never there.
    NoSuchRule,
}

impl Store {
    /// The rules in force, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rules(&self) -> Result<Vec<Rule>, StoreError> {
        self.read(|connection| Ok(in_force(connection)?)).await
    }

    /// Revokes a rule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_rule(&self, rule: RuleId, by: Option<&Sender>) -> Result<Revoked, StoreError> {
        let (by, who, now) = (by.cloned(), json(&by)?, Moment::now());
        self.write(move |connection| {
            let Some(found) = find(connection, rule)? else { return Ok(Revoked::NoSuchRule) };
            connection
                .prepare_cached("UPDATE rules SET revoked_by = ?2, revoked_at = ?3 WHERE id = ?1")?
                .execute((rule, &who, now))?;
            audit::append(connection, &AuditEvent::RuleRevoked { rule, by: by.clone() }, now)?;
            Ok(Revoked::Now(Box::new(found)))
        })
        .await
    }
}

/// As the index `rules_in_force` has it.
pub(super) const OF_ENGINE_AND_FOLDER: &str =
    "rules.engine = ?1 AND rules.folder = ?2 AND rules.revoked_at IS NULL";

const RULES: &str = "SELECT rules.*, places.transport, places.channel, places.topic
     FROM rules JOIN places ON places.id = rules.place";

/// Makes a rule. One of the same person that says the same goes on in its place.
pub(super) fn make(
    connection: &Connection,
    engine: &EngineId,
    rule: &NewRule,
    place: &Place,
    by: Option<&Sender>,
    now: Moment,
) -> Result<RuleId, Failure> {
    let same = of_engine_and_folder(connection, engine, &rule.folder)?.into_iter().find(|known| {
        known.covers == rule.covers
            && known.scope == rule.scope
            && known.place.transport == place.transport
            && known.made_by.as_ref().map(|maker| &maker.id) == by.map(|maker| &maker.id)
    });
    if let Some(same) = same {
        return Ok(same.id);
    }
    let thread = match &rule.scope {
        RuleScope::Session(thread) if thread.engine() == engine => Some(thread.value()),
        RuleScope::Session(thread) => {
            return Err(Failure::Unfit(format!(
                "a thread of {} can have no rule for {engine}",
                thread.engine()
            )));
        }
        RuleScope::Always => None,
    };
    let text = |value: Result<String, StoreError>| value.map_err(|StoreError(error)| Failure::Unfit(error));
    let id = connection
        .prepare_cached(
            "INSERT INTO rules (engine, thread, project, folder, covers, place, made_by, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .insert((
            engine.as_str(),
            thread,
            rule.project.as_deref(),
            Folder(&rule.folder),
            text(json(&rule.covers))?,
            place::find_or_add(connection, &place.transport, &place.address)?,
            text(json(&by))?,
            now,
        ))
        .map(RuleId)?;
    let event = AuditEvent::RuleMade {
        rule: id,
        engine: engine.clone(),
        thread: thread.map(str::to_owned),
        folder: rule.folder.to_string_lossy().into_owned(),
        covers: rule.covers.clone(),
        place: place.to_string(),
        by: by.cloned(),
    };
    audit::append(connection, &event, now)?;
    Ok(id)
}

/// The rule that allows a request of this engine, which came by this transport.
pub(super) fn allowing(
    connection: &Connection,
    engine: &EngineId,
    transport: &TransportId,
    like: &Like,
) -> Result<Option<Rule>, Failure> {
    let rules = of_engine_and_folder(connection, engine, &like.folder)?;
    Ok(rules.into_iter().find(|rule| {
        let is_in_scope = match &rule.scope {
            RuleScope::Session(thread) => like.thread.as_ref() == Some(thread),
            RuleScope::Always => true,
        };
        is_in_scope
            && rule.covers == like.covers
            && rule.place.transport == *transport
            && like.deciders.has(rule.made_by.as_ref())
    }))
}

fn of_engine_and_folder(
    connection: &Connection,
    engine: &EngineId,
    folder: &std::path::Path,
) -> rusqlite::Result<Vec<Rule>> {
    let mut statement =
        connection.prepare_cached(&format!("{RULES} WHERE {OF_ENGINE_AND_FOLDER} ORDER BY rules.id"))?;
    readable("rules", statement.query_map((engine.as_str(), Folder(folder)), read)?)
}

pub(super) fn in_force(connection: &Connection) -> rusqlite::Result<Vec<Rule>> {
    let mut statement =
        connection.prepare_cached(&format!("{RULES} WHERE rules.revoked_at IS NULL ORDER BY rules.id"))?;
    readable("rules", statement.query_map((), read)?)
}

fn find(connection: &Connection, id: RuleId) -> rusqlite::Result<Option<Rule>> {
    connection
        .prepare_cached(&format!("{RULES} WHERE rules.id = ?1 AND rules.revoked_at IS NULL"))?
        .query_one((id,), read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Rule> {
    let Text(engine) = row.get::<_, Text<EngineId>>("engine")?;
    let scope = match row.get::<_, Option<String>>("thread")? {
        Some(name) => RuleScope::Session(thread(engine.clone(), name)?),
        None => RuleScope::Always,
    };
    Ok(Rule {
        id: row.get("id")?,
        engine,
        scope,
        project: row.get("project")?,
        folder: row.get::<_, Folder<PathBuf>>("folder")?.0,
        covers: row.get::<_, Json<_>>("covers")?.0,
        place: place::read(row)?,
        made_by: row.get::<_, Json<_>>("made_by")?.0,
        made_at: row.get::<_, Moment>("made_at")?.time(),
    })
}
