//! What the engine asks: each request is answered once, and what a person answers in secret is shown to nobody.

use std::collections::{HashMap, HashSet};

use crate::event::{Decision, Event, Request, RequestId, RequestSubject, Resolution};

/// Stands for an answer that nobody is to see.
const HIDDEN: &str = "•••";

/// The requests of a run until the engine says what became of them.
#[derive(Debug, Default)]
pub(super) struct Asked(HashMap<RequestId, Open>);

#[derive(Debug, Default)]
struct Open {
    /// Nobody has answered it yet.
    waits: bool,
    /// The questions whose answers are secrets.
    secrets: HashSet<String>,
}

impl Asked {
    /// Whether the event asks under an id that waits for an answer already.
    pub(super) fn is_known(&self, event: &Event) -> bool {
        matches!(event, Event::Request(event) if self.0.get(&event.request.id).is_some_and(|open| open.waits))
    }

    /// The event goes on to whoever listens: without the secrets that the engine was told.
    pub(super) fn pass(&mut self, event: &mut Event) {
        match event {
            Event::Request(event) => {
                let open = self.0.entry(event.request.id.clone()).or_default();
                open.waits = true;
                open.secrets.extend(secrets(&event.request));
            }
            Event::RequestResolved(event) => {
                if let Some(Open { secrets, .. }) = self.0.remove(&event.request_id)
                    && let Resolution::Decided(Decision::Answer { answers }) = &mut event.resolution
                {
                    for (_, answer) in answers.iter_mut().filter(|(id, _)| secrets.contains(*id)) {
                        *answer = vec![HIDDEN.to_owned()];
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes a request to answer it; `false` if it does not wait for an answer.
    pub(super) fn take(&mut self, request: &RequestId) -> bool {
        self.0.get_mut(request).is_some_and(|open| std::mem::take(&mut open.waits))
    }

    /// The engine did not take the answer: the request waits on, unless it was said by now what became of it.
    pub(super) fn put_back(&mut self, request: &RequestId) {
        if let Some(open) = self.0.get_mut(request) {
            open.waits = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn secrets(request: &Request) -> impl Iterator<Item = String> {
    let questions = match &request.subject {
        RequestSubject::Question { questions } => questions.as_slice(),
        _ => &[],
    };
    questions.iter().filter(|question| question.secret).map(|question| question.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineId;
    use crate::event::{Permission, RequestEvent, RequestResolved};

    const ACME: EngineId = EngineId::from_static("acme");

    #[test]
    fn an_answer_that_was_not_taken_leaves_the_request_open_unless_it_is_resolved() {
        let id = RequestId::new("r");
        let subject = RequestSubject::Permission(Permission::default());
        let asks =
            || Event::Request(RequestEvent::new(ACME, Request::new(id.clone(), "may I?", subject.clone())));
        let mut asked = Asked::default();
        asked.pass(&mut asks());
        assert!(asked.is_known(&asks()) && asked.take(&id) && !asked.take(&id));
        asked.put_back(&id);
        assert!(asked.is_known(&asks()) && asked.take(&id));
        asked.pass(&mut Event::RequestResolved(RequestResolved::new(
            ACME,
            id.clone(),
            Resolution::Withdrawn,
        )));
        asked.put_back(&id);
        assert!(!asked.is_known(&asks()) && !asked.take(&id));
    }
}
