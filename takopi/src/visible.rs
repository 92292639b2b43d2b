//! Texts as they are shown to somebody who decides about them, in a chat and on a terminal: nothing is hidden in them.

use std::borrow::Cow;

/// A text in which nothing is hidden, or shown in another order than it has, and that does not command a terminal: such
/// characters are spelled out. Who allows a command must have seen it.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let text = text.replace("\r\n", "\n");
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

/// What moves a cursor, has no width, turns the order of others, or is blank and no space.
fn is_hidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A text on one line, and no longer than this many characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // What is cut off anyway is not looked at. A character has four bytes at most.
        if line.len() > most * 4 {
            break;
        }
    }
    shortened(&visible(&line), most)
}

/// The beginning of a text, with a mark if that is not all of it.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_hide_something_is_spelled_out() {
        for hidden in [
            '\r',
            '\u{1b}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{3164}',
            '\u{feff}',
            '\u{e0001}',
            '\u{e007f}',
        ] {
            assert_eq!(visible(&format!("rm{hidden}x")), format!("rm{}x", hidden.escape_unicode()));
        }
        assert_eq!(visible("ä\t日本\n❤\u{fe0f} 🦀"), "ä\t日本\n❤\u{fe0f} 🦀");
        assert_eq!(visible("one\r\ntwo"), "one\ntwo");
    }

    #[test]
    fn a_line_says_where_it_is_cut() {
        assert_eq!(one_line(" one\n  two ", 7), "one two");
        assert_eq!(one_line("one two", 6), "one tw…");
        assert_eq!(one_line(&format!("safe{}not", " ".repeat(5000)), 20), "safe not");
        assert_eq!(one_line("a\u{200b}", 4), r"a\u{…");
    }
}
