//! The silence of an engine, told to the person who waits.

use std::time::Duration;

use crate::event::{Action, ActionEvent, ActionKind, ActionOutcome, Event, EventFactory, Phase};

/// Notices when an engine says nothing while no step of it is open: it waits for its model, and many engines retry for
/// minutes without a word.
#[derive(Default)]
pub(super) struct Silence {
    /// How many steps began and did not end.
    open: usize,
    ticks: u32,
    /// The action that tells of the silence that goes on.
    action: Option<Action>,
    count: u32,
}

impl Silence {
    /// How long a silence is before it is told, and how often it is told again.
    pub(super) const TICK: Duration = Duration::from_secs(20);

    pub(super) fn note(&mut self, event: &Event) {
        let Event::Action(event) = event else { return };
        if event.action.kind == ActionKind::Turn || Self::is_own(event) {
            return;
        }
        match event.phase {
            Phase::Started => self.open += 1,
            Phase::Completed(_) => self.open = self.open.saturating_sub(1),
            Phase::Updated => {}
        }
    }

    pub(super) fn tick(&mut self, out: &mut EventFactory) {
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
