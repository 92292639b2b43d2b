//! What changes in a text, as a unified diff.
//!
//! All that lies between the first and the last line that changed is one hunk. That shows more than it must where a text
//! changes in two places, and is still right.

/// How many lines are shown around what changed.
const CONTEXT: usize = 3;

/// The diff of a file from one text to the other, which differ.
pub(crate) fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new) = (lines(before), lines(after));
    let start = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let from = start.saturating_sub(CONTEXT);
    let rest = end.saturating_sub(CONTEXT);
    let mut diff = format!(
        "--- {name}\n+++ {name}\n@@ -{} +{} @@\n",
        range(from, old.len() - rest),
        range(from, new.len() - rest),
    );
    let changes = [
        (' ', &old[from..start]),
        ('-', &old[start..old.len() - end]),
        ('+', &new[start..new.len() - end]),
        (' ', &old[old.len() - end..old.len() - rest]),
    ];
    for (sign, lines) in changes {
        for line in lines {
            diff.push(sign);
            diff.push_str(line);
            if !line.ends_with('\n') {
                diff.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    diff
}

/// The lines with their ends: one with a newline is not the same as one without.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Lines as a hunk's head names them: the first, counted from 1, and how many.
fn range(from: usize, to: usize) -> String {
    match to - from {
        0 => format!("{from},0"),
        count => format!("{},{count}", from + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, hunk: &str) {
        assert_eq!(unified("a", before, after), format!("--- a\n+++ a\n{hunk}"));
    }

    #[test]
    fn what_changed_is_shown_with_the_lines_around_it() {
        check("", "1\n2\n", "@@ -0,0 +1,2 @@\n+1\n+2\n");
        check("1\n", "", "@@ -1,1 +0,0 @@\n-1\n");
        check("1\n2\n3\n", "1\nx\ny\n3\n", "@@ -1,3 +1,4 @@\n 1\n-2\n+x\n+y\n 3\n");
        check("a\na\n", "a\na\na\n", "@@ -1,2 +1,3 @@\n a\n a\n+a\n");
        check(
            "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
            "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n",
        );
    }

    #[test]
    fn a_missing_newline_is_told() {
        check("1", "1\n", "@@ -1,1 +1,1 @@\n-1\n\\ No newline at end of file\n+1\n");
        check("1\n2", "0\n2", "@@ -1,2 +1,2 @@\n-1\n+0\n 2\n\\ No newline at end of file\n");
    }
}
