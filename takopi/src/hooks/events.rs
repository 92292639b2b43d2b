//! The line of events from a run to a hook. The run never waits at it: what does not fit is lost to the hook.

use std::sync::Arc;

use takopi_api::event::Event;
use takopi_api::hook::{Moment, PlannedRun};
use takopi_api::runner::RunId;
use tokio::sync::{mpsc, oneshot};

use super::call::{Fault, thread};
use super::{Hook, Watching};
use crate::plugins::{self, Aside};

/// How many events of a run may wait for a hook.
const CAPACITY: usize = 256;

/// The near end of a line.
pub(super) struct Line {
    hook: Arc<Hook>,
    run: RunId,
    events: mpsc::Sender<Arc<Event>>,
    /// Comes after all of them, and always has room.
    last: oneshot::Sender<Event>,
    heard: Aside<()>,
    has_lost: bool,
}

impl Line {
    /// Opens a line to a hook; `None` if it can not be called.
    pub(super) fn open(watching: &Watching, run: &Arc<PlannedRun>) -> Option<Self> {
        debug_assert!(watching.hook.wants(Moment::Event), "nobody listens");
        let (events, waiting) = mpsc::channel(CAPACITY);
        let (last, end) = oneshot::channel();
        let listening = listen(watching.clone(), Arc::clone(run), waiting, end);
        let hook = Arc::clone(&watching.hook);
        let heard = match Arc::clone(&hook.calls).try_acquire_owned() {
            Ok(permit) => Aside::begin(&thread(&hook), permit, listening),
            Err(_) => Err(plugins::Fault::NoThread("too many calls of it have not returned".to_owned())),
        };
        match heard {
            Ok(heard) => Some(Self { hook, run: run.id.clone(), events, last, heard, has_lost: false }),
            Err(fault) => {
                tracing::error!(run = %run.id, hook = %hook.id, %fault, "a hook{} hears nothing of a run", hook.origin());
                None
            }
        }
    }

    pub(super) fn is_of(&self, hook: &Arc<Hook>) -> bool {
        Arc::ptr_eq(&self.hook, hook)
    }

    /// Gives an event to the hook, if there is room for it.
    pub(super) fn give(&mut self, event: &Arc<Event>) {
        // One that does not listen any more has said why.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(Arc::clone(event))
            && !self.has_lost
        {
            self.has_lost = true;
            let from = self.hook.origin();
            tracing::warn!(run = %self.run, hook = %self.hook.id, "a hook{from} is too slow for a run: it does not hear all events of it");
        }
    }

    /// Gives the last event, and waits until the hook has heard all.
    pub(super) async fn close(self, last: Event) {
        drop(self.events);
        // One that does not listen any more has said why.
        let _ = self.last.send(last);
        if let Err(fault) = self.heard.done().await {
            tell(&self.hook, &self.run, &fault.into());
        }
    }
}

/// What goes on at the far end. A hook that fails hears no more of the run.
async fn listen(
    watching: Watching,
    run: Arc<PlannedRun>,
    mut events: mpsc::Receiver<Arc<Event>>,
    last: oneshot::Receiver<Event>,
) {
    let Ok(ready) = &watching.hook.ready else { return };
    let hear = async |event: &Event| match ready.backend.on_event(&watching.context, &run, event).await {
        Ok(()) => true,
        Err(error) => {
            tell(&watching.hook, &run.id, &error.into());
            false
        }
    };
    while let Some(event) = events.recv().await {
        if !hear(&event).await {
            return;
        }
    }
    // A run that is cut off has no end.
    if let Ok(event) = last.await {
        hear(&event).await;
    }
}

fn tell(hook: &Hook, run: &RunId, fault: &Fault) {
    tracing::error!(%run, hook = %hook.id, %fault, "a hook{} failed at an event, and hears no more of this run", hook.origin());
}
