//! What a run can be told while it goes on: stop, one more request, the answer to a question.
//!
//! [`Orders`] is where they wait until the run looks; [`Hold`] is the end of it that takopi holds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use takopi_api::async_trait;
use takopi_api::event::{Decision, RequestId};
use takopi_api::runner::{Control, ControlError};
use tokio::sync::{oneshot, watch};

pub(crate) struct Orders {
    stop: watch::Sender<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    texts: VecDeque<String>,
    asked: Option<(RequestId, oneshot::Sender<Decision>)>,
    is_over: bool,
}

impl Orders {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), state: Mutex::default() }
    }

    /// Tells whether the run has to stop.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// The next text that was sent into the run. If there is none the run is over: a text that comes later is refused and
    /// not lost.
    pub(crate) fn next_text_or_close(&self) -> Option<String> {
        let mut state = self.state();
        let text = state.texts.pop_front();
        state.is_over = text.is_none();
        text
    }

    /// Takes no further orders.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.asked = None;
    }

    /// Expects the answer to a request. To be called before the request is told, or the answer may come too early.
    pub(crate) fn expect_answer(&self, request: RequestId) -> oneshot::Receiver<Decision> {
        let (sender, receiver) = oneshot::channel();
        self.state().asked = Some((request, sender));
        receiver
    }

    /// Nobody listens to the run any longer.
    pub(crate) fn give_up(&self) {
        self.close();
        self.stop.send_replace(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics between two changes of the state, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, ControlError> {
        let state = self.state();
        if state.is_over { Err(ControlError::Over) } else { Ok(state) }
    }
}

/// Tells whether a run has to stop. Clones tell the same.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// To be asked between two files: cheap, and from any thread.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the run has to stop.
    pub(crate) async fn wait(&self) {
        // Without its sender the run is gone, which is a reason to stop as well.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }
}

/// The hold on a run.
pub(crate) struct Hold(pub(crate) Arc<Orders>);

#[async_trait]
impl Control for Hold {
    async fn interrupt(&self) -> Result<(), ControlError> {
        drop(self.0.open_state()?);
        self.0.stop.send_replace(true);
        Ok(())
    }

    async fn steer(&self, text: String) -> Result<(), ControlError> {
        self.0.open_state()?.texts.push_back(text);
        Ok(())
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let mut state = self.0.open_state()?;
        match state.asked.take_if(|(asked, _)| asked == request) {
            // The run may have stopped waiting just now.
            Some((_, waiting)) => {
                waiting.send(decision).map_err(|_| ControlError::NoSuchRequest(request.clone()))
            }
            None => Err(ControlError::NoSuchRequest(request.clone())),
        }
    }

    fn kill(&self) {
        self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_fits_one_request_once() {
        let orders = Arc::new(Orders::new());
        let hold = Hold(Arc::clone(&orders));
        let (first, other) = (RequestId::new("1"), RequestId::new("2"));
        let missing = |id: &RequestId| Err(ControlError::NoSuchRequest(id.clone()));
        assert_eq!(hold.answer(&first, Decision::AllowOnce).await, missing(&first));
        let answer = orders.expect_answer(first.clone());
        assert_eq!(hold.answer(&other, Decision::AllowOnce).await, missing(&other));
        assert_eq!(hold.answer(&first, Decision::AllowOnce).await, Ok(()));
        assert_eq!(answer.await, Ok(Decision::AllowOnce));
        assert_eq!(hold.answer(&first, Decision::AllowOnce).await, missing(&first));
    }

    #[tokio::test]
    async fn no_text_is_lost_at_the_end() {
        let orders = Arc::new(Orders::new());
        let hold = Hold(Arc::clone(&orders));
        assert_eq!(hold.steer("one".into()).await, Ok(()));
        assert_eq!(orders.next_text_or_close().as_deref(), Some("one"));
        assert_eq!(hold.steer("two".into()).await, Ok(()));
        assert_eq!(orders.next_text_or_close().as_deref(), Some("two"));
        assert_eq!(orders.next_text_or_close(), None);
        assert_eq!(hold.steer("three".into()).await, Err(ControlError::Over));
        assert_eq!(hold.interrupt().await, Err(ControlError::Over));
        assert!(!orders.stop().is_set());
    }
}
