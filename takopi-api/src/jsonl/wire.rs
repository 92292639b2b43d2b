//! The forms of an engine's lines: which fields takopi looks at, in objects whose other fields are skipped.
//!
//! A line is read in one pass, straight into the place where its fields stay. It is as tolerant as [`Field`]: what has
//! another form than expected is nothing, or its text, and the rest of the line is read all the same.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Field;

/// An object of a known form: made by [`wire!`](crate::wire!).
pub trait Wire<'a>: Default {
    /// Reads the value of a key of the object, or skips it.
    ///
    /// # Errors
    /// Those of the JSON.
    fn entry<M: MapAccess<'a>>(&mut self, key: &str, values: &mut M) -> Result<(), M::Error>;

    /// Reads a line.
    ///
    /// # Errors
    /// If it is no JSON object.
    fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        let mut object = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer.deserialize_map(Entries(&mut object))?;
        deserializer.end()?;
        Ok(object)
    }
}

/// Where the value of a key stays.
pub trait Slot<'a> {
    /// Reads the value, whatever it is.
    ///
    /// # Errors
    /// Those of the JSON.
    fn fill<D: Deserializer<'a>>(&mut self, value: D) -> Result<(), D::Error>;

    /// Reads the value that comes next.
    ///
    /// # Errors
    /// Those of the JSON.
    fn fill_next<M: MapAccess<'a>>(&mut self, values: &mut M) -> Result<(), M::Error> {
        values.next_value_seed(Place(self))
    }
}

impl<'a> Slot<'a> for Field<'a> {
    fn fill<D: Deserializer<'a>>(&mut self, value: D) -> Result<(), D::Error> {
        *self = Field::deserialize(value)?;
        Ok(())
    }
}

/// Gives forms to objects, as structs that are read in place: each line is the name of a field in the JSON, and in Rust.
///
/// The types are [`Field`](crate::jsonl::Field) for a single value, [`Object`](crate::jsonl::Object) and
/// [`Objects`](crate::jsonl::Objects) for objects of a form and lists of them. What no line names is skipped.
///
/// ```
/// use takopi_api::jsonl::{Field, Object, Wire};
///
/// takopi_api::wire! {
///     /// One line.
///     struct Line<'a> {
///         "type" => kind: Field<'a>,
///         "item" => item: Object<'a, Item<'a>>,
///     }
///
///     struct Item<'a> {
///         "exit_code" => exit_code: Field<'a>,
///     }
/// }
///
/// let line = Line::read(r#"{"type":"command","item":{"exit_code":3,"new":[]}}"#).unwrap();
/// assert_eq!(line.kind.text(), "command");
/// assert_eq!(line.item.get().unwrap().exit_code.read::<i32>(), Some(3));
/// ```
#[macro_export]
macro_rules! wire {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$a:lifetime> {
            $($(#[$field_meta:meta])* $key:literal => $field:ident: $slot:ty,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<$a> {
            $($(#[$field_meta])* $vis $field: $slot,)*
        }

        impl<$a> $crate::jsonl::Wire<$a> for $name<$a> {
            fn entry<M>(&mut self, key: &str, values: &mut M) -> ::std::result::Result<(), M::Error>
            where
                M: $crate::__private::serde::de::MapAccess<$a>,
            {
                match key {
                    $($key => $crate::jsonl::Slot::fill_next(&mut self.$field, values),)*
                    _ => values.next_value::<$crate::__private::serde::de::IgnoredAny>().map(drop),
                }
            }
        }
    )*};
}

/// An object of a form, or a text that stands in its place.
#[derive(Debug, Clone, Default)]
pub struct Object<'a, T> {
    object: T,
    is_object: bool,
    text: Cow<'a, str>,
}

impl<T> Object<'_, T> {
    /// The object, if it is one.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        if self.is_object { Some(&self.object) } else { None }
    }

    /// The object; if it is none, one in which nothing is.
    #[must_use]
    pub const fn fields(&self) -> &T {
        &self.object
    }

    /// The text that stands in its place; else an empty one.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A list of objects of a form, without what else is in it, or a text that stands in its place.
#[derive(Debug, Clone)]
pub struct Objects<'a, T> {
    objects: Vec<T>,
    text: Cow<'a, str>,
}

impl<T> Objects<'_, T> {
    /// The objects.
    #[must_use]
    pub fn get(&self) -> &[T] {
        &self.objects
    }

    /// The text that stands in their place; else an empty one.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<T> Default for Objects<'_, T> {
    fn default() -> Self {
        Self { objects: Vec::new(), text: Cow::default() }
    }
}

impl<'a, T: Wire<'a>> Slot<'a> for Object<'a, T> {
    fn fill<D: Deserializer<'a>>(&mut self, value: D) -> Result<(), D::Error> {
        // A key that comes twice means the second time.
        if self.is_object {
            *self = Self::default();
        }
        value.deserialize_any(Place(self))
    }
}

impl<'a, T: Wire<'a>> Slot<'a> for Objects<'a, T> {
    fn fill<D: Deserializer<'a>>(&mut self, value: D) -> Result<(), D::Error> {
        self.objects.clear();
        value.deserialize_any(Place(self))
    }
}

/// The way of the JSON's reader to a slot.
struct Place<'p, S: ?Sized>(&'p mut S);

impl<'a, S: Slot<'a> + ?Sized> DeserializeSeed<'a> for Place<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, value: D) -> Result<(), D::Error> {
        self.0.fill(value)
    }
}

/// What objects and lists make of everything that is neither.
macro_rules! visit_others {
    () => {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }

        fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
            self.0.text = Cow::Borrowed(text);
            Ok(())
        }

        fn visit_str<E>(self, text: &str) -> Result<(), E> {
            self.0.text = Cow::Owned(text.to_owned());
            Ok(())
        }

        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }

        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }

        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }

        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }

        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
}

impl<'a, T: Wire<'a>> Visitor<'a> for Place<'_, Object<'a, T>> {
    visit_others!();

    fn visit_map<M: MapAccess<'a>>(self, entries: M) -> Result<(), M::Error> {
        self.0.is_object = true;
        Entries(&mut self.0.object).visit_map(entries)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'a, T: Wire<'a>> Visitor<'a> for Place<'_, Objects<'a, T>> {
    visit_others!();

    fn visit_map<M: MapAccess<'a>>(self, mut entries: M) -> Result<(), M::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut element = Object::default();
        while elements.next_element_seed(Place(&mut element))?.is_some() {
            if element.is_object {
                self.0.objects.push(std::mem::take(&mut element).object);
            }
        }
        Ok(())
    }
}

/// The entries of an object, on their way to its form.
struct Entries<'p, T>(&'p mut T);

impl<'a, T: Wire<'a>> Visitor<'a> for Entries<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut entries: M) -> Result<(), M::Error> {
        while let Some(Key(key)) = entries.next_key()? {
            self.0.entry(&key, &mut entries)?;
        }
        Ok(())
    }
}

/// A key, which is borrowed where it has no escapes: everywhere.
struct Key<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Key<'a> {
    fn deserialize<D: Deserializer<'a>>(key: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'a> Visitor<'a> for KeyVisitor {
            type Value = Key<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'a str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        key.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::wire! {
        struct Inner<'a> {
            "a" => a: Field<'a>,
        }

        struct Line<'a> {
            "object" => object: Object<'a, Inner<'a>>,
            "objects" => objects: Objects<'a, Inner<'a>>,
            "last" => last: Field<'a>,
        }
    }

    fn check(json: &str, look: impl FnOnce(&Line<'_>)) {
        let line = Line::read(json).unwrap();
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

    #[test]
    fn keys_with_escapes_and_keys_that_come_twice_cost_nothing() {
        check(r#"{"l\u0061st":"kept","x\"":1}"#, |line| assert!(line.object.get().is_none()));
        let twice = r#"{"objects":[{}],"objects":[{}],"object":{"a":1},"object":7,"last":1,"last":"kept"}"#;
        check(twice, |line| {
            assert!(line.object.get().is_none());
            assert!(!line.object.fields().a.is_present());
            assert_eq!(line.objects.get().len(), 1);
        });
    }

    #[test]
    fn what_is_no_object_is_no_line() {
        for line in ["", "[]", "1", "\"text\"", "{", r#"{"last":1"#, r#"{"last":1}}"#, r#"{"last":1} x"#] {
            assert!(Line::read(line).is_err(), "{line}");
        }
    }
}
