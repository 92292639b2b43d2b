//! Fields of a line that are read without trust in their type.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::Wire;

/// A field of a JSON object that may be absent, null, or of another type than today's.
///
/// An engine's update that turns a number into a text must cost one field and not the line. A wire format is therefore
/// made of these, by [`wire!`](crate::wire!): reading it fails only if the line is no JSON object at all, each field is
/// looked at when it is needed, and what no field names is skipped without being kept.
///
/// ```
/// use takopi_api::jsonl::{Field, Wire};
///
/// takopi_api::wire! {
///     struct Item<'a> {
///         "command" => command: Field<'a>,
///         "exit_code" => exit_code: Field<'a>,
///     }
/// }
///
/// let item = Item::read(r#"{"command":"ls","exit_code":"three","new":[]}"#).unwrap();
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

    /// The object, if it is one. For what is seldom looked at; [`Object`](super::Object) needs no second pass.
    #[must_use]
    pub fn object<T: Wire<'a>>(self) -> Option<T> {
        T::read(self.0?.get()).ok()
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
        match raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => unescaped(inner),
            None => Cow::Borrowed(raw.get()),
        }
    }

    /// The text without the blanks around it.
    #[must_use]
    pub fn trimmed(self) -> Cow<'a, str> {
        match self.text() {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
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

/// What stands between the quotes of a JSON string, which was looked through when the line was read. Most strings have no
/// escapes, and long ones have few: what lies between two of them is copied in one piece.
fn unescaped(inner: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'\\', inner.as_bytes()) else { return Cow::Borrowed(inner) };
    let mut text = String::with_capacity(inner.len());
    let (mut plain, mut rest) = inner.split_at(first);
    loop {
        text.push_str(plain);
        let Some((c, length)) = escape(rest) else { break };
        text.push(c);
        rest = &rest[length..];
        (plain, rest) = rest.split_at(memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len()));
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of the escape with which a text begins, and how long the escape is. Half a character, which programs
/// leave that count in UTF-16 and cut, is U+FFFD: the rest of the text is still one.
fn escape(text: &str) -> Option<(char, usize)> {
    let c = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return escaped_unit(text),
        &c @ (b'"' | b'\\' | b'/') => char::from(c),
        _ => return None,
    };
    Some((c, 2))
}

fn escaped_unit(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let pair = [first, unit(6).unwrap_or_default()];
    match char::decode_utf16(pair).next()? {
        Ok(c) => Some((c, 6 * c.len_utf16())),
        Err(_) => Some((char::REPLACEMENT_CHARACTER, 6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::wire! {
        struct Pair<'a> {
            "a" => a: Field<'a>,
            "b" => b: Field<'a>,
        }
    }

    #[test]
    fn a_field_of_another_type_costs_only_itself() {
        let wire = Pair::read(r#"{"a":[1,"two",3],"b":{"x":"\u00e4"},"c":7}"#).unwrap();
        assert_eq!(wire.a.elements::<i32>(), [1, 3]);
        assert_eq!(wire.a.read::<bool>(), None);
        assert_eq!(wire.b.text(), r#"{"x":"\u00e4"}"#);
        let wire = Pair::read(r#"{"a":null,"b":"a\nb"}"#).unwrap();
        assert!(!wire.a.is_present());
        assert_eq!((wire.a.text(), wire.b.text()), ("".into(), "a\nb".into()));
    }

    #[test]
    fn half_a_character_costs_only_itself() {
        let check = |json: &str, expected: &str| {
            let json = format!(r#"{{"a":"{json}"}}"#);
            let wire = Pair::read(&json).unwrap();
            assert_eq!(wire.a.text(), expected);
        };
        check(r"one\nhalf \ud83d", "one\nhalf \u{fffd}");
        check(r"\udc00 \ud83d\ude00 ä", "\u{fffd} \u{1f600} ä");
        check(r"\ud83d\\ud83d", "\u{fffd}\\ud83d");
        check(r"\ud83d\n", "\u{fffd}\n");
        check(r"\ud83d\u0041", "\u{fffd}A");
        check(r"\ud83d", "\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_read_back(text in "(.|[\"\\\\\\x00-\\x20\u{1f600}]){0,40}") {
            let plain = serde_json::to_string(&text).unwrap();
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            for json in [plain, format!("\"{units}\"")] {
                let field: Field<'_> = serde_json::from_str(&json).unwrap();
                proptest::prop_assert_eq!(field.text(), text.as_str());
            }
        }
    }

    #[test]
    fn plain_text_is_not_copied() {
        let wire = Pair::read(r#"{"a":"plain"}"#).unwrap();
        assert!(matches!(wire.a.text(), Cow::Borrowed("plain")));
        for (json, trimmed) in
            [(r#"" a\n ""#, "a"), (r#"" a ""#, "a"), (r#""a\nb""#, "a\nb"), (r#""\n""#, "")]
        {
            assert_eq!(serde_json::from_str::<Field<'_>>(json).unwrap().trimmed(), trimmed);
        }
    }
}
