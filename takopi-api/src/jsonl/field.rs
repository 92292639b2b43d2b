//! Fields of a line that are read without trust in their type.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

/// A field of a JSON object that may be absent, null, or of another type than today's.
///
/// An engine's update that turns a number into a text must cost one field and not the line. A wire format is therefore a
/// struct of these with `#[serde(default)]`: decoding it fails only if the line is no JSON object at all, each field is
/// looked at when it is needed, and what no field names is skipped without being kept.
///
/// ```
/// use takopi_api::jsonl::Field;
///
/// #[derive(serde::Deserialize)]
/// #[serde(default)]
/// #[derive(Default)]
/// struct Item<'a> {
///     #[serde(borrow)]
///     command: Field<'a>,
///     #[serde(borrow)]
///     exit_code: Field<'a>,
/// }
///
/// let item: Item = serde_json::from_str(r#"{"command":"ls","exit_code":"three","new":[]}"#).unwrap();
/// assert_eq!(item.command.text(), "ls");
/// assert_eq!(item.exit_code.read::<i32>(), None);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Field<'a>(Option<&'a RawValue>);

impl<'a> Field<'a> {
    /// The value, if it is there and of this type.
    #[must_use]
    pub fn read<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.0?.get()).ok()
    }

    /// The elements of an array that are of this type, without those that are not.
    #[must_use]
    pub fn elements<T: DeserializeOwned>(self) -> Vec<T> {
        let elements: Vec<&RawValue> = self.read().unwrap_or_default();
        elements.iter().filter_map(|element| serde_json::from_str(element.get()).ok()).collect()
    }

    /// The value as text: a string as it is, something else as its JSON, nothing as an empty text.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        let Some(raw) = self.0 else { return Cow::Borrowed("") };
        // Most strings have no escapes, and those are the text already.
        if let Some(inner) = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
            && memchr(b'\\', inner.as_bytes()).is_none()
        {
            return Cow::Borrowed(inner);
        }
        match serde_json::from_str::<Text<'a>>(raw.get()) {
            Ok(Text(text)) => text,
            // Programs that count in UTF-16 cut texts in the middle of a character. The rest of the text is still one.
            Err(_) if raw.get().starts_with('"') => serde_json::from_str(&without_lone_surrogates(raw.get()))
                .map_or(Cow::Borrowed(raw.get()), Cow::Owned),
            Err(_) => Cow::Borrowed(raw.get()),
        }
    }

    /// Whether there is a value other than null.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.0.is_some()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<&'a RawValue>::deserialize(deserializer).map(Self)
    }
}

/// A JSON string in which each escape of half a character is replaced by that of U+FFFD.
fn without_lone_surrogates(json: &str) -> String {
    let unit = |at: usize| {
        let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(c) = json[at..].chars().next() {
        let (length, is_lone) = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // The character after a backslash belongs to it, also if it is another backslash.
            (None, _) if c == '\\' => (1 + json[at + 1..].chars().next().map_or(0, char::len_utf8), false),
            _ => (c.len_utf8(), false),
        };
        whole.push_str(if is_lone { "\\ufffd" } else { &json[at..at + length] });
        at += length;
    }
    whole
}

/// A string that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Wire<'a> {
        #[serde(borrow)]
        a: Field<'a>,
        #[serde(borrow)]
        b: Field<'a>,
    }

    #[test]
    fn a_field_of_another_type_costs_only_itself() {
        let wire: Wire<'_> = serde_json::from_str(r#"{"a":[1,"two",3],"b":{"x":"\u00e4"},"c":7}"#).unwrap();
        assert_eq!(wire.a.elements::<i32>(), [1, 3]);
        assert_eq!(wire.a.read::<bool>(), None);
        assert_eq!(wire.b.text(), r#"{"x":"\u00e4"}"#);
        let wire: Wire<'_> = serde_json::from_str(r#"{"a":null,"b":"a\nb"}"#).unwrap();
        assert!(!wire.a.is_present());
        assert_eq!((wire.a.text(), wire.b.text()), ("".into(), "a\nb".into()));
    }

    #[test]
    fn half_a_character_costs_only_itself() {
        let check = |json: &str, expected: &str| {
            let json = format!(r#"{{"a":"{json}"}}"#);
            let wire: Wire<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(wire.a.text(), expected);
        };
        check(r"one\nhalf \ud83d", "one\nhalf \u{fffd}");
        check(r"\udc00 \ud83d\ude00 ä", "\u{fffd} \u{1f600} ä");
        check(r"\ud83d\\ud83d", "\u{fffd}\\ud83d");
        check(r"\ud83d\n", "\u{fffd}\n");
    }

    #[test]
    fn plain_text_is_not_copied() {
        let wire: Wire<'_> = serde_json::from_str(r#"{"a":"plain"}"#).unwrap();
        assert!(matches!(wire.a.text(), Cow::Borrowed("plain")));
    }
}
