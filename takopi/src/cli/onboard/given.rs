//! The setup without questions: keys that were given, written as one change.

use takopi_api::plugin::Backend;

use crate::cli::error::CliError;
use crate::cli::{Session, open_reader, output};
use crate::config::{Document, FileSchema, KeyPath, Overrides, Reader, Setting};
use crate::paths;
use crate::plugins::Linked;

/// A key and what it is to be, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Given {
    key: KeyPath,
    value: String,
}

/// Reads `KEY=VALUE`.
pub(in crate::cli) fn given(typed: &str) -> Result<Given, String> {
    let (key, value) = typed.split_once('=').ok_or_else(|| format!("expected KEY=VALUE, found {typed:?}"))?;
    let key = key.trim().parse::<KeyPath>().map_err(|error| error.to_string())?;
    Ok(Given { key, value: value.to_owned() })
}

/// Writes the keys, all of them or none, and reads what the file says then.
pub(in crate::cli) fn write<'a>(
    given: &[Given],
    session: Session<'a>,
    rows: &[&'static Backend],
    linked: &'a Linked,
) -> Result<Session<'a>, CliError> {
    let reader = session.reader;
    let schema = FileSchema::new(rows);
    let opened = Document::open_migrated(reader.path())?;
    let mut document = opened.map_or_else(|| Document::parse(reader.path(), ""), Ok)?;
    for Given { key, value } in given {
        document.set(key, &schema.normalized(key, Setting::typed(value)))?;
    }
    // What the environment says is no part of the file.
    let alone = Reader::new(reader.path(), reader.vocabulary().clone(), Overrides::default());
    if let Some(Given { key, .. }) = given.last() {
        document.save(&alone, key)?;
    }
    output::line(&format!("saved to {}", paths::shown(reader.path())));
    open_reader(reader, rows, linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_the_first_sign() {
        let given = given("transports.x.token = { env = \"A\" }").unwrap();
        assert_eq!(given.key.to_string(), "transports.x.token");
        assert_eq!(given.value, " { env = \"A\" }");
        for typed in ["", "key", "=1", "a..b=1", "a b=1"] {
            assert!(super::given(typed).is_err(), "{typed}");
        }
    }
}
