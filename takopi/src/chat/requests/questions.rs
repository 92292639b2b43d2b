//! Questions: one after the other, until all of them are answered.

use std::collections::{BTreeMap, BTreeSet};

use takopi_api::event::{Choice, Question};

/// Stands for an answer that nobody is to see.
const HIDDEN: &str = "•••";

/// The questions of a request, and what was answered so far.
#[derive(Debug, Clone)]
pub(super) struct Questions {
    all: Vec<Question>,
    /// The answers to the first ones.
    answers: Vec<Vec<String>>,
    /// How many of them have no answer because somebody said so.
    skipped: usize,
    /// What is chosen of the options of the current one, where several may be.
    chosen: BTreeSet<usize>,
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no such option.
    Nothing,
    /// The same question looks different now, or another one is asked.
    Changed,
    /// All are answered.
    Complete,
}

impl Questions {
    pub(super) fn new(all: &[Question]) -> Self {
        Self { all: all.to_vec(), answers: Vec::new(), skipped: 0, chosen: BTreeSet::new() }
    }

    /// The question that is asked now.
    pub(super) fn current(&self) -> Option<&Question> {
        self.all.get(self.answers.len())
    }

    pub(super) const fn count(&self) -> usize {
        self.all.len()
    }

    /// The questions that were answered, with what people may see of the answers.
    pub(super) fn answered(&self) -> impl Iterator<Item = (&Question, String)> {
        self.all.iter().zip(&self.answers).map(|(question, answers)| {
            let shown = match (question.secret, answers.as_slice()) {
                (true, _) => HIDDEN.to_owned(),
                (false, []) => "none".to_owned(),
                (false, answers) => answers.join(", "),
            };
            (question, shown)
        })
    }

    pub(super) fn is_chosen(&self, option: usize) -> bool {
        self.chosen.contains(&option)
    }

    /// Somebody chose an option, or one of several, which goes when it is chosen again.
    pub(super) fn pick(&mut self, option: usize) -> Step {
        let Some(question) = self.current() else { return Step::Nothing };
        let Some(label) = question.options.get(option).map(|choice| choice.label.clone()) else {
            return Step::Nothing;
        };
        if question.multiple {
            if !self.chosen.remove(&option) {
                self.chosen.insert(option);
            }
            return Step::Changed;
        }
        self.answer(vec![label])
    }

    /// What is chosen is the answer; without a question, all that is asked is whether it was read.
    pub(super) fn done(&mut self) -> Step {
        if self.current().is_none() {
            return Step::Complete;
        }
        let chosen = self.chosen_labels();
        self.answer(chosen)
    }

    /// Nobody answers the current question; what was answered before counts.
    pub(super) fn skip(&mut self) -> Step {
        if self.current().is_none() {
            return Step::Nothing;
        }
        self.skipped += 1;
        self.answer(Vec::new())
    }

    /// Whether there are questions, and nobody answers any of them.
    pub(super) const fn are_skipped(&self) -> bool {
        !self.all.is_empty() && self.skipped == self.all.len()
    }

    /// Somebody answers in words: besides what is chosen, where several answers may be.
    pub(super) fn words(&mut self, text: &str) -> Step {
        if self.current().is_none() {
            return Step::Nothing;
        }
        let mut answers = self.chosen_labels();
        answers.push(text.trim().to_owned());
        self.answer(answers)
    }

    /// Somebody answers with numbers of options, counted from 1; where several may be chosen, with several of them.
    pub(super) fn numbers(&mut self, text: &str) -> Step {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        let numbers: Option<Vec<usize>> =
            words.map(|word| word.parse::<usize>().ok().and_then(|number| number.checked_sub(1))).collect();
        let Some(question) = self.current() else { return Step::Nothing };
        match numbers.as_deref() {
            Some([only]) if !question.multiple => self.pick(*only),
            Some(several @ [_, ..]) if question.multiple => {
                if several.iter().any(|number| *number >= question.options.len()) {
                    return Step::Nothing;
                }
                self.chosen.extend(several);
                self.done()
            }
            _ => Step::Nothing,
        }
    }

    /// The answers by the ids of their questions.
    pub(super) fn answers(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (question, answers) in self.all.iter().zip(&self.answers) {
            // Two questions should not have one id; if they do, no answer is lost.
            all.entry(question.id.clone()).or_default().extend(answers.iter().cloned());
        }
        all
    }

    fn chosen_labels(&self) -> Vec<String> {
        let options: &[Choice] =
            self.current().map(|question| question.options.as_slice()).unwrap_or_default();
        self.chosen.iter().filter_map(|at| options.get(*at)).map(|choice| choice.label.clone()).collect()
    }

    fn answer(&mut self, answers: Vec<String>) -> Step {
        self.answers.push(answers);
        self.chosen.clear();
        if self.current().is_none() { Step::Complete } else { Step::Changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(labels: &[&str]) -> Vec<Choice> {
        labels.iter().map(|label| Choice::new(*label)).collect()
    }

    #[test]
    fn several_are_answered_one_after_the_other() {
        let mut questions = Questions::new(&[
            Question::new("colour", "which colour?").options(choices(&["red", "blue"])),
            Question::new("parts", "which parts?").options(choices(&["a", "b", "c"])).multiple(),
            Question::new("key", "which key?").secret(),
        ]);
        assert_eq!(questions.pick(2), Step::Nothing);
        assert_eq!(questions.pick(1), Step::Changed);
        for option in [0, 2, 0, 1] {
            assert_eq!(questions.pick(option), Step::Changed);
        }
        assert!(!questions.is_chosen(0) && questions.is_chosen(1));
        assert_eq!(questions.words(" and d "), Step::Changed);
        assert_eq!(questions.words("hush"), Step::Complete);
        assert_eq!((questions.words("more"), questions.pick(0)), (Step::Nothing, Step::Nothing));
        let answers = questions.answers();
        assert_eq!(
            (&answers["colour"][..], &answers["key"][..]),
            (&["blue".to_owned()][..], &["hush".to_owned()][..])
        );
        assert_eq!(answers["parts"], ["b", "c", "and d"]);
        let shown: Vec<_> = questions.answered().map(|(_, shown)| shown).collect();
        assert_eq!(shown, ["blue", "b, c, and d", "•••"]);
    }

    #[test]
    fn numbers_are_options() {
        let mut questions = Questions::new(&[
            Question::new("a", "?").options(choices(&["red", "blue"])),
            Question::new("b", "?").options(choices(&["x", "y", "z"])).multiple(),
        ]);
        for wrong in ["0", "3", "two", "", "1 2", "-1"] {
            assert_eq!(questions.numbers(wrong), Step::Nothing, "{wrong:?}");
        }
        assert_eq!(questions.numbers("2"), Step::Changed);
        assert_eq!(questions.numbers("1 4"), Step::Nothing);
        assert_eq!(questions.numbers("1, 3"), Step::Complete);
        assert_eq!(questions.answers()["b"], ["x", "z"]);
    }

    #[test]
    fn a_question_that_nobody_answers_leaves_the_others() {
        let mut questions = Questions::new(&[Question::new("a", "?"), Question::new("b", "?")]);
        assert_eq!((questions.words("yes"), questions.skip()), (Step::Changed, Step::Complete));
        assert!(!questions.are_skipped());
        assert_eq!(
            (&questions.answers()["a"][..], &questions.answers()["b"][..]),
            (&["yes".to_owned()][..], &[][..])
        );
        let mut questions = Questions::new(&[Question::new("a", "?"), Question::new("b", "?")]);
        assert_eq!((questions.skip(), questions.skip()), (Step::Changed, Step::Complete));
        assert!(questions.are_skipped());
        assert!(!Questions::new(&[]).are_skipped());
    }

    #[test]
    fn nothing_asked_is_answered_by_that() {
        let mut questions = Questions::new(&[]);
        assert_eq!(questions.words("?"), Step::Nothing);
        assert_eq!(questions.done(), Step::Complete);
        assert!(questions.answers().is_empty());
    }
}
