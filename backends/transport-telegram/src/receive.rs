//! From updates to what takopi wants to hear of: messages, presses, and chats that got another number.
//!
//! `read` makes a message of a message, `hold` puts together what belongs together. There is no I/O here; what time it is
//! is told.

mod hold;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use takopi_api::message::{Address, IncomingMessage, MessageRef, Press};

use self::hold::{Age, Hold, Letter};
pub(crate) use self::hold::{Moment, Patience};
pub(crate) use self::read::Me;
use crate::client::Delivered;
use crate::wire::{CallbackQuery, ChatId, Message, Update};

/// What is set about receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) patience: Patience,
    /// Messages that are older are skipped.
    pub(crate) max_age: Option<Duration>,
}

/// What time it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Since some beginning: it never jumps.
    pub(crate) now: Moment,
    /// Seconds since 1970, as messages are dated.
    pub(crate) unix: u64,
}

/// What updates came to.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Messages to give to takopi, in their order.
    pub(crate) messages: Vec<IncomingMessage>,
    /// Presses to give to takopi.
    pub(crate) presses: Vec<Press>,
    /// Presses that carry nothing, which only want to be answered.
    pub(crate) empty_presses: Vec<String>,
    /// Chats that got another number: the old one, and the new.
    pub(crate) moves: Vec<(ChatId, ChatId)>,
    /// Where messages were skipped for their age.
    pub(crate) skipped: Vec<Address>,
    /// How many updates could not be read.
    pub(crate) unreadable: usize,
}

/// How many updates are remembered, so that none is handled twice.
const REMEMBERED: usize = 4096;

/// Up to this age a message was written just now, if both clocks are about right.
const FRESH: u64 = 5;

/// Makes messages of updates.
#[derive(Debug)]
pub(crate) struct Receiver {
    me: Me,
    rules: Rules,
    hold: Hold,
    seen: HashSet<i64>,
    /// The same, in the order in which they came.
    order: VecDeque<i64>,
}

impl Receiver {
    pub(crate) fn new(me: Me, rules: Rules) -> Self {
        let hold = Hold::new(rules.patience);
        Self { me, rules, hold, seen: HashSet::new(), order: VecDeque::new() }
    }

    /// Takes what a poll brought.
    pub(crate) fn take(&mut self, mut delivered: Vec<Delivered>, clock: Clock) -> Intake {
        // They are numbered in the order in which things happened.
        delivered.sort_by_key(Delivered::id);
        let mut intake = Intake::default();
        for delivered in delivered {
            match delivered {
                Delivered::Read(update, raw) => {
                    if self.remember(update.update_id) {
                        self.update(*update, raw, clock, &mut intake);
                    } else {
                        tracing::debug!(update = update.update_id, "telegram.duplicate");
                    }
                }
                Delivered::Unreadable { id, reason } => {
                    if id.is_none_or(|id| self.remember(id)) {
                        tracing::warn!(update = id, %reason, "telegram.unreadable: an update is skipped");
                        intake.unreadable += 1;
                    }
                }
            }
        }
        intake.messages.extend(self.hold.due(clock.now));
        intake
    }

    /// What has been held long enough.
    pub(crate) fn due(&mut self, now: Moment) -> Vec<IncomingMessage> {
        self.hold.due(now)
    }

    /// When to look again for what has been held long enough.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.hold.deadline()
    }

    /// The updates of all that is held, as they came.
    pub(crate) fn held(&self) -> Vec<String> {
        self.hold.raw().map(str::to_owned).collect()
    }

    /// Whether an update is new.
    fn remember(&mut self, id: i64) -> bool {
        if !self.seen.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    fn update(&mut self, update: Update, raw: Box<str>, clock: Clock, intake: &mut Intake) {
        let id = update.update_id;
        if let Some(query) = update.callback_query {
            match press(query) {
                Ok(press) => intake.presses.push(press),
                Err(id) => intake.empty_presses.push(id),
            }
        } else if let Some(message) = update.message.or(update.channel_post) {
            self.message(id, &message, raw, clock, intake);
        } else if let Some(message) = update.edited_message {
            let amended = self.letter(id, &message, raw, clock).is_some_and(|letter| self.hold.amend(letter));
            if !amended {
                tracing::debug!(update = id, "telegram.edited: the message went on as it was");
            }
        } else {
            tracing::debug!(update = id, "telegram.ignored: an update of another kind");
        }
    }

    fn message(&mut self, id: i64, message: &Message, raw: Box<str>, clock: Clock, intake: &mut Intake) {
        let chat = message.chat.id;
        match (message.migrate_to_chat_id, message.migrate_from_chat_id) {
            (Some(new), _) => return intake.moves.push((chat, new)),
            (None, Some(old)) => return intake.moves.push((old, chat)),
            (None, None) => {}
        }
        let Some(letter) = self.letter(id, message, raw, clock) else { return };
        let age = Duration::from_secs(clock.unix.saturating_sub(message.date));
        if self.rules.max_age.is_some_and(|max_age| age > max_age) {
            return intake.skipped.push(letter.message.address);
        }
        intake.messages.extend(self.hold.take(letter, clock.now));
    }

    fn letter(&self, update: i64, message: &Message, raw: Box<str>, clock: Clock) -> Option<Letter> {
        match read::read(update, message, &self.me) {
            Ok(read) => {
                let is_fresh = message.date + FRESH >= clock.unix;
                Some(Letter {
                    message: read,
                    number: message.message_id,
                    album: message.media_group_id.clone(),
                    is_forward: message.is_forward(),
                    age: if is_fresh { Age::Fresh } else { Age::Old },
                    raw,
                })
            }
            Err(ignored) => {
                tracing::debug!(update, ?ignored, "telegram.ignored");
                None
            }
        }
    }
}

/// A press for takopi, or the id of one that carries nothing or belongs to no message.
fn press(query: CallbackQuery) -> Result<Press, String> {
    let (Some(message), Some(data)) = (query.message, query.data) else { return Err(query.id) };
    let reference = MessageRef::new(
        read::address(&message),
        takopi_api::message::MessageId::new(message.message_id.to_string()),
    );
    Ok(Press::new(query.id, reference, data)
        .sender(read::person(&query.from))
        .chat(read::chat_kind(&message.chat)))
}
