//! Markdown as agents write it: cut to what a chat system takes, and made readable where nothing shows markup.
//!
//! Everything here is pure, takes any text, and counts as the chat system counts ([`TextLimit`](crate::transport::TextLimit)).

mod fence;
mod split;
mod styled;
mod table;

pub use split::{split, trim};
pub use styled::{Mark, Markup, Styled, styled};

/// Markdown as plain text that reads well: marks are gone, quotes begin with `> `, and links name their address.
///
/// ```
/// assert_eq!(takopi_api::markdown::plain("**Done**, see [the log](https://x.org)."), "Done, see the log (https://x.org).");
/// ```
#[must_use]
pub fn plain(text: &str) -> String {
    styled(text).spelled_out().text
}

/// A text that is to be read as it is, as markdown within a line.
///
/// ```
/// use takopi_api::markdown::escape;
/// assert_eq!(escape("read: __init__.py, a_b [1]"), r"read: \_\_init\_\_.py, a_b \[1]");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_mark = match c {
            '\\' | '`' | '*' | '[' | '<' | '&' | '|' | '~' => true,
            // Within a word it marks nothing.
            '_' => !(before.is_alphanumeric() && rest.clone().next().is_some_and(char::is_alphanumeric)),
            _ => false,
        };
        if is_mark {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// A code span that shows a text as it is, on one line. Of a blank text nothing is left: there is no empty code span.
///
/// ```
/// use takopi_api::markdown::code;
/// assert_eq!(code("cargo  test\n--all"), "`cargo test --all`");
/// assert_eq!(code("echo `date`"), "`` echo `date` ``");
/// ```
#[must_use]
pub fn code(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return line;
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A blank on both sides is not shown, and keeps back-ticks apart.
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_span_has_enough_back_ticks() {
        let check = |text: &str, expected: &str| assert_eq!(code(text), expected);
        check("", "");
        check(" \n\t", "");
        check("ls", "`ls`");
        check("a\r\n\u{b}b\u{1b}[1mc", "`a b [1mc`");
        check("`", "`` ` ``");
        check("a``b`c", "```a``b`c```");
    }

    proptest! {
        #[test]
        fn an_escaped_text_is_read_as_it_is(text in "[a-z_*`~<>&|!#\\[\\]()\\\\.:/-]{0,30}") {
            prop_assert_eq!(plain(&format!("x {}x", escape(&text))), format!("x {text}x"));
        }

        #[test]
        fn a_code_span_shows_its_text(text in "[a`* \\\\\\n_<&\\[]{0,20}") {
            let shown = styled(&code(&text));
            let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&shown.text, &expected);
            prop_assert_eq!(shown.marks.len(), usize::from(!expected.is_empty()));
        }
    }
}
