//! What runs used.

use std::time::SystemTime;

use rusqlite::Connection;
use takopi_api::engine::EngineId;
use takopi_api::event::Usage;
use takopi_api::runtime::StoreError;

use super::Store;
use super::columns::{Moment, Text, readable};

/// What the runs of an engine with a model used. Figures that an engine did not tell are not in the sums.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageTotal {
    /// The engine.
    pub engine: EngineId,
    /// The model, if the engine told it.
    pub model: Option<String>,
    /// How many runs there were.
    pub runs: u64,
    /// Tokens that the model read, cached ones included.
    pub input_tokens: u64,
    /// Tokens of these that came out of a cache.
    pub cached_input_tokens: u64,
    /// Tokens that the model wrote, those of its reasoning included.
    pub output_tokens: u64,
    /// Tokens of these that it wrote while it thought.
    pub reasoning_output_tokens: u64,
    /// What it cost, in US dollars.
    pub cost_usd: f64,
}

impl Store {
    /// What the runs that ended since then used, by engine and model.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage(&self, since: SystemTime) -> Result<Vec<UsageTotal>, StoreError> {
        let since = Moment::from(since);
        self.read(move |connection| Ok(totals(connection, since)?)).await
    }
}

/// Adds the figures of a run.
pub(super) fn insert(
    connection: &Connection,
    run: i64,
    usage: Option<&Usage>,
    now: Moment,
) -> rusqlite::Result<()> {
    let figure = |read: fn(&Usage) -> Option<u64>| {
        usage.and_then(read).map(|figure| i64::try_from(figure).unwrap_or(i64::MAX))
    };
    connection
        .prepare_cached(
            "INSERT INTO usage (run, place, person, engine, project, model, input_tokens, cached_input_tokens,
                    output_tokens, reasoning_output_tokens, cost_usd, duration_ms, ended_at)
             SELECT id, place, person, engine, project, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             FROM runs WHERE number = ?1",
        )?
        .execute((
            run,
            usage.and_then(|usage| usage.model.as_deref()),
            figure(|usage| usage.input_tokens),
            figure(|usage| usage.cached_input_tokens),
            figure(|usage| usage.output_tokens),
            figure(|usage| usage.reasoning_output_tokens),
            usage.and_then(|usage| usage.cost_usd),
            figure(|usage| usage.duration_ms),
            now,
        ))?;
    Ok(())
}

fn totals(connection: &Connection, since: Moment) -> rusqlite::Result<Vec<UsageTotal>> {
    // `total` adds as floating point, and so never overflows whatever an engine has told.
    let mut statement = connection.prepare_cached(
        "SELECT engine, model, count(*) AS runs, total(input_tokens) AS input_tokens,
                total(cached_input_tokens) AS cached_input_tokens, total(output_tokens) AS output_tokens,
                total(reasoning_output_tokens) AS reasoning_output_tokens, total(cost_usd) AS cost_usd
         FROM usage WHERE ended_at >= ?1 GROUP BY engine, model ORDER BY engine, model",
    )?;
    let rows = statement.query_map((since,), |row| {
        let sum = |column: &str| row.get::<_, f64>(column).map(|sum| sum as u64);
        Ok(UsageTotal {
            engine: row.get::<_, Text<_>>("engine")?.0,
            model: row.get("model")?,
            runs: row.get::<_, u32>("runs")?.into(),
            input_tokens: sum("input_tokens")?,
            cached_input_tokens: sum("cached_input_tokens")?,
            output_tokens: sum("output_tokens")?,
            reasoning_output_tokens: sum("reasoning_output_tokens")?,
            cost_usd: row.get("cost_usd")?,
        })
    })?;
    readable("usage", rows)
}
