//! What a typed line means.

/// A line, as far as its form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed<'a> {
    /// Nothing but blanks.
    Nothing,
    /// A number alone: a choice, if one with this number is open.
    Number(usize),
    /// `>3 text`: a reply to message 3. The text may be empty.
    Reply { number: usize, text: &'a str },
    /// Anything else.
    Text(&'a str),
}

/// Longer numbers are none: nobody counts that far.
const MOST_DIGITS: usize = 6;

pub(crate) fn parse(line: &str) -> Typed<'_> {
    let text = line.trim_end();
    if text.is_empty() {
        return Typed::Nothing;
    }
    if let Some(number) = number(text.trim_start()) {
        return Typed::Number(number);
    }
    let Some(rest) = text.strip_prefix('>') else { return Typed::Text(text) };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    match number(&rest[..end]) {
        Some(number) => Typed::Reply { number, text: rest[end..].trim_start() },
        None => Typed::Text(text),
    }
}

fn number(text: &str) -> Option<usize> {
    let is_number = (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_number_a_reply_or_a_text() {
        let check = |line: &str, expected: Typed<'_>| assert_eq!(parse(line), expected, "{line:?}");
        check("", Typed::Nothing);
        check(" \t", Typed::Nothing);
        check(" 2 ", Typed::Number(2));
        check("1234567", Typed::Text("1234567"));
        check("2 files are missing", Typed::Text("2 files are missing"));
        check("-1", Typed::Text("-1"));
        check(">3 go on ", Typed::Reply { number: 3, text: "go on" });
        check(">3\na\nb", Typed::Reply { number: 3, text: "a\nb" });
        check(">3", Typed::Reply { number: 3, text: "" });
        check("> 3 quoted", Typed::Text("> 3 quoted"));
        check(">3rd", Typed::Text(">3rd"));
        check("> quoted", Typed::Text("> quoted"));
        check(" >3 a", Typed::Text(" >3 a"));
        check("  indented", Typed::Text("  indented"));
        check("/codex 1", Typed::Text("/codex 1"));
    }
}
