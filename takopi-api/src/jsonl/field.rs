//! Fields of a line that are read without trust in their type.

use std::borrow::Cow;

use serde::de::{Deserialize, DeserializeOwned};
use serde_json::value::RawValue;

use super::reader::{Malformed, Reader};
use super::text::unescaped;
use super::wire::{Slot, Wire};

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
pub struct Field<'a>(Option<&'a str>);

impl<'a> Field<'a> {
    /// A value that stands by itself.
    ///
    /// # Errors
    /// If it is no JSON value, or more than one.
    pub fn parse(json: &'a str) -> Result<Self, Malformed> {
        let mut field = Self::default();
        let mut reader = Reader::new(json);
        field.fill(&mut reader)?;
        reader.end()?;
        Ok(field)
    }

    /// The value, if it is there and of this type.
    #[must_use]
    pub fn read<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.0?).ok()
    }

    /// The object, if it is one. For what is seldom looked at; [`Object`](super::Object) needs no second pass.
    #[must_use]
    pub fn object<T: Wire<'a>>(self) -> Option<T> {
        T::read(self.0?).ok()
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
        match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => unescaped(inner),
            None => Cow::Borrowed(raw),
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

impl<'a> Slot<'a> for Field<'a> {
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        self.0 = Some(reader.value()?).filter(|value| *value != "null");
        Ok(())
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
        let pair = Pair::read(r#"{"a":[1,"two",3],"b":{"x":"\u00e4"},"c":7}"#).unwrap();
        assert_eq!(pair.a.elements::<i32>(), [1, 3]);
        assert_eq!(pair.a.read::<bool>(), None);
        assert_eq!(pair.b.text(), r#"{"x":"\u00e4"}"#);
        let pair = Pair::read(r#"{"a":null,"b":"a\nb"}"#).unwrap();
        assert!(!pair.a.is_present());
        assert_eq!((pair.a.text(), pair.b.text()), ("".into(), "a\nb".into()));
    }

    #[test]
    fn plain_text_is_not_copied() {
        let field = Field::parse(r#" "plain" "#).unwrap();
        assert!(matches!(field.text(), Cow::Borrowed("plain")));
        assert!(Field::parse("1 2").is_err());
    }

    #[test]
    fn blanks_around_a_text_can_be_left_out() {
        for (json, trimmed) in
            [(r#"" a\n ""#, "a"), (r#"" a ""#, "a"), (r#""a\nb""#, "a\nb"), (r#""\n""#, "")]
        {
            assert_eq!(Field::parse(json).unwrap().trimmed(), trimmed);
        }
    }
}
