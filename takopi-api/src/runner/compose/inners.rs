//! The inner runs of a composed one that go on, and the hold on all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::adopt;
use crate::engine::EngineId;
use crate::event::{Decision, Event, RequestId, RequestResolved, Resolution, Usage};
use crate::runner::{Control, ControlError, RunControl, Runner};

/// The longest line that is looked at as a resume line, in bytes.
const RESUME_LINE_BYTES: usize = 1024;

/// What is known of the inner runs.
#[derive(Default)]
pub(super) struct Inners(Mutex<State>);

/// Where it is said that nobody waits for the answers to requests any more.
pub(super) type Withdrawals = mpsc::UnboundedSender<Event>;

#[derive(Default)]
struct State {
    /// A person wants the outer run to end.
    ending: bool,
    /// How many numbers were given.
    numbers: u32,
    /// Those that go on, in the order in which they began.
    running: BTreeMap<u32, RunControl>,
    usage: Option<Usage>,
    /// Of each engine that was run, one runner.
    runners: Vec<Arc<dyn Runner>>,
}

/// An inner run that goes on; dropping it says that it does not any more, and what it asked is withdrawn.
pub(super) struct Entry {
    inners: Arc<Inners>,
    number: u32,
    outer: EngineId,
    withdrawals: Withdrawals,
    /// What it asked, as the outer run calls it.
    open: BTreeSet<RequestId>,
}

impl Entry {
    /// An event of it, as one of the outer run.
    pub(super) fn adopt(&mut self, event: Event) -> Event {
        let event = adopt::event(&self.outer, self.number, event);
        match &event {
            Event::Request(asked) => {
                self.open.insert(asked.request.id.clone());
            }
            Event::RequestResolved(resolved) => {
                self.open.remove(&resolved.request_id);
            }
            _ => {}
        }
        event
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inners.state().running.remove(&self.number);
        for id in std::mem::take(&mut self.open) {
            let withdrawn = RequestResolved::new(self.outer.clone(), id, Resolution::Withdrawn);
            // Whoever read the events may be gone.
            let _ = self.withdrawals.send(Event::RequestResolved(withdrawn));
        }
    }
}

impl Inners {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_ending(&self) -> bool {
        self.state().ending
    }

    /// A number that nothing else of the run has.
    pub(super) fn next_number(&self) -> u32 {
        self.state().next_number()
    }

    /// From here on the run can be reached; not if the outer one is to end.
    pub(super) fn enter(
        self: &Arc<Self>,
        runner: &Arc<dyn Runner>,
        control: RunControl,
        outer: EngineId,
        withdrawals: Withdrawals,
    ) -> Option<Entry> {
        let mut state = self.state();
        if state.ending {
            return None;
        }
        let number = state.next_number();
        state.running.insert(number, control);
        if !state.runners.iter().any(|known| known.engine() == runner.engine()) {
            state.runners.push(Arc::clone(runner));
        }
        Some(Entry { inners: Arc::clone(self), number, outer, withdrawals, open: BTreeSet::new() })
    }

    /// Adds what an inner run used.
    pub(super) fn used(&self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            *self.state().usage.get_or_insert_default() += usage;
        }
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        self.state().usage.clone()
    }

    /// The text without the lines that would resume a thread of an engine that was run.
    pub(super) fn without_resume_lines(&self, text: String) -> String {
        let runners = self.state().runners.clone();
        let is_resume_line = |line: &str| {
            // No thread has a name as long as that.
            line.len() < RESUME_LINE_BYTES && runners.iter().any(|runner| runner.is_resume_line(line))
        };
        if text.lines().any(is_resume_line) {
            text.lines().filter(|line| !is_resume_line(line)).collect::<Vec<_>>().join("\n")
        } else {
            text
        }
    }

    fn end(&self) -> Vec<RunControl> {
        let mut state = self.state();
        state.ending = true;
        state.running.values().cloned().collect()
    }
}

impl State {
    const fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }
}

/// The hold on a composed run.
pub(super) struct InnersControl(pub(super) Arc<Inners>);

#[async_trait]
impl Control for InnersControl {
    async fn interrupt(&self) -> Result<(), ControlError> {
        let mut is_asked = false;
        for control in self.0.end() {
            is_asked |= control.interrupt().await.is_ok();
        }
        // Without anybody to ask, the run is just given up.
        if is_asked { Ok(()) } else { Err(ControlError::Unsupported("interrupting between runs")) }
    }

    /// The run that began last is what people see at work.
    async fn steer(&self, text: String) -> Result<(), ControlError> {
        let last = self.0.state().running.values().next_back().cloned();
        last.ok_or(ControlError::Over)?.steer(text).await
    }

    async fn answer(&self, request: &RequestId, decision: Decision) -> Result<(), ControlError> {
        let unknown = || ControlError::NoSuchRequest(request.clone());
        let (number, inner) = adopt::origin(request).ok_or_else(unknown)?;
        let control = self.0.state().running.get(&number).cloned().ok_or_else(unknown)?;
        match control.answer(&inner, decision).await {
            Err(ControlError::NoSuchRequest(_) | ControlError::Over) => Err(unknown()),
            answered => answered,
        }
    }

    fn kill(&self) {
        self.0.end().iter().for_each(RunControl::kill);
    }
}
