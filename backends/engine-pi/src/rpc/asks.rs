//! What pi asks: takopi's extension whether a call may be done, and other extensions whatever they like.

use std::time::{Duration, Instant};

use takopi_api::event::{
    Choice, Decision, EventFactory, Question, Request, RequestId, RequestSubject, Resolution,
};
use takopi_api::jsonl::Says;
use takopi_api::runner::ControlError;

use super::permission::Call;
use super::says::{Reply, reply};
use crate::event::Line;

/// The title of what takopi's extension asks, and the key of the status by which it says that it is there.
pub(super) const MARK: &str = "takopi.permission";

/// The only question of a dialog.
const QUESTION: &str = "answer";
const YES: &str = "yes";
const NO: &str = "no";

/// The dialogs that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: Vec<Ask>,
    /// Those that takopi closed and has not told of yet.
    closed: Vec<RequestId>,
}

#[derive(Debug)]
struct Ask {
    id: RequestId,
    form: Form,
    /// When pi goes on without an answer.
    until: Option<Instant>,
}

/// What an answer has to be.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// May this call be done?
    Call(String),
    /// Yes or no.
    Confirm,
    /// One of these.
    Select(Vec<String>),
    /// Any text.
    Words,
}

impl Asks {
    /// Pi opens a dialog. `is_running` knows the calls that are going on. Returns whether it is a dialog at all.
    pub(super) fn opened(
        &mut self,
        line: &Line<'_>,
        now: Instant,
        is_running: impl Fn(&str) -> bool,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> bool {
        if !line.id.is_present() {
            // There would be no way to answer it.
            return false;
        }
        let id = RequestId::new(line.id.text());
        if self.open.iter().any(|ask| ask.id == id) {
            return true;
        }
        let title = line.title.text();
        let (form, title, subject) = match &*line.method.text() {
            "input" if title == MARK => {
                let Some(call) = Call::read(&line.placeholder.text()).filter(|call| is_running(&call.id))
                else {
                    out.warning("pi asked for a permission that takopi can not read, and was told no");
                    reply(&id, &denied("takopi could not read what was asked"), says);
                    return true;
                };
                (Form::Call(call.id), call.title, RequestSubject::Permission(call.permission))
            }
            "confirm" => {
                let text = with_more(&title, line.message.text());
                dialog(Form::Confirm, &title, text, line, [YES, NO].map(Choice::new))
            }
            "select" => {
                let options: Vec<String> = line.options.elements();
                let choices: Vec<_> = options.iter().map(Choice::new).collect();
                dialog(Form::Select(options), &title, title.to_string(), line, choices)
            }
            "input" => {
                let text = with_more(&title, &line.placeholder.text());
                dialog(Form::Words, &title, text, line, [])
            }
            "editor" => {
                let text = with_more(&title, &line.prefill.text());
                dialog(Form::Words, &title, text, line, [])
            }
            _ => return false,
        };
        let until = timeout(line).and_then(|timeout| now.checked_add(timeout));
        self.open.push(Ask { id: id.clone(), form, until });
        out.request(Request::new(id, title, subject));
        true
    }

    /// A person answered.
    pub(super) fn answer(
        &mut self,
        id: &RequestId,
        decision: Decision,
        now: Instant,
        out: &mut EventFactory,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        self.expire(now, out);
        let Some(at) = self.open.iter().position(|ask| ask.id == *id) else {
            return Err(ControlError::NoSuchRequest(id.clone()));
        };
        let ask = self.open.swap_remove(at);
        let answer = ask.form.reply(&decision);
        if answer == Reply::CANCELLED && matches!(decision, Decision::Answer { .. }) {
            out.warning("the answer was none of those that pi takes; it was told that nobody answered");
        }
        reply(id, &answer, says);
        out.request_resolved(id.clone(), Resolution::Decided(decision));
        Ok(())
    }

    /// Forgets those for which pi does not wait any more.
    pub(super) fn expire(&mut self, now: Instant, out: &mut EventFactory) {
        for id in self.closed.drain(..) {
            out.request_resolved(id, Resolution::Withdrawn);
        }
        self.withdraw(|ask| ask.until.is_some_and(|until| until <= now), out);
    }

    /// A call has ended, so nobody asks about it any more.
    pub(super) fn call_ended(&mut self, call: &str, out: &mut EventFactory) {
        self.withdraw(|ask| matches!(&ask.form, Form::Call(asked) if asked == call), out);
    }

    /// The turn is over.
    pub(super) fn turn_ended(&mut self, out: &mut EventFactory) {
        self.expire(Instant::now(), out);
        self.withdraw(|_| true, out);
    }

    /// Answers all of them with a no: a turn does not end while one waits. They are told of at the next opportunity.
    pub(super) fn close(&mut self, says: &mut Says) {
        for ask in self.open.drain(..) {
            reply(&ask.id, &ask.form.reply(&Decision::Deny { reason: None }), says);
            self.closed.push(ask.id);
        }
    }

    fn withdraw(&mut self, is_gone: impl Fn(&Ask) -> bool, out: &mut EventFactory) {
        self.open.retain(|ask| {
            let is_gone = is_gone(ask);
            if is_gone {
                out.request_resolved(ask.id.clone(), Resolution::Withdrawn);
            }
            !is_gone
        });
    }
}

impl Form {
    /// What pi is told. Only what is a clear yes is one.
    fn reply(&self, decision: &Decision) -> Reply {
        let is_allowed =
            matches!(decision, Decision::AllowOnce | Decision::AllowSession | Decision::AllowAlways);
        let words = match decision {
            Decision::Answer { answers } => answers.get(QUESTION).and_then(|answers| answers.first()),
            _ => None,
        };
        match (self, words) {
            (Self::Call(call), _) if is_allowed => {
                Reply::Value(serde_json::json!({ "allow": call }).to_string())
            }
            (Self::Call(_), _) => match decision {
                Decision::Deny { reason: Some(reason) } if !reason.trim().is_empty() => denied(reason.trim()),
                _ => denied("the person did not allow this"),
            },
            (Self::Confirm, words) => {
                let is_yes = words.is_some_and(|words| words.trim().eq_ignore_ascii_case(YES));
                Reply::Confirmed(is_allowed || is_yes)
            }
            (Self::Select(options), Some(words)) => {
                let is_same = |option: &&String| option.trim() == words.trim();
                options.iter().find(is_same).map_or(Reply::CANCELLED, |option| Reply::Value(option.clone()))
            }
            (Self::Words, Some(words)) => Reply::Value(words.clone()),
            (Self::Select(_) | Self::Words, None) => Reply::CANCELLED,
        }
    }
}

fn denied(reason: &str) -> Reply {
    Reply::Value(serde_json::json!({ "deny": reason }).to_string())
}

/// A dialog of an extension, as a question.
fn dialog(
    form: Form,
    title: &str,
    mut text: String,
    line: &Line<'_>,
    choices: impl IntoIterator<Item = Choice>,
) -> (Form, String, RequestSubject) {
    if let Some(timeout) = timeout(line) {
        text.push_str(&format!("\n\n(pi waits {} s for the answer)", timeout.as_secs_f32().ceil()));
    }
    let question = Question::new(QUESTION, text).options(choices);
    let first_line = title.trim().lines().next().unwrap_or("pi asks").to_owned();
    (form, first_line, RequestSubject::Question { questions: vec![question] })
}

fn with_more(title: &str, more: &str) -> String {
    if more.trim().is_empty() { title.to_owned() } else { format!("{title}\n\n{more}") }
}

fn timeout(line: &Line<'_>) -> Option<Duration> {
    let milliseconds = line.timeout.read::<f64>().filter(|milliseconds| *milliseconds > 0.0)?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

#[cfg(test)]
mod tests;
