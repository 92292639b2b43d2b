//! What people can do with a request, as buttons and as words.

use takopi_api::event::{Decision, RequestSubject};

use super::questions::{Questions, Step};
use crate::store::Verdict;

/// What a request is, as far as it says what people can do with it.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// May the engine do this?
    Permission(Remember),
    /// Is this plan good?
    Plan,
    /// What do you want?
    Questions(Questions),
    /// A kind that this takopi does not know. It can only be refused.
    Unknown,
}

/// Who could answer the like of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remember {
    /// Takopi: a rule can be made of it.
    ByRule,
    /// The engine, for its session. What is like it can not be said.
    ByEngine,
    /// Nobody but a person.
    No,
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    AllowOnce,
    AllowSession,
    AllowAlways,
    /// Of a question: nobody answers it.
    Deny,
    /// Deny, with the words that are written next.
    Why,
    /// Not with words after all.
    Back,
    /// An option of the current question.
    Pick(usize),
    /// What is chosen is the answer.
    Done,
}

/// What comes of an act.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// This is decided.
    Decides(Verdict, Decision),
    /// From here on, words of who did it are the reason.
    Words,
    /// Words are not waited for any more.
    NoWords,
    /// The message has to show something else.
    Changed,
    /// There is no such thing to do.
    Nothing,
}

impl Form {
    pub(super) fn of(subject: &RequestSubject, remember: Remember) -> Self {
        match subject {
            RequestSubject::Permission(_) => Self::Permission(remember),
            RequestSubject::Plan { .. } => Self::Plan,
            RequestSubject::Question { questions } => Self::Questions(Questions::new(questions)),
            _ => Self::Unknown,
        }
    }

    /// The buttons, in rows, while words are waited for or not.
    pub(super) fn buttons(&self, waits_for_words: bool) -> Vec<Vec<(String, Act)>> {
        let row =
            |acts: &[(&str, Act)]| acts.iter().map(|(label, act)| ((*label).to_owned(), *act)).collect();
        if waits_for_words {
            let without = if matches!(self, Self::Plan) { "reject" } else { "deny without a word" };
            return vec![row(&[(without, Act::Deny), ("back", Act::Back)])];
        }
        match self {
            Self::Permission(remember) => {
                let session = ("allow for this session", Act::AllowSession);
                let more = match remember {
                    Remember::ByRule => vec![row(&[session, ("always allow", Act::AllowAlways)])],
                    Remember::ByEngine => vec![row(&[session])],
                    Remember::No => Vec::new(),
                };
                let first = row(&[("allow once", Act::AllowOnce), ("deny", Act::Deny)]);
                [first].into_iter().chain(more).chain([row(&[("deny, and say why", Act::Why)])]).collect()
            }
            Self::Plan => {
                vec![row(&[("approve", Act::AllowOnce), ("change", Act::Why), ("reject", Act::Deny)])]
            }
            Self::Questions(questions) => {
                let current = questions.current();
                let options = current.map(|question| question.options.as_slice()).unwrap_or_default();
                let is_multiple = current.is_some_and(|question| question.multiple);
                let label = |at: usize, label: &str| match (is_multiple, questions.is_chosen(at)) {
                    (false, _) => label.to_owned(),
                    (true, false) => format!("☐ {label}"),
                    (true, true) => format!("☑ {label}"),
                };
                let mut rows: Vec<Vec<_>> = options
                    .iter()
                    .enumerate()
                    .map(|(at, choice)| vec![(label(at, &choice.label), Act::Pick(at))])
                    .collect();
                let mut last = row(&[("no answer", Act::Deny)]);
                if is_multiple || current.is_none() {
                    let label = if is_multiple { "done" } else { "ok" };
                    last.insert(0, (label.to_owned(), Act::Done));
                }
                rows.push(last);
                rows
            }
            Self::Unknown => vec![row(&[("deny", Act::Deny)])],
        }
    }

    /// Does what a button says.
    pub(super) fn act(&mut self, act: Act) -> Effect {
        match (act, self) {
            (Act::AllowOnce, Self::Permission(_) | Self::Plan) => {
                Effect::Decides(Verdict::AllowOnce, Decision::AllowOnce)
            }
            (Act::AllowSession, Self::Permission(Remember::ByRule | Remember::ByEngine)) => {
                Effect::Decides(Verdict::AllowSession, Decision::AllowSession)
            }
            (Act::AllowAlways, Self::Permission(Remember::ByRule)) => {
                Effect::Decides(Verdict::AllowAlways, Decision::AllowAlways)
            }
            (Act::Deny, Self::Questions(questions)) => match questions.skip() {
                Step::Nothing => deny(None),
                step => after(step, questions),
            },
            (Act::Deny, _) => deny(None),
            (Act::Why, Self::Permission(_) | Self::Plan) => Effect::Words,
            (Act::Back, _) => Effect::NoWords,
            (Act::Pick(option), Self::Questions(questions)) => {
                let step = questions.pick(option);
                after(step, questions)
            }
            (Act::Done, Self::Questions(questions)) => {
                let step = questions.done();
                after(step, questions)
            }
            _ => Effect::Nothing,
        }
    }

    /// What written words do, where nobody said before that they are about this request. `aimed` says how sure it is that
    /// they are, `shown` what people see of the choices.
    pub(super) fn words(&mut self, text: &str, aimed: Aimed, shown: Shown) -> Effect {
        let text = text.trim();
        if text.is_empty() {
            return Effect::Nothing;
        }
        if let Self::Questions(questions) = self {
            if let Shown::Numbers { .. } = shown {
                match questions.numbers(text) {
                    Step::Nothing => {}
                    step => return after(step, questions),
                }
            }
            return self.answer(text, shown);
        }
        if let Some(act) = self.numbered(text, shown) {
            return self.act(act);
        }
        match aimed {
            Aimed::Loosely if is_deny(text) => refusal(text).map_or(Effect::Nothing, deny),
            Aimed::Loosely => Effect::Nothing,
            Aimed::Reply => self.reply(text, shown),
        }
    }

    /// The choice that words make where words are waited for and the message shows numbers: a number of it, or its label.
    pub(super) fn instead_of_words(&self, text: &str) -> Option<Act> {
        let shown = Shown::Numbers { waits_for_words: true };
        let text = text.trim();
        self.numbered(text, shown).or_else(|| named(&self.buttons(true), text))
    }

    /// Words for the current question that are no number of an option.
    fn answer(&mut self, text: &str, shown: Shown) -> Effect {
        // Options are known by now; of the other buttons, numbers are as good as labels.
        if let Shown::Numbers { .. } = shown
            && let Some(act @ (Act::Deny | Act::Done)) =
                self.numbered(text, shown).or_else(|| named(&self.buttons(false), text))
        {
            return self.act(act);
        }
        let Self::Questions(questions) = self else { return Effect::Nothing };
        let step = questions.words(text);
        after(step, questions)
    }

    /// Words that answer the message.
    fn reply(&mut self, text: &str, shown: Shown) -> Effect {
        let buttons = [self.buttons(false), self.buttons(shown.waits_for_words())].concat();
        if let Some(act) = named(&buttons, text) {
            return self.act(act);
        }
        if let Some(reason) = refusal(text) {
            return deny(reason);
        }
        if ["yes", "y"].iter().any(|yes| text.eq_ignore_ascii_case(yes)) {
            return self.act(Act::AllowOnce);
        }
        // Who answers a plan says how it should be. A number is none of that, wherever it comes from.
        if matches!(self, Self::Plan) && (shown == Shown::Buttons || text.parse::<usize>().is_err()) {
            return deny(Some(text.to_owned()));
        }
        Effect::Nothing
    }

    /// The button whose number this is, where numbers are shown.
    fn numbered(&self, text: &str, shown: Shown) -> Option<Act> {
        let Shown::Numbers { waits_for_words } = shown else { return None };
        if self.is_free() {
            return None;
        }
        let number = text.parse::<usize>().ok()?.checked_sub(1)?;
        self.buttons(waits_for_words).into_iter().flatten().nth(number).map(|(_, act)| act)
    }

    /// Whether it asks for words and offers none. A number is then as good an answer as any.
    pub(super) fn is_free(&self) -> bool {
        match self {
            Self::Questions(questions) => {
                questions.current().is_some_and(|question| question.options.is_empty())
            }
            _ => false,
        }
    }

    /// What people can say, for who said something else.
    pub(super) const fn hint(&self, has_buttons: bool) -> &'static str {
        match (self, has_buttons) {
            (Self::Permission(_) | Self::Plan, true) => "say `yes`, or `deny because …`, or press a button",
            (Self::Unknown, true) => "say `deny because …`, or press a button",
            (Self::Questions(_), true) => "press a button",
            (Self::Questions(_), false) => "answer with a number",
            (_, false) => "answer with a number, or `deny because …`",
        }
    }

    /// Which of its questions is asked now, counted from 0.
    pub(super) fn question(&self) -> Option<usize> {
        match self {
            Self::Questions(questions) => Some(questions.answered().count()),
            _ => None,
        }
    }
}

/// How words are known to be about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aimed {
    /// They were written where it is asked, and no more.
    Loosely,
    /// They answer its message.
    Reply,
}

/// What people see of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Buttons,
    /// The chat has no buttons, and the message shows numbers in their place: of the choices that there are while words are
    /// waited for, or of the others.
    Numbers {
        waits_for_words: bool,
    },
}

impl Shown {
    const fn waits_for_words(self) -> bool {
        matches!(self, Self::Numbers { waits_for_words: true })
    }
}

fn after(step: Step, questions: &Questions) -> Effect {
    match step {
        Step::Nothing => Effect::Nothing,
        Step::Changed => Effect::Changed,
        Step::Complete if questions.are_skipped() => deny(None),
        Step::Complete => Effect::Decides(Verdict::Answer, Decision::Answer { answers: questions.answers() }),
    }
}

pub(super) const fn deny(reason: Option<String>) -> Effect {
    Effect::Decides(Verdict::Deny, Decision::Deny { reason })
}

/// The button that has these words on it.
fn named(rows: &[Vec<(String, Act)>], text: &str) -> Option<Act> {
    rows.iter().flatten().find(|(label, _)| label.eq_ignore_ascii_case(text)).map(|(_, act)| *act)
}

fn is_deny(text: &str) -> bool {
    text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("deny"))
}

/// What words refuse: `deny`, `deny because it is dangerous`, `no, not there`. The reason is inside, if they say one.
fn refusal(text: &str) -> Option<Option<String>> {
    let word = ["deny", "no"].into_iter().find(|word| {
        text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric())
    })?;
    let rest = text[word.len()..].trim_start();
    if rest.is_empty() || rest == "." || rest == "!" {
        return Some(None);
    }
    let because = rest.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("because"));
    let reason = if because { rest.get(7..)? } else { rest.strip_prefix([':', ',', ';'])? };
    let reason = reason.trim_start_matches([':', ',']).trim();
    Some((!reason.is_empty()).then(|| reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use takopi_api::event::{Choice, Permission, Question};

    use super::*;

    fn permission() -> Form {
        Form::of(&RequestSubject::Permission(Permission::default()), Remember::ByRule)
    }

    fn denied(reason: &str) -> Effect {
        deny(Some(reason.to_owned()))
    }

    const NUMBERS: Shown = Shown::Numbers { waits_for_words: false };

    #[track_caller]
    fn check(aimed: Aimed, text: &str, expected: &Effect) {
        assert_eq!(permission().words(text, aimed, Shown::Buttons), *expected, "{text:?} {aimed:?}");
    }

    #[track_caller]
    fn check_numbers(text: &str, expected: &Effect) {
        assert_eq!(permission().words(text, Aimed::Loosely, NUMBERS), *expected, "{text:?}");
    }

    #[test]
    fn what_is_only_written_here_can_deny_and_nothing_else() {
        check(Aimed::Loosely, "deny", &deny(None));
        check(Aimed::Loosely, "Deny because it is not mine", &denied("it is not mine"));
        check(Aimed::Loosely, "deny: no", &denied("no"));
        for other in ["1", "yes", "no", "no, not that", "allow once", "denying is easy", "deny it", "", "de"]
        {
            check(Aimed::Loosely, other, &Effect::Nothing);
        }
    }

    #[test]
    fn an_answer_to_its_message_is_about_it() {
        let allow = Effect::Decides(Verdict::AllowOnce, Decision::AllowOnce);
        check(Aimed::Reply, "Allow once", &allow);
        check(Aimed::Reply, "yes", &allow);
        check(Aimed::Reply, "no", &deny(None));
        check(Aimed::Reply, "deny, and say why", &Effect::Words);
        check(Aimed::Reply, "no, use the other one", &denied("use the other one"));
        for other in ["1", "yes please do", "perhaps", "always"] {
            check(Aimed::Reply, other, &Effect::Nothing);
        }
        let mut plan = Form::Plan;
        assert_eq!(plan.words("add tests", Aimed::Reply, Shown::Buttons), denied("add tests"));
        assert_eq!(plan.words("approve", Aimed::Reply, Shown::Buttons), allow);
        assert_eq!(plan.words("add tests", Aimed::Loosely, Shown::Buttons), Effect::Nothing);
        assert_eq!(Form::Unknown.words("yes", Aimed::Reply, Shown::Buttons), Effect::Nothing);
    }

    #[test]
    fn numbers_count_where_they_are_shown() {
        let session = Effect::Decides(Verdict::AllowSession, Decision::AllowSession);
        check_numbers("3", &session);
        check_numbers("5", &Effect::Words);
        for other in ["0", "6", "99999999999999999999999", "1.", "-1", "yes", "allow once"] {
            check_numbers(other, &Effect::Nothing);
        }
        let options = [Choice::new("red"), Choice::new("blue")];
        let asked = RequestSubject::Question { questions: vec![Question::new("q", "?").options(options)] };
        let words = |text: &str, shown| Form::of(&asked, Remember::No).words(text, Aimed::Loosely, shown);
        let answer = |text: &str| {
            let answers = [("q".to_owned(), vec![text.to_owned()])].into();
            Effect::Decides(Verdict::Answer, Decision::Answer { answers })
        };
        assert_eq!(words("2", NUMBERS), answer("blue"));
        assert_eq!(words("3", NUMBERS), deny(None));
        assert_eq!(words("4", NUMBERS), answer("4"));
        assert_eq!(words("yes", NUMBERS), answer("yes"));
        assert_eq!(words("no answer", NUMBERS), deny(None));
        assert_eq!(words("2", Shown::Buttons), answer("2"));
        assert_eq!(words("deny it all", Shown::Buttons), answer("deny it all"));
        let asked = RequestSubject::Question { questions: vec![Question::new("q", "how many?")] };
        let words = |text: &str| Form::of(&asked, Remember::No).words(text, Aimed::Loosely, NUMBERS);
        assert_eq!(words("1"), answer("1"), "it is no number of a choice");
        assert_eq!(words("no answer"), deny(None));
    }

    #[test]
    fn who_is_not_understood_is_told_what_there_is() {
        let questions = Form::Questions(Questions::new(&[]));
        for form in [permission(), Form::Plan, questions, Form::Unknown] {
            assert!(!form.hint(false).contains("press") && !form.hint(false).contains("yes"), "{form:?}");
            let takes_yes = form.clone().words("yes", Aimed::Reply, Shown::Buttons) != Effect::Nothing;
            assert_eq!(form.hint(true).contains("yes"), takes_yes, "{form:?}");
        }
    }

    #[test]
    fn no_answer_to_one_question_keeps_what_was_answered() {
        let asked = ["a", "b"].map(|id| Question::new(id, "?"));
        let mut form = Form::Questions(Questions::new(&asked));
        assert_eq!(form.words("red", Aimed::Loosely, Shown::Buttons), Effect::Changed);
        let answers = [("a".to_owned(), vec!["red".to_owned()]), ("b".to_owned(), Vec::new())].into();
        assert_eq!(form.act(Act::Deny), Effect::Decides(Verdict::Answer, Decision::Answer { answers }));
        let mut form = Form::Questions(Questions::new(&asked));
        assert_eq!((form.act(Act::Deny), form.act(Act::Deny)), (Effect::Changed, deny(None)));
    }

    #[test]
    fn a_yes_for_longer_is_offered_where_somebody_remembers_it() {
        let check = |remember, expected: &[Act]| {
            let shown: Vec<Act> =
                Form::Permission(remember).buttons(false).into_iter().flatten().map(|(_, act)| act).collect();
            let lasting: Vec<Act> =
                shown.into_iter().filter(|act| matches!(act, Act::AllowSession | Act::AllowAlways)).collect();
            assert_eq!(lasting, expected, "{remember:?}");
        };
        check(Remember::ByRule, &[Act::AllowSession, Act::AllowAlways]);
        check(Remember::ByEngine, &[Act::AllowSession]);
        check(Remember::No, &[]);
    }

    #[test]
    fn no_button_does_what_its_request_does_not_have() {
        let acts = [Act::AllowOnce, Act::AllowSession, Act::AllowAlways, Act::Why, Act::Pick(0), Act::Done];
        for act in acts {
            assert_eq!(Form::Unknown.act(act), Effect::Nothing, "{act:?}");
        }
        assert_eq!(Form::Plan.act(Act::AllowSession), Effect::Nothing);
        assert_eq!(Form::Permission(Remember::ByEngine).act(Act::AllowAlways), Effect::Nothing);
        assert_eq!(Form::Permission(Remember::No).act(Act::AllowSession), Effect::Nothing);
        let mut questions = Form::Questions(Questions::new(&[Question::new("q", "?")]));
        assert_eq!(questions.act(Act::AllowOnce), Effect::Nothing);
        let (engines, nobodys) = (Form::Permission(Remember::ByEngine), Form::Permission(Remember::No));
        for form in [permission(), engines, nobodys, Form::Plan, questions, Form::Unknown] {
            let offered = form.buttons(false);
            for (_, act) in offered.iter().flatten() {
                assert_ne!(form.clone().act(*act), Effect::Nothing);
            }
            assert!(offered.iter().flatten().any(|(_, act)| *act == Act::Deny));
        }
    }
}
