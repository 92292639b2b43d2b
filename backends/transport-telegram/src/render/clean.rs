//! Text without characters that Telegram changes by itself, or that let it be read in another order than it has.

/// What a look at a text finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Its length, in UTF-16 units.
    pub(super) units: usize,
    /// Whether there is a `|` in it.
    pub(super) has_bar: bool,
}

/// A tab becomes so many blanks: the server would leave one of it.
const TAB: &str = "    ";

/// Writes a text, without what is to be left out.
pub(super) fn append(out: &mut String, text: &str) -> Look {
    let (look, is_suspicious) = look(text);
    if !is_suspicious || !text.contains(is_changed) {
        out.push_str(text);
        return look;
    }
    let before = out.len();
    let mut rest = text;
    while let Some(at) = rest.find(is_changed) {
        out.push_str(&rest[..at]);
        let mut tail = rest[at..].chars();
        match tail.next() {
            Some('\t') => out.push_str(TAB),
            Some('\u{2028}' | '\u{2029}') => out.push('\n'),
            _ => {}
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
    Look { units: self::look(&out[before..]).0.units, ..look }
}

/// The length of a text, in UTF-16 units.
pub(super) fn units(text: &str) -> usize {
    look(text).0.units
}

/// One walk over the bytes, without branches: it is most of what rendering costs besides parsing.
fn look(text: &str) -> (Look, bool) {
    let mut units = 0;
    let mut has_bar = false;
    let mut is_suspicious = false;
    for chunk in text.as_bytes().chunks(127) {
        let mut count = 0_u8;
        for &byte in chunk {
            // Every byte but those that go on with a character begins a unit, and the first of four bytes begins two.
            count += u8::from(byte & 0xc0 != 0x80) + u8::from(byte >= 0xf0);
            has_bar |= byte == b'|';
            // Behind 0xc2 and 0xe2 stand controls and marks of direction, and much that is welcome.
            is_suspicious |=
                (byte < b' ') & (byte != b'\n') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2);
        }
        units += usize::from(count);
    }
    (Look { units, has_bar }, is_suspicious)
}

fn is_changed(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether somebody would see anything of a text: a message of which nobody does is refused.
pub(super) fn is_visible(text: &str) -> bool {
    let is_blank = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                    | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                    | '\u{ffa0}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}'
            )
            // The server takes these off the character before them.
            || matches!(c, '\u{30a}' | '\u{333}' | '\u{33f}')
    };
    !text.chars().all(is_blank)
}

/// The beginning of a text, of so many UTF-16 units at most.
pub(crate) fn first_units(text: &str, max: usize) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > max
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = "😀".to_owned();
        let look = append(&mut out, text);
        assert_eq!(out, format!("😀{expected}"), "{text:?}");
        assert_eq!(look.units, expected.encode_utf16().count(), "{text:?}");
        assert_eq!(look.has_bar, text.contains('|'), "{text:?}");
    }

    #[test]
    fn only_what_is_shown_is_kept() {
        check("", "");
        check("a – b\nc…", "a – b\nc…");
        check("a\r\nb\u{0}\tc\u{7f}\u{85}|", "a\nb    c|");
        check("rm \u{202e}fr-\u{2066}\u{2028}x", "rm fr-\nx");
        check("👩\u{200d}👧 \u{645}\u{200f} e\u{301}", "👩\u{200d}👧 \u{645}\u{200f} e\u{301}");
        check(&"😀".repeat(300), &"😀".repeat(300));
    }

    #[test]
    fn blanks_are_not_seen() {
        for blank in ["", " \n", "\u{200b}", "\u{2800}\u{feff}", "\u{200f}\u{fe0f}", "\u{e0041}"] {
            assert!(!is_visible(blank), "{blank:?}");
        }
        for seen in ["a", "\u{200b}.", "👍", "\u{645}"] {
            assert!(is_visible(seen), "{seen:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for (max, expected) in [(0, ""), (1, "a"), (2, "a"), (3, "a🐙"), (4, "a🐙b"), (9, "a🐙b")] {
            assert_eq!(first_units("a🐙b", max), expected);
        }
    }
}
