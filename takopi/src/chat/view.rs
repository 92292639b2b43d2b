//! What takopi's messages say: from what is known of a run to a message, without I/O.

use std::time::Duration;

use takopi_api::engine::EngineId;
use takopi_api::event::{Completed, Outcome};
use takopi_api::markdown;
use takopi_api::message::{Body, Button, ButtonData, MessageId, MessageKind, OutgoingMessage};
use takopi_api::transport::{TextLimit, TextUnit};

use super::progress::{Progress, Style, header};
use super::settings::Overflow;

/// The button that ends a run, or takes a message out of its queue.
pub(crate) const CANCEL: &str = ButtonData::CANCEL;

/// The button that sends a queued message into the turn that runs.
pub(crate) const STEER: &str = "takopi:steer";

/// The button that goes on with a run that was cut off.
pub(crate) const RESUME: &str = "takopi:resume";

/// What people see of a run besides its steps.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) engine: EngineId,
    /// The person's message that it is about. Its buttons carry it: one can be pressed before the chat system has said
    /// which message they are below.
    pub(crate) about: Option<MessageId>,
    /// `ctx:` line and resume line.
    pub(crate) footer: Vec<String>,
}

/// Whether a queued message may go into the turn that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steering {
    /// The engine takes it.
    Offered,
    /// It does not.
    Impossible,
}

fn button(label: &str, data: &str) -> Option<Button> {
    // The data of takopi's own buttons are short.
    ButtonData::new(data).ok().map(|data| Button::new(label, data))
}

/// What a button carries, if it is this one: the message that it is about, as far as it says.
pub(crate) fn about<'a>(data: &'a str, button: &str) -> Option<Option<&'a str>> {
    match data.strip_prefix(button)?.split_once(':') {
        Some(("", about)) => Some(Some(about)),
        Some(_) => None,
        None => (data == button).then_some(None),
    }
}

impl Card {
    fn button(&self, label: &str, what: &str) -> Option<Button> {
        let about = self.about.as_ref().and_then(|about| button(label, &format!("{what}:{about}")));
        // Some chat systems give messages long ids.
        about.or_else(|| button(label, what))
    }

    fn body(&self, header: String, text: impl Into<String>) -> Body {
        Body::markdown(text).header(header).footer(self.footer.iter().cloned())
    }

    /// A run that goes on, with what is written of its answer, if that is shown here.
    pub(crate) fn working(
        &self,
        label: &str,
        progress: &Progress,
        elapsed: Duration,
        written: Option<&str>,
    ) -> OutgoingMessage {
        let head = header(label, self.engine.as_str(), elapsed, progress.steps());
        let lines: Vec<&str> = progress.lines().collect();
        let text = match (lines.join("\n"), written) {
            (lines, None) => lines,
            (lines, Some(written)) if lines.is_empty() => written.to_owned(),
            (lines, Some(written)) => format!("{lines}\n\n{written}"),
        };
        OutgoingMessage::new(MessageKind::Progress, self.body(head, text))
            .buttons(self.button("cancel", CANCEL))
    }

    /// A message that waits, and why, if it need not have.
    pub(crate) fn queued(&self, ahead: usize, steering: Steering, why: &str) -> OutgoingMessage {
        let place = if ahead == 1 { "next".to_owned() } else { format!("{ahead} before it") };
        let steer = (steering == Steering::Offered).then(|| self.button("steer", STEER)).flatten();
        OutgoingMessage::new(
            MessageKind::Progress,
            self.body(format!("queued · {} · {place}", self.engine), why),
        )
        .buttons(steer.into_iter().chain(self.button("cancel", CANCEL)))
    }

    /// A message that did not become a run of its own.
    pub(crate) fn ended_before(&self, label: &str) -> OutgoingMessage {
        OutgoingMessage::new(MessageKind::Ack, self.body(format!("{label} · {}", self.engine), ""))
    }

    /// A run that a person ended.
    pub(crate) fn cancelled(&self, progress: &Progress, elapsed: Duration, answer: &str) -> OutgoingMessage {
        let head = header("`cancelled`", self.engine.as_str(), elapsed, progress.steps());
        let lines: Vec<&str> = progress.lines().collect();
        let text = match (lines.join("\n"), answer.trim()) {
            (lines, "") => lines,
            (lines, answer) if lines.is_empty() => answer.to_owned(),
            (lines, answer) => format!("{lines}\n\n{answer}"),
        };
        OutgoingMessage::new(MessageKind::Ack, self.body(head, text))
    }

    /// A run that was cut off by the end of the program.
    pub(crate) fn interrupted(&self) -> OutgoingMessage {
        let text = "takopi was stopped while this ran";
        OutgoingMessage::new(MessageKind::Notice, self.body(format!("interrupted · {}", self.engine), text))
            .buttons(button("resume", RESUME))
    }

    /// The end of a run, in as many messages as it takes.
    pub(crate) fn answer(
        &self,
        completed: &Completed,
        steps: u64,
        elapsed: Duration,
        limit: TextLimit,
        overflow: Overflow,
    ) -> Vec<OutgoingMessage> {
        let answer = completed.answer.trim();
        let (kind, label, text) = match &completed.outcome {
            Outcome::Done if answer.is_empty() => {
                (MessageKind::Error, "error", "the engine gave no answer".to_owned())
            }
            Outcome::Done => (MessageKind::Answer, "done", answer.to_owned()),
            Outcome::Interrupted => (MessageKind::Ack, "`cancelled`", answer.to_owned()),
            Outcome::Failed { error } => (MessageKind::Error, "error", failure(answer, error)),
        };
        let head = header(label, self.engine.as_str(), elapsed, steps);
        let limit = within(limit);
        let texts = match overflow {
            Overflow::Trim => vec![markdown::trim(&text, limit)],
            Overflow::Split => markdown::split(&text, limit),
        };
        let count = texts.len();
        let messages = texts.into_iter().enumerate().map(|(at, text)| {
            let head =
                if at == 0 { head.clone() } else { format!("{head} · continued ({}/{count})", at + 1) };
            OutgoingMessage::new(kind, self.body(head, text))
        });
        let mut messages: Vec<_> = messages.collect();
        if messages.is_empty() {
            messages.push(OutgoingMessage::new(kind, self.body(head, "")));
        }
        messages
    }
}

/// The most that a body has where the transport would take more: longer ones are a burden to read.
const READABLE: usize = 3500;

fn within(limit: TextLimit) -> TextLimit {
    match limit {
        // A terminal scrolls; nothing is cut there.
        TextLimit::NONE => TextLimit::NONE,
        TextLimit { max, unit } => TextLimit { max: max.min(READABLE), unit },
    }
}

/// What an engine had said, and why it failed: once, if both are the same.
fn failure(answer: &str, error: &str) -> String {
    match (answer, error.trim()) {
        ("", error) => error.to_owned(),
        (answer, error) if answer == error || error.is_empty() => answer.to_owned(),
        (answer, error) => format!("{answer}\n\n{error}"),
    }
}

/// A message of a command, whose cancel buttons say which message it is about: one can be pressed before the chat system has
/// said which message they are below.
pub(crate) fn about_this(mut message: OutgoingMessage, about: &MessageId) -> OutgoingMessage {
    for button in message.buttons.iter_mut().flatten() {
        if button.data.as_str() == CANCEL
            && let Ok(data) = ButtonData::new(format!("{CANCEL}:{about}"))
        {
            button.data = data;
        }
    }
    message
}

/// A message of a command in as many as it takes; nothing of it is cut. The last one has the footer, the buttons and the
/// files.
pub(crate) fn parts(message: OutgoingMessage, limit: TextLimit) -> Vec<OutgoingMessage> {
    let limit = within(limit);
    if limit.admits(&message.body.text) {
        return vec![message];
    }
    let texts = markdown::split(&message.body.text, limit);
    let count = texts.len();
    let part = |(at, text): (usize, String)| {
        let header = match (at, message.body.header.as_str()) {
            (0, header) => header.to_owned(),
            (_, "") => format!("continued ({}/{count})", at + 1),
            (_, header) => format!("{header} · continued ({}/{count})", at + 1),
        };
        let mut part = if at + 1 == count {
            message.clone()
        } else {
            OutgoingMessage::new(message.kind, Body::default())
        };
        part.body.format = message.body.format;
        part.body.header = header;
        part.body.text = text;
        part
    };
    texts.into_iter().enumerate().map(part).collect()
}

/// The answer to something that could not be done.
pub(crate) fn error(text: &str, hints: &[String]) -> OutgoingMessage {
    let mut lines = format!("error: {text}");
    for hint in hints {
        lines.push('\n');
        lines.push_str(hint);
    }
    OutgoingMessage::new(MessageKind::Error, Body::plain(lines))
}

/// What is left of a message that another one took the place of, where messages can not be deleted.
pub(crate) fn superseded() -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Ack, Body::plain("done, see below"))
}

/// A short answer.
pub(crate) fn notice(text: impl Into<String>) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Notice, Body::markdown(text))
}

/// What was understood of a voice note.
pub(crate) fn heard(words: &str) -> OutgoingMessage {
    OutgoingMessage::new(MessageKind::Notice, Body::plain(markdown::trim(words, SHORT)).header("heard"))
}

/// The progress of a run in a chat.
pub(crate) fn progress(cwd: &str) -> Progress {
    Progress::new(cwd, Style::Markdown)
}

/// What fits into a message with much else: a title, a command.
pub(crate) const SHORT: TextLimit = TextLimit { max: 1000, unit: TextUnit::Chars };

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card {
            engine: EngineId::from_static("acme"),
            about: Some(MessageId::new("7")),
            footer: vec!["`ctx: z80 @x`".into()],
        }
    }

    fn answer(completed: &Completed, limit: TextLimit, overflow: Overflow) -> Vec<String> {
        let messages = card().answer(completed, 2, Duration::from_secs(65), limit, overflow);
        messages.iter().map(|message| message.body.joined()).collect()
    }

    fn completed(outcome: Outcome, answer: &str) -> Completed {
        Completed::new(EngineId::from_static("acme"), outcome).answer(answer)
    }

    #[test]
    fn an_answer_has_header_text_and_footer() {
        let done = completed(Outcome::Done, "yes\n");
        assert_eq!(
            answer(&done, TextLimit::NONE, Overflow::Trim),
            ["done · acme · 1m 05s · step 2\n\nyes\n\n`ctx: z80 @x`"]
        );
    }

    #[test]
    fn an_error_is_told_once() {
        let failed = |answer: &str| completed(Outcome::Failed { error: "no money".into() }, answer);
        let text = answer(&failed("no money"), TextLimit::NONE, Overflow::Trim).concat();
        assert_eq!(text.matches("no money").count(), 1, "{text}");
        let text = answer(&failed("I began"), TextLimit::NONE, Overflow::Trim).concat();
        assert!(text.contains("I began\n\nno money") && text.starts_with("error · acme"), "{text}");
    }

    #[test]
    fn a_blank_answer_is_an_error() {
        let text = answer(&completed(Outcome::Done, " "), TextLimit::NONE, Overflow::Trim).concat();
        assert!(text.starts_with("error · acme") && text.contains("no answer"), "{text}");
    }

    #[test]
    fn long_answers_become_several_messages_if_wished() {
        let limit = TextLimit { max: 100, unit: TextUnit::Chars };
        let long = completed(Outcome::Done, &"words of an answer\n\n".repeat(20));
        assert_eq!(answer(&long, limit, Overflow::Trim).len(), 1);
        let split = answer(&long, limit, Overflow::Split);
        assert!(split.len() > 3);
        assert!(split[1].contains("continued (2/"), "{}", split[1]);
        assert!(split.iter().all(|text| text.ends_with("`ctx: z80 @x`")));
    }

    #[test]
    fn what_a_command_says_is_never_cut() {
        let limit = TextLimit { max: 100, unit: TextUnit::Chars };
        let body = Body::markdown("words of an answer\n\n".repeat(20)).header("multi");
        let message = OutgoingMessage::new(MessageKind::Answer, body.footer(["`ctx: z80`".to_owned()]));
        let message = about_this(message.buttons([Button::cancel()]), &MessageId::new("7"));
        let parts = parts(message.clone(), limit);
        assert!(parts.len() > 3 && parts[1].body.header.starts_with("multi · continued (2/"));
        let text: String = parts.iter().map(|part| part.body.text.as_str()).collect();
        assert_eq!(text.matches("answer").count(), 20);
        let (last, others) = parts.split_last().unwrap();
        assert!(others.iter().all(|part| part.buttons.is_empty() && part.body.footer.is_empty()));
        assert_eq!(about(last.buttons[0][0].data.as_str(), CANCEL), Some(Some("7")));
        assert_eq!(last.body.footer, ["`ctx: z80`"]);
        assert_eq!(super::parts(message.clone(), TextLimit::NONE), [message]);
    }

    #[test]
    fn a_button_says_what_it_is_about_as_far_as_it_can() {
        let data = |card: &Card| card.queued(1, Steering::Offered, "").buttons[0][1].data.to_string();
        assert_eq!(about(&data(&card()), CANCEL), Some(Some("7")));
        let long = Card { about: Some(MessageId::new("x".repeat(60))), ..card() };
        assert_eq!(about(&data(&long), CANCEL), Some(None));
        assert_eq!((about("takopi:cancelled", CANCEL), about(STEER, CANCEL)), (None, None));
        assert_eq!(about("takopi:cancel:a:b", CANCEL), Some(Some("a:b")));
    }

    #[test]
    fn what_waits_says_its_place_and_can_be_taken_back() {
        let message = card().queued(2, Steering::Offered, "");
        assert!(message.body.joined().starts_with("queued · acme · 2 before it"));
        assert_eq!(message.buttons[0].len(), 2);
        assert_eq!(card().queued(1, Steering::Impossible, "").buttons[0].len(), 1);
    }
}
