//! The silence of an engine, told to the person who waits.

use std::collections::HashSet;
use std::time::Duration;

use crate::event::{Action, ActionId, ActionKind, ActionOutcome, Event, EventFactory, Phase, RequestId};

/// More open steps than this are not remembered: a run may begin any number that never end.
const OPEN: usize = 256;

/// Notices when an engine says nothing while no step of it is open and it asks nothing: it waits for its model, and many
/// engines retry for minutes without a word.
#[derive(Default)]
pub(super) struct Silence {
    /// Steps that began and did not end, as many as are remembered.
    open: HashSet<ActionId>,
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
        match event.phase {
            Phase::Started if self.open.len() < OPEN && is_work(event.action.kind) => {
                self.open.insert(event.action.id.clone());
            }
            Phase::Completed(_) => {
                self.open.remove(&event.action.id);
            }
            Phase::Started | Phase::Updated => {}
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
        if !self.open.is_empty() {
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
}

/// Whether the model waits for the end of such a step. Others tell of something, some of them during the whole turn.
const fn is_work(kind: ActionKind) -> bool {
    !matches!(kind, ActionKind::Note | ActionKind::Warning | ActionKind::Telemetry | ActionKind::Turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineId;
    use crate::event::ActionEvent;

    const ACME: EngineId = EngineId::from_static("acme");

    /// Whether a silence is told after these steps.
    fn is_told(steps: &[(&str, ActionKind, Phase)]) -> bool {
        let (mut silence, mut out) = (Silence::default(), EventFactory::new(ACME, None));
        for (id, kind, phase) in steps {
            let event = ActionEvent::new(ACME, Action::new(*id, *kind, "x"), *phase);
            silence.note(&Event::Action(event));
        }
        silence.tick(&mut out);
        out.pop().is_some()
    }

    #[test]
    fn only_work_that_goes_on_is_no_silence() {
        const ENDED: Phase = Phase::Completed(ActionOutcome::Ok);
        let tool = |id, phase| (id, ActionKind::Tool, phase);
        assert!(is_told(&[]));
        assert!(!is_told(&[tool("a", Phase::Started)]));
        assert!(is_told(&[tool("a", Phase::Started), tool("a", ENDED)]));
        // A plan goes on as long as the turn.
        assert!(is_told(&[("plan", ActionKind::Note, Phase::Started)]));
        // What ends without a beginning ends nothing else.
        assert!(!is_told(&[tool("a", Phase::Started), ("n", ActionKind::Note, ENDED), tool("b", ENDED)]));
        assert!(!is_told(&[
            tool("a", Phase::Started),
            tool("a", Phase::Started),
            tool("b", Phase::Started),
            tool("b", ENDED)
        ]));
    }
}
