//! Makes the events of one run, so that a translation names neither the engine nor the thread each time.

use std::collections::VecDeque;

use super::{
    Action, ActionEvent, ActionKind, ActionOutcome, Completed, Event, Level, Outcome, Phase, Request,
    RequestEvent, RequestId, RequestResolved, Resolution, Started, Text, TextKind, Usage,
};
use crate::engine::EngineId;
use crate::resume::ResumeToken;

/// Collects the events of one run in the order in which they are made, and remembers the thread once it is known.
#[derive(Debug)]
pub struct EventFactory {
    engine: EngineId,
    resume: Option<ResumeToken>,
    notes: u32,
    queue: VecDeque<Event>,
}

impl EventFactory {
    /// The factory of a run. `resume` is the thread that the run continues, if it does.
    #[must_use]
    pub const fn new(engine: EngineId, resume: Option<ResumeToken>) -> Self {
        Self { engine, resume, notes: 0, queue: VecDeque::new() }
    }

    /// The engine of the run.
    #[must_use]
    pub const fn engine(&self) -> &EngineId {
        &self.engine
    }

    /// The thread, as far as it is known.
    #[must_use]
    pub const fn resume(&self) -> Option<&ResumeToken> {
        self.resume.as_ref()
    }

    /// Takes the oldest event.
    #[inline]
    pub fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Adds an event that was made elsewhere.
    #[inline]
    pub fn push(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    /// Takes the youngest event if it is the end of the run.
    pub(crate) fn take_completed(&mut self) -> Option<Completed> {
        match self.queue.pop_back()? {
            Event::Completed(completed) => Some(completed),
            event => {
                self.queue.push_back(event);
                None
            }
        }
    }

    /// The engine works on this thread.
    pub fn started(&mut self, resume: ResumeToken, title: impl Into<String>) {
        self.resume = Some(resume.clone());
        self.push(Event::Started(Started::new(resume, title)));
    }

    /// An action in a phase.
    #[inline]
    pub fn action(&mut self, action: Action, phase: Phase) {
        self.push_action(ActionEvent::new(self.engine.clone(), action, phase));
    }

    /// An action begins.
    #[inline]
    pub fn action_started(&mut self, action: Action) {
        self.action(action, Phase::Started);
    }

    /// An action goes on.
    #[inline]
    pub fn action_updated(&mut self, action: Action) {
        self.action(action, Phase::Updated);
    }

    /// An action ends.
    #[inline]
    pub fn action_completed(&mut self, action: Action, outcome: ActionOutcome) {
        self.action(action, Phase::Completed(outcome));
    }

    /// A line worth showing: a completed note with an id of its own.
    pub fn note(&mut self, title: impl Into<String>) {
        let action = Action::new(self.next_note_id(), ActionKind::Note, title);
        self.action_completed(action, ActionOutcome::Ok);
    }

    /// A line worth a look, that is no failure: a completed warning with an id of its own.
    pub fn warning(&mut self, title: impl Into<String>) {
        let action = Action::new(self.next_note_id(), ActionKind::Warning, title);
        let event = ActionEvent::new(self.engine.clone(), action, Phase::Completed(ActionOutcome::Ok));
        self.push_action(event.at(Level::Warning));
    }

    /// A piece of text.
    pub fn text(&mut self, kind: TextKind, delta: impl Into<String>) {
        self.push(Event::Text(Text::new(self.engine.clone(), kind, delta)));
    }

    /// The engine asks a person.
    pub fn request(&mut self, request: Request) {
        self.push(Event::Request(RequestEvent::new(self.engine.clone(), request)));
    }

    /// A request was answered or withdrawn.
    pub fn request_resolved(&mut self, id: RequestId, resolution: Resolution) {
        self.queue.push_back(Event::RequestResolved(RequestResolved::new(
            self.engine.clone(),
            id,
            resolution,
        )));
    }

    /// The run is over, and the engine finished its turn.
    pub fn done(&mut self, answer: impl Into<String>, usage: Option<Usage>) {
        self.completed(Outcome::Done, answer, usage);
    }

    /// The run is over, and the engine did not finish its turn.
    pub fn failed(&mut self, error: impl Into<String>, answer: impl Into<String>, usage: Option<Usage>) {
        self.completed(Outcome::Failed { error: error.into() }, answer, usage);
    }

    /// The run is over. The thread is the one that is known by now.
    pub fn completed(&mut self, outcome: Outcome, answer: impl Into<String>, usage: Option<Usage>) {
        let event = Completed::new(self.engine.clone(), outcome)
            .answer(answer)
            .resume(self.resume.clone())
            .usage(usage);
        self.push(Event::Completed(event));
    }

    fn next_note_id(&mut self) -> String {
        self.notes += 1;
        format!("{}.note.{}", self.engine, self.notes)
    }

    fn push_action(&mut self, event: ActionEvent) {
        self.push(Event::Action(event));
    }
}
