//! What people read of it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingMessage};

use crate::book::{Entry, State, Taken};
use crate::typed::When;

/// How much of a prompt a line shows, in characters.
const SHOWN: usize = 60;

/// For how many entries a list has buttons: chat systems allow a hundred or so.
const WITH_BUTTONS: usize = 8;

/// The time, and where: what all messages need.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

/// Why a time was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// takopi did not run, or the machine slept.
    Away,
    /// The run before went on until then.
    Busy,
}

impl Clock {
    /// `Tue 2026-11-24 09:00`.
    pub(crate) fn shown(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    /// `Tue 2026-11-24 09:00 (in 2h 5m)`.
    fn ahead(&self, time: Timestamp) -> String {
        format!("{} ({})", self.shown(time), distance(time.duration_since(self.now)))
    }

    fn zone_name(&self) -> String {
        self.zone.iana_name().map_or_else(|| "the machine's time".to_owned(), str::to_owned)
    }
}

/// `in 2h 5m`: two units at most.
fn distance(ahead: SignedDuration) -> String {
    let seconds = ahead.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("in {seconds}s"),
        (0, 0, minutes) => format!("in {minutes}m"),
        (0, hours, 0) => format!("in {hours}h"),
        (0, hours, minutes) => format!("in {hours}h {minutes}m"),
        (days, 0, _) => format!("in {days}d"),
        (days, hours, _) => format!("in {days}d {hours}h"),
    }
}

fn said(kind: MessageKind, text: impl Into<String>) -> OutgoingMessage {
    OutgoingMessage::new(kind, Body::plain(text))
}

/// A button that comes back to `/schedule`.
fn button(label: String, data: &str) -> Option<Button> {
    // Verbs and numbers are short.
    ButtonData::new(format!("schedule:{data}")).ok().map(|data| Button::new(label, data))
}

/// The beginning of a prompt.
fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Something was taken in.
pub(crate) fn added(entry: &Entry, clock: &Clock) -> OutgoingMessage {
    let number = entry.number;
    let next = entry.next().map(|next| clock.ahead(next)).unwrap_or_default();
    let text = match &entry.when {
        When::At(_) => format!("#{number} runs at {next}"),
        When::Cron(pattern) => format!("#{number} runs at {}, next at {next}", pattern.as_str()),
    };
    said(MessageKind::Notice, text).buttons(button("cancel".to_owned(), &format!("cancel {number}")))
}

/// All that is scheduled in a place.
pub(crate) fn list<'a>(entries: impl Iterator<Item = &'a Entry>, clock: &Clock) -> OutgoingMessage {
    let entries: Vec<&Entry> = entries.collect();
    if entries.is_empty() {
        return said(
            MessageKind::Notice,
            "nothing is scheduled here\n/at 30m <prompt> runs it once, /cron 0 9 * * 1-5 <prompt> again and again",
        );
    }
    let lines: Vec<String> = entries.iter().map(|entry| line(entry, clock)).collect();
    let header = format!("{} scheduled · {}", entries.len(), clock.zone_name());
    let mut body = Body::plain(lines.join("\n")).header(header);
    if entries.len() > WITH_BUTTONS {
        body =
            body.footer(["the others by words: /schedule pause | resume | cancel | run <number>".to_owned()]);
    }
    let mut message = OutgoingMessage::new(MessageKind::Notice, body);
    for entry in entries.iter().take(WITH_BUTTONS) {
        let verb = |verb: &str| {
            button(format!("{verb} #{}", entry.number), &format!("{verb} {} list", entry.number))
        };
        let first = match entry.state {
            State::Waiting(_) => verb("pause"),
            State::Paused => verb("resume"),
            State::Missed(_) => None,
        };
        message = message.buttons(first.into_iter().chain(verb("run")).chain(verb("cancel")));
    }
    message
}

fn line(entry: &Entry, clock: &Clock) -> String {
    let when = match (&entry.when, entry.state) {
        (When::At(_), State::Waiting(next)) => format!("at {}", clock.ahead(next)),
        (When::At(time), State::Paused) => format!("at {}, paused", clock.shown(*time)),
        (When::At(time), State::Missed(_)) => format!("at {}, missed", clock.shown(*time)),
        (When::Cron(pattern), State::Waiting(next)) => {
            format!("{}, next at {}", pattern.as_str(), clock.ahead(next))
        }
        (When::Cron(pattern), _) => format!("{}, paused", pattern.as_str()),
    };
    let trouble = entry.trouble.as_ref().map(|trouble| format!("\n   the last time: {trouble}"));
    format!("#{} {when}: {}{}", entry.number, beginning(&entry.text), trouble.unwrap_or_default())
}

/// Times were missed.
pub(crate) fn missed(
    entry: &Entry,
    (first, count): (Timestamp, u32),
    why: Why,
    runs: bool,
    clock: &Clock,
) -> OutgoingMessage {
    let number = entry.number;
    let more = match count {
        1 => String::new(),
        2 => " and once more".to_owned(),
        count => format!(" and {} times more", count - 1),
    };
    let why = match why {
        Why::Away => "takopi was not running, or the machine slept",
        Why::Busy => "the run before went on until now",
    };
    let then = if runs { "it runs now" } else { "it is not made up for" };
    let text = format!(
        "#{number} was missed at {}{more}: {why}; {then}\n{}",
        clock.shown(first),
        beginning(&entry.text)
    );
    let message = said(MessageKind::Notice, text);
    if runs {
        return message;
    }
    message.buttons(button("run now".to_owned(), &format!("run {number}")))
}

/// A run could not begin.
pub(crate) fn failed(entry: &Entry, error: &str, hints: &[String]) -> OutgoingMessage {
    let first = format!("error: #{} could not run: {error}", entry.number);
    let lines: Vec<&str> = [first.as_str()].into_iter().chain(hints.iter().map(String::as_str)).collect();
    said(MessageKind::Error, lines.join("\n"))
}

/// A run was about to begin, or went on, when takopi ended.
pub(crate) fn cut_off(taken: &Taken) -> OutgoingMessage {
    let number = taken.number;
    let text = format!(
        "takopi was stopped while #{number} ran or was about to; it is not begun again\n{}",
        beginning(&taken.text)
    );
    said(MessageKind::Notice, text)
}

/// What was done with an entry.
pub(crate) fn done(text: String) -> OutgoingMessage {
    said(MessageKind::Notice, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_two_units() {
        let check = |seconds, expected| assert_eq!(distance(SignedDuration::from_secs(seconds)), expected);
        check(-5, "in 0s");
        check(59, "in 59s");
        check(60, "in 1m");
        check(7200, "in 2h");
        check(7500, "in 2h 5m");
        check(90_000, "in 1d 1h");
        check(86_400 * 3 + 60, "in 3d");
    }

    #[test]
    fn a_line_shows_where_a_prompt_begins() {
        assert_eq!(beginning("mend it"), "mend it");
        assert_eq!(beginning("mend it\nnow"), "mend it…");
        assert_eq!(beginning(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
    }
}
