//! The requests that wait: whose they are, which buttons count, and what comes of a press or of words. A state machine
//! without I/O; `T` is what the rest of the program keeps with a request.

use std::collections::{BTreeMap, HashMap};

use takopi_api::event::{Decision, Question, RequestId};
use takopi_api::message::{ButtonData, MessageId, MessageRef, PersonId};
use takopi_api::runner::RunId;
use tokio::time::Instant;

use super::acts::{Act, Aimed, Effect, Form, Shown, deny};
use crate::store::{Place, RequestToken, Verdict};

/// What a button of a request begins with.
pub(crate) const PREFIX: &str = "takopi:r:";

/// A request that is asked.
#[derive(Debug)]
pub(super) struct NewOpen<T> {
    pub(super) token: RequestToken,
    pub(super) run: RunId,
    pub(super) id: RequestId,
    pub(super) place: Place,
    /// Whose run it is.
    pub(super) person: Option<PersonId>,
    pub(super) form: Form,
    pub(super) expires: Instant,
    pub(super) kept: T,
}

/// Who presses or writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) person: Option<&'a PersonId>,
    /// Everybody who can reach the transport is the same person.
    pub(super) is_local: bool,
    /// The configuration names them as one who may decide.
    pub(super) is_approver: bool,
}

/// Which request words are for, as far as it is seen where they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aim {
    /// Any that is asked there.
    Here,
    /// That of the message that they answer, if that can be one of these.
    Message(MessageId),
    /// What this run asks: they answer the message that shows it.
    Run(RunId),
}

/// What a button carries: the request, and which of its buttons it is. Neither says what the button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pressable {
    pub(super) token: RequestToken,
    nonce: String,
}

impl Pressable {
    fn new(token: &RequestToken) -> Self {
        // Random and not counted: a button of an earlier state of the message is none of now.
        let mut nonce = uuid::Uuid::new_v4().simple().to_string();
        nonce.truncate(12);
        Self { token: token.clone(), nonce }
    }

    /// Reads what a button carried, whoever made it.
    pub(super) fn read(data: &str) -> Option<Self> {
        let (token, nonce) = data.strip_prefix(PREFIX)?.split_once('.')?;
        Some(Self { token: RequestToken::of_button(token), nonce: nonce.to_owned() })
    }

    fn data(&self) -> Option<ButtonData> {
        ButtonData::new(format!("{PREFIX}{}.{}", self.token.as_str(), self.nonce)).ok()
    }
}

/// Where the message of a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    /// On its way.
    Coming,
    There(MessageRef),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// A button, or words.
    Choice,
    /// Words of who pressed for that.
    Words { of: Option<PersonId> },
}

#[derive(Debug)]
struct Open<T> {
    asked: NewOpen<T>,
    number: u64,
    message: Message,
    stage: Stage,
    /// Somebody decided, and that is being stored.
    is_claimed: bool,
    /// Meanwhile the engine waits for it no more.
    is_withdrawn: bool,
    /// Its message does not show it as it is.
    is_outdated: bool,
    /// Others were asked there while it was: a number need not be one of its own, even when those have ended.
    is_among_others: bool,
    /// Those that count. There are none until it is shown as it is now.
    buttons: Vec<(String, Act)>,
}

/// A decision that is the first. Until it is stored, nobody else's counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    pub(super) token: RequestToken,
    pub(super) verdict: Verdict,
    pub(super) decision: Decision,
}

/// What came of a press.
#[derive(Debug, PartialEq)]
pub(super) enum Pressed<T> {
    /// Nothing that waits has such a button.
    NotOpen,
    /// It is the button of another message.
    Elsewhere,
    NotYours,
    /// The message shows other buttons by now.
    Old,
    /// Its time is over.
    Expired,
    /// Somebody else has just decided.
    Late(T),
    Decides(Claim, T),
    /// The message has to show something else. Words of this person are waited for, or not.
    Changed {
        waits_for_words: bool,
    },
}

/// What came of words.
#[derive(Debug, PartialEq)]
pub(super) enum Said<T> {
    /// They are about something else.
    NotForIt,
    /// They are about a request, and do not say what to do: this would.
    Unclear(&'static str),
    Decides(Claim, T),
    /// The message has to show something else.
    Changed(RequestToken),
}

/// What is left of a request that has ended.
#[derive(Debug, PartialEq)]
pub(super) struct Ending<T> {
    pub(super) token: RequestToken,
    pub(super) kept: T,
    /// What has to say how it ended. One that is on its way will be asked for: see [`Board::shown`].
    pub(super) message: Option<MessageRef>,
    /// Its engine waits for no answer.
    pub(super) is_withdrawn: bool,
}

/// What becomes of a request whose decision was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reopened {
    /// It waits for another one.
    Open,
    /// Its time was over meanwhile. Whoever waited for that found it decided: whoever asks gives it up.
    Expired,
    /// Its engine does not wait any more.
    Withdrawn,
}

/// How a message finds its request when it is there.
#[derive(Debug, PartialEq)]
pub(super) enum Arrived<E> {
    AsItIs,
    /// It has to show something else by now.
    Outdated,
    /// It has ended, and the message has to say how.
    Ended(E),
}

/// All requests that wait. `E` is how one ends.
#[derive(Debug)]
pub(super) struct Board<T, E> {
    open: HashMap<RequestToken, Open<T>>,
    by_run: BTreeMap<(RunId, RequestId), RequestToken>,
    /// How those ended whose messages are on their way.
    ended: HashMap<RequestToken, E>,
    asked: u64,
}

impl<T, E> Default for Board<T, E> {
    fn default() -> Self {
        Self { open: HashMap::new(), by_run: BTreeMap::new(), ended: HashMap::new(), asked: 0 }
    }
}

/// The run asks this already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskedTwice;

impl<T: Clone, E> Board<T, E> {
    pub(super) fn add(&mut self, asked: NewOpen<T>) -> Result<(), AskedTwice> {
        let name = (asked.run.clone(), asked.id.clone());
        if self.by_run.contains_key(&name) {
            return Err(AskedTwice);
        }
        self.asked += 1;
        let mut is_among_others = false;
        for other in self.open.values_mut().filter(|other| other.asked.place == asked.place) {
            (other.is_among_others, is_among_others) = (true, true);
        }
        self.by_run.insert(name, asked.token.clone());
        let open = Open {
            number: self.asked,
            message: Message::Coming,
            stage: Stage::Choice,
            is_claimed: false,
            is_withdrawn: false,
            is_outdated: false,
            is_among_others,
            buttons: Vec::new(),
            asked,
        };
        self.open.insert(open.asked.token.clone(), open);
        Ok(())
    }

    /// The buttons of a request as it is now, in rows. Those that it had before count no more. `None` if it is not open.
    pub(super) fn buttons(&mut self, token: &RequestToken) -> Option<Vec<Vec<(String, ButtonData)>>> {
        let open = self.open.get_mut(token).filter(|open| !open.is_claimed)?;
        let rows = open.asked.form.buttons(open.waits_for_words());
        open.buttons.clear();
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let mut buttons = Vec::with_capacity(row.len());
            for (label, act) in row {
                let pressable = Pressable::new(token);
                // It is always short enough.
                let Some(data) = pressable.data() else { continue };
                open.buttons.push((pressable.nonce, act));
                buttons.push((label, data));
            }
            shown.push(buttons);
        }
        Some(shown)
    }

    /// What is asked, as it is now, and whether words are waited for.
    pub(super) fn form(&self, token: &RequestToken) -> Option<(&Form, bool)> {
        let open = self.open.get(token)?;
        Some((&open.asked.form, open.waits_for_words()))
    }

    /// What is kept with a request that waits.
    pub(super) fn kept(&self, token: &RequestToken) -> Option<T> {
        self.open.get(token).map(|open| open.asked.kept.clone())
    }

    /// The message of a request, if it has to show something else: whoever asks sees to that.
    pub(super) fn outdated(&mut self, token: &RequestToken) -> Option<MessageRef> {
        let open = self.open.get_mut(token).filter(|open| open.is_outdated)?;
        let Message::There(message) = &open.message else { return None };
        open.is_outdated = false;
        Some(message.clone())
    }

    /// Somebody pressed a button below a message.
    pub(super) fn press(
        &mut self,
        button: &Pressable,
        at: &MessageRef,
        who: Who<'_>,
        now: Instant,
    ) -> Pressed<T> {
        let Some(open) = self.open.get_mut(&button.token) else { return Pressed::NotOpen };
        let is_there = match &open.message {
            // It can be pressed before the chat system has said where it is.
            Message::Coming => at.address.channel == open.asked.place.address.channel,
            Message::There(message) => at.address.channel == message.address.channel && at.id == message.id,
        };
        if !is_there {
            return Pressed::Elsewhere;
        }
        if !open.may_be_decided_by(who) {
            return Pressed::NotYours;
        }
        if open.is_claimed {
            return Pressed::Late(open.asked.kept.clone());
        }
        if open.asked.expires <= now {
            return Pressed::Expired;
        }
        let Some((_, act)) = open.buttons.iter().find(|(nonce, _)| *nonce == button.nonce).cloned() else {
            open.is_outdated = true;
            return Pressed::Old;
        };
        let effect = open.does(|form| form.act(act));
        open.is_outdated |= !matches!(effect, Effect::Decides(..));
        match effect {
            Effect::Decides(verdict, decision) => {
                let (claim, kept) = open.claim(verdict, decision);
                Pressed::Decides(claim, kept)
            }
            Effect::Words => {
                open.stage = Stage::Words { of: who.person.cloned() };
                Pressed::Changed { waits_for_words: true }
            }
            Effect::NoWords => {
                open.stage = Stage::Choice;
                Pressed::Changed { waits_for_words: false }
            }
            Effect::Changed => Pressed::Changed { waits_for_words: false },
            Effect::Nothing => Pressed::Old,
        }
    }

    /// Somebody wrote something at a place.
    pub(super) fn say(
        &mut self,
        place: &Place,
        who: Who<'_>,
        text: &str,
        aim: &Aim,
        has_buttons: bool,
        now: Instant,
    ) -> Said<T> {
        if text.trim().is_empty() {
            return Said::NotForIt;
        }
        let mut here: Vec<&mut Open<T>> =
            self.open.values_mut().filter(|open| open.hears(place, who, aim, now)).collect();
        here.sort_unstable_by_key(|open| open.number);
        if let Some(open) = here.iter_mut().find(|open| open.waits_for_words_of(who)) {
            let instead = if has_buttons { None } else { open.asked.form.instead_of_words(text) };
            let effect = match instead {
                Some(_) if open.buttons.is_empty() => return Said::Unclear(LOOK),
                Some(act) => open.does(|form| form.act(act)),
                None => deny(Some(text.trim().to_owned())),
            };
            return open.said(effect, who);
        }
        if let Aim::Message(_) = aim {
            let Some(open) = here.into_iter().next() else { return Said::NotForIt };
            return match open.words(text, Aimed::Reply, has_buttons, who) {
                Said::NotForIt => Said::Unclear(open.asked.form.hint(has_buttons)),
                said => said,
            };
        }
        // Nobody answers what nobody has seen.
        let own = here.into_iter().filter(|open| open.is_of(who) && open.is_there());
        let mut said = own.map(|open| open.words(text, Aimed::Loosely, has_buttons, who));
        // What the oldest one can not take may be for the next one.
        said.find(|said| !matches!(said, Said::NotForIt)).unwrap_or(Said::NotForIt)
    }

    /// Whether somebody pressed for words, and what they write next at this place are those.
    pub(super) fn waits_for_words_of(&self, place: &Place, person: Option<&PersonId>, now: Instant) -> bool {
        let who = Who { person, is_local: false, is_approver: false };
        let is_it = |open: &Open<T>| {
            open.asked.place == *place
                && !open.is_claimed
                && open.asked.expires > now
                && open.waits_for_words_of(who)
        };
        self.open.values().any(is_it)
    }

    /// Whether what this person writes next at this place is a secret: the question that takes it says so.
    pub(super) fn expects_secret(&self, place: &Place, who: Who<'_>, aim: &Aim, now: Instant) -> bool {
        let mut here = self.open.values().filter(|open| open.hears(place, who, aim, now));
        // As in `say`: words that are waited for go there.
        if here.clone().any(|open| open.waits_for_words_of(who)) {
            return false;
        }
        let is_secret = |open: &Open<T>| open.question().is_some_and(|question| question.secret);
        if let Aim::Message(_) = aim {
            return here.any(is_secret);
        }
        // One without a question takes no words.
        let takes_words = |open: &&Open<T>| open.is_of(who) && open.is_there() && open.question().is_some();
        here.filter(takes_words).min_by_key(|open| open.number).is_some_and(is_secret)
    }

    /// Nobody decides any more: its time is over, or it can not be asked. Nothing if somebody did before.
    pub(super) fn give_up(&mut self, token: &RequestToken) -> Option<T> {
        let open = self.open.get_mut(token).filter(|open| !open.is_claimed)?;
        open.is_claimed = true;
        Some(open.asked.kept.clone())
    }

    /// The engine waits for it no more. Nothing if somebody is just deciding it: then whoever does ends it.
    pub(super) fn take_away(&mut self, token: &RequestToken) -> Option<T> {
        self.open.get_mut(token)?.is_withdrawn = true;
        self.give_up(token)
    }

    /// A decision could not be stored: it was none.
    pub(super) fn reopen(&mut self, token: &RequestToken, now: Instant) -> Reopened {
        match self.open.get_mut(token) {
            Some(open) if !open.is_withdrawn => {
                (open.is_claimed, open.is_outdated) = (false, true);
                open.stage = Stage::Choice;
                if open.asked.expires <= now { Reopened::Expired } else { Reopened::Open }
            }
            _ => Reopened::Withdrawn,
        }
    }

    /// A request has ended like this.
    pub(super) fn end(&mut self, token: &RequestToken, how: E) -> Option<Ending<T>> {
        let Open { asked, message, is_withdrawn, .. } = self.open.remove(token)?;
        let NewOpen { token, run, id, kept, .. } = asked;
        self.by_run.remove(&(run, id));
        let message = match message {
            Message::There(message) => Some(message),
            Message::Coming => {
                self.ended.insert(token.clone(), how);
                None
            }
        };
        Some(Ending { token, kept, message, is_withdrawn })
    }

    /// The message of a request is there now.
    pub(super) fn shown(&mut self, token: &RequestToken, message: &MessageRef) -> Arrived<E> {
        let Some(open) = self.open.get_mut(token) else {
            return self.ended.remove(token).map_or(Arrived::AsItIs, Arrived::Ended);
        };
        // A topic that was lost on the way is another one now.
        open.asked.place.address = message.address.clone();
        open.message = Message::There(message.clone());
        if open.is_outdated { Arrived::Outdated } else { Arrived::AsItIs }
    }

    /// The message of a request will not come.
    pub(super) fn not_shown(&mut self, token: &RequestToken) {
        self.ended.remove(token);
    }

    /// The request that a run asks under this name, also while a decision about it is being stored.
    pub(super) fn find(&self, run: &RunId, id: &RequestId) -> Option<RequestToken> {
        self.by_run.get(&(run.clone(), id.clone())).cloned()
    }

    /// All that a run asks, in the order in which it asked.
    pub(super) fn of_run(&self, run: &RunId) -> Vec<RequestToken> {
        let mut own: Vec<_> = self.open.values().filter(|open| open.asked.run == *run).collect();
        own.sort_unstable_by_key(|open| open.number);
        own.into_iter().map(|open| open.asked.token.clone()).collect()
    }
}

impl<T: Clone> Open<T> {
    fn is_of(&self, who: Who<'_>) -> bool {
        who.is_local || who.person.is_some() && self.asked.person.as_ref() == who.person
    }

    fn may_be_decided_by(&self, who: Who<'_>) -> bool {
        self.is_of(who) || who.person.is_some() && who.is_approver
    }

    /// Whether words of this person, which are for this, can be about it.
    fn hears(&self, place: &Place, who: Who<'_>, aim: &Aim, now: Instant) -> bool {
        let is_meant = match aim {
            Aim::Here => true,
            Aim::Message(message) => self.is_asked_by(message),
            Aim::Run(run) => self.asked.run == *run,
        };
        let is_open = !self.is_claimed && self.asked.expires > now;
        is_meant && is_open && self.asked.place == *place && self.may_be_decided_by(who)
    }

    const fn is_there(&self) -> bool {
        matches!(self.message, Message::There(_))
    }

    /// The question that takes words, if one does.
    fn question(&self) -> Option<&Question> {
        match &self.asked.form {
            Form::Questions(questions) => questions.current(),
            _ => None,
        }
    }

    const fn waits_for_words(&self) -> bool {
        matches!(self.stage, Stage::Words { .. })
    }

    fn waits_for_words_of(&self, who: Who<'_>) -> bool {
        matches!(&self.stage, Stage::Words { of } if of.as_ref() == who.person)
    }

    fn is_asked_by(&self, id: &MessageId) -> bool {
        matches!(&self.message, Message::There(message) if message.id == *id)
    }

    fn words(&mut self, text: &str, aimed: Aimed, has_buttons: bool, who: Who<'_>) -> Said<T> {
        if !has_buttons && aimed == Aimed::Loosely && self.is_among_others && is_numbers(text) {
            return Said::Unclear(WHICH);
        }
        if !has_buttons && self.buttons.is_empty() && is_numbers(text) {
            return Said::Unclear(LOOK);
        }
        let shown = match has_buttons {
            true => Shown::Buttons,
            false => Shown::Numbers { waits_for_words: self.waits_for_words() },
        };
        let effect = self.does(|form| form.words(text, aimed, shown));
        self.said(effect, who)
    }

    /// Does something with what is asked. What was shown of another question, or of other choices, counts no more: somebody
    /// who presses that means what was there.
    fn does(&mut self, act: impl FnOnce(&mut Form) -> Effect) -> Effect {
        let before = self.asked.form.question();
        let effect = act(&mut self.asked.form);
        let is_another = self.asked.form.question() != before;
        match effect {
            Effect::Words | Effect::NoWords => self.buttons.clear(),
            Effect::Changed if is_another => self.buttons.clear(),
            _ => {}
        }
        effect
    }

    fn said(&mut self, effect: Effect, who: Who<'_>) -> Said<T> {
        match effect {
            Effect::Decides(verdict, decision) => {
                let (claim, kept) = self.claim(verdict, decision);
                return Said::Decides(claim, kept);
            }
            Effect::Words => self.stage = Stage::Words { of: who.person.cloned() },
            Effect::NoWords => self.stage = Stage::Choice,
            Effect::Changed => {}
            Effect::Nothing => return Said::NotForIt,
        }
        self.is_outdated = true;
        Said::Changed(self.asked.token.clone())
    }

    fn claim(&mut self, verdict: Verdict, decision: Decision) -> (Claim, T) {
        self.is_claimed = true;
        let claim = Claim { token: self.asked.token.clone(), verdict, decision };
        (claim, self.asked.kept.clone())
    }
}

/// What somebody is told who writes a number where several things are asked.
const WHICH: &str = "several things are asked here; reply to the message that you mean";

/// What somebody is told who writes a number that may be of what was shown before.
pub(super) const LOOK: &str = "this looks different by now; look at it again";

fn is_numbers(text: &str) -> bool {
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| word.parse::<usize>().is_ok())
}

#[cfg(test)]
mod tests;
