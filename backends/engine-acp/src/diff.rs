//! The difference of two texts, as people who decide about it read it.

use std::fmt::Write as _;

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// A unified diff of one file, or of a part of one: what lies between the first line and the last line that differ is one
/// change. A file that is new is all additions. The end of a line is a change like any other: with `a\n` in place of `a`,
/// what followed on this line becomes a line of its own.
pub(crate) fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let before: Vec<&str> = old.map(|old| old.split('\n').collect()).unwrap_or_default();
    let after: Vec<&str> = match old {
        Some(_) => new.split('\n').collect(),
        None => new.split_terminator('\n').collect(),
    };
    let same = |pairs: usize, at: &dyn Fn(usize) -> (usize, usize)| {
        (0..pairs)
            .take_while(|&n| {
                let (old, new) = at(n);
                before[old] == after[new]
            })
            .count()
    };
    let shorter = before.len().min(after.len());
    let head = same(shorter, &|n| (n, n));
    let tail = same(shorter - head, &|n| (before.len() - 1 - n, after.len() - 1 - n));
    let start = head.saturating_sub(CONTEXT);
    let (old_end, new_end) = (before.len() - tail, after.len() - tail);
    let shown_tail = tail.min(CONTEXT);

    let mut diff = match old {
        Some(_) => format!("--- {path}\n+++ {path}\n"),
        None => format!("--- /dev/null\n+++ {path}\n"),
    };
    // Writing to a text never fails.
    let _ = writeln!(
        diff,
        "@@ -{} +{} @@",
        range(start, old_end + shown_tail - start),
        range(start, new_end + shown_tail - start)
    );
    let mut lines = |sign: char, lines: &[&str]| {
        for line in lines {
            let _ = writeln!(diff, "{sign}{line}");
        }
    };
    lines(' ', &before[start..head]);
    lines('-', &before[head..old_end]);
    lines('+', &after[head..new_end]);
    lines(' ', &before[old_end..old_end + shown_tail]);
    diff
}

/// Lines are counted from 1, and no lines lie after the one before them.
fn range(start: usize, count: usize) -> String {
    let first = if count == 0 { start } else { start + 1 };
    format!("{first},{count}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_a_little_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\nand a half\n6\n7\n8\n9\n";
        let expected =
            "--- a.txt\n+++ a.txt\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+and a half\n 6\n 7\n 8\n";
        assert_eq!(unified("a.txt", Some(old), new), expected);
    }

    #[test]
    fn new_files_and_emptied_ones() {
        assert_eq!(unified("a", None, "x\ny\n"), "--- /dev/null\n+++ a\n@@ -0,0 +1,2 @@\n+x\n+y\n");
        assert_eq!(unified("a", Some("x\n"), ""), "--- a\n+++ a\n@@ -1,2 +1,1 @@\n-x\n \n");
    }

    #[test]
    fn ends_of_lines_are_changes() {
        assert_eq!(unified("a", Some("# a"), "# a\n"), "--- a\n+++ a\n@@ -1,1 +1,2 @@\n # a\n+\n");
        assert_eq!(unified("a", Some("x\n"), "x"), "--- a\n+++ a\n@@ -1,2 +1,1 @@\n x\n-\n");
        assert_eq!(unified("a", Some("x\r\ny"), "x\ny"), "--- a\n+++ a\n@@ -1,2 +1,2 @@\n-x\r\n+x\n y\n");
    }
}
