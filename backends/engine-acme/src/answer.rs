//! The words of an answer: its parts, and how paths, sizes, numbers and ages are written in markdown.
//!
//! Pure text: it knows neither files nor events.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// Every answer ends with it: nobody may take acme for more than it is.
pub(crate) const SIGN_OFF: &str = "_This is takopi's built-in demonstration agent, not a language model. For a real one \
    install e.g. codex (`npm install -g @openai/codex`) and ask again with `--engine codex`; `takopi plugins` lists \
    what this build has._";

/// What acme can be asked, in one line.
pub(crate) const UNDERSTOOD: &str = "It understands: `which files are largest?`, `lines by language`, `find TEXT`, \
    `what changed?`, `show FILE`, `write TEXT to FILE`, `save that to FILE`, `more`, `again`, `history`.";

/// What came out of one job.
#[derive(Debug)]
pub(crate) struct Part {
    /// A few words, for a heading and for the history.
    pub(crate) title: String,
    /// The text, as markdown.
    pub(crate) body: String,
    /// Where `more` goes on, if there is more.
    pub(crate) next: Option<usize>,
}

impl Part {
    pub(crate) fn new(title: impl Into<String>, body: impl Into<String>) -> Self {
        Self { title: title.into(), body: body.into(), next: None }
    }

    pub(crate) fn next(mut self, next: Option<usize>) -> Self {
        self.next = next;
        self
    }
}

/// The whole answer: one part as it is, several under headings.
pub(crate) fn compose(parts: &[Part], remark: Option<&str>) -> String {
    let mut sections: Vec<String> = match parts {
        [part] => vec![part.body.clone()],
        parts => {
            let headed: Vec<String> =
                parts.iter().map(|part| format!("### {}\n\n{}", part.title, part.body)).collect();
            vec![headed.join("\n\n---\n\n")]
        }
    };
    sections.extend(remark.map(str::to_owned));
    sections.push(SIGN_OFF.to_owned());
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

/// The rows of a page, and where the next one begins.
pub(crate) fn page<T>(rows: &[T], from: usize, size: usize) -> (&[T], Option<usize>) {
    let start = from.min(rows.len());
    let end = start.saturating_add(size).min(rows.len());
    (&rows[start..end], (end < rows.len()).then_some(end))
}

/// A text as inline code, whatever back-ticks are in it.
pub(crate) fn code(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A path as inline code; what is not UTF-8 in it is replaced.
pub(crate) fn path(path: &Path) -> String {
    code(&path.to_string_lossy())
}

/// A text as a code block, whatever fences are in it.
pub(crate) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{newline}{fence}")
}

/// A text without line breaks, other control characters, and marks that turn the direction of what follows.
pub(crate) fn one_line(text: &str) -> String {
    let is_hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text, at most so many characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `1 file`, `1,234 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = match thing {
        _ if number == 1 => thing.to_owned(),
        "match" => "matches".to_owned(),
        "entry" => "entries".to_owned(),
        thing => format!("{thing}s"),
    };
    format!("{} {plural}", grouped(number))
}

/// `1,234`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in units of 1024: `0 b`, `1.5 kb`, `10 kb`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kb", "mb", "gb", "tb", "pb", "eb"];
    if bytes < 1024 {
        return format!("{bytes} b");
    }
    // In tenths of the unit, rounded, so that 1023.96 kb becomes 1.0 mb and not 1024 kb.
    let mut unit = 1024_u128;
    for (at, name) in UNITS.iter().enumerate() {
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        let whole = (u128::from(bytes) + unit / 2) / unit;
        if whole < 1024 || at == UNITS.len() - 1 {
            return if tenths < 100 {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            } else {
                format!("{whole} {name}")
            };
        }
        unit *= 1024;
    }
    format!("{bytes} b")
}

/// How long ago something was.
pub(crate) fn age(now: SystemTime, then: SystemTime) -> String {
    const UNITS: [(u64, &str); 5] =
        [(365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let Ok(ago) = now.duration_since(then) else { return "in the future".to_owned() };
    let Some((seconds, unit)) = UNITS.iter().find(|(seconds, _)| ago >= Duration::from_secs(*seconds)) else {
        return "just now".to_owned();
    };
    let number = usize::try_from(ago.as_secs() / seconds).unwrap_or(usize::MAX);
    format!("{} ago", count(number, unit))
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let rows = [
            (0, "0 b"),
            (1023, "1023 b"),
            (1024, "1.0 kb"),
            (1536, "1.5 kb"),
            (10_189, "10 kb"),
            (10_240, "10 kb"),
            (1_048_060, "1023 kb"),
            (1_048_570, "1.0 mb"),
            (5 * 1024 * 1024 * 1024, "5.0 gb"),
            (u64::MAX, "16 eb"),
        ];
        for (bytes, text) in rows {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_things_are_counted() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1234), grouped(1_234_567)],
            ["0", "999", "1,234", "1,234,567"]
        );
        assert_eq!(
            [count(1, "file"), count(0, "file"), count(2, "match")],
            ["1 file", "0 files", "2 matches"]
        );
    }

    #[test]
    fn code_holds_back_ticks_and_stays_on_its_line() {
        assert_eq!(code("a b"), "`a b`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\nb"), "`a\u{fffd}b`");
        assert_eq!(block("rs", "x"), "```rs\nx\n```");
        assert_eq!(block("", "````\n"), "`````\n````\n`````");
    }

    #[test]
    fn ages_are_rounded_down() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let rows = [(0, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (90_000, "1 day ago")];
        for (seconds, text) in rows {
            assert_eq!(age(now, now - Duration::from_secs(seconds)), text);
        }
        assert_eq!(age(now, now + Duration::from_secs(9)), "in the future");
    }

    #[test]
    fn pages_end_where_the_rows_end() {
        assert_eq!(page(&[1, 2, 3], 0, 2), (&[1, 2][..], Some(2)));
        assert_eq!(page(&[1, 2, 3], 2, 2), (&[3][..], None));
        assert_eq!(page(&[1, 2, 3], 9, 2), (&[][..], None));
    }

    #[test]
    fn a_cut_is_visible_and_keeps_characters_whole() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
    }
}
