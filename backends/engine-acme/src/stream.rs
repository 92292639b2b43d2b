//! The stream of a run: its work and its events as one thing.
//!
//! The work is a future that is polled by the stream and by nobody else. So dropping the stream drops the work where it
//! stands, and a panic in it comes out of the stream, where takopi makes a `completed` of it. A task of its own would go
//! on after the drop and panic unheard.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::stream::{self, BoxStream, StreamExt};
use futures_util::{FutureExt, future::FusedFuture};
use takopi_api::event::{Event, EventFactory};

use crate::orders::Orders;

/// Where the work puts its events, and the stream takes them. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Events(Arc<Mutex<EventFactory>>);

impl Events {
    pub(crate) fn new(factory: EventFactory) -> Self {
        Self(Arc::new(Mutex::new(factory)))
    }

    /// Makes events. They are seen the next time the work waits for something.
    pub(crate) fn tell<R>(&self, tell: impl FnOnce(&mut EventFactory) -> R) -> R {
        tell(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) fn of(
    work: impl Future<Output = ()> + Send + 'static,
    events: Events,
    orders: Arc<Orders>,
) -> BoxStream<'static, Event> {
    let mut work: Pin<Box<dyn FusedFuture<Output = ()> + Send>> = Box::pin(work.fuse());
    let stop_on_drop = StopOnDrop(orders);
    stream::poll_fn(move |context| {
        let _held = &stop_on_drop;
        if !work.is_terminated() {
            let _ = work.as_mut().poll(context);
        }
        match events.tell(EventFactory::pop) {
            Some(event) => Poll::Ready(Some(event)),
            None if work.is_terminated() => Poll::Ready(None),
            None => Poll::Pending,
        }
    })
    .boxed()
}

/// Work on a blocking thread is not dropped with the future that waits for it; it is told to stop.
struct StopOnDrop(Arc<Orders>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ENGINE;

    #[tokio::test]
    async fn events_come_as_the_work_goes_on_and_end_with_it() {
        let events = Events::new(EventFactory::new(ENGINE, None));
        let told = events.clone();
        let work = async move {
            told.tell(|events| events.note("one"));
            tokio::task::yield_now().await;
            told.tell(|events| events.note("two"));
            told.tell(|events| events.note("three"));
        };
        let all: Vec<_> = of(work, events, Arc::new(Orders::new())).collect().await;
        assert_eq!(all.len(), 3);
    }

    #[tokio::test]
    async fn a_dropped_stream_stops_what_runs_on_other_threads() {
        let orders = Arc::new(Orders::new());
        let events = Events::new(EventFactory::new(ENGINE, None));
        let stop = orders.stop();
        drop(of(std::future::pending(), events, Arc::clone(&orders)));
        assert!(stop.is_set());
    }
}
