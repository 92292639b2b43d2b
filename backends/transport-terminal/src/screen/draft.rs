//! A text that is printed as it is written: each line once it is complete, as it can not be printed again.

/// The text that is being written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Whose it is.
    key: String,
    lines: Vec<String>,
    /// How many of them are printed.
    printed: usize,
}

impl Draft {
    /// Takes in what is written by now, and gives the lines to print. A text of another beginning is another one: what is left
    /// of the one before is complete then.
    pub(super) fn goes_on(&mut self, key: &str, lines: Vec<String>) -> Vec<String> {
        let Some(complete) = lines.len().checked_sub(1) else { return Vec::new() };
        let bare = |line: &String| console::strip_ansi_codes(line).into_owned();
        let is_same = self.key == key
            && self.lines.first().is_some_and(|before| bare(&lines[0]).starts_with(&bare(before)));
        let mut fresh = Vec::new();
        if !is_same {
            let left = std::mem::take(self);
            if left.key == key {
                fresh.extend(left.lines.into_iter().skip(left.printed));
            }
            key.clone_into(&mut self.key);
        }
        fresh.extend(lines.iter().take(complete).skip(self.printed).cloned());
        self.printed = self.printed.max(complete);
        self.lines = lines;
        fresh
    }

    /// The text is complete: how many of its lines are printed already.
    pub(super) fn ends(&mut self, text: &[String]) -> usize {
        let Self { lines, printed, .. } = std::mem::take(self);
        let is_it = text.len() >= printed && text.iter().zip(&lines).take(printed).all(|(a, b)| a == b);
        if is_it { printed } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn each_line_is_printed_once_when_it_is_complete() {
        let mut draft = Draft::default();
        let mut check = |text: &str, fresh: &[&str]| assert_eq!(draft.goes_on("r", lines(text)), fresh);
        check("I lo", &[]);
        check("I look", &[]);
        check("I look/at", &["I look"]);
        check("I look/at it/and/more", &["at it", "and"]);
        assert_eq!(draft.ends(&lines("I look/at it/and/more/now")), 3);
        assert_eq!(draft.ends(&lines("I look/at it")), 0, "it has ended");
    }

    #[test]
    fn another_text_begins_where_the_one_before_ended() {
        let mut draft = Draft::default();
        assert_eq!(draft.goes_on("r", lines("I look/at it")), ["I look"]);
        assert_eq!(draft.goes_on("r", lines("Done/and")), ["at it", "Done"]);
        assert_eq!(
            draft.goes_on("other", lines("What/else")),
            ["What"],
            "that one may have been told otherwise"
        );
        assert_eq!(draft.ends(&lines("Done/and")), 0);
        assert_eq!(draft.goes_on("r", Vec::new()), [""; 0]);
    }

    #[test]
    fn styles_that_grow_are_the_same_text() {
        let mut draft = Draft::default();
        assert_eq!(draft.goes_on("r", lines("\u{1b}[1mI\u{1b}[0m")), [""; 0]);
        let line = "\u{1b}[1mI look\u{1b}[0m";
        assert_eq!(draft.goes_on("r", lines(&format!("{line}/at"))), [line]);
    }
}
