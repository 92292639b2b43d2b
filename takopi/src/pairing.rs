//! Letting somebody in by a code that was made on this machine: it is good once, for ten minutes, and in a private chat.
//!
//! `code` is what is typed, `attempt` decides whether a message is it, `file` is where it waits for a takopi that runs. Who
//! sends anything else hears nothing at all.

mod attempt;
mod code;
mod file;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json};
use takopi_api::config::ConfigError;
use takopi_api::error::Error;
use takopi_api::transport::{Newcomer, SetupContext, TransportBackend};

pub(crate) use attempt::{Attempt, LIFE, Over, Pairing};
pub(crate) use code::Code;
use file::Content;
pub(crate) use file::{Outcome, PairingFile, Seen};

use crate::config::{Document, KeyPath, Overrides, Reader};
use crate::project::Projects;

/// Somebody who is not heard wrote something in a private chat.
#[derive(Debug)]
pub(crate) struct Knock<'a> {
    pub(crate) transport: &'a str,
    pub(crate) newcomer: Newcomer,
    /// Who it is, for the person who made the code.
    pub(crate) who: String,
    pub(crate) text: &'a str,
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether a message could be a code at all.
pub(crate) fn is_code(text: &str) -> bool {
    Code::sent(text).is_some()
}

/// Lets somebody in if they sent the code that waits. Says whether they did.
///
/// # Errors
/// [`Error`] if the code was right, and they can not be let in all the same, or if nobody can look whether one waits.
pub(crate) fn answer(
    knock: Knock<'_>,
    reader: &Reader,
    backend: &dyn TransportBackend,
) -> Result<bool, Error> {
    let file = PairingFile::beside(reader.path());
    let changed = file.change(|mut pairing| {
        if !pairing.is_of(knock.transport) {
            return (Content::Open(pairing), Ok(false));
        }
        let name = pairing.name().to_owned();
        match pairing.attempt(knock.text, now()) {
            Attempt::NoCode | Attempt::Wrong => (Content::Open(pairing), Ok(false)),
            Attempt::Over(over) => (Content::Ended(name, Outcome::Over(over)), Ok(false)),
            Attempt::Right => {
                match admit(reader, backend, knock.transport, &knock.newcomer, pairing.may_shut_out()) {
                    Ok(()) => (Content::Ended(name, Outcome::Paired(knock.who)), Ok(true)),
                    Err(error) => {
                        let outcome =
                            Outcome::Failed { why: error.to_string(), hints: error.hints().to_vec() };
                        (Content::Ended(name, outcome), Err(error))
                    }
                }
            }
        }
    });
    match changed {
        Ok(told) => told.unwrap_or(Ok(false)),
        Err(error) => Err(Error::new(format!("the code that waits can not be read: {error}"))),
    }
}

/// Writes into the configuration that somebody is heard. What else stands there stays.
///
/// # Errors
/// [`Error`] if that can not be; the file is then as it was.
pub(crate) fn admit(
    reader: &Reader,
    backend: &dyn TransportBackend,
    transport: &str,
    newcomer: &Newcomer,
    may_shut_out: bool,
) -> Result<(), Error> {
    let config = reader.load().map_err(told)?;
    let projects = Projects::new(&config).infos();
    let table = config.transport(transport).map_err(told)?;
    let context = SetupContext::new(&table, reader.path()).projects(&projects);
    if !may_shut_out && let Some(lost) = backend.lost_by_admitting(&context).map_err(told)? {
        return Err(Error::new(format!("this would shut out {lost}"))
            .hint("run `takopi pair` again, and say yes to that"));
    }
    let keys: Map<String, Json> = backend.admit(&context, newcomer)?.parse().map_err(told)?;
    let opened = Document::open_migrated(reader.path()).map_err(told)?;
    let mut document = opened.map_or_else(|| Document::parse(reader.path(), ""), Ok).map_err(told)?;
    document.set_all(&["transports", transport], keys.clone()).map_err(told)?;
    let after = reader.parse_over(&document.text()).map_err(told)?;
    let after: Map<String, Json> =
        after.transport(transport).and_then(|table| table.parse()).map_err(told)?;
    if let Some((name, _)) = keys.iter().find(|(name, value)| after.get(*name) != Some(value)) {
        return Err(Error::new(format!(
            "`transports.{transport}.{name}` is said by the environment, which wins over the file"
        ))
        .hint("take that variable away, and start takopi anew"));
    }
    let alone = Reader::new(reader.path(), reader.vocabulary().clone(), Overrides::default());
    document.save(&alone, &KeyPath::new(["transports"], transport)).map_err(told)?;
    Ok(())
}

fn told(error: ConfigError) -> Error {
    let said = Error::new(error.to_string());
    error.hints.into_iter().fold(said, Error::hint)
}
