//! What opencode asks in a turn, and what became of it.

use std::collections::{BTreeMap, HashMap};

use takopi_api::event::{Decision, EventFactory, Request, RequestId, Resolution};
use takopi_api::jsonl::Wire;
use takopi_api::runner::ControlError;

use super::{Call, Session};
use crate::serve::ask::{self, Answer, Open, Place, ToolCall};
use crate::serve::wire;

/// The requests of a turn.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<RequestId, Open>,
    /// Those that were answered, until the server says so too.
    answered: HashMap<RequestId, Decision>,
    /// Those that nobody has seen yet.
    waiting: Vec<Waiting>,
}

/// A permission that a call wants of which the server has not told yet: what it is for is not known without it.
#[derive(Debug)]
struct Waiting {
    id: RequestId,
    call: ToolCall,
    /// What is asked, as JSON.
    asked: String,
}

/// What became of an answer.
#[derive(Debug)]
pub(in crate::serve) enum Delivery {
    /// The server has it.
    Taken,
    /// The server does not ask this any more.
    Gone,
    /// Nobody knows.
    Lost(String),
}

impl Requests {
    /// The server says that a request is no more.
    pub(super) fn resolved(&mut self, id: &str, out: &mut EventFactory) {
        let id = RequestId::new(id);
        if let Some(decision) = self.answered.remove(&id) {
            out.request_resolved(id, Resolution::Decided(decision));
        } else if self.open.remove(&id).is_some() {
            // Somebody else answered, or it went with another one that was denied.
            out.request_resolved(id, Resolution::Withdrawn);
        } else {
            self.waiting.retain(|waiting| waiting.id != id);
        }
    }

    /// A call is over, and with it what it asked.
    pub(super) fn call_ended(&mut self, call: &ToolCall, out: &mut EventFactory) {
        self.waiting.retain(|waiting| waiting.call != *call);
        self.withdraw(|open| open.call.as_ref() == Some(call), out);
    }

    /// The turn is over.
    pub(super) fn close(&mut self, out: &mut EventFactory) {
        for (id, decision) in self.answered.drain() {
            out.request_resolved(id, Resolution::Decided(decision));
        }
        self.waiting.clear();
        self.withdraw(|_| true, out);
    }

    /// Only these wait for an answer.
    pub(super) fn keep(&mut self, ids: &[String], out: &mut EventFactory) {
        let gone: Vec<_> = self
            .open
            .keys()
            .chain(self.answered.keys())
            .chain(self.waiting.iter().map(|waiting| &waiting.id))
            .filter(|id| !ids.iter().any(|open| open == id.as_str()))
            .cloned()
            .collect();
        gone.iter().for_each(|id| self.resolved(id.as_str(), out));
    }

    fn has(&self, id: &RequestId) -> bool {
        let is_waiting = || self.waiting.iter().any(|waiting| waiting.id == *id);
        self.open.contains_key(id) || self.answered.contains_key(id) || is_waiting()
    }

    fn withdraw(&mut self, is_gone: impl Fn(&Open) -> bool, out: &mut EventFactory) {
        self.open.retain(|id, open| {
            let is_gone = is_gone(open);
            if is_gone {
                out.request_resolved(id.clone(), Resolution::Withdrawn);
            }
            !is_gone
        });
    }
}

impl Session {
    /// The server asks. Whoever asks on the server of this run belongs to this run: no session but those that work for it
    /// is there, and one that takopi has not seen begin must not wait for ever.
    pub(super) fn asked(&mut self, kind: &str, json: &str, out: &mut EventFactory, calls: &mut Vec<Call>) {
        let asked = wire::Asked::read(json).unwrap_or_default();
        let is_question = kind == "question.asked";
        let request =
            if is_question { ask::question(&asked) } else { ask::permission(&asked, self.place(&asked)) };
        let Some((request, open)) = request else {
            self.fail(
                "opencode asks something in a form that takopi does not know, so nobody can answer"
                    .to_owned(),
                out,
            );
            return;
        };
        // A turn that is to end takes back what it asks.
        if self.is_interrupted || self.requests.has(&request.id) {
            return;
        }
        match &open.call {
            // A tool may ask before the server tells that it is called.
            Some(call) if !is_question && !self.calls.contains_key(call) => {
                calls.push(Call::Wait(request.id.clone()));
                let (call, asked) = (call.clone(), json.to_owned());
                self.requests.waiting.push(Waiting { id: request.id, call, asked });
            }
            _ => self.show(request, open, out),
        }
    }

    /// Something is too long to be read, and begins so. What it asks can not be answered: its id stands further on.
    pub(in crate::serve) fn too_long(&mut self, head: &str, out: &mut EventFactory) {
        if ["\"permission.asked\"", "\"question.asked\""].iter().any(|kind| head.contains(kind)) {
            self.fail("opencode asks something that is too long to be shown".to_owned(), out);
        }
    }

    /// The server has told what a call is.
    pub(super) fn call_told(&mut self, call: &ToolCall, out: &mut EventFactory) {
        self.show_waiting(|waiting| waiting.call == *call, out);
    }

    /// The server had a moment to tell of the call of a request. Nobody waits for it any longer.
    pub(in crate::serve) fn waited(&mut self, id: &RequestId, out: &mut EventFactory) {
        self.show_waiting(|waiting| waiting.id == *id, out);
    }

    fn show_waiting(&mut self, is_due: impl Fn(&Waiting) -> bool, out: &mut EventFactory) {
        if self.is_interrupted {
            return;
        }
        let due: Vec<Waiting> = self.requests.waiting.extract_if(.., |waiting| is_due(waiting)).collect();
        for waiting in due {
            let asked = wire::Asked::read(&waiting.asked).unwrap_or_default();
            if let Some((request, open)) = ask::permission(&asked, self.place(&asked)) {
                self.show(request, open, out);
            }
        }
    }

    fn show(&mut self, request: Request, open: Open, out: &mut EventFactory) {
        self.requests.open.insert(request.id.clone(), open);
        out.request(request);
    }

    fn place(&self, asked: &wire::Asked<'_>) -> Place<'_> {
        Place {
            cwd: &self.cwd,
            input: ToolCall::asking(asked).and_then(|call| self.input_of(&call)),
            is_inner: !self.is_own(asked.session_id),
        }
    }

    /// A person answered. What this gives is to be said to the server.
    ///
    /// # Errors
    /// If nobody waits for it any more, or it does not fit.
    pub(in crate::serve) fn answer(
        &mut self,
        id: &RequestId,
        decision: Decision,
    ) -> Result<Answer, ControlError> {
        // What is allowed before the server has ended the turn must not be done any more.
        let open = self.requests.open.get(id).filter(|_| !self.is_interrupted);
        let open = open.ok_or_else(|| ControlError::NoSuchRequest(id.clone()))?;
        let answer = open.answer(id, &decision)?;
        self.requests.open.remove(id);
        self.requests.answered.insert(id.clone(), decision);
        Ok(answer)
    }

    /// What became of the answer.
    pub(in crate::serve) fn answered(&mut self, id: &RequestId, delivery: &Delivery, out: &mut EventFactory) {
        // The server says in an event too that it was answered. If it has, it does not matter how the answer got there.
        if matches!(delivery, Delivery::Taken) || self.requests.answered.remove(id).is_none() {
            return;
        }
        out.request_resolved(id.clone(), Resolution::Withdrawn);
        if let Delivery::Lost(reason) = delivery {
            self.fail(format!("the answer to a request did not reach opencode: {reason}"), out);
        }
    }
}
