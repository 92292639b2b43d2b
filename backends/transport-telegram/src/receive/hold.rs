//! What belongs together: the parts of an album, and forwards with the comment that was sent just before them.
//!
//! Telegram delivers each part by itself. So what may have more behind it is held for a short while, and nothing else is:
//! a reply, a command, a file or an old message goes on at once. What is held lies in the store together with the offset,
//! so that it is there after a kill. Who waits in vain loses nothing either: forwards that come after their comment
//! went on become a message of their own that replies to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use takopi_api::message::{Address, ChatKind, IncomingMessage, Mention, MessageId, PersonId, ReplyTo};

/// The time since some beginning.
pub(crate) type Moment = Duration;

/// How long what is held waits for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// For forwards behind a comment, and for more of them.
    pub(crate) forwards: Duration,
    /// For more parts of an album.
    pub(crate) album: Duration,
}

/// A message that was read.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) message: IncomingMessage,
    pub(super) number: i64,
    pub(super) album: Option<Arc<str>>,
    pub(super) is_forward: bool,
    pub(super) age: Age,
    /// Its update as it came.
    pub(super) raw: Box<str>,
}

/// When a message was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Just now: more may be on its way.
    Fresh,
    /// Before: what belongs to it has arrived with it.
    Old,
}

/// Nothing is held longer than this, however much comes.
const LONGEST: Duration = Duration::from_secs(10);

/// The parts of a full album.
const FULL_ALBUM: usize = 10;

/// For how long forwards still belong to a comment that went on.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Who wrote where.
type Key = (Address, Option<PersonId>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A comment, and the forwards behind it.
    Comment,
    /// Forwards without a comment.
    Forwards,
    /// The parts of an album.
    Album(Arc<str>),
}

#[derive(Debug)]
struct Group {
    key: Key,
    kind: Kind,
    letters: Vec<Letter>,
    due: Moment,
    latest: Moment,
}

/// All that is held.
#[derive(Debug)]
pub(super) struct Hold {
    patience: Patience,
    groups: Vec<Group>,
    /// Comments that went on just now.
    gone: HashMap<Key, (MessageId, Moment)>,
}

impl Hold {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, groups: Vec::new(), gone: HashMap::new() }
    }

    /// Takes a message, and gives what goes on because of it, in its order.
    pub(super) fn take(&mut self, letter: Letter, now: Moment) -> Vec<IncomingMessage> {
        let key =
            (letter.message.address.clone(), letter.message.sender.as_ref().map(|sender| sender.id.clone()));
        let mut released = Vec::new();
        let held = self.groups.iter().position(|group| group.key == key);
        if let Some(at) = held {
            let group = &mut self.groups[at];
            if group.takes(&letter) {
                group.add(letter, now, self.patience);
                if group.is_full() {
                    released.push(self.release(at, now));
                }
                return released;
            }
            // Nobody's messages overtake each other.
            released.push(self.release(at, now));
        }
        let (kind, wait) = if letter.is_forward {
            (Kind::Forwards, self.patience.forwards)
        } else if let Some(album) = &letter.album {
            (Kind::Album(Arc::clone(album)), self.patience.album)
        } else if may_be_a_comment(&letter.message) {
            (Kind::Comment, self.patience.forwards)
        } else {
            released.push(letter.message);
            return released;
        };
        let wait = if letter.age == Age::Old { Duration::ZERO } else { wait };
        let is_over = wait.is_zero() && letter.age == Age::Fresh;
        let group = Group { key, kind, letters: vec![letter], due: now + wait, latest: now + LONGEST };
        self.groups.push(group);
        if is_over {
            released.push(self.release(self.groups.len() - 1, now));
        }
        released
    }

    /// Puts an edited message in the place of one that is held.
    pub(super) fn amend(&mut self, letter: Letter) -> bool {
        let held = self
            .groups
            .iter_mut()
            .flat_map(|group| &mut group.letters)
            .find(|held| held.number == letter.number && held.message.address == letter.message.address);
        match held {
            Some(held) => {
                // It stays the delivery that it was.
                let update = held.message.update.clone();
                *held = letter;
                held.message.update = update;
                true
            }
            None => false,
        }
    }

    /// What has waited long enough.
    pub(super) fn due(&mut self, now: Moment) -> Vec<IncomingMessage> {
        let mut released = Vec::new();
        while let Some(at) = self.groups.iter().position(|group| group.due <= now) {
            released.push(self.release(at, now));
        }
        self.gone.retain(|_, (_, at)| *at + AFTERWARDS > now);
        released
    }

    /// When something will have waited long enough.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.groups.iter().map(|group| group.due).min()
    }

    /// The updates of all that is held, as they came.
    pub(super) fn raw(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|group| &group.letters).map(|letter| &*letter.raw)
    }

    fn release(&mut self, at: usize, now: Moment) -> IncomingMessage {
        let group = self.groups.remove(at);
        let (key, kind) = (group.key.clone(), group.kind.clone());
        let mut message = group.merge();
        match kind {
            Kind::Comment => _ = self.gone.insert(key, (message.id.clone(), now)),
            Kind::Forwards if message.reply_to.is_none() => {
                let comment = self.gone.get(&key).filter(|(_, at)| *at + AFTERWARDS > now);
                message.reply_to = comment.map(|(id, _)| ReplyTo::new(id.as_str(), ""));
            }
            Kind::Forwards | Kind::Album(_) => {}
        }
        message
    }
}

/// Whether forwards can follow a message as its own. Whoever replies, commands or sends a file has said all.
fn may_be_a_comment(message: &IncomingMessage) -> bool {
    let is_of_a_person = match (&message.sender, message.chat) {
        (None, _) => false,
        (Some(_), ChatKind::Private) => true,
        (Some(sender), ChatKind::Group) => sender.id.as_str() != message.address.channel.as_str(),
    };
    is_of_a_person
        && message.reply_to.is_none()
        && message.files.is_empty()
        && !message.text.trim().is_empty()
        && !message.text.trim_start().starts_with('/')
}

impl Group {
    /// Whether a message of the same person belongs to this.
    fn takes(&self, letter: &Letter) -> bool {
        match &self.kind {
            Kind::Comment => letter.is_forward,
            // A comment that was delivered after its forwards.
            Kind::Forwards => {
                letter.is_forward || letter.album.is_none() && may_be_a_comment(&letter.message)
            }
            Kind::Album(album) => !letter.is_forward && letter.album.as_ref() == Some(album),
        }
    }

    fn add(&mut self, letter: Letter, now: Moment, patience: Patience) {
        let wait = match (&self.kind, letter.age) {
            (_, Age::Old) => Duration::ZERO,
            (Kind::Album(_), Age::Fresh) => patience.album,
            (Kind::Comment | Kind::Forwards, Age::Fresh) => patience.forwards,
        };
        if !letter.is_forward && self.kind == Kind::Forwards {
            self.kind = Kind::Comment;
        }
        self.due = (now + wait).max(self.due).min(self.latest);
        self.letters.push(letter);
    }

    fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Album(_)) && self.letters.len() >= FULL_ALBUM
    }

    /// One message of all parts: the first of them, with what the others add.
    fn merge(self) -> IncomingMessage {
        let Self { key: (address, _), kind, mut letters, .. } = self;
        // A comment first, everything else in the order in which it was written.
        letters.sort_by_key(|letter| (letter.is_forward, letter.number));
        let texts = letters.iter().map(|letter| letter.message.text.trim()).filter(|text| !text.is_empty());
        let text = match kind {
            // The caption of one part speaks for all.
            Kind::Album(_) => texts.take(1).collect::<String>(),
            Kind::Comment | Kind::Forwards => texts.collect::<Vec<_>>().join("\n\n"),
        };
        let mention = letters.iter().any(|letter| letter.message.mention == Mention::Named);
        let reply = letters.iter().find_map(|letter| letter.message.reply_to.clone());
        let mut letters = letters.into_iter().map(|letter| letter.message);
        // A group begins with a letter and only grows.
        let Some(mut merged) = letters.next() else { return IncomingMessage::new(address, "", "") };
        let files: Vec<_> = letters.flat_map(|message| message.files).collect();
        merged.text = text;
        merged.files.extend(files);
        merged.reply_to = reply;
        if mention {
            merged.mention = Mention::Named;
        }
        merged
    }
}
