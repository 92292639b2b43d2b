//! The silence of an engine, told to the person who waits.

use std::collections::HashSet;
use std::time::Duration;

use crate::event::{Action, ActionEvent, ActionKind, ActionOutcome, Event, EventFactory, Phase, RequestId};

/// Notices when an engine says nothing while no step of it is open and it asks nothing: it waits for its model, and many
/// engines retry for minutes without a word.
#[derive(Default)]
pub(super) struct Silence {
    /// How many steps began and did not end.
    open: usize,
    /// What it asks: then it waits for a person.
    asked: HashSet<RequestId>,
    ticks: u32,
    /// The action that tells of the silence that goes on.
    action: Option<Action>,
    count: u32,
}

impl Silence {
    /// How long a silence is before it is told, and how often it is told again.
    pub(super) const TICK: Duration = Duration::from_secs(20);

    pub(super) fn note(&mut self, event: &Event) {
        let event = match event {
            Event::Action(event) => event,
            Event::Request(event) => {
                self.asked.insert(event.request.id.clone());
                return;
            }
            Event::RequestResolved(event) => return self.answered(&event.request_id),
            _ => return,
        };
        if event.action.kind == ActionKind::Turn || Self::is_own(event) {
            return;
        }
        match event.phase {
            Phase::Started => self.open += 1,
            Phase::Completed(_) => self.open = self.open.saturating_sub(1),
            Phase::Updated => {}
        }
    }

    /// A person answered.
    pub(super) fn answered(&mut self, request: &RequestId) {
        self.asked.remove(request);
    }

    pub(super) fn tick(&mut self, out: &mut EventFactory) {
        if !self.asked.is_empty() {
            // The model's time begins when the person has answered.
            self.ticks = 0;
            return;
        }
        self.ticks += 1;
        if self.open > 0 {
            return;
        }
        let title = format!("waiting for the model, {} s", u64::from(self.ticks) * Self::TICK.as_secs());
        if let Some(action) = &mut self.action {
            action.title = title;
            out.action_updated(action.clone());
        } else {
            self.count += 1;
            let action =
                Action::new(format!("{}.waiting.{}", out.engine(), self.count), ActionKind::Note, title);
            self.action = Some(action.clone());
            out.action_started(action);
        }
    }

    pub(super) fn end(&mut self, out: &mut EventFactory) {
        self.ticks = 0;
        if let Some(action) = self.action.take() {
            out.action_completed(action, ActionOutcome::Ok);
        }
    }

    fn is_own(event: &ActionEvent) -> bool {
        let id = event.action.id.as_str().strip_prefix(event.engine.as_str());
        id.is_some_and(|rest| rest.starts_with(".waiting."))
    }
}
