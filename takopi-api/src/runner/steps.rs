//! The ids of steps: each belongs to one step, which ends once.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::event::{ActionEvent, ActionId, Phase};

/// How many ended steps are remembered, the latest. A run may have any number, and what is kept must not grow with it.
const REMEMBERED: usize = 256;

/// The steps of a run, as far as their ids need it.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// The ids of steps that ended, as hashes: an id may be long. Two ids with one hash are too rare to matter.
    ended: VecDeque<u64>,
    /// Ids that were used for a step that ended and then for another one, which is open, and what that one is called.
    again: VecDeque<(ActionId, ActionId)>,
}

impl Steps {
    /// Gives the event the id of its step. `fresh` makes an id for a step that begins under the id of an ended one.
    ///
    /// # Errors
    /// Why the event belongs to no step.
    pub(super) fn place(
        &mut self,
        event: &mut ActionEvent,
        fresh: impl FnOnce() -> ActionId,
    ) -> Result<(), &'static str> {
        if let Some(parent) = &mut event.action.detail.parent
            && let Some(again) = self.again(parent)
        {
            *parent = self.again[again].1.clone();
        }
        let id = &mut event.action.id;
        let is_end = matches!(event.phase, Phase::Completed(_));
        if let Some(again) = self.again(id) {
            *id = self.again[again].1.clone();
            if is_end {
                self.again.remove(again);
            }
            return Ok(());
        }
        let hash = hash(id);
        if !self.ended.contains(&hash) {
            if is_end {
                remember(&mut self.ended, hash);
            }
            return Ok(());
        }
        if event.phase != Phase::Started {
            return Err("its action has ended");
        }
        let fresh = fresh();
        let used = std::mem::replace(id, fresh.clone());
        remember(&mut self.again, (used, fresh));
        Ok(())
    }

    fn again(&self, id: &ActionId) -> Option<usize> {
        self.again.iter().position(|(used, _)| used == id)
    }
}

fn remember<T>(latest: &mut VecDeque<T>, one: T) {
    if latest.len() == REMEMBERED {
        latest.pop_front();
    }
    latest.push_back(one);
}

fn hash(id: &ActionId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineId;
    use crate::event::{Action, ActionKind, ActionOutcome};

    const STARTED: Phase = Phase::Started;
    const ENDED: Phase = Phase::Completed(ActionOutcome::Ok);

    fn place(steps: &mut Steps, id: &str, phase: Phase) -> Result<String, &'static str> {
        let engine = EngineId::from_static("acme");
        let mut event = ActionEvent::new(engine, Action::new(id, ActionKind::Tool, "x"), phase);
        steps.place(&mut event, || "fresh".into())?;
        Ok(event.action.id.as_str().to_owned())
    }

    #[test]
    fn a_step_that_begins_under_a_used_id_gets_its_own() {
        let mut steps = Steps::default();
        for (phase, id) in [(STARTED, "a"), (Phase::Updated, "a"), (ENDED, "a")] {
            assert_eq!(place(&mut steps, "a", phase), Ok(id.into()));
        }
        for (phase, id) in [(STARTED, "fresh"), (Phase::Updated, "fresh"), (ENDED, "fresh")] {
            assert_eq!(place(&mut steps, "a", phase), Ok(id.into()));
        }
        assert_eq!(place(&mut steps, "b", ENDED), Ok("b".into()));
    }

    #[test]
    fn a_step_ends_once() {
        let mut steps = Steps::default();
        assert_eq!(place(&mut steps, "a", ENDED), Ok("a".into()));
        assert_eq!(place(&mut steps, "a", ENDED), Err("its action has ended"));
        assert_eq!(place(&mut steps, "a", Phase::Updated), Err("its action has ended"));
        assert_eq!(place(&mut steps, "a", STARTED), Ok("fresh".into()));
        assert_eq!(place(&mut steps, "a", ENDED), Ok("fresh".into()));
        assert_eq!(place(&mut steps, "a", ENDED), Err("its action has ended"));
    }

    #[test]
    fn what_happens_in_a_step_follows_its_new_id() {
        let mut steps = Steps::default();
        let _ = (place(&mut steps, "a", ENDED), place(&mut steps, "a", STARTED));
        let mut action = Action::new("b", ActionKind::Tool, "x");
        action.detail.parent = Some("a".into());
        let mut event = ActionEvent::new(EngineId::from_static("acme"), action, STARTED);
        steps.place(&mut event, || "other".into()).unwrap();
        assert_eq!(event.action.detail.parent, Some("fresh".into()));
    }

    #[test]
    fn what_is_remembered_does_not_grow() {
        let mut steps = Steps::default();
        for n in 0..10 * REMEMBERED {
            let id = format!("step-{n}");
            for phase in [STARTED, ENDED, STARTED] {
                place(&mut steps, &id, phase).unwrap();
            }
        }
        assert_eq!((steps.ended.len(), steps.again.len()), (REMEMBERED, REMEMBERED));
        // The latest are those that are remembered.
        assert_eq!(place(&mut steps, "step-2559", STARTED), Ok("fresh".into()));
        assert_eq!(place(&mut steps, "step-0", STARTED), Ok("step-0".into()));
    }
}
