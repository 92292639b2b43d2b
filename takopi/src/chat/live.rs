//! The runs that go on, and the messages by which people mean them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use takopi_api::engine::EngineId;
use takopi_api::message::{MessageRef, PersonId};
use takopi_api::runner::{RunControl, RunId};
use takopi_api::transport::TransportId;
use tokio::sync::{oneshot, watch};

use super::queue::{JobId, LaneId};
use super::resolve::Kept;
use crate::project::Context;
use crate::store::Place;

/// How far a person has gone in ending a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// It may go on.
    GoOn,
    /// It should end.
    End,
    /// It should end at once.
    Kill,
}

impl Wish {
    /// Somebody wants it once more.
    pub(crate) fn further(&mut self) {
        *self = if *self == Self::GoOn { Self::End } else { Self::Kill };
    }
}

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct LiveRun {
    pub(crate) id: RunId,
    pub(crate) lane: LaneId,
    pub(crate) job: JobId,
    pub(crate) place: Place,
    pub(crate) person: Option<PersonId>,
    pub(crate) engine: EngineId,
    pub(crate) context: Option<Context>,
    pub(crate) session: Option<Kept>,
    /// The mode that its engine works in, if one was chosen.
    pub(crate) mode: Option<String>,
    /// Where it works, once that is there.
    pub(crate) folder: OnceLock<PathBuf>,
    /// There once the engine was started.
    pub(crate) control: OnceLock<RunControl>,
    pub(crate) wish: watch::Sender<Wish>,
    /// Requests of it that nobody has answered yet.
    pub(crate) open_requests: AtomicUsize,
    pub(crate) steering: Sequence,
    pub(crate) is_over: watch::Sender<bool>,
}

/// In which order texts are sent into a run: that in which they were to be.
#[derive(Debug, Default)]
pub(crate) struct Sequence(Mutex<Option<oneshot::Receiver<()>>>);

/// The place of a text among those that are to be sent into a run. The next one's turn comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turnstile {
    before: Option<oneshot::Receiver<()>>,
    is_done: oneshot::Sender<()>,
}

impl Turnstile {
    /// Waits for what is before it. What is behind it waits until what this gives is dropped.
    pub(crate) async fn pass(self) -> impl Sized {
        if let Some(before) = self.before {
            // Nothing is ever sent: it is dropped.
            let _ = before.await;
        }
        self.is_done
    }
}

impl LiveRun {
    /// Somebody wants it to end; whoever wants it twice does not want to wait.
    pub(crate) fn cancel(&self) {
        self.wish.send_modify(Wish::further);
    }

    /// The place of a text that is to be sent into it now.
    pub(crate) fn turnstile(&self) -> Turnstile {
        let (is_done, next) = oneshot::channel();
        let before = self.steering.0.lock().unwrap_or_else(PoisonError::into_inner).replace(next);
        Turnstile { before, is_done }
    }

    /// Waits until it is over.
    pub(crate) async fn ended(&self) {
        // The sender is kept here.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }

    pub(crate) fn waits_for_a_person(&self) -> bool {
        self.open_requests.load(Ordering::Acquire) > 0
    }
}

/// What a message of takopi stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle {
    pub(crate) lane: LaneId,
    pub(crate) job: JobId,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<JobId, Arc<LiveRun>>,
    /// Messages of jobs that run or wait.
    messages: HashMap<(TransportId, MessageRef), Handle>,
    /// The same, the other way round.
    names: HashMap<JobId, Vec<(TransportId, MessageRef)>>,
}

impl State {
    fn name(&mut self, name: (TransportId, MessageRef), handle: Handle) {
        // A queued message becomes the progress message of its run: it stands for the younger one.
        self.messages.insert(name.clone(), handle);
        self.names.entry(handle.job).or_default().push(name);
    }
}

/// All runs that go on.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<State>);

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, run: Arc<LiveRun>) {
        self.state().runs.insert(run.job, run);
    }

    pub(crate) fn end(&self, job: JobId) {
        let mut state = self.state();
        state.runs.remove(&job);
        for name in state.names.remove(&job).unwrap_or_default() {
            state.messages.remove(&name);
        }
    }

    /// This message stands for a run from here on, if it still goes on.
    pub(crate) fn name_run(&self, transport: &TransportId, message: MessageRef, run: &LiveRun) {
        let mut state = self.state();
        if state.runs.contains_key(&run.job) {
            state.name((transport.clone(), message), Handle { lane: run.lane, job: run.job });
        }
    }

    /// This message stands for the job from here on.
    pub(crate) fn name(&self, transport: &TransportId, message: MessageRef, handle: Handle) {
        self.state().name((transport.clone(), message), handle);
    }

    pub(crate) fn handle(&self, transport: &TransportId, message: &MessageRef) -> Option<Handle> {
        self.state().messages.get(&(transport.clone(), message.clone())).copied()
    }

    pub(crate) fn run(&self, job: JobId) -> Option<Arc<LiveRun>> {
        self.state().runs.get(&job).cloned()
    }

    /// The run that a message of takopi shows.
    pub(crate) fn of_message(&self, transport: &TransportId, message: &MessageRef) -> Option<Arc<LiveRun>> {
        let state = self.state();
        let handle = state.messages.get(&(transport.clone(), message.clone()))?;
        state.runs.get(&handle.job).cloned()
    }

    /// The runs of a place, oldest first.
    pub(crate) fn at(&self, place: &Place) -> Vec<Arc<LiveRun>> {
        let mut runs: Vec<_> =
            self.state().runs.values().filter(|run| run.place == *place).cloned().collect();
        runs.sort_by_key(|run| run.job);
        runs
    }

    /// All runs.
    pub(crate) fn all(&self) -> Vec<Arc<LiveRun>> {
        self.state().runs.values().cloned().collect()
    }
}
