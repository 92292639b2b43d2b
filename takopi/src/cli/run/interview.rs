//! What an engine asks, put to a person line by line until it is decided: a state machine that typed lines go into, and
//! lines to show and a decision come out of.

use std::collections::BTreeMap;

use console::style;
use takopi_api::event::{Choice, Decision, Lasting, Permission, Question, Request, RequestSubject};

use crate::visible::visible;

/// How many lines of a long text are shown at first.
const SHOWN_LINES: usize = 40;

/// A request on its way to a decision.
#[derive(Debug)]
pub(super) struct Interview {
    request: Request,
    /// What is asked for now.
    wants: Wants,
    answers: BTreeMap<String, Vec<String>>,
    /// Whether long texts are cut.
    is_short: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// May it, or may it not?
    Verdict,
    /// What should be different in the plan.
    Change,
    /// The answer to the question of this number.
    Answer(usize),
    /// Was it read? Nothing else is asked where there are no questions.
    Read,
}

/// What came of a typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// There is more to ask: these lines are to be shown first.
    More(Vec<String>),
    Decided(Decision),
    /// The same, and what the person should know about it.
    DecidedBut(Decision, &'static str),
}

impl Interview {
    pub(super) const fn new(request: Request) -> Self {
        let wants = match &request.subject {
            RequestSubject::Question { questions } if questions.is_empty() => Wants::Read,
            RequestSubject::Question { .. } => Wants::Answer(0),
            _ => Wants::Verdict,
        };
        Self { request, wants, answers: BTreeMap::new(), is_short: true }
    }

    pub(super) const fn request(&self) -> &Request {
        &self.request
    }

    /// The lines that say what is asked.
    pub(super) fn begin(&self, engine: &str) -> Vec<String> {
        let mut lines = vec![format!("{engine} asks: {}", visible(&self.request.title))];
        lines.extend(self.subject());
        lines
    }

    /// What stands before what the person types.
    pub(super) fn prompt(&self) -> &'static str {
        match (self.wants, &self.request.subject) {
            (Wants::Answer(_), _) => "answer [empty: no answer]: ",
            (Wants::Change, _) => "what should change: ",
            (Wants::Read, _) => "ok? [y]es, or [n]o answer: ",
            (Wants::Verdict, RequestSubject::Plan { .. }) if self.is_cut() => {
                "go ahead? [y]es, [n]o, [m]ore of it, or what to change: "
            }
            (Wants::Verdict, RequestSubject::Plan { .. }) => "go ahead? [y]es, [n]o, or what to change: ",
            (Wants::Verdict, _) => match (self.is_remembered(), self.is_cut()) {
                (true, true) => "allow? [y]es, [s]ession, [n]o, [m]ore of it, or why not: ",
                (true, false) => "allow? [y]es, [s]ession, [n]o, or why not: ",
                (false, true) => "allow? [y]es, [n]o, [m]ore of it, or why not: ",
                (false, false) => "allow? [y]es, [n]o, or why not: ",
            },
        }
    }

    /// Whether the engine remembers a yes for the session. Here nobody else does.
    fn is_remembered(&self) -> bool {
        matches!(&self.request.subject, RequestSubject::Permission(permission) if permission.lasting == Lasting::Engine)
    }

    /// Whether what is typed next must not be seen.
    pub(super) fn is_secret(&self) -> bool {
        self.question().is_some_and(|question| question.secret)
    }

    /// Takes in what the person typed. Only a clear yes allows.
    pub(super) fn hear(&mut self, line: &str) -> Heard {
        let typed = line.trim();
        let word = typed.to_ascii_lowercase();
        match self.wants {
            Wants::Answer(at) => self.answer(at, typed),
            Wants::Change => Heard::Decided(Decision::Deny { reason: some(typed) }),
            Wants::Read if matches!(word.as_str(), "y" | "yes" | "ok") => {
                Heard::Decided(Decision::Answer { answers: BTreeMap::new() })
            }
            Wants::Read => Heard::Decided(Decision::Deny { reason: some(without_no(typed)) }),
            Wants::Verdict if self.is_cut() && matches!(word.as_str(), "m" | "more") => {
                self.is_short = false;
                Heard::More(self.subject())
            }
            Wants::Verdict => {
                let is_plan = matches!(self.request.subject, RequestSubject::Plan { .. });
                match word.as_str() {
                    "y" | "yes" => Heard::Decided(Decision::AllowOnce),
                    "c" | "change" if is_plan => {
                        self.wants = Wants::Change;
                        Heard::More(Vec::new())
                    }
                    "s" | "session" if self.is_remembered() => Heard::Decided(Decision::AllowSession),
                    "s" | "session" if !is_plan => Heard::DecidedBut(Decision::AllowOnce, FORGOTTEN),
                    "a" | "always" if !is_plan => Heard::DecidedBut(Decision::AllowOnce, ONLY_ONCE),
                    _ => Heard::Decided(Decision::Deny { reason: some(without_no(typed)) }),
                }
            }
        }
    }

    fn answer(&mut self, at: usize, typed: &str) -> Heard {
        let Some(question) = self.question().filter(|_| !typed.is_empty()) else {
            return Heard::Decided(Decision::Deny { reason: None });
        };
        let (id, answer) = (question.id.clone(), chosen(question, typed));
        // Two questions should not have one id; if they do, no answer is lost.
        self.answers.entry(id).or_default().extend(answer);
        self.wants = Wants::Answer(at + 1);
        match self.question() {
            Some(next) => Heard::More(question_lines(next)),
            None => Heard::Decided(Decision::Answer { answers: std::mem::take(&mut self.answers) }),
        }
    }

    /// The question that is asked now.
    fn question(&self) -> Option<&Question> {
        match (&self.request.subject, self.wants) {
            (RequestSubject::Question { questions }, Wants::Answer(at)) => questions.get(at),
            _ => None,
        }
    }

    /// The texts of which only the beginning is shown at first, in the order in which they stand.
    fn texts(&self) -> Vec<&str> {
        match &self.request.subject {
            RequestSubject::Permission(Permission { command, input, diff, content, .. }) => {
                [command, input, diff, content].into_iter().filter_map(|text| text.as_deref()).collect()
            }
            RequestSubject::Plan { text } => vec![text],
            _ => Vec::new(),
        }
    }

    /// Whether there is more of it than is shown.
    fn is_cut(&self) -> bool {
        self.is_short && self.texts().iter().any(|text| text.lines().count() > SHOWN_LINES)
    }

    fn subject(&self) -> Vec<String> {
        match &self.request.subject {
            RequestSubject::Permission(permission) => self.permission(permission),
            RequestSubject::Plan { text } => self.text(text, visible_line),
            RequestSubject::Question { .. } => self.question().map(question_lines).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn permission(&self, permission: &Permission) -> Vec<String> {
        let Permission { tool, command, cwd, paths, diff, content, reason, input, .. } = permission;
        let named = |label: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("  {label}: {}", visible(value)))
        };
        let mut lines: Vec<String> = named("with", tool).into_iter().collect();
        match command {
            Some(command) if command.contains('\n') => {
                lines.push("  command:".to_owned());
                lines.extend(self.text(command, visible_line));
            }
            command => lines.extend(named("command", command)),
        }
        lines.extend(named("in", cwd));
        lines.extend(named("because", reason));
        if !paths.is_empty() {
            lines.push(format!("  files: {}", visible(&paths.join(", "))));
        }
        lines.extend(self.text(input.as_deref().unwrap_or_default(), visible_line));
        let diff = diff.as_deref().unwrap_or_default();
        let is_diff = diff.lines().any(|line| line.starts_with("@@ "));
        lines.extend(self.text(diff, if is_diff { diff_line } else { visible_line }));
        lines.extend(self.text(content.as_deref().unwrap_or_default(), visible_line));
        lines
    }

    fn text(&self, text: &str, shown: fn(&str) -> String) -> Vec<String> {
        let most = if self.is_short { SHOWN_LINES } else { usize::MAX };
        let count = text.lines().count();
        let mut lines: Vec<String> =
            text.lines().take(most).map(|line| format!("  │ {}", shown(line))).collect();
        if count > most {
            lines.push(format!("  … {} more lines", count - most));
        }
        lines
    }
}

/// What is said where somebody wants a rule.
const FORGOTTEN: &str = "allowed this once: the engine remembers no more";

const ONLY_ONCE: &str = "allowed this once: rules are kept for chats only";

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What stands behind a no: `no, it deletes too much`.
fn without_no(typed: &str) -> &str {
    let is_no = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "n" | "no");
    match typed.split_once(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '.')) {
        Some((word, reason)) if is_no(word) => {
            reason.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '.'))
        }
        None if is_no(typed) => "",
        _ => typed,
    }
}

fn visible_line(line: &str) -> String {
    visible(line).into_owned()
}

/// A line of a unified diff.
fn diff_line(line: &str) -> String {
    let line = visible_line(line);
    let styled = match line.as_bytes() {
        [b'@', b'@', ..] => style(line).cyan(),
        [b'+', ..] => style(line).green(),
        [b'-', ..] => style(line).red(),
        _ => return line,
    };
    styled.for_stderr().to_string()
}

fn question_lines(question: &Question) -> Vec<String> {
    let header = question.header.as_ref().map(|header| format!("{}: ", visible(header)));
    let several = if question.multiple { " (several, such as `1, 3`)" } else { "" };
    let mut lines = vec![format!("  {}{}{several}", header.unwrap_or_default(), visible(&question.text))];
    for (number, Choice { label, description, .. }) in question.options.iter().enumerate() {
        let description = description
            .as_ref()
            .map(|description| format!(" – {}", visible(description)))
            .unwrap_or_default();
        lines.push(format!("    {}. {}{description}", number + 1, visible(label)));
    }
    lines
}

/// What was chosen: the options of the typed numbers or names, or else the words themselves.
fn chosen(question: &Question, typed: &str) -> Vec<String> {
    if question.multiple {
        let words = typed.split(',').map(str::trim).filter(|word| !word.is_empty());
        let all: Option<Vec<String>> = words.map(|word| option(question, word)).collect();
        return all.filter(|all| !all.is_empty()).unwrap_or_else(|| vec![typed.to_owned()]);
    }
    vec![option(question, typed).unwrap_or_else(|| typed.to_owned())]
}

/// The option of a number or a name.
fn option(question: &Question, typed: &str) -> Option<String> {
    let by_number = || question.options.get(typed.parse::<usize>().ok()?.checked_sub(1)?);
    let by_name = || question.options.iter().find(|option| option.label.eq_ignore_ascii_case(typed));
    by_number().or_else(by_name).map(|option| option.label.clone())
}

#[cfg(test)]
mod tests {
    use takopi_api::event::RequestId;

    use super::*;

    fn about(subject: RequestSubject) -> Interview {
        Interview::new(Request::new(RequestId::new("1"), "may I?", subject))
    }

    fn permission() -> Interview {
        about(RequestSubject::Permission(Permission::default()))
    }

    fn denied(reason: &str) -> Heard {
        Heard::Decided(Decision::Deny { reason: some(reason) })
    }

    #[test]
    fn only_a_clear_yes_allows() {
        let check = |typed: &str, expected: Heard| assert_eq!(permission().hear(typed), expected, "{typed}");
        check("y", Heard::Decided(Decision::AllowOnce));
        check(" YES ", Heard::Decided(Decision::AllowOnce));
        check("s", Heard::DecidedBut(Decision::AllowOnce, FORGOTTEN));
        check("always", Heard::DecidedBut(Decision::AllowOnce, ONLY_ONCE));
        check("", denied(""));
        check("n", denied(""));
        check("No, because it deletes", denied("because it deletes"));
        check("n: later", denied("later"));
        check("not that", denied("not that"));
        check("yes but not that", denied("yes but not that"));
        assert_eq!(permission().prompt(), "allow? [y]es, [n]o, or why not: ", "there are no rules here");
        let remembered = Permission::default().lasting(Lasting::Engine);
        let mut remembered = about(RequestSubject::Permission(remembered));
        assert!(remembered.prompt().contains("[s]ession"));
        assert_eq!(remembered.hear("s"), Heard::Decided(Decision::AllowSession));
    }

    #[test]
    fn a_plan_is_good_or_not_or_to_be_changed() {
        let plan = || about(RequestSubject::Plan { text: "1. look".into() });
        assert_eq!(plan().hear("y"), Heard::Decided(Decision::AllowOnce));
        assert_eq!(plan().hear("no"), denied(""));
        assert_eq!(plan().hear("a test first"), denied("a test first"));
        assert_eq!(plan().hear("s"), denied("s"), "a plan is agreed to once");
        let mut plan = plan();
        assert_eq!((plan.hear("change"), plan.prompt()), (Heard::More(vec![]), "what should change: "));
        assert_eq!(plan.hear("no tests"), denied("no tests"));
    }

    #[test]
    fn questions_are_answered_one_after_the_other() {
        let colours = || ["Red", "Blue", "Green"].map(Choice::new);
        let questions = vec![
            Question::new("a", "which?").options(colours()).header("Colour"),
            Question::new("b", "which?").options(colours()).multiple(),
            Question::new("c", "the key?").secret(),
        ];
        let mut asked = about(RequestSubject::Question { questions });
        assert_eq!(asked.begin("acme")[1..3], ["  Colour: which?", "    1. Red"]);
        assert!(matches!(asked.hear("2"), Heard::More(lines) if lines[0].contains("several")));
        assert!(!asked.is_secret());
        assert_eq!(asked.hear("3, red"), Heard::More(vec!["  the key?".to_owned()]));
        assert!(asked.is_secret());
        let Heard::Decided(Decision::Answer { answers }) = asked.hear("k") else { panic!("no answer") };
        assert_eq!(
            (&*answers["a"], &*answers["b"], &*answers["c"]),
            (&["Blue".to_owned()][..], &["Green".to_owned(), "Red".to_owned()][..], &["k".to_owned()][..],)
        );
    }

    #[test]
    fn words_of_ones_own_are_an_answer_and_nothing_is_none() {
        let ask = |question: Question| about(RequestSubject::Question { questions: vec![question] });
        let words = |asked: &mut Interview, typed: &str| match asked.hear(typed) {
            Heard::Decided(Decision::Answer { answers }) => answers["a"].clone(),
            other => panic!("{other:?}"),
        };
        let question = || Question::new("a", "?").options([Choice::new("Red").description("like fire")]);
        assert_eq!(ask(question()).begin("acme")[2], "    1. Red – like fire");
        assert_eq!(words(&mut ask(question()), "7"), ["7"]);
        assert_eq!(words(&mut ask(question().multiple()), "1, or so"), ["1, or so"]);
        assert_eq!(ask(question()).hear(" "), denied(""));
        assert_eq!(about(RequestSubject::Question { questions: vec![] }).hear(""), denied(""));
    }

    #[test]
    fn all_of_it_can_be_seen_before_it_is_decided() {
        let diff = "@@ -1 +1 @@\n-old\n+new\n".to_owned() + &"line\n".repeat(100);
        let asked = Permission::default().command("rm -rf x").cwd("/w").reason("to tidy up").diff(diff);
        let mut asked = about(RequestSubject::Permission(asked));
        let lines = asked.begin("acme");
        assert_eq!(lines[1..4], ["  command: rm -rf x", "  in: /w", "  because: to tidy up"]);
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (45, "  … 63 more lines"));
        assert!(asked.prompt().contains("[m]ore"));
        assert!(matches!(asked.hear("m"), Heard::More(lines) if lines.len() == 106));
        assert!(!asked.prompt().contains("[m]ore"));
        assert_eq!(asked.hear("m"), denied("m"));
    }

    #[test]
    fn new_content_is_shown_as_it_stands() {
        let asked = Permission::default().tool("write").content("@@ -1 +1 @@\n".repeat(41));
        let asked = about(RequestSubject::Permission(asked));
        assert_eq!(asked.begin("acme")[2], "  │ @@ -1 +1 @@");
        assert!(asked.prompt().contains("[m]ore"));
    }

    #[test]
    fn what_is_shown_can_not_command_the_terminal() {
        let asked = Permission::default().command("ls\u{1b}[2J\n\u{1b}[1A").tool("a\u{7}");
        let lines = about(RequestSubject::Permission(asked)).begin("acme").concat();
        assert!(!lines.contains(|c: char| c.is_control()), "{lines:?}");
    }

    #[test]
    fn what_would_be_hidden_is_spelled_out() {
        let asked = Permission::default().command("rm \u{202e}x\u{8}").content("a\u{200b}").tool("\u{e0041}");
        let lines = about(RequestSubject::Permission(asked)).begin("acme");
        let spelled = [r"  with: \u{e0041}", r"  command: rm \u{202e}x\u{8}", r"  │ a\u{200b}"];
        assert_eq!(lines[1..], spelled);
        let asked = RequestSubject::Question { questions: vec![Question::new("a", "wh\u{ad}o?")] };
        assert_eq!(about(asked).begin("acme")[1], r"  wh\u{ad}o?");
    }

    #[test]
    fn two_questions_of_one_id_keep_their_answers() {
        let questions = vec![Question::new("a", "who?"), Question::new("a", "when?")];
        let mut asked = about(RequestSubject::Question { questions });
        asked.hear("ada");
        let Heard::Decided(Decision::Answer { answers }) = asked.hear("now") else { panic!("no answer") };
        assert_eq!(answers["a"], ["ada", "now"]);
    }

    #[test]
    fn nothing_asked_is_answered_by_that() {
        let ask = || about(RequestSubject::Question { questions: vec![] });
        assert_eq!(ask().prompt(), "ok? [y]es, or [n]o answer: ");
        let answered = Heard::Decided(Decision::Answer { answers: BTreeMap::new() });
        assert_eq!(ask().hear("y"), answered);
        assert_eq!((ask().hear("no"), ask().hear("later")), (denied(""), denied("later")));
    }
}
