//! What would change in a file: as a unified diff, counted, and cut to what a message shows of it.
//!
//! What an engine gives is not trusted to be a diff because it looks like one: a line that its form has no place for would
//! be hidden from who decides. What is not well formed is shown as what it is, as lines that are added.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

/// How many lines of a change a message shows.
const SHOWN_LINES: usize = 8;

/// How many characters of such a line.
const SHOWN_WIDTH: usize = 120;

/// How many unchanged lines stand around a change.
const AROUND: usize = 3;

/// How long it is looked for the shortest diff. What is found until then is right too, only longer.
const SEARCH: Duration = Duration::from_millis(200);

/// Stands between two places of a file.
const GAP: &str = "⋮";

/// A change of one or more files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    diff: String,
    pub(super) added: usize,
    pub(super) removed: usize,
}

/// What a message shows of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) text: String,
    pub(super) is_whole: bool,
}

impl Change {
    /// The change that an engine gives as a unified diff, if it really is one.
    pub(super) fn given(text: &str) -> Option<Self> {
        let rows = Rows::read(text)?;
        let (added, removed) = rows.counts();
        Some(Self { diff: text.to_owned(), added, removed })
    }

    /// The change from what is in a file to what will be; `old` is nothing where that is not known.
    pub(super) fn between(path: &str, old: Option<&str>, new: &str) -> Self {
        let (old_name, old) = match old {
            Some(old) => (format!("a/{}", path.trim_start_matches('/')), old),
            None => ("/dev/null".to_owned(), ""),
        };
        let (old, new): (Vec<&str>, Vec<&str>) = (lines(old), lines(new));
        let deadline = Instant::now() + SEARCH;
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(deadline));
        let mut change = Self {
            diff: format!("--- {old_name}\n+++ b/{}\n", path.trim_start_matches('/')),
            added: 0,
            removed: 0,
        };
        for group in group_diff_ops(ops, AROUND) {
            change.add_hunk(&group, &old, &new);
        }
        change
    }

    fn add_hunk(&mut self, ops: &[DiffOp], old: &[&str], new: &[&str]) {
        // An operation that takes nothing of a side may name any place there.
        let whole = |ranges: &mut dyn Iterator<Item = Range<usize>>| {
            let wider =
                |all: Range<usize>, next: Range<usize>| all.start.min(next.start)..all.end.max(next.end);
            ranges.filter(|range| !range.is_empty()).reduce(wider).unwrap_or_default()
        };
        let of_old = whole(&mut ops.iter().map(DiffOp::old_range));
        let of_new = whole(&mut ops.iter().map(DiffOp::new_range));
        let span = |range: &Range<usize>| {
            // Without context an empty one is that of a file that is empty.
            let begin = if range.is_empty() { range.start } else { range.start + 1 };
            format!("{begin},{}", range.len())
        };
        // Writing into a text can not fail.
        let _ = writeln!(self.diff, "@@ -{} +{} @@", span(&of_old), span(&of_new));
        for op in ops {
            if let DiffOp::Equal { .. } = op {
                old[op.old_range()].iter().for_each(|line| self.add(' ', line));
                continue;
            }
            self.removed += op.old_range().len();
            self.added += op.new_range().len();
            old[op.old_range()].iter().for_each(|line| self.add('-', line));
            new[op.new_range()].iter().for_each(|line| self.add('+', line));
        }
    }

    fn add(&mut self, mark: char, line: &str) {
        self.diff.push(mark);
        self.diff.push_str(line);
        if !line.ends_with('\n') {
            self.diff.push_str("\n\\ No newline at end of file\n");
        }
    }

    /// The whole of it.
    pub(super) fn whole(&self) -> &str {
        &self.diff
    }

    /// `+12 −3`.
    pub(super) fn counts(&self) -> String {
        format!("+{} −{}", self.added, self.removed)
    }

    /// The lines that tell most of it.
    pub(super) fn preview(&self) -> Preview {
        let Some(rows) = Rows::read(&self.diff) else {
            return Preview { text: String::new(), is_whole: false };
        };
        let ranked = rows.ranked();
        let mut count = ranked.len().min(SHOWN_LINES);
        loop {
            let mut chosen = ranked[..count].to_vec();
            chosen.sort_unstable();
            let shown = rows.shown(&chosen);
            if shown.len() <= SHOWN_LINES || count <= 1 {
                let is_cut = |at: &usize| rows.0[*at].text.chars().nth(SHOWN_WIDTH).is_some();
                let is_whole = count == ranked.len() && !chosen.iter().any(is_cut);
                return Preview { text: shown.join("\n"), is_whole };
            }
            count -= 1;
        }
    }
}

/// Lines with their ends: the last one may have none.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// About the file.
    Head,
    /// Where a hunk begins.
    Hunk,
    Kept,
    Added,
    Removed,
    /// About the line before it.
    Note,
}

#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    role: Role,
    text: &'a str,
}

/// The lines of a well-formed diff.
struct Rows<'a>(Vec<Row<'a>>);

/// How many lines a hunk still has.
#[derive(Debug, Clone, Copy)]
enum Left {
    Counted {
        old: usize,
        new: usize,
    },
    /// The hunk does not say.
    Unknown,
    /// There is no hunk.
    Nothing,
}

impl<'a> Rows<'a> {
    /// Reads a diff, if it is one from its first line to its last.
    fn read(text: &'a str) -> Option<Self> {
        let mut rows = Vec::new();
        let mut left = Left::Nothing;
        for line in text.lines() {
            let role = match left {
                Left::Counted { old: 0, new: 0 } | Left::Nothing => outside(line)?,
                Left::Counted { .. } => inside(line)?,
                Left::Unknown => inside(line).or_else(|| outside(line))?,
            };
            left = match (role, left) {
                (Role::Hunk, _) => counts(line)?,
                (Role::Head, _) => Left::Nothing,
                (Role::Kept, Left::Counted { old, new }) => {
                    Left::Counted { old: old.checked_sub(1)?, new: new.checked_sub(1)? }
                }
                (Role::Removed, Left::Counted { old, new }) => {
                    Left::Counted { old: old.checked_sub(1)?, new }
                }
                (Role::Added, Left::Counted { old, new }) => Left::Counted { old, new: new.checked_sub(1)? },
                (_, left) => left,
            };
            rows.push(Row { role, text: line });
        }
        let is_complete = !matches!(left, Left::Counted { old: 1.., .. } | Left::Counted { new: 1.., .. });
        let has_hunks = rows.iter().any(|row| row.role == Role::Hunk);
        (is_complete && has_hunks).then_some(Self(rows))
    }

    fn counts(&self) -> (usize, usize) {
        let count = |role| self.0.iter().filter(|row| row.role == role).count();
        (count(Role::Added), count(Role::Removed))
    }

    /// The numbers of the changed lines, those first that tell most: each hunk has its say before one has a second.
    fn ranked(&self) -> Vec<usize> {
        let mut changed = Vec::new();
        let mut in_hunk = [0_usize; 4];
        for (at, row) in self.0.iter().enumerate() {
            match row.role {
                Role::Hunk => in_hunk = [0; 4],
                Role::Added | Role::Removed => {
                    let weight = weight(row.text.get(1..).unwrap_or_default());
                    let nth = &mut in_hunk[weight];
                    changed.push((std::cmp::Reverse(weight), *nth, at));
                    *nth += 1;
                }
                Role::Head | Role::Kept | Role::Note => {}
            }
        }
        changed.sort_unstable();
        changed.into_iter().map(|(_, _, at)| at).collect()
    }

    /// These lines, with a mark between two hunks.
    fn shown(&self, chosen: &[usize]) -> Vec<String> {
        let mut shown = Vec::new();
        let mut before: Option<usize> = None;
        for &at in chosen {
            let is_apart = |before: usize| self.0[before..at].iter().any(|row| row.role == Role::Hunk);
            if before.is_some_and(is_apart) {
                shown.push(GAP.to_owned());
            }
            shown.push(cut(self.0[at].text));
            before = Some(at);
        }
        shown
    }
}

/// What a line is that stands in no hunk.
fn outside(line: &str) -> Option<Role> {
    const HEADS: &[&str] = &[
        "diff ",
        "index ",
        "--- ",
        "+++ ",
        "new file mode ",
        "deleted file mode ",
        "old mode ",
        "new mode ",
        "similarity index ",
        "dissimilarity index ",
        "rename from ",
        "rename to ",
        "copy from ",
        "copy to ",
    ];
    if line.starts_with("@@") {
        return Some(Role::Hunk);
    }
    if line.starts_with('\\') {
        return Some(Role::Note);
    }
    let is_head = line.is_empty() || HEADS.iter().any(|head| line.starts_with(head));
    is_head.then_some(Role::Head)
}

fn inside(line: &str) -> Option<Role> {
    match line.as_bytes().first() {
        // Some programs take the blank off an empty line.
        None | Some(b' ') => Some(Role::Kept),
        Some(b'+') => Some(Role::Added),
        Some(b'-') => Some(Role::Removed),
        Some(b'\\') => Some(Role::Note),
        Some(_) => None,
    }
}

/// What `@@ -1,2 +3,4 @@` promises.
fn counts(line: &str) -> Option<Left> {
    let mut words = line.split_ascii_whitespace();
    if words.next() != Some("@@") {
        return None;
    }
    let (Some(old), Some(new)) = (words.next().and_then(|word| word.strip_prefix('-')), words.next()) else {
        return Some(Left::Unknown);
    };
    let count = |span: &str| match span.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => span.parse::<usize>().ok().map(|_| 1),
    };
    Some(Left::Counted { old: count(old)?, new: count(new.strip_prefix('+')?)? })
}

/// How much a line tells, up to 3.
fn weight(text: &str) -> usize {
    const PLAIN: &[&str] = &["use ", "import ", "from ", "#include", "//", "# ", "/*", "* "];
    let text = text.trim();
    if text.is_empty() {
        0
    } else if !text.contains(char::is_alphanumeric) {
        1
    } else if PLAIN.iter().any(|plain| text.starts_with(plain)) {
        2
    } else {
        3
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(SHOWN_WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(range: std::ops::Range<usize>) -> String {
        range.map(|number| format!("line {number}\n")).collect()
    }

    #[test]
    fn new_content_is_compared_with_what_is_there() {
        let new = numbered(0..30).replace("line 7\n", "line seven\nand more\n");
        let change = Change::between("/src/a.txt", Some(&numbered(0..30)), &new);
        assert_eq!(change.counts(), "+2 −1");
        let expected = "--- a/src/a.txt\n+++ b/src/a.txt\n@@ -5,7 +5,8 @@\n line 4\n line 5\n line 6\n-line 7\n\
                        +line seven\n+and more\n line 8\n line 9\n line 10\n";
        assert_eq!(change.whole(), expected);
        let preview = change.preview();
        assert_eq!(preview.text, "-line 7\n+line seven\n+and more");
        assert!(preview.is_whole);
        assert_eq!(Change::given(change.whole()), Some(change));
    }

    #[test]
    fn a_new_file_is_added_and_its_end_is_told() {
        let change = Change::between("a", None, "one\ntwo");
        assert_eq!(
            change.whole(),
            "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n"
        );
        assert_eq!(change.preview().text, "+one\n+two");
        let nothing = Change::between("a", Some("one\n"), "one\n");
        assert_eq!((nothing.counts().as_str(), nothing.preview().text.as_str()), ("+0 −0", ""));
    }

    #[test]
    fn the_most_telling_lines_of_all_hunks_are_shown() {
        let old = numbered(0..100);
        let new = old
            .replace("line 10\n", "use std::fmt;\n\n}\nfn ten() {\n")
            .replace("line 50\n", "fn fifty() {\n}\n\n}\n")
            .replace("line 90\n", &"fn many() {\n".repeat(20));
        let change = Change::between("a", Some(&old), &new);
        let preview = change.preview();
        assert!(!preview.is_whole);
        assert!(preview.text.lines().count() <= SHOWN_LINES, "{}", preview.text);
        for told in ["fn ten() {", "fn fifty() {", "fn many() {"] {
            assert!(preview.text.contains(told), "{}", preview.text);
        }
        assert!(!preview.text.contains("use std") && preview.text.contains(GAP), "{}", preview.text);
    }

    #[test]
    fn only_what_is_a_diff_in_every_line_counts_as_one() {
        let good = [
            "@@ -1 +1 @@\n-a\n+b\n",
            "@@ -1,2 +1 @@\n a\n-b\n\\ No newline at end of file\n",
            "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,0 +2 @@ fn x()\n+b\n\n@@ -9 +10,0 @@\n-z\n",
            "@@\n a\n-b\n+c\n",
        ];
        for text in good {
            assert!(Change::given(text).is_some(), "{text:?}");
        }
        let bad = [
            "",
            "hello\n",
            "+++ b/x\n",
            "rm -rf /\n@@ -1 +1 @@\n-a\n+b\n",
            "@@ -1 +1 @@\n-a\n+b\nrm -rf /\n",
            "@@ -1 +1 @@\n-a\nrm -rf /\n+b\n",
            "@@ -1 +1,2 @@\n-a\n+b\n",
            "@@ -1 +1 @@\n-a\n+b\n+c\n",
            "@@ -x +1 @@\n+b\n",
        ];
        for text in bad {
            assert_eq!(Change::given(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_change_of_a_megabyte_is_shown_at_once() {
        let old: String =
            (0..60_000_u64).map(|number| format!("{} old\n", number * 7919_u64 % 60_013)).collect();
        let new: String =
            (0..60_000_u64).map(|number| format!("{} new\n", number * 104_729_u64 % 60_013)).collect();
        let change = Change::between("a", Some(&old), &new);
        assert!(change.whole().len() > 1_000_000);
        assert!(change.preview().text.len() < 2_000);
        let long = Change::between("a", None, &"x".repeat(1_000_000));
        assert!(long.preview().text.len() < 200 && !long.preview().is_whole);
    }

    proptest::proptest! {
        #[test]
        fn any_change_has_a_preview_that_fits(old in "[a-c \n+-]{0,80}", new in "[a-c \n+-]{0,80}") {
            let change = Change::between("a", Some(&old), &new);
            let preview = change.preview();
            proptest::prop_assert!(preview.text.lines().count() <= SHOWN_LINES);
            if change.added + change.removed > 0 {
                proptest::prop_assert_eq!(Change::given(change.whole()), Some(change));
            }
        }

        #[test]
        fn no_text_breaks_it(text in "(?s).{0,200}") {
            if let Some(change) = Change::given(&text) {
                change.preview();
            }
        }
    }
}
