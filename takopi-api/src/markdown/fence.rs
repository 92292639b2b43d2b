//! Code fences, followed line by line.
//!
//! A fence may be indented as far as somebody likes, quoted, or stand right behind the sign of a list: agents write all
//! of these, and one that is overlooked turns the text after it into code.

/// A fence that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    /// The line that opened it.
    pub(super) opening: &'a str,
    /// What stands before the marks: blanks, `>` and the signs of lists.
    before: &'a str,
    /// The back-ticks or tildes.
    marks: &'a str,
}

/// What a line is to the fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is in no fence.
    Text,
    /// It opens one.
    Opens,
    /// It is in one.
    Code,
    /// It closes one.
    Closes,
}

/// Follows fences through the lines of a text.
#[derive(Debug, Default, Clone)]
pub(super) struct Fences<'a> {
    open: Option<Fence<'a>>,
}

impl<'a> Fences<'a> {
    /// Takes the next line in, without its line break.
    pub(super) fn line(&mut self, line: &'a str) -> Role {
        if let Some(open) = &self.open
            && !open.is_left_by(line)
        {
            if !open.is_closed_by(line) {
                return Role::Code;
            }
            self.open = None;
            return Role::Closes;
        }
        self.open = Fence::opened_by(line);
        if self.open.is_some() { Role::Opens } else { Role::Text }
    }

    /// The fence that is open after the lines so far.
    pub(super) const fn open(&self) -> Option<&Fence<'a>> {
        self.open.as_ref()
    }
}

impl<'a> Fence<'a> {
    fn opened_by(line: &'a str) -> Option<Self> {
        let at = marks_begin(line)?;
        let (before, rest) = line.split_at(at);
        let marks = leading_marks(rest)?;
        let info = &rest[marks.len()..];
        // With a back-tick behind it, it is a code span.
        let is_span = marks.starts_with('`') && info.contains('`');
        (!is_span).then_some(Self { opening: line, before, marks })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let rest = line.trim_start_matches(|c: char| c.is_whitespace() || c == '>');
        let Some(marks) = leading_marks(rest) else { return false };
        marks.starts_with(&self.marks[..1])
            && marks.len() >= self.marks.len()
            && rest[marks.len()..].trim().is_empty()
            && line.len() - rest.len() <= self.before.len() + 3
    }

    /// A fence in a quote ends with the quote.
    fn is_left_by(&self, line: &str) -> bool {
        self.before.contains('>') && !line.trim_start().starts_with('>')
    }

    /// A line that closes it.
    pub(super) fn closing(&self) -> String {
        let before = self.before.chars().map(|c| if c == '>' || c.is_whitespace() { c } else { ' ' });
        before.chain(self.marks.chars()).collect()
    }

    /// A line that opens it without saying of what language it is.
    pub(super) fn bare(&self) -> String {
        format!("{}{}", self.before, self.marks)
    }
}

/// Three or more back-ticks or tildes at the start.
fn leading_marks(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let end = text.find(|c| c != mark).unwrap_or(text.len());
    (end >= 3).then(|| &text[..end])
}

/// Where a line begins, behind blanks, signs of quotes and signs of lists. `None` where that is no fence's place.
fn marks_begin(line: &str) -> Option<usize> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '>');
        if rest.starts_with(['`', '~']) {
            return Some(line.len() - rest.len());
        }
        let sign = match rest.as_bytes().first()? {
            b'-' | b'*' | b'+' => 1,
            b'0'..=b'9' => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                // CommonMark has nine digits at most.
                if digits > 9 || !matches!(rest.as_bytes().get(digits), Some(b'.' | b')')) {
                    return None;
                }
                digits + 1
            }
            _ => return None,
        };
        rest = rest[sign..].strip_prefix(' ')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut fences = Fences::default();
        let roles: String = text
            .lines()
            .map(|line| match fences.line(line) {
                Role::Text => 't',
                Role::Opens => 'o',
                Role::Code => 'c',
                Role::Closes => 'x',
            })
            .collect();
        assert_eq!(roles, expected, "{text}");
    }

    #[test]
    fn a_fence_is_closed_by_its_own_kind() {
        check("a\n```rust\nb\n```\nc", "tocxt");
        check("```\n~~~\n``\n````  \na", "occxt");
        check("~~~ a`b\nc\n~~~", "ocx");
        check("```a`b```\nc", "tt");
        check("``\n````md\n```\n```\n````", "toccx");
        check("```\na\n```rust\n```", "occx");
    }

    #[test]
    fn fences_in_lists_and_quotes_are_seen() {
        check("  - a\n    ```sh\n    b\n    ```", "tocx");
        check("- ```sh\n  a\n  ```\nb", "ocxt");
        check("12. > ```\n    > a\n    > ```", "ocx");
        check("> ```\n> a\nb", "oct");
        check("> ```\n> a\n```\nb", "ococ");
        check("```\n      ```\n```", "ocx");
        check("-```\n1.```\n1234567890. ```", "ttt");
    }

    #[test]
    fn what_is_added_closes_and_opens() {
        for opening in ["```rust", "    ~~~~", "- ```", "> 1. ```sh x", "\t```"] {
            let fence = Fence::opened_by(opening).unwrap();
            assert!(fence.is_closed_by(&fence.closing()), "{opening}");
            let bare = fence.bare();
            assert_eq!(Fence::opened_by(&bare).unwrap().closing(), fence.closing(), "{opening}");
        }
    }
}
