//! Reads a line of JSON in place: gives the values that somebody wants as they stand there, and skips the others.
//!
//! It goes over a line once, and looks at its structure and nothing else. That must be whole, so that a line that was cut
//! off is none; what a value means is looked at when it is wanted, and is not worth a line if nobody wants it.

use std::borrow::Cow;

use memchr::memchr;

use super::text::unescaped;

/// How deep values may lie in each other. No engine prints anything near it, and each level needs a bit of the stack.
const DEPTH: u32 = 128;

/// Why a line is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct Malformed {
    expected: &'static str,
    at: usize,
}

/// A place in a line.
#[derive(Debug)]
pub struct Reader<'a> {
    json: &'a str,
    at: usize,
    depth: u32,
}

/// The value of a key as it stands in the head of a line that is too long to be read: [`super::Line::TooLong`]. `None` if it
/// does not stand there whole.
#[must_use]
pub fn value_in_head<'a>(head: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    let mut reader = Reader::new(head);
    // It ends by an error, where the head does.
    let _ = reader.object(|reader, name| {
        let value = reader.value()?;
        if name == key && reader.at < head.len() {
            found.get_or_insert(value);
        }
        Ok(())
    });
    found
}

/// What sort of value comes next, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Object,
    List,
    Text,
    /// A number, `true`, `false` or `null`.
    Word,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(json: &'a str) -> Self {
        Self { json, at: 0, depth: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Next, Malformed> {
        match self.peek() {
            Some(b'{') => Ok(Next::Object),
            Some(b'[') => Ok(Next::List),
            Some(b'"') => Ok(Next::Text),
            Some(byte) if is_of_word(byte) => Ok(Next::Word),
            _ => Err(self.expected("a value")),
        }
    }

    /// The value that comes next, as it stands there.
    pub(super) fn value(&mut self) -> Result<&'a str, Malformed> {
        self.blanks();
        let start = self.at;
        self.skip()?;
        // Values begin and end with characters of one byte, so this is no place within one.
        Ok(&self.json[start..self.at])
    }

    /// Goes over the value that comes next.
    ///
    /// # Errors
    /// If there is none.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        match self.next()? {
            Next::Object => self.object(|reader, _| reader.skip()),
            Next::List => self.list(Self::skip),
            Next::Text => self.string().map(drop),
            Next::Word => {
                let rest = &self.json.as_bytes()[self.at..];
                self.at += rest.iter().position(|&byte| !is_of_word(byte)).unwrap_or(rest.len());
                Ok(())
            }
        }
    }

    /// Reads an object; `entry` reads the value of each key.
    pub(super) fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.list_of(b'{', b'}', "`,` or `}`", |reader| {
            if reader.peek() != Some(b'"') {
                return Err(reader.expected("a key"));
            }
            let (key, may_have_escapes) = reader.string()?;
            if reader.peek() != Some(b':') {
                return Err(reader.expected("`:`"));
            }
            reader.at += 1;
            if may_have_escapes { entry(reader, &unescaped(key)) } else { entry(reader, key) }
        })
    }

    /// Reads a list; `element` reads each value.
    pub(super) fn list(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.list_of(b'[', b']', "`,` or `]`", element)
    }

    /// Reads a text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.blanks();
        let (text, may_have_escapes) = self.string()?;
        Ok(if may_have_escapes { unescaped(text) } else { Cow::Borrowed(text) })
    }

    /// Nothing more may come.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_some() { Err(self.expected("the end of the line")) } else { Ok(()) }
    }

    fn list_of(
        &mut self,
        open: u8,
        close: u8,
        expected: &'static str,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.peek() != Some(open) {
            return Err(self.expected("another value"));
        }
        if self.depth == DEPTH {
            return Err(self.expected("a value that is not so deep"));
        }
        self.depth += 1;
        self.at += 1;
        if self.peek() != Some(close) {
            loop {
                element(self)?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(byte) if byte == close => break,
                    _ => return Err(self.expected(expected)),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// What stands between the quotes of the text that begins here, and whether there may be escapes in it.
    fn string(&mut self) -> Result<(&'a str, bool), Malformed> {
        let bytes = self.json.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        let mut may_have_escapes = false;
        loop {
            let Some(quote) = Quote::find(&bytes[end..]) else {
                self.at = bytes.len();
                return Err(self.expected("the end of a text"));
            };
            end += quote.at;
            may_have_escapes |= quote.follows_escapes;
            // An odd number of backslashes before a quote makes it a part of the text.
            let backslashes = bytes[start..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
            if backslashes % 2 == 0 {
                break;
            }
            end += 1;
        }
        self.at = end + 1;
        // Quotes are characters of one byte.
        Ok((&self.json[start..end], may_have_escapes))
    }

    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.json.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.json.as_bytes().get(self.at) {
            self.at += 1;
        }
    }

    const fn expected(&self, expected: &'static str) -> Malformed {
        Malformed { expected, at: self.at }
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// The first quote in some bytes.
struct Quote {
    at: usize,
    /// Whether there may be a backslash before it.
    follows_escapes: bool,
}

impl Quote {
    /// Most texts are short, and for those eight bytes at a time are quickest.
    fn find(bytes: &[u8]) -> Option<Self> {
        const SHORT: usize = 4;
        let (words, _) = bytes.as_chunks::<8>();
        let mut backslashes = 0;
        for (at, word) in words.iter().take(SHORT).enumerate() {
            let word = u64::from_le_bytes(*word);
            let quotes = bytes_equal(word, b'"');
            backslashes |= bytes_equal(word, b'\\');
            if quotes != 0 {
                let at = at * 8 + quotes.trailing_zeros() as usize / 8;
                return Some(Self { at, follows_escapes: backslashes != 0 });
            }
        }
        let start = words.len().min(SHORT) * 8;
        Some(Self { at: start + memchr(b'"', &bytes[start..])?, follows_escapes: true })
    }
}

/// Sets the highest bit of the first byte of a word that is equal to this one, and of none before it.
const fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOWEST: u64 = u64::MAX / 255;
    let zero_if_equal = word ^ (LOWEST * byte as u64);
    zero_if_equal.wrapping_sub(LOWEST) & !zero_if_equal & (LOWEST << 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(json: &str) -> Result<(), Malformed> {
        let mut reader = Reader::new(json);
        reader.object(|reader, _| reader.skip())?;
        reader.end()
    }

    /// The values of an object, as they stand there.
    fn entries(json: &str) -> Vec<(String, &str)> {
        let mut entries = Vec::new();
        let mut reader = Reader::new(json);
        reader
            .object(|reader, key| {
                entries.push((key.to_owned(), reader.value()?));
                Ok(())
            })
            .unwrap();
        entries
    }

    #[test]
    fn values_stand_whole_in_a_head_or_are_not_there() {
        let head = r#"{"id":7,"method":"ask","params":{"a":[1],"b":"#;
        assert_eq!(value_in_head(head, "id"), Some("7"));
        assert_eq!(value_in_head(head, "method"), Some(r#""ask""#));
        assert_eq!(value_in_head(head, "params"), None);
        assert_eq!(value_in_head(head, "a"), None, "it is within another value");
        for head in [r#"{"id":7"#, r#"{"id":"7"#, r#"{"id""#, "", "x"] {
            assert_eq!(value_in_head(head, "id"), None, "{head}");
        }
    }

    #[track_caller]
    fn check(json: &str, error: &str) {
        assert_eq!(read(json).unwrap_err().to_string(), error, "{json}");
    }

    #[test]
    fn what_is_no_object_says_where() {
        check("", "expected another value at byte 0");
        check("not json", "expected another value at byte 0");
        check("[1]", "expected another value at byte 0");
        check("{", "expected a key at byte 1");
        check(r#"{"a"}"#, "expected `:` at byte 4");
        check(r#"{"a":}"#, "expected a value at byte 5");
        check(r#"{"a":1,}"#, "expected a key at byte 7");
        check(r#"{"a":1 "b":2}"#, "expected `,` or `}` at byte 7");
        check(r#"{"a":[1}"#, "expected `,` or `]` at byte 7");
        check(r#"{"a":"b"#, "expected the end of a text at byte 7");
        check(r#"{"a":"\""#, "expected the end of a text at byte 8");
        check(r#"{"a":"\"#, "expected the end of a text at byte 7");
        check("{}x", "expected the end of the line at byte 2");
        check(
            &"[".repeat(200).replacen('[', "{\"a\":", 1),
            "expected a value that is not so deep at byte 132",
        );
    }

    #[test]
    fn values_stand_as_they_are() {
        let json = r#" { "a" : [ 1 , {} ] , "\u0062" : "x\"\\" , "" : -1.5e3 , "d":null}  "#;
        let found = [("a", "[ 1 , {} ]"), ("b", r#""x\"\\""#), ("", "-1.5e3"), ("d", "null")];
        assert_eq!(entries(json), found.map(|(key, value)| (key.to_owned(), value)));
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = "([a-z\"\\\\{}\\[\\],:\u{e4}\u{2028}\u{1f600}\n]|.){0,80}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map(".{0,12}", inner, 0..8).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn all_objects_are_read_and_no_part_of_one(value in value()) {
            let object = serde_json::json!({ "first": value, "second": [value] });
            for json in [object.to_string(), serde_json::to_string_pretty(&object).unwrap()] {
                let mut found = serde_json::Map::new();
                for (key, value) in entries(&json) {
                    found.insert(key, serde_json::from_str(value).unwrap());
                }
                prop_assert_eq!(&Value::Object(found), &serde_json::from_str::<Value>(&json).unwrap());
                prop_assert_eq!(read(&json), Ok(()));
                for end in (0..json.len()).filter(|&end| json.is_char_boundary(end)) {
                    prop_assert!(read(&json[..end]).is_err(), "{}", &json[..end]);
                }
            }
        }

        #[test]
        fn no_line_makes_it_panic(line in "[{}\\[\\]\",:\\\\a1 \u{e4}]{0,40}") {
            let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(&line).is_ok();
            prop_assert!(read(&line).is_ok() || !is_object);
        }
    }
}
