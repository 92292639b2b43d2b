//! The contract as a state machine without I/O: what becomes of each event that a runner gives.

use super::steps::Steps;
use crate::engine::EngineId;
use crate::event::{
    Action, ActionEvent, ActionId, ActionKind, ActionOutcome, Completed, Event, Level, Outcome, Phase,
    Started,
};
use crate::resume::ResumeToken;

/// Where a run stands.
#[derive(Debug)]
pub(super) struct Contract {
    engine: EngineId,
    expected: Option<ResumeToken>,
    known: Option<ResumeToken>,
    interrupted: bool,
    completed: bool,
    steps: Steps,
    /// How many events needed an id of the contract's own.
    named: u32,
}

/// What to do with an event.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Give it on.
    Emit(Event),
    /// Give the event on once the lock of this thread is held.
    Lock(ResumeToken, Event),
    /// Keep it back, for this reason.
    Drop(&'static str),
    /// Give this on and end the run: it went where nobody sent it.
    Abort(Event),
}

/// How a run's events can stop without `completed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The stream ended.
    Ended,
    /// The runner panicked.
    Panicked(String),
    /// The thread that the engine opened belongs to a run that goes on.
    ThreadInUse,
    /// A person ended the run, and the engine was not asked or did not answer.
    Interrupted,
}

impl Contract {
    pub(super) fn new(engine: EngineId, expected: Option<ResumeToken>) -> Self {
        Self {
            engine,
            expected,
            known: None,
            interrupted: false,
            completed: false,
            steps: Steps::default(),
            named: 0,
        }
    }

    /// A person wants the run to end: from here on a failure is an interruption.
    pub(super) const fn interrupt(&mut self) {
        self.interrupted = true;
    }

    pub(super) const fn is_completed(&self) -> bool {
        self.completed
    }

    pub(super) fn accept(&mut self, event: Event) -> Verdict {
        if self.completed {
            return Verdict::Drop("it came after `completed`");
        }
        if *event.engine() != self.engine {
            return Verdict::Drop("it names another engine");
        }
        match event {
            Event::Started(started) => self.started(started),
            Event::Completed(completed) => Verdict::Emit(self.finish(completed)),
            Event::Action(event) => self.action(event),
            event => Verdict::Emit(event),
        }
    }

    fn action(&mut self, mut event: ActionEvent) -> Verdict {
        if event.action.id.as_str().trim().is_empty() {
            event.action.id = self.own_id("action");
            return Verdict::Emit(Event::Action(event));
        }
        let Self { engine, steps, named, .. } = self;
        match steps.place(&mut event, || own_id(engine, "action", named)) {
            Ok(()) => Verdict::Emit(Event::Action(event)),
            Err(reason) => Verdict::Drop(reason),
        }
    }

    /// The `completed` of a run that gave none. `stderr_tail` is the end of what its program said.
    pub(super) fn stop(&mut self, stop: Stop, stderr_tail: &str) -> Event {
        let engine = &self.engine;
        let what = match stop {
            Stop::Ended => format!("{engine} ended without a result"),
            Stop::Panicked(message) => format!("the {engine} plugin panicked: {message}"),
            Stop::ThreadInUse => format!("{engine} opened a thread that another run is using"),
            Stop::Interrupted => {
                self.interrupted = true;
                "interrupted".to_owned()
            }
        };
        let error =
            if stderr_tail.trim().is_empty() { what } else { format!("{what}\n{}", stderr_tail.trim_end()) };
        self.finish(Completed::new(self.engine.clone(), Outcome::Failed { error }))
    }

    fn started(&mut self, started: Started) -> Verdict {
        if let Some(known) = &self.known {
            if *known == started.resume {
                return Verdict::Drop("the run has started already");
            }
            // Engines may move to a new thread within a run (`/clear`). It is followed, and the person is told.
            let title = format!("{} went on in another thread: {}", self.engine, started.resume.value());
            self.known = Some(started.resume.clone());
            let action = Action::new(self.own_id("thread").as_str(), ActionKind::Warning, title);
            let event = ActionEvent::new(self.engine.clone(), action, Phase::Completed(ActionOutcome::Ok))
                .at(Level::Warning);
            return Verdict::Lock(started.resume, Event::Action(event));
        }
        match &self.expected {
            Some(expected) if *expected != started.resume => {
                let error = format!(
                    "{} was asked to continue thread {} and opened {} instead; the run was stopped",
                    self.engine,
                    expected.value(),
                    started.resume.value()
                );
                let completed = Completed::new(self.engine.clone(), Outcome::Failed { error });
                Verdict::Abort(self.finish(completed))
            }
            Some(_) => {
                self.known = Some(started.resume.clone());
                Verdict::Emit(Event::Started(started))
            }
            None => {
                self.known = Some(started.resume.clone());
                Verdict::Lock(started.resume.clone(), Event::Started(started))
            }
        }
    }

    fn own_id(&mut self, what: &str) -> ActionId {
        own_id(&self.engine, what, &mut self.named)
    }

    fn finish(&mut self, mut completed: Completed) -> Event {
        self.completed = true;
        let engine = &self.engine;
        completed.resume = completed
            .resume
            .filter(|token| token.engine() == engine)
            .or_else(|| self.known.clone())
            .or_else(|| self.expected.clone());
        if self.interrupted && !completed.is_done() {
            completed.outcome = Outcome::Interrupted;
        }
        Event::Completed(completed)
    }
}

fn own_id(engine: &EngineId, what: &str, named: &mut u32) -> ActionId {
    *named += 1;
    ActionId::new(format!("{engine}.{what}.{named}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: EngineId = EngineId::from_static("acme");

    fn token(value: &str) -> ResumeToken {
        ResumeToken::new(ACME, value).unwrap()
    }

    fn started(value: &str) -> Event {
        Event::Started(Started::new(token(value), "Acme"))
    }

    fn done() -> Event {
        Event::Completed(Completed::new(ACME, Outcome::Done).answer("yes"))
    }

    fn failed() -> Event {
        Event::Completed(Completed::new(ACME, Outcome::Failed { error: "no".into() }))
    }

    fn completed_of(verdict: Verdict) -> Completed {
        match verdict {
            Verdict::Emit(Event::Completed(completed)) | Verdict::Abort(Event::Completed(completed)) => {
                completed
            }
            other => panic!("no completed event: {other:?}"),
        }
    }

    #[test]
    fn nothing_passes_after_completed() {
        let mut contract = Contract::new(ACME, None);
        assert!(matches!(contract.accept(started("1")), Verdict::Lock(..)));
        assert!(matches!(contract.accept(done()), Verdict::Emit(_)));
        assert!(matches!(contract.accept(done()), Verdict::Drop(_)));
        assert!(matches!(contract.accept(started("1")), Verdict::Drop(_)));
    }

    #[test]
    fn a_second_start_is_dropped_and_a_moved_thread_is_followed() {
        let mut contract = Contract::new(ACME, None);
        assert!(matches!(contract.accept(started("1")), Verdict::Lock(..)));
        assert!(matches!(contract.accept(started("1")), Verdict::Drop(_)));
        assert!(matches!(contract.accept(started("2")), Verdict::Lock(_, Event::Action(_))));
        assert!(matches!(contract.accept(started("3")), Verdict::Lock(_, Event::Action(_))));
        assert_eq!(completed_of(contract.accept(done())).resume, Some(token("3")));
    }

    #[test]
    fn a_run_on_the_wrong_thread_is_stopped() {
        let mut contract = Contract::new(ACME, Some(token("1")));
        let completed = completed_of(contract.accept(started("2")));
        assert!(
            matches!(&completed.outcome, Outcome::Failed { error } if error.contains('1') && error.contains('2'))
        );
        assert_eq!(completed.resume, Some(token("1")));
        assert!(contract.is_completed());
    }

    #[test]
    fn a_failure_after_an_interrupt_is_an_interruption_but_an_answer_stays_an_answer() {
        let mut contract = Contract::new(ACME, None);
        contract.interrupt();
        assert_eq!(completed_of(contract.accept(failed())).outcome, Outcome::Interrupted);
        let mut contract = Contract::new(ACME, None);
        contract.interrupt();
        assert_eq!(completed_of(contract.accept(done())).outcome, Outcome::Done);
    }

    #[test]
    fn a_missing_end_is_a_failure_with_what_the_program_said() {
        let mut contract = Contract::new(ACME, Some(token("1")));
        let Event::Completed(completed) = contract.stop(Stop::Ended, "no such file\n") else { panic!() };
        assert_eq!(
            completed.outcome,
            Outcome::Failed { error: "acme ended without a result\nno such file".into() }
        );
        assert_eq!(completed.resume, Some(token("1")));
    }

    #[test]
    fn an_action_without_an_id_gets_one_and_a_foreign_thread_is_not_given_on() {
        let mut contract = Contract::new(ACME, None);
        contract.accept(started("1"));
        let action = Action::new(" ", ActionKind::Note, "x");
        let event = ActionEvent::new(ACME, action, Phase::Completed(ActionOutcome::Ok));
        let Verdict::Emit(Event::Action(event)) = contract.accept(Event::Action(event)) else { panic!() };
        assert_eq!(event.action.id.as_str(), "acme.action.1");
        let foreign = ResumeToken::new(EngineId::from_static("other"), "9").unwrap();
        let completed = Completed::new(ACME, Outcome::Done).resume(Some(foreign));
        assert_eq!(completed_of(contract.accept(Event::Completed(completed))).resume, Some(token("1")));
    }

    #[test]
    fn an_id_belongs_to_one_action_which_ends_once() {
        let mut contract = Contract::new(ACME, None);
        let mut accept = |phase| {
            let event = ActionEvent::new(ACME, Action::new("a", ActionKind::Tool, "x"), phase);
            contract.accept(Event::Action(event))
        };
        let end = Phase::Completed(ActionOutcome::Ok);
        assert!(matches!(accept(end), Verdict::Emit(Event::Action(event)) if event.action.id == "a".into()));
        assert!(matches!(accept(end), Verdict::Drop("its action has ended")));
        for phase in [Phase::Started, end] {
            let Verdict::Emit(Event::Action(event)) = accept(phase) else { panic!() };
            assert_eq!(event.action.id.as_str(), "acme.action.1");
        }
    }

    #[test]
    fn events_of_another_engine_are_dropped() {
        let mut contract = Contract::new(EngineId::from_static("ralph"), None);
        assert!(matches!(contract.accept(started("1")), Verdict::Drop(_)));
    }
}
