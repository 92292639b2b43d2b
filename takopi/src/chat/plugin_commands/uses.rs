//! The uses of commands that go on, and the messages by which people mean them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use takopi_api::message::{IncomingMessage, MessageRef};
use takopi_api::transport::{SendError, SendFailure, TransportId};
use tokio::sync::watch;

use crate::chat::live::Wish;
use crate::store::Place;

/// How many messages of one use stand for it, besides the person's: a command may send any number of them.
const NAMES: usize = 16;

/// How many messages a use may send or edit after a person ended it, to say what became of it.
const LAST_WORDS: usize = 8;

/// One use of a command, and what it started. It may outlive the command's answer.
#[derive(Debug)]
pub(in crate::chat) struct Use {
    place: Place,
    asked_by: MessageRef,
    sent: Mutex<VecDeque<MessageRef>>,
    wish: watch::Sender<Wish>,
    last_words: AtomicUsize,
    /// How much of it goes on.
    at_work: AtomicUsize,
    /// How much of that people see as runs, which they end by their messages.
    as_runs: AtomicUsize,
}

/// Something of a use goes on until this is gone.
#[derive(Debug)]
pub(super) struct AtWork(Arc<Use>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A run of a use is seen by people until this is gone.
#[derive(Debug)]
pub(super) struct AsRun(Arc<Use>);

impl Drop for AsRun {
    fn drop(&mut self) {
        self.0.as_runs.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Use {
    /// Something of it goes on.
    pub(super) fn at_work(self: &Arc<Self>) -> AtWork {
        self.at_work.fetch_add(1, Ordering::AcqRel);
        AtWork(Arc::clone(self))
    }

    /// People see a run of it.
    pub(super) fn as_run(self: &Arc<Self>) -> AsRun {
        self.as_runs.fetch_add(1, Ordering::AcqRel);
        AsRun(Arc::clone(self))
    }

    /// What people want of it, what they wanted before included.
    pub(super) fn wish(&self) -> watch::Receiver<Wish> {
        let mut wish = self.wish.subscribe();
        wish.mark_changed();
        wish
    }

    /// It wants to say something, which is an error once a person has ended it and it has had its last words.
    pub(super) fn speak(&self) -> Result<(), SendError> {
        let may_speak = match *self.wish.borrow() {
            Wish::GoOn => true,
            Wish::End => self.last_words.fetch_add(1, Ordering::AcqRel) < LAST_WORDS,
            Wish::Kill => false,
        };
        may_speak.then_some(()).ok_or_else(|| SendError::new(SendFailure::TakenBack, "cancelled"))
    }

    /// This message was sent by it.
    pub(super) fn name(&self, message: MessageRef) {
        let mut sent = self.sent();
        if sent.len() == NAMES {
            sent.pop_front();
        }
        sent.push_back(message);
    }

    /// Somebody wants it to end; whoever wants it twice does not want to wait.
    pub(in crate::chat) fn cancel(&self) {
        self.wish.send_modify(Wish::further);
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<MessageRef>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        self.at_work.load(Ordering::Acquire) > 0
    }

    fn is_meant_by(&self, transport: &TransportId, message: &MessageRef) -> bool {
        self.place.transport == *transport && (self.asked_by == *message || self.sent().contains(message))
    }
}

/// All uses of commands.
#[derive(Debug, Default)]
pub(in crate::chat) struct Uses(Mutex<Vec<Weak<Use>>>);

impl Uses {
    /// A message or a press uses a command.
    pub(in crate::chat) fn begin(&self, place: &Place, message: &IncomingMessage) -> Arc<Use> {
        let used = Arc::new(Use {
            place: place.clone(),
            asked_by: message.reference(),
            sent: Mutex::default(),
            wish: watch::Sender::new(Wish::GoOn),
            last_words: AtomicUsize::new(0),
            at_work: AtomicUsize::new(0),
            as_runs: AtomicUsize::new(0),
        });
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|used| used.strong_count() > 0);
        uses.push(Arc::downgrade(&used));
        used
    }

    fn going_on(&self) -> Vec<Arc<Use>> {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.iter().filter_map(Weak::upgrade).filter(|used| used.goes_on()).collect()
    }

    /// Those of a place that people do not see as runs, oldest first.
    pub(in crate::chat) fn at(&self, place: &Place) -> Vec<Arc<Use>> {
        let is_here = |used: &Arc<Use>| used.place == *place && used.as_runs.load(Ordering::Acquire) == 0;
        self.going_on().into_iter().filter(is_here).collect()
    }

    /// The one that a message stands for: the person's, or one that it sent.
    pub(in crate::chat) fn of_message(
        &self,
        transport: &TransportId,
        message: &MessageRef,
    ) -> Option<Arc<Use>> {
        self.going_on().into_iter().find(|used| used.is_meant_by(transport, message))
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::message::{Address, MessageId};

    use super::*;

    fn sent(number: usize) -> MessageRef {
        MessageRef::new(Address::general("c"), MessageId::new(format!("b{number}")))
    }

    #[test]
    fn a_use_is_found_while_something_of_it_goes_on() {
        let uses = Uses::default();
        let transport = TransportId::parse("test").unwrap();
        let place = Place { transport: transport.clone(), address: Address::general("c") };
        let message = IncomingMessage::new(Address::general("c"), "p1", "/multi hi");
        let used = uses.begin(&place, &message);
        assert!(uses.at(&place).is_empty());
        let answering = used.at_work();
        let running = used.at_work();
        drop(answering);
        assert_eq!(uses.at(&place).len(), 1);
        assert!(uses.of_message(&transport, &message.reference()).is_some());
        let seen = used.as_run();
        assert!(uses.at(&place).is_empty(), "its run is what people end");
        drop(seen);
        for number in 0..=NAMES {
            used.name(sent(number));
        }
        assert!(uses.of_message(&transport, &sent(0)).is_none(), "the oldest is forgotten");
        let Some(found) = uses.of_message(&transport, &sent(NAMES)) else { panic!("it is not found") };
        let mut wish = used.wish();
        assert!(found.speak().is_ok());
        found.cancel();
        assert_eq!(*wish.borrow_and_update(), Wish::End);
        let last_words = std::iter::repeat_with(|| used.speak()).take_while(Result::is_ok);
        assert_eq!(last_words.count(), LAST_WORDS);
        found.cancel();
        assert_eq!(*wish.borrow_and_update(), Wish::Kill);
        drop(running);
        assert!(uses.of_message(&transport, &sent(NAMES)).is_none());
    }
}
