//! Texts as they stand in JSON.

use std::borrow::Cow;

use memchr::memchr;

/// What stands between the quotes of a text. Most texts have no escapes, and long ones have few: what lies between two of
/// them is copied in one piece. An escape that is none stays as it is.
pub(super) fn unescaped(inner: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'\\', inner.as_bytes()) else { return Cow::Borrowed(inner) };
    let mut text = String::with_capacity(inner.len());
    let (mut plain, mut rest) = inner.split_at(first);
    loop {
        text.push_str(plain);
        if rest.is_empty() {
            return Cow::Owned(text);
        }
        let (c, length) = escape(rest).unwrap_or(('\\', 1));
        text.push(c);
        rest = &rest[length..];
        (plain, rest) = rest.split_at(memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len()));
    }
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
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
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

    #[test]
    fn half_a_character_costs_only_itself() {
        let check = |json: &str, expected: &str| assert_eq!(unescaped(json), expected);
        check(r"one\nhalf \ud83d", "one\nhalf \u{fffd}");
        check(r"\udc00 \ud83d\ude00 ä", "\u{fffd} \u{1f600} ä");
        check(r"\ud83d\\ud83d", "\u{fffd}\\ud83d");
        check(r"\ud83d\n", "\u{fffd}\n");
        check(r"\ud83d\u0041", "\u{fffd}A");
    }

    #[test]
    fn an_escape_that_is_none_stays() {
        let check = |json: &str, expected: &str| assert_eq!(unescaped(json), expected);
        check(r"a\qb\n", "a\\qb\n");
        check(r"\u12", r"\u12");
        check(r"\u+123\t", "\\u+123\t");
        check(r"\ä\uää", r"\ä\uää");
        check("\\", "\\");
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_read_back(text in "(.|[\"\\\\\\x00-\\x20\u{1f600}]){0,40}") {
            let plain = serde_json::to_string(&text).unwrap();
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            for json in [&plain[1..plain.len() - 1], &units] {
                proptest::prop_assert_eq!(unescaped(json), text.as_str());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\\\u0-9a-f\"\u{e4}]{0,40}") {
            let _ = unescaped(&text);
        }
    }
}
