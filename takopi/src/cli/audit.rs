//! `takopi audit`: what engines asked and what became of it, read from the state beside a takopi that may be running.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use serde::Serialize;

use super::Session;
use super::error::CliError;
use super::output;
use super::state::{look, print_json, seconds};
use super::table::table;
use crate::age::ago;
use crate::store::{AuditEvent, AuditRow, DecidedBy, FILE, Verdict, Verified};

#[derive(Debug, clap::Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the youngest rows, youngest last
    List(ListArgs),
    /// Look whether every row is as it was written
    #[command(long_about = VERIFY)]
    Verify,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only what is younger, such as 90m, 12h or 7d
    #[arg(long, value_name = "AGE", value_parser = age)]
    since: Option<Duration>,
    /// Print JSON: one array, times in seconds since 1970
    #[arg(long)]
    json: bool,
}

const VERIFY: &str = "\
Look whether every row is as it was written.

Each row has the hash of the one before it. The first row that was changed, taken away, put in or moved is named, and the \
exit code is 1. Rows that are missing at the end are noticed by the number and hash of the last one, which also stand \
elsewhere in the file.

Who can write to the file could write all of it anew. Where that matters, keep the hash that is printed somewhere else, \
and look for it in `takopi audit list --json` later.";

pub(super) fn run(args: &AuditArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    session.warn();
    match &args.command {
        Command::List(args) => list(args, session),
        Command::Verify => verify(session),
    }
}

/// A row as programs read it.
#[derive(Serialize)]
struct Row<'a> {
    seq: i64,
    at: Option<u64>,
    hash: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
}

fn list(args: &ListArgs, session: &Session<'_>) -> Result<ExitCode, CliError> {
    // Longer ago than there are times is from the beginning on.
    let since = args.since.and_then(|age| SystemTime::now().checked_sub(age));
    let rows = match look(session)? {
        Some(look) => look.audit(since, args.limit).map_err(|error| CliError::new(error.to_string()))?,
        None => Vec::new(),
    };
    if args.json {
        let rows: Vec<Row<'_>> = rows
            .iter()
            .map(|row| Row {
                seq: row.seq,
                at: seconds(row.at),
                hash: row.hash.to_string(),
                event: &row.event,
            })
            .collect();
        return print_json(&rows);
    }
    if rows.is_empty() {
        output::line("no engine asked for anything");
        return Ok(ExitCode::SUCCESS);
    }
    let lines: Vec<[String; 3]> = rows.iter().map(columns).collect();
    output::data(&output::harmless(&table(&lines)))?;
    Ok(ExitCode::SUCCESS)
}

fn columns(row: &AuditRow) -> [String; 3] {
    // What engines wrote stays on its line.
    let said = said(&row.event).split_whitespace().collect::<Vec<_>>().join(" ");
    [row.seq.to_string(), ago(row.at), said]
}

fn said(event: &AuditEvent) -> String {
    let somebody = |person: &Option<takopi_api::message::Sender>| {
        person.as_ref().map_or_else(
            || "whoever was at the terminal".to_owned(),
            |person| match &person.name {
                Some(name) => format!("{name} ({})", person.id.as_str()),
                None => person.id.as_str().to_owned(),
            },
        )
    };
    match event {
        AuditEvent::Asked { request, engine, tool, title, place, .. } => {
            let tool = tool.as_ref().map(|tool| format!(" for {tool}")).unwrap_or_default();
            format!("request {request}: {engine} asked{tool} in {place}: {title}")
        }
        AuditEvent::Decided { request, decision, by } => {
            let how = match decision {
                Verdict::AllowOnce => "allowed once",
                Verdict::AllowSession => "allowed for the session",
                Verdict::AllowAlways => "always allowed",
                Verdict::Deny => "denied",
                Verdict::Answer => "answered",
            };
            match by {
                DecidedBy::Person(person) => format!("request {request}: {how} by {}", somebody(person)),
                DecidedBy::Rule(rule) => format!("request {request}: {how} by rule {rule}"),
                DecidedBy::Takopi(why) => format!("request {request}: {how} by takopi: {why}"),
            }
        }
        AuditEvent::Expired { request } => {
            format!("request {request}: nobody decided in time, so it was denied")
        }
        AuditEvent::Withdrawn { request } => format!("request {request}: not asked any more"),
        AuditEvent::CutOff { request } => format!("request {request}: takopi ended while it was open"),
        AuditEvent::RuleMade { rule, engine, thread, folder, covers, by, .. } => {
            let covers = takopi_api::markdown::plain(&crate::chat::requests::rules::covered(covers));
            let scope = if thread.is_some() { ", in one session" } else { "" };
            format!("rule {rule}: {covers} in {folder} is allowed for {engine}{scope}, by {}", somebody(by))
        }
        AuditEvent::RuleRevoked { rule, by } => format!("rule {rule}: revoked by {}", somebody(by)),
    }
}

fn verify(session: &Session<'_>) -> Result<ExitCode, CliError> {
    let verified = match look(session)? {
        Some(look) => look.verify_audit().map_err(|error| CliError::new(error.to_string()))?,
        None => Verified::Whole { rows: 0, hash: None },
    };
    match verified {
        Verified::Whole { rows: 0, .. } => output::line("the audit has no rows yet"),
        Verified::Whole { rows, hash } => {
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            let hash = hash.map(|hash| format!(", the last hash is {hash}")).unwrap_or_default();
            output::data(&format!("the audit is as it was written: {rows}{hash}\n"))?;
        }
        Verified::Broken { seq, what } => {
            let file = session.config.folder().join(FILE);
            return Err(CliError::new(format!("the audit is not as it was written: row {seq}: {what}"))
                .hint("the rows before it are whole: `takopi audit list --json`")
                .hint(format!(
                    "somebody had {} open to write, or an older copy of it was put back",
                    file.display()
                )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An age: a number and one letter.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no age: write a number and m, h or d, such as 90m, 12h or 7d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    // No sign: `parse` would take one.
    let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let count: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_number_and_a_unit() {
        assert_eq!(age("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(age("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in [
            "",
            "7",
            "d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "1y",
            "7é",
            "99999999999999999999d",
            &format!("{}d", u64::MAX),
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
