//! What claude asks, and what an answer to it says.

use std::borrow::Cow;

use serde_json::value::RawValue;
use takopi_api::event::{Decision, Question, Request, RequestId, RequestSubject};

use super::permission::{self, Folder};
use super::question;
use super::say::{PermissionUpdate, Verdict};
use crate::event::Asked;

/// The longest title, in characters.
const TITLE_CHARS: usize = 120;

/// Tools that are ways to talk with a person.
const ASK_QUESTION: &str = "AskUserQuestion";
pub(super) const SHOW_PLAN: &str = "ExitPlanMode";

/// Something that waits for an answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: RequestId,
    /// The input of the tool, as claude gave it: what is allowed is that and nothing else.
    input: Box<RawValue>,
    about: About,
}

#[derive(Debug)]
enum About {
    Permission,
    Plan,
    Questions(Vec<Question>),
}

/// Why nobody can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unasked(pub(super) String);

impl Open {
    /// `plan` is what claude wrote as a plan, if this is about one, and `folder` where a command would run.
    pub(super) fn new(
        id: RequestId,
        asked: &Asked<'_>,
        plan: Option<String>,
        folder: Folder<'_>,
    ) -> Result<(Self, Request), Unasked> {
        let unasked = |why: &str| Err(Unasked(why.to_owned()));
        let Some(input) = asked.input.read().or_else(|| RawValue::from_string("{}".to_owned()).ok()) else {
            return unasked("takopi can not read what claude asks");
        };
        let tool = asked.tool_name.text();
        let (about, title, subject) = match &*tool {
            ASK_QUESTION => {
                let questions = question::of_tool(asked);
                let Some(first) = questions.first() else {
                    return unasked("takopi can not read the question");
                };
                let title = one_line("", &first.text);
                (About::Questions(questions.clone()), title, RequestSubject::Question { questions })
            }
            SHOW_PLAN => {
                let text = plan.unwrap_or_else(|| "claude does not say what it plans".to_owned());
                (About::Plan, "go on with this plan?".to_owned(), RequestSubject::Plan { text })
            }
            // It has to be shown in a way that only claude itself has, so one that allows it has not seen it.
            _ if asked.requires_user_interaction.read().unwrap_or_default() => {
                return unasked(&format!("{tool} can only be allowed in claude's own window"));
            }
            _ => {
                let (title, permission) = permission::of_tool(asked, folder);
                (About::Permission, title, RequestSubject::Permission(permission))
            }
        };
        Ok((Self { id: id.clone(), input, about }, Request::new(id, title, subject)))
    }

    /// Only a clear yes allows.
    pub(super) fn verdict(&self, decision: &Decision) -> Verdict<'_> {
        let is_allowed =
            matches!(decision, Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways);
        let input = Cow::Borrowed(&*self.input);
        match &self.about {
            About::Permission if is_allowed => {
                Verdict::Allow { updated_input: input, updated_permissions: None }
            }
            About::Permission => deny("The user did not allow this", words(decision)),
            // The mode before the plan may have been one in which claude does not ask.
            About::Plan if is_allowed => {
                Verdict::Allow { updated_input: input, updated_permissions: Some([PermissionUpdate::ASK]) }
            }
            About::Plan => match words(decision) {
                Some(words) => deny("The user wants this plan changed", Some(words)),
                None => deny("The user rejected this plan. Do not carry it out, and end your turn", None),
            },
            About::Questions(questions) => {
                let answered = match decision {
                    Decision::Answer { answers } => question::answered(&self.input, questions, answers),
                    _ => None,
                };
                match answered {
                    Some(input) => {
                        Verdict::Allow { updated_input: Cow::Owned(input), updated_permissions: None }
                    }
                    None => deny("The user did not answer", words(decision)),
                }
            }
        }
    }
}

/// What a person said in place of a yes.
fn words(decision: &Decision) -> Option<String> {
    let words = match decision {
        Decision::Deny { reason: Some(reason) } => reason.trim().to_owned(),
        Decision::Answer { answers } => answers.values().flatten().cloned().collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    (!words.trim().is_empty()).then_some(words)
}

fn deny(what: &str, words: Option<String>) -> Verdict<'static> {
    let message = match words {
        Some(words) => format!("{what}, and says: {words}"),
        None => format!("{what}."),
    };
    Verdict::Deny { message }
}

/// A title of one line: a word, and what follows it.
pub(super) fn one_line(word: &str, text: &str) -> String {
    let mut line = word.to_owned();
    for piece in text.split_whitespace() {
        let is_first = line.len() == word.len();
        line.push_str(if !is_first {
            " "
        } else if word.is_empty() {
            ""
        } else {
            ": "
        });
        line.push_str(piece);
        // A command may be very long.
        if line.len() > 4 * TITLE_CHARS {
            break;
        }
    }
    match line.char_indices().nth(TITLE_CHARS) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::jsonl::Wire;

    use super::*;
    use crate::event::Line;

    fn ask(tool: &str, rest: &str, plan: Option<&str>) -> Result<(Open, Request), Unasked> {
        let line = format!(r#"{{"request":{{"tool_name":"{tool}",{rest}}}}}"#);
        let line = Line::read(&line).unwrap();
        Open::new(
            RequestId::new("r"),
            line.request.get().unwrap(),
            plan.map(str::to_owned),
            Folder::Known("/repo"),
        )
    }

    #[track_caller]
    fn check(open: &Open, decision: &Decision, expected: &str) {
        assert_eq!(serde_json::to_string(&open.verdict(decision)).unwrap(), expected);
    }

    fn denied(reason: Option<&str>) -> Decision {
        Decision::Deny { reason: reason.map(str::to_owned) }
    }

    fn answer(words: &str) -> Decision {
        Decision::Answer { answers: [("1".to_owned(), vec![words.to_owned()])].into() }
    }

    #[test]
    fn what_is_allowed_is_what_was_asked_to_the_letter() {
        let input = r#"{"command":"ls", "big": 12345678901234567890123, "n": 1.0}"#;
        let (open, _) = ask("Bash", &format!(r#""input":{input}"#), None).unwrap();
        for decision in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
            check(&open, &decision, &format!(r#"{{"behavior":"allow","updatedInput":{input}}}"#));
        }
    }

    #[test]
    fn only_a_clear_yes_allows_a_tool() {
        let (open, _) = ask("Bash", r#""input":{}"#, None).unwrap();
        check(&open, &denied(None), r#"{"behavior":"deny","message":"The user did not allow this."}"#);
        let message =
            r#"{"behavior":"deny","message":"The user did not allow this, and says: not that folder"}"#;
        check(&open, &denied(Some("not that folder")), message);
        check(&open, &answer("not that folder"), message);
    }

    #[test]
    fn a_plan_that_is_approved_lets_claude_ask_again() {
        let (open, request) = ask("ExitPlanMode", r#""input":{}"#, Some("# Do it")).unwrap();
        assert_eq!(request.subject, RequestSubject::Plan { text: "# Do it".into() });
        check(
            &open,
            &Decision::AllowOnce,
            r#"{"behavior":"allow","updatedInput":{},"updatedPermissions":[{"type":"setMode","mode":"default","destination":"session"}]}"#,
        );
        check(
            &open,
            &denied(Some("add tests")),
            r#"{"behavior":"deny","message":"The user wants this plan changed, and says: add tests"}"#,
        );
        check(
            &open,
            &denied(None),
            r#"{"behavior":"deny","message":"The user rejected this plan. Do not carry it out, and end your turn."}"#,
        );
    }

    #[test]
    fn a_question_is_answered_in_words_or_not_at_all() {
        let input = r#""input":{"questions":[{"question":"Which\n colour?","options":[]}]}"#;
        let (open, request) = ask("AskUserQuestion", input, None).unwrap();
        assert_eq!(request.title, "Which colour?");
        check(
            &open,
            &answer("green"),
            r#"{"behavior":"allow","updatedInput":{"questions":[{"question":"Which\n colour?","options":[]}],"answers":{"Which\n colour?":"green"}}}"#,
        );
        let unanswered = r#"{"behavior":"deny","message":"The user did not answer."}"#;
        check(&open, &denied(None), unanswered);
        check(&open, &answer(""), unanswered);
        check(&open, &Decision::AllowOnce, unanswered);
        check(
            &open,
            &denied(Some("ask me later")),
            r#"{"behavior":"deny","message":"The user did not answer, and says: ask me later"}"#,
        );
    }

    #[test]
    fn what_can_not_be_shown_is_asked_of_nobody() {
        let unasked = |tool: &str, rest: &str| ask(tool, rest, None).unwrap_err().0;
        assert_eq!(unasked("AskUserQuestion", r#""input":7"#), "takopi can not read the question");
        assert_eq!(
            unasked("mcp__x__y", r#""input":{},"requires_user_interaction":true"#),
            "mcp__x__y can only be allowed in claude's own window"
        );
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(one_line("Bash", " rm  -rf\n x "), "Bash: rm -rf x");
        assert_eq!(one_line("Bash", " "), "Bash");
        assert_eq!(one_line("", "which?"), "which?");
        assert_eq!(one_line("Bash", &"ä ".repeat(500_000)).chars().count(), TITLE_CHARS + 1);
    }
}
