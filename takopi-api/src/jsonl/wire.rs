//! The forms of an engine's lines: which fields takopi looks at, in objects whose other fields are skipped.
//!
//! A line is read in one pass, straight into the place where its fields stay. It is as tolerant as
//! [`Field`](super::Field): what has another form than expected is nothing, or its text, and the rest of the line is read
//! all the same.

use std::borrow::Cow;

use super::reader::{Malformed, Next, Reader};

/// An object of a known form: made by [`wire!`](crate::wire!).
pub trait Wire<'a>: Default {
    /// Reads the value of a key of the object, or skips it.
    ///
    /// # Errors
    /// If there is none.
    fn entry(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), Malformed>;

    /// Reads a line.
    ///
    /// # Errors
    /// If it is no JSON object.
    fn read(json: &'a str) -> Result<Self, Malformed> {
        let mut object = Self::default();
        let mut reader = Reader::new(json);
        reader.object(|reader, key| object.entry(key, reader))?;
        reader.end()?;
        Ok(object)
    }
}

/// Where the value of a key stays.
pub trait Slot<'a> {
    /// Reads the value, whatever it is. Of a key that comes twice, the second value stays.
    ///
    /// # Errors
    /// If there is none.
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed>;
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
            fn entry(
                &mut self,
                key: &str,
                reader: &mut $crate::jsonl::Reader<$a>,
            ) -> ::std::result::Result<(), $crate::jsonl::Malformed> {
                match key {
                    $($key => $crate::jsonl::Slot::fill(&mut self.$field, reader),)*
                    _ => reader.skip(),
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
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        if self.is_object {
            *self = Self::default();
        }
        self.text = Cow::Borrowed("");
        match reader.next()? {
            Next::Object => {
                self.is_object = true;
                reader.object(|reader, key| self.object.entry(key, reader))
            }
            Next::Text => {
                self.text = reader.text()?;
                Ok(())
            }
            Next::List | Next::Word => reader.skip(),
        }
    }
}

impl<'a, T: Wire<'a>> Slot<'a> for Objects<'a, T> {
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        self.objects.clear();
        self.text = Cow::Borrowed("");
        match reader.next()? {
            Next::List => reader.list(|reader| {
                if reader.next()? != Next::Object {
                    return reader.skip();
                }
                let mut object = T::default();
                reader.object(|reader, key| object.entry(key, reader))?;
                self.objects.push(object);
                Ok(())
            }),
            Next::Text => {
                self.text = reader.text()?;
                Ok(())
            }
            Next::Object | Next::Word => reader.skip(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::Field;

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
