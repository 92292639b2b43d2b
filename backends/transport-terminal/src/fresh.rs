//! Which lines of an edited message are worth printing.

/// Longer texts are not compared line by line, in pairs of lines.
const MOST_PAIRS: usize = 1_000_000;

/// The lines of `new` that were not shown as part of `old`: those that are not in the longest sequence of lines that both
/// have. A line that moved up because older ones went is shown already; one that came again is not.
pub(crate) fn fresh<'a>(old: &[String], new: &'a [String]) -> Vec<&'a str> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    if old.is_empty() || old.len().saturating_mul(new.len()) > MOST_PAIRS {
        return new.iter().map(String::as_str).collect();
    }
    // How long the longest common sequence of the rests is that begin at these lines.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut fresh = Vec::new();
    while j < new.len() {
        if i < old.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1] {
            i += 1;
        } else {
            fresh.push(new[j].as_str());
            j += 1;
        }
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn only_new_and_changed_lines_are_printed() {
        let check = |old: &str, new: &str, expected: &str| {
            assert_eq!(fresh(&lines(old), &lines(new)), lines(expected));
        };
        check("", "a b", "a b");
        check("a b", "a b", "");
        check("a b", "", "");
        check("▸a", "✓a", "✓a");
        check("▸a ▸b", "✓a ▸b ▸c", "✓a ▸c");
        // The oldest line went, and one like it came.
        check("a b c d e", "b c d e a", "a");
        check("a a a", "a a a a", "a");
        check("a b c", "x b y", "x y");
    }

    #[test]
    fn what_is_too_long_to_compare_is_printed() {
        let old = vec!["a".to_owned(); 3000];
        let new: Vec<_> = (0..3000).map(|number| number.to_string()).collect();
        assert_eq!(fresh(&old, &new).len(), 3000);
    }
}
