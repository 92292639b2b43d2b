//! What has been shown, and what there is to print next: a state machine that messages go into and lines come out of.
//!
//! A terminal can not be written to twice, so an edit prints what is new of it. Every message has a number by which
//! people reply to it (`>3 text`), and every button one by which it is pressed. The number of a button does not come back
//! soon: who types it for the question before must not answer the next one.

mod choices;
mod draft;
mod shown;

use std::collections::{BTreeSet, VecDeque};

use takopi_api::message::{ButtonData, MessageId, MessageKind, OutgoingMessage, ReplyTo};

use self::choices::Choices;
use self::draft::Draft;
use self::shown::Shown;
use crate::fresh::fresh;
use crate::render::{Emphasis, Palette, harmless};

/// How many messages can be edited, replied to and pressed; older ones are forgotten.
const KEPT: usize = 200;

/// How much of a message is remembered for replies, in bytes. What is looked for in it (the context, the resume line)
/// stands at its end.
const KEPT_BYTES: usize = 16 * 1024;

/// Buttons have numbers up to this, and then from 1 again; more only if all of these can be pressed.
const MOST_BUTTONS: usize = 99;

/// How much is shown of a message that is answered, in characters.
const QUOTED: usize = 40;

#[derive(Debug)]
pub(crate) struct Screen {
    palette: Palette,
    /// Makes ids unlike those of other times: takopi remembers them.
    prefix: String,
    ids: u64,
    numbers: usize,
    /// The number that the last button got.
    button: usize,
    /// The numbers of buttons that went since the person typed something.
    gone: BTreeSet<usize>,
    sent: VecDeque<Sent>,
    /// What the person typed, oldest first.
    typed: VecDeque<(MessageId, String)>,
    /// What is printed as it is written.
    draft: Draft,
}

#[derive(Debug)]
struct Sent {
    id: MessageId,
    number: usize,
    kind: MessageKind,
    shown: Shown,
    /// What it says, for a reply to it.
    said: String,
    choices: Choices,
}

/// A button that can be pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) message: MessageId,
    pub(crate) data: ButtonData,
}

/// There is no such message, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl Screen {
    pub(crate) fn new(palette: Palette, prefix: impl Into<String>) -> Self {
        Self {
            palette,
            prefix: prefix.into(),
            ids: 0,
            numbers: 0,
            button: 0,
            gone: BTreeSet::new(),
            sent: VecDeque::new(),
            typed: VecDeque::new(),
            draft: Draft::default(),
        }
    }

    /// An id that was never given before.
    pub(crate) fn new_id(&mut self) -> MessageId {
        self.ids += 1;
        MessageId::new(format!("{}-{}", self.prefix, self.ids))
    }

    /// Takes in what the person typed, and gives it an id.
    pub(crate) fn typed(&mut self, text: &str) -> MessageId {
        let id = self.new_id();
        self.gone.clear();
        let line = harmless(text.lines().next().unwrap_or_default());
        let mut quote: String = line.chars().take(QUOTED).collect();
        if quote.len() < line.len() {
            quote.push('…');
        }
        self.typed.push_back((id.clone(), quote));
        if self.typed.len() > KEPT {
            self.typed.pop_front();
        }
        id
    }

    /// Takes in a message that is sent, and gives its id and what there is to print.
    pub(crate) fn sent(
        &mut self,
        message: &OutgoingMessage,
        reply_to: Option<&MessageId>,
    ) -> (MessageId, String) {
        let id = self.new_id();
        let choices = self.choices(message);
        self.numbers += 1;
        let sent = Sent {
            id: id.clone(),
            number: self.numbers,
            kind: message.kind,
            shown: Shown::new(&message.body, self.palette),
            said: end_of(message.body.joined()),
            choices,
        };
        let mut lines: Vec<_> = reply_to.and_then(|id| self.quote(id)).into_iter().collect();
        lines.extend(self.rest(&sent.shown, message.kind).whole(&self.tag(&sent), message.kind));
        lines.extend(sent.choices.lines());
        if lines.len() > 1 && message.kind != MessageKind::Progress {
            lines.push(String::new());
        }
        self.sent.push_back(sent);
        self.forget();
        (id, text(&lines))
    }

    /// Takes in that a message says something else, and gives what there is to print.
    pub(crate) fn edited(&mut self, id: &MessageId, new: &OutgoingMessage) -> Result<String, Gone> {
        let place = self.sent.iter().position(|sent| sent.id == *id).ok_or(Gone)?;
        let old_choices = std::mem::take(&mut self.sent[place].choices);
        let choices = if old_choices.are_those_of(new) { old_choices.clone() } else { self.choices(new) };
        let shown = Shown::new(&new.body, self.palette);
        let is_first = self.sent[place].kind != new.kind;
        let rest = is_first.then(|| self.rest(&shown, new.kind));
        let old = &self.sent[place];
        let tag = self.tag(old);
        let is_progress = new.kind == MessageKind::Progress;
        let has_ended = choices.is_empty() && !old_choices.is_empty();
        let mut lines = match (rest, is_progress) {
            (Some(rest), _) => rest.whole(&tag, new.kind),
            (None, true) => {
                let others = self.sent.iter().filter(|other| {
                    other.kind == MessageKind::Progress && other.id != *id && !other.choices.is_empty()
                });
                // Where several runs go on, each line says of which one it is.
                let margin = if others.count() > 0 { format!("{tag} ") } else { shown::MARGIN.to_owned() };
                shown.progress_since(&old.shown, &tag, &margin, has_ended)
            }
            (None, false) => {
                let (old, new) = (old.shown.all(), shown.all());
                let changed = fresh(&old, &new).into_iter().filter(|line| !line.is_empty());
                shown::tagged(&tag, changed.map(str::to_owned).collect())
            }
        };
        if choices != old_choices {
            self.gone.extend(old_choices.numbers());
            lines.extend(choices.lines());
        }
        if lines.len() > 1 && !is_progress {
            lines.push(String::new());
        }
        let said = end_of(new.body.joined());
        let sent = &mut self.sent[place];
        (sent.kind, sent.shown, sent.said, sent.choices) = (new.kind, shown, said, choices);
        Ok(text(&lines))
    }

    /// Takes in what is written of an answer by now, and gives what there is to print. Where several runs go on their texts
    /// would be mixed up, and are printed when they are complete.
    pub(crate) fn drafted(&mut self, key: &str, message: &OutgoingMessage) -> String {
        let at_work = |sent: &&Sent| sent.kind == MessageKind::Progress && !sent.choices.is_empty();
        if self.sent.iter().filter(at_work).count() > 1 {
            return String::new();
        }
        text(&self.draft.goes_on(key, self.palette.lines(&message.body.text, message.body.format)))
    }

    /// What is still to be printed of a message, if its text was printed while it was written.
    fn rest(&mut self, shown: &Shown, kind: MessageKind) -> Shown {
        let is_end = matches!(kind, MessageKind::Answer | MessageKind::Error | MessageKind::Ack);
        let printed = if is_end { self.draft.ends(shown.text()) } else { 0 };
        shown.clone().rest(printed)
    }

    /// What is printed when a press was answered, or takopi itself has something to say.
    pub(crate) fn remark(&self, said: &str) -> String {
        text(&[self.palette.paint(&format!("· {}", harmless(said)), Emphasis::Faint)])
    }

    /// The button with this number.
    pub(crate) fn choice(&self, number: usize) -> Option<Choice> {
        self.sent.iter().find_map(|sent| {
            let data = sent.choices.with_number(number)?;
            Some(Choice { message: sent.id.clone(), data: data.clone() })
        })
    }

    /// Whether a button with this number went while the person typed it. The second time it is meant otherwise.
    pub(crate) fn is_too_late(&mut self, number: usize) -> bool {
        std::mem::take(&mut self.gone).contains(&number)
    }

    /// The button that cancels what began last.
    pub(crate) fn cancel(&self) -> Option<Choice> {
        self.sent.iter().rev().find_map(|sent| {
            let data = sent.choices.cancelling()?;
            Some(Choice { message: sent.id.clone(), data: data.clone() })
        })
    }

    /// The message with this number, as something to reply to.
    pub(crate) fn reply_to(&self, number: usize) -> Option<ReplyTo> {
        let sent = self.sent.iter().find(|sent| sent.number == number && sent.kind != MessageKind::Ack)?;
        Some(ReplyTo::own(sent.id.as_str(), sent.said.as_str()))
    }

    fn tag(&self, sent: &Sent) -> String {
        let tag = match sent.kind {
            MessageKind::Ack => "·".to_owned(),
            _ => format!(">{}", sent.number),
        };
        self.palette.paint(&tag, Emphasis::Faint)
    }

    /// Which message is answered, where that was not the last one.
    fn quote(&self, id: &MessageId) -> Option<String> {
        let at = self.typed.iter().position(|(typed, _)| typed == id)?;
        let is_last = at + 1 == self.typed.len();
        (!is_last).then(|| self.palette.paint(&format!("↳ {}", self.typed[at].1), Emphasis::Faint))
    }

    /// The buttons of a message, with numbers of their own.
    fn choices(&mut self, message: &OutgoingMessage) -> Choices {
        let taken: BTreeSet<_> = self.sent.iter().flat_map(|sent| sent.choices.numbers()).collect();
        Choices::new(message, || {
            let after = self.button + 1..=MOST_BUTTONS;
            let free = after.chain(1..).find(|number| !taken.contains(number));
            self.button = free.unwrap_or(self.button);
            self.button
        })
    }

    /// Forgets the oldest message, if there are too many; one that waits for an answer last.
    fn forget(&mut self) {
        if self.sent.len() > KEPT {
            let oldest = self.sent.iter().position(|sent| sent.choices.is_empty()).unwrap_or(0);
            self.sent.remove(oldest);
        }
    }
}

fn text(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

fn end_of(mut text: String) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(KEPT_BYTES));
    text.drain(..start);
    text
}

#[cfg(test)]
mod tests;
