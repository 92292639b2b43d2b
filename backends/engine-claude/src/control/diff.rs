//! What a change of a file would be, as a diff. Only what claude sends is looked at, never the file, so there are no line
//! numbers.

use std::fmt::Write as _;

/// How many equal lines are shown around those that change.
const CONTEXT: usize = 3;

/// Texts in place of others, in the order in which they are replaced.
pub(super) fn replacements<'a>(path: &str, edits: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut diff = format!("--- {path}\n+++ {path}\n");
    for (old, new) in edits {
        hunk(&mut diff, old, new);
    }
    diff
}

/// A text that is put somewhere into a file.
pub(super) fn addition(path: &str, text: &str) -> String {
    let mut diff = format!("--- {path}\n+++ {path}\n@@ @@\n");
    lines(&mut diff, '+', text.split_terminator('\n'));
    diff
}

fn hunk(diff: &mut String, old: &str, new: &str) {
    let [old, new]: [Vec<&str>; 2] = [old, new].map(|text| text.split('\n').collect());
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    diff.push_str("@@ @@\n");
    lines(diff, ' ', old[before.saturating_sub(CONTEXT)..before].iter().copied());
    lines(diff, '-', old_rest[..old_rest.len() - after].iter().copied());
    lines(diff, '+', new_rest[..new_rest.len() - after].iter().copied());
    let same = &old_rest[old_rest.len() - after..];
    lines(diff, ' ', same.iter().take(CONTEXT).copied());
}

fn lines<'a>(diff: &mut String, sign: char, lines: impl Iterator<Item = &'a str>) {
    for line in lines {
        // Writing into a text can not fail.
        let _ = writeln!(diff, "{sign}{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replacement(path: &str, old: &str, new: &str) -> String {
        replacements(path, [(old, new)])
    }

    #[test]
    fn only_lines_that_differ_are_marked() {
        assert_eq!(
            replacement("/a", "1\n2\n3\n4\nold\n6", "1\n2\n3\n4\nnew\nand\n6"),
            "--- /a\n+++ /a\n@@ @@\n 2\n 3\n 4\n-old\n+new\n+and\n 6\n"
        );
        assert_eq!(replacement("/a", "hello", "goodbye"), "--- /a\n+++ /a\n@@ @@\n-hello\n+goodbye\n");
    }

    #[test]
    fn texts_that_overlap_are_shown_as_what_they_become() {
        assert_eq!(replacement("/a", "x\nx", "x\nx\nx"), "--- /a\n+++ /a\n@@ @@\n x\n x\n+x\n");
        assert_eq!(replacement("/a", "x\ny", ""), "--- /a\n+++ /a\n@@ @@\n-x\n-y\n+\n");
        assert_eq!(replacement("/a", "x\r", "x\n"), "--- /a\n+++ /a\n@@ @@\n-x\r\n+x\n+\n");
    }

    #[test]
    fn additions_and_several_edits() {
        assert_eq!(addition("/a", "one\n\ntwo\n"), "--- /a\n+++ /a\n@@ @@\n+one\n+\n+two\n");
        assert_eq!(
            replacements("/a", [("a", "b"), ("c", "d")]),
            "--- /a\n+++ /a\n@@ @@\n-a\n+b\n@@ @@\n-c\n+d\n"
        );
    }
}
