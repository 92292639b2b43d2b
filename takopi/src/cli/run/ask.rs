//! Asking a person on the terminal what an engine wants to know.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use takopi_api::event::{Decision, Permission, Question, Request, RequestSubject};
use tokio::sync::mpsc;

use super::super::{output, question};

/// How many lines of what would change are shown.
const SHOWN_LINES: usize = 40;

/// The person at the terminal, if there is one.
pub(super) enum Person {
    /// Lines that the person types. They are read from the first request on, on a thread of their own: a read from a
    /// terminal can not be taken back.
    There(Option<mpsc::UnboundedReceiver<String>>),
    /// Nobody can answer.
    Nobody,
}

impl Person {
    pub(super) fn at_the_terminal() -> Self {
        if question::somebody_is_there() { Self::There(None) } else { Self::Nobody }
    }

    /// The next line that the person types; `None` once there will be none.
    pub(super) async fn line(&mut self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::There(lines) => lines.get_or_insert_with(read_lines).recv().await,
        }
    }

    /// Forgets what was typed so far, also what was read of it already.
    pub(super) fn forget_typed(&mut self) {
        if let Self::There(lines) = self {
            question::forget_typed();
            if let Some(lines) = lines {
                while lines.try_recv().is_ok() {}
            }
        }
    }

    pub(super) const fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }
}

fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Shows what an engine asks, and how it can be answered.
pub(super) fn show(engine: &str, request: &Request) {
    output::line(&format!("{engine} asks: {}", output::harmless(&request.title)));
    match &request.subject {
        RequestSubject::Permission(Permission { tool, command, cwd, paths, diff, reason, input, .. }) => {
            for (label, value) in [("with", tool), ("command", command), ("in", cwd), ("because", reason)] {
                if let Some(value) = value {
                    output::line(&format!("  {label}: {}", output::harmless(value)));
                }
            }
            if !paths.is_empty() {
                output::line(&format!("  files: {}", output::harmless(&paths.join(", "))));
            }
            show_text(input.as_deref().unwrap_or_default());
            show_text(diff.as_deref().unwrap_or_default());
        }
        RequestSubject::Plan { text } => show_text(text),
        RequestSubject::Question { questions } => questions.iter().for_each(show_question),
        _ => {}
    }
    output::prompt(match &request.subject {
        RequestSubject::Question { .. } => "answer: ",
        _ => "allow? [y]es, [s]ession, [n]o, or why not: ",
    });
}

fn show_text(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(SHOWN_LINES) {
        output::line(&format!("  │ {}", output::harmless(line)));
    }
    if lines.len() > SHOWN_LINES {
        output::line(&format!("  … {} more lines", lines.len() - SHOWN_LINES));
    }
}

fn show_question(question: &Question) {
    output::line(&format!("  {}", output::harmless(&question.text)));
    for (number, option) in question.options.iter().enumerate() {
        output::line(&format!("    {}. {}", number + 1, output::harmless(&option.label)));
    }
}

/// What a typed line means as the answer to a request.
pub(super) fn decision(subject: &RequestSubject, typed: &str) -> Decision {
    let typed = typed.trim();
    if let RequestSubject::Question { questions } = subject {
        // Several questions are answered on one line, separated by semicolons.
        let mut parts = typed.split(';').map(str::trim);
        let answers = questions
            .iter()
            .map(|question| (question.id.clone(), vec![choice(question, parts.next().unwrap_or_default())]))
            .collect::<BTreeMap<_, _>>();
        return Decision::Answer { answers };
    }
    match typed.to_ascii_lowercase().as_str() {
        "y" | "yes" => Decision::AllowOnce,
        "s" | "session" => Decision::AllowSession,
        "" | "n" | "no" => Decision::Deny { reason: None },
        _ => Decision::Deny { reason: Some(typed.to_owned()) },
    }
}

/// A number stands for the option with that number.
fn choice(question: &Question, typed: &str) -> String {
    let option = typed.parse::<usize>().ok().and_then(|number| question.options.get(number.checked_sub(1)?));
    option.map_or_else(|| typed.to_owned(), |option| option.label.clone())
}

#[cfg(test)]
mod tests {
    use takopi_api::event::Choice;

    use super::*;

    fn permission() -> RequestSubject {
        RequestSubject::Permission(Permission::default())
    }

    #[test]
    fn only_a_clear_yes_allows() {
        let check = |typed: &str, expected: Decision| assert_eq!(decision(&permission(), typed), expected);
        check("y", Decision::AllowOnce);
        check(" YES ", Decision::AllowOnce);
        check("s", Decision::AllowSession);
        check("", Decision::Deny { reason: None });
        check("n", Decision::Deny { reason: None });
        check("yes but not that", Decision::Deny { reason: Some("yes but not that".into()) });
    }

    #[test]
    fn questions_are_answered_by_number_or_in_words() {
        let question = |id: &str| Question::new(id, "?").options(["Red", "Blue"].map(Choice::new));
        let subject = RequestSubject::Question { questions: vec![question("a"), question("b")] };
        let Decision::Answer { answers } = decision(&subject, "2; green") else { panic!("no answer") };
        assert_eq!(answers["a"], ["Blue"]);
        assert_eq!(answers["b"], ["green"]);
    }
}
