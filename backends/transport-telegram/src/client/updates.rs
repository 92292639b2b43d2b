//! The updates of a poll, each read by itself: one that can not be read costs no other.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::Update;

/// An update as it came.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// One that can be read, and its JSON.
    Read(Box<Update>, Box<str>),
    /// One that can not.
    Unreadable {
        /// Its number, if at least that could be found.
        id: Option<i64>,
        /// Why.
        reason: String,
    },
}

/// The result of a poll.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Batch(Vec<Box<RawValue>>);

impl Batch {
    pub(super) fn read(self) -> Vec<Delivered> {
        self.0.iter().map(|raw| Delivered::parse(raw.get())).collect()
    }
}

/// How every update begins.
const BEGIN: &str = "{\"update_id\":";

/// What the answer to a poll begins with.
const ANSWER: &str = "{\"ok\":true";

impl Delivered {
    /// Reads the JSON of one update. What follows it is left alone.
    pub(crate) fn parse(text: &str) -> Self {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        let parsed = match values.next() {
            Some(Ok(raw)) => serde_json::from_str(raw.get()).map(|update| (update, raw.get())),
            Some(Err(error)) => Err(error),
            None => return Self::Unreadable { id: None, reason: "it is empty".to_owned() },
        };
        match parsed {
            Ok((update, raw)) => Self::Read(Box::new(update), raw.into()),
            Err(error) => Self::Unreadable { id: number(text), reason: error.to_string() },
        }
    }

    /// The number of the update.
    pub(crate) fn id(&self) -> Option<i64> {
        match self {
            Self::Read(update, _) => Some(update.update_id),
            Self::Unreadable { id, .. } => *id,
        }
    }
}

/// The number of an update, whatever follows it.
fn number(text: &str) -> Option<i64> {
    let key = "\"update_id\":";
    let digits = text[text.find(key)? + key.len()..].trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// The updates of an answer that as a whole is no JSON. `None` if it is not an answer with updates at all, such as the
/// page of a proxy, or has none that is worth anything: then it is better asked for again.
pub(super) fn rescued(text: &str) -> Option<Vec<Delivered>> {
    let text = text.trim_start();
    if !text.starts_with(ANSWER) {
        return None;
    }
    let starts: Vec<usize> = text.match_indices(BEGIN).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let mut found: Vec<Delivered> =
        starts.iter().zip(ends).map(|(start, end)| Delivered::parse(&text[*start..end])).collect();
    // What is cut off at the end comes whole the next time; only what has others behind it is broken for good.
    let complete = found.iter().rposition(|delivered| matches!(delivered, Delivered::Read(..)))?;
    found.truncate(complete + 1);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &[Delivered]) -> Vec<String> {
        let show = |delivered: &Delivered| match delivered {
            Delivered::Read(update, _) => format!("{}", update.update_id),
            Delivered::Unreadable { id, .. } => format!("bad {id:?}"),
        };
        found.iter().map(show).collect()
    }

    #[test]
    fn an_update_that_is_not_as_expected_costs_no_other() {
        let batch: Batch = serde_json::from_str(
            r#"[{"update_id":1},{"update_id":2,"message":{"message_id":"x"}},{"update_id": 3, "new_thing":{}},7]"#,
        )
        .unwrap();
        assert_eq!(shown(&batch.read()), ["1", "bad Some(2)", "3", "bad None"]);
    }

    #[test]
    fn updates_are_found_around_one_that_is_no_json() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let found = rescued(text).map(|found| shown(&found));
            let expected = expected.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(found, expected);
        };
        check(
            r#"{"ok":true,"result":[{"update_id":1},{"update_id":2,"message":{"text":"{\"update_id\":9,"},{"update_id":3}]}"#,
            Some(&["1", "bad Some(2)", "3"]),
        );
        check(r#"{"ok":true,"result":[{"update_id":1},{"update_id":2,"mess"#, Some(&["1"]));
        check(r#"{"ok":true,"result":[{"update_id":2,"mess"#, None);
        check("<html>log in to this network</html>", None);
        check("", None);
    }
}
