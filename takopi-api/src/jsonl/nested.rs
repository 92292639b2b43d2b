//! Objects and lists within a line, read in the same pass as the line itself.
//!
//! A [`Field`](super::Field) costs a pass to find its end and another one to be read; for what holds the bulk of a line that
//! is one too many. These are as tolerant: what has another form than expected is nothing, or its text, and the rest of
//! the line is read all the same.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands where an object or a list is expected.
#[derive(Debug, Clone)]
enum Found<'a, T> {
    Value(T),
    Text(Cow<'a, str>),
    Nothing,
}

/// An object, or a text that stands in its place.
#[derive(Debug, Clone)]
pub struct Object<'a, T>(Found<'a, T>);

impl<T> Object<'_, T> {
    /// The object, if it is one.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        match &self.0 {
            Found::Value(object) => Some(object),
            Found::Text(_) | Found::Nothing => None,
        }
    }

    /// The text that stands in its place; else an empty one.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.0 {
            Found::Text(text) => text,
            Found::Value(_) | Found::Nothing => "",
        }
    }
}

impl<T> Default for Object<'_, T> {
    fn default() -> Self {
        Self(Found::Nothing)
    }
}

/// A list of objects, without what else is in it, or a text that stands in its place.
#[derive(Debug, Clone)]
pub struct Objects<'a, T>(Found<'a, Vec<T>>);

impl<T> Objects<'_, T> {
    /// The objects.
    #[must_use]
    pub fn get(&self) -> &[T] {
        match &self.0 {
            Found::Value(objects) => objects,
            Found::Text(_) | Found::Nothing => &[],
        }
    }

    /// The text that stands in their place; else an empty one.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.0 {
            Found::Text(text) => text,
            Found::Value(_) | Found::Nothing => "",
        }
    }
}

impl<T> Default for Objects<'_, T> {
    fn default() -> Self {
        Self(Found::Nothing)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Object<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData)).map(Self)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Objects<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectsVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

struct ObjectsVisitor<T>(PhantomData<T>);

/// What both visitors make of everything that is neither an object nor a list.
macro_rules! visit_others {
    ($value:ty) => {
        type Value = Found<'de, $value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Found::Text(Cow::Borrowed(text)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Found::Text(Cow::Owned(text.to_owned())))
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    visit_others!(T);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Found::Value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Nothing)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
    visit_others!(Vec<T>);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut objects = Vec::new();
        while let Some(element) = elements.next_element::<Object<'de, T>>()? {
            if let Found::Value(object) = element.0 {
                objects.push(object);
            }
        }
        Ok(Found::Value(objects))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::jsonl::Field;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Inner<'a> {
        #[serde(borrow)]
        a: Field<'a>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Line<'a> {
        #[serde(borrow)]
        object: Object<'a, Inner<'a>>,
        #[serde(borrow)]
        objects: Objects<'a, Inner<'a>>,
        #[serde(borrow)]
        last: Field<'a>,
    }

    fn check(json: &str, look: impl FnOnce(&Line<'_>)) {
        let line: Line<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(line.last.text(), "kept", "{json}");
        look(&line);
    }

    #[test]
    fn objects_are_read_in_place() {
        check(r#"{"object":{"a":"x","c":[1]},"last":"kept"}"#, |line| {
            assert_eq!(line.object.get().unwrap().a.text(), "x");
            assert!(line.objects.get().is_empty());
        });
        check(r#"{"objects":[{"a":1},2,{"b":3},[],"x"],"last":"kept"}"#, |line| {
            let texts: Vec<_> = line.objects.get().iter().map(|inner| inner.a.text()).collect();
            assert_eq!(texts, ["1", ""]);
        });
    }

    #[test]
    fn texts_in_their_place_are_kept_and_nothing_else_costs_the_line() {
        for other in
            ["1", "-1", "1.5", "true", "null", "[1,{\"a\":[]}]", "{\"a\":{\"b\":[]}}", "\"t\\u00e4\""]
        {
            check(&format!(r#"{{"object":{other},"objects":{other},"last":"kept"}}"#), |line| {
                let text = if other.starts_with('"') { "t\u{e4}" } else { "" };
                assert_eq!((line.object.text(), line.objects.text()), (text, text), "{other}");
            });
        }
    }
}
