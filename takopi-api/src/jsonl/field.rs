//! Fields of a line that are read without trust in their type.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use memchr::memchr;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
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

/// An object within a line: read in the same pass, and nothing if the line has something else there.
#[derive(Debug, Clone, Copy)]
pub struct Object<T>(Option<T>);

impl<T> Object<T> {
    /// The object, if it is one.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Object<T>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Object<T>, E> {
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Object<T>, E> {
        Ok(Object(None))
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
    fn an_object_is_read_in_place_and_nothing_else_costs_the_line() {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Outer<'a> {
            #[serde(borrow)]
            inner: Object<Wire<'a>>,
            #[serde(borrow)]
            b: Field<'a>,
        }
        let read = |json: &'static str| serde_json::from_str::<Outer<'_>>(json).unwrap();
        assert_eq!(read(r#"{"inner":{"a":"x","c":[1]},"b":1}"#).inner.get().unwrap().a.text(), "x");
        for other in [r#"[1,{"a":2}]"#, r#""text\u00e4""#, "1", "-1", "1.5", "true", "null"] {
            let json: &'static str = Box::leak(format!(r#"{{"inner":{other},"b":"kept"}}"#).into_boxed_str());
            let outer = read(json);
            assert!(outer.inner.get().is_none(), "{other}");
            assert_eq!(outer.b.text(), "kept", "{other}");
        }
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
