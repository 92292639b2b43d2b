//! Questions of commands: what a person writes next is the answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use takopi_api::message::{IncomingMessage, MessageId, PersonId};
use tokio::sync::oneshot;

use crate::chat::voice;
use crate::store::Place;

#[derive(Debug)]
struct Open {
    number: u64,
    place: Place,
    /// Who may answer; where everybody may, nobody.
    person: Option<PersonId>,
    /// The message that asks, once it is there.
    message: Option<MessageId>,
    answer: oneshot::Sender<IncomingMessage>,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Open>,
    asked: u64,
}

/// All questions of commands that wait for an answer.
#[derive(Debug, Default)]
pub(in crate::chat) struct Asks(Mutex<State>);

/// A question. It is not asked any more once this is gone.
#[derive(Debug)]
pub(super) struct Question<'a> {
    asks: &'a Asks,
    number: u64,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.asks.state().open.retain(|open| open.number != self.number);
    }
}

impl Question<'_> {
    /// This message asks it.
    pub(super) fn shown_by(&self, message: MessageId) {
        if let Some(open) = self.asks.state().open.iter_mut().find(|open| open.number == self.number) {
            open.message = Some(message);
        }
    }
}

impl Asks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, what this person writes at this place is the answer.
    pub(super) fn open(
        &self,
        place: Place,
        person: Option<PersonId>,
    ) -> (Question<'_>, oneshot::Receiver<IncomingMessage>) {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state();
        state.asked += 1;
        let number = state.asked;
        state.open.push(Open { number, place, person, message: None, answer });
        (Question { asks: self, number }, answered)
    }

    /// Takes a message as the answer to what was asked last. False if nothing that it could answer is asked.
    pub(in crate::chat) fn answer(&self, place: &Place, message: &IncomingMessage) -> bool {
        let mut state = self.state();
        let sender = message.sender.as_ref().map(|sender| &sender.id);
        let is_answered = |open: &Open| {
            open.place == *place
                && (open.person.is_none() || open.person.as_ref() == sender)
                && message.reply_to.as_ref().is_none_or(|reply| open.message.as_ref() == Some(&reply.id))
        };
        let Some(at) = state.open.iter().rposition(is_answered) else { return false };
        let mut answer = message.clone();
        answer.text = voice::said(message);
        state.open.remove(at).answer.send(answer).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::message::{Address, ReplyTo, Sender};
    use takopi_api::transport::TransportId;

    use super::*;

    fn place() -> Place {
        Place { transport: TransportId::parse("test").unwrap(), address: Address::general("c") }
    }

    fn message(person: &str) -> IncomingMessage {
        IncomingMessage::new(Address::general("c"), "p1", "blue").sender(Sender::new(person))
    }

    #[test]
    fn only_who_was_asked_answers() {
        let asks = Asks::default();
        assert!(!asks.answer(&place(), &message("me")));
        let (question, mut answered) = asks.open(place(), Some(PersonId::new("me")));
        assert!(!asks.answer(&place(), &message("you")));
        let elsewhere = Place { address: Address::general("d"), ..place() };
        assert!(!asks.answer(&elsewhere, &message("me")));
        let reply = |to: &str| message("me").reply_to(ReplyTo::own(to, ""));
        assert!(!asks.answer(&place(), &reply("b1")));
        question.shown_by(MessageId::new("b1"));
        assert!(!asks.answer(&place(), &reply("b2")), "it is about something else");
        assert!(asks.answer(&place(), &reply("b1")));
        assert_eq!(answered.try_recv().unwrap().text, "blue");
        assert!(!asks.answer(&place(), &message("me")), "a question is answered once");
    }

    #[test]
    fn what_was_asked_last_is_answered_first_and_nothing_that_is_not_asked_any_more() {
        let asks = Asks::default();
        let (_first, mut of_first) = asks.open(place(), None);
        let (second, mut of_second) = asks.open(place(), None);
        assert!(asks.answer(&place(), &message("anybody")));
        assert!(of_second.try_recv().is_ok() && of_first.try_recv().is_err());
        drop(second);
        let (third, _of_third) = asks.open(place(), None);
        drop(third);
        assert!(asks.answer(&place(), &message("anybody")));
        assert!(of_first.try_recv().is_ok());
    }
}
