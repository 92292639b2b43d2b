//! What opencode asks in a turn, and what became of it.

use std::collections::{BTreeMap, HashMap};

use takopi_api::event::{Decision, EventFactory, RequestId, Resolution};
use takopi_api::runner::ControlError;

use super::{Call, Session};
use crate::serve::ask::{self, Answer, Open, Place};
use crate::serve::wire;

/// The requests of a turn.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<RequestId, Open>,
    /// Those that were answered, until the server says so too.
    answered: HashMap<RequestId, Decision>,
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
        }
    }

    /// A call is over, and with it what it asked.
    pub(super) fn call_ended(&mut self, call: &str, out: &mut EventFactory) {
        self.withdraw(|open| open.call.as_deref() == Some(call), out);
    }

    /// The turn is over.
    pub(super) fn close(&mut self, out: &mut EventFactory) {
        for (id, decision) in self.answered.drain() {
            out.request_resolved(id, Resolution::Decided(decision));
        }
        self.withdraw(|_| true, out);
    }

    /// Only these wait for an answer.
    pub(super) fn keep(&mut self, ids: &[String], out: &mut EventFactory) {
        let gone: Vec<_> = self
            .open
            .keys()
            .chain(self.answered.keys())
            .filter(|id| !ids.iter().any(|open| open == id.as_str()))
            .cloned()
            .collect();
        gone.iter().for_each(|id| self.resolved(id.as_str(), out));
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
    pub(super) fn asked(
        &mut self,
        kind: &str,
        asked: &wire::Asked<'_>,
        out: &mut EventFactory,
        calls: &mut Vec<Call>,
    ) {
        let place = Place {
            cwd: &self.cwd,
            input: self.input_of(asked.tool.fields().call_id),
            is_inner: !self.is_own(asked.session_id),
        };
        let request =
            if kind == "question.asked" { ask::question(asked) } else { ask::permission(asked, place) };
        match request {
            Some((request, open)) => {
                let id = &request.id;
                if !self.requests.open.contains_key(id) && !self.requests.answered.contains_key(id) {
                    self.requests.open.insert(id.clone(), open);
                    out.request(request);
                }
            }
            None => {
                self.fail(
                    "opencode asks something in a form that takopi does not know, so nobody can answer"
                        .to_owned(),
                    out,
                );
                calls.push(Call::Abort);
            }
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
        let open = self.requests.open.get(id).ok_or_else(|| ControlError::NoSuchRequest(id.clone()))?;
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
