//! What is still to be done for a transport, so that one with nothing more to receive knows when it may go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use takopi_api::transport::TransportId;
use tokio::sync::watch;

/// How much goes on for each transport.
#[derive(Debug, Default)]
pub(crate) struct Work(Mutex<HashMap<TransportId, watch::Sender<usize>>>);

/// Something that goes on until the last clone of this is gone: a message that waits, a run, an answer on its way.
#[derive(Debug, Clone)]
pub(crate) struct Busy(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Token>);

#[derive(Debug)]
struct Token(watch::Sender<usize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Work {
    fn counter(&self, transport: &TransportId) -> watch::Sender<usize> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry(transport.clone()).or_insert_with(|| watch::Sender::new(0)).clone()
    }

    /// Something more goes on for a transport.
    pub(crate) fn begin(&self, transport: &TransportId) -> Busy {
        let counter = self.counter(transport);
        counter.send_modify(|count| *count += 1);
        Busy(Arc::new(Token(counter)))
    }

    /// Waits until nothing goes on for a transport.
    pub(crate) async fn settled(&self, transport: &TransportId) {
        let mut counter = self.counter(transport).subscribe();
        // The sender is kept in the map.
        let _ = counter.wait_for(|count| *count == 0).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn it_is_settled_when_the_last_is_gone() {
        let (work, here) = (Work::default(), TransportId::parse("here").unwrap());
        let there = TransportId::parse("there").unwrap();
        work.settled(&here).await;
        let busy = work.begin(&here);
        let again = busy.clone();
        drop(busy);
        assert!(work.settled(&here).now_or_never().is_none());
        assert!(work.settled(&there).now_or_never().is_some());
        drop(again);
        work.settled(&here).await;
    }
}
