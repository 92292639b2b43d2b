//! What people want of a run that goes on.

use serde_json::{Value, json};
use takopi_api::event::{Decision, RequestId, Resolution};
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

use super::{Open, Session, Stage, Steer};
use crate::app_server::says::{Call, Says};

impl Session {
    /// The run is to end.
    pub(in crate::app_server) fn stop(&mut self, says: &mut Says) {
        if self.is_stopped {
            return;
        }
        self.is_stopped = true;
        // Nobody decides any more: codex lets go of what it asks when the turn ends.
        self.withdraw_all();
        match &self.stage {
            Stage::Waiting | Stage::Configuring => {
                self.say_interrupted();
                self.clear(says);
            }
            // The thread is let go when it is there.
            Stage::Opening(_) => self.say_interrupted(),
            // It is interrupted when its name is known.
            Stage::Starting => {}
            Stage::Running { .. } => self.ask_for_the_end(says),
            Stage::Clearing { .. } | Stage::Closed => {}
        }
    }

    /// The run is to end at once: it says its last words now, and the turn ends when it does.
    pub(in crate::app_server) fn kill(&mut self, says: &mut Says) {
        self.stop(says);
        self.say_interrupted();
    }

    pub(super) fn ask_for_the_end(&self, says: &mut Says) {
        if let (Stage::Running { turn }, Some(thread)) = (&self.stage, &self.thread) {
            says.call(Call::Interrupt, "turn/interrupt", json!({ "threadId": thread, "turnId": turn }));
        }
    }

    /// Sends a text into the turn. What became of it is told by the receipt; dropping that says that the run is over.
    pub(in crate::app_server) fn steer(
        &mut self,
        text: String,
        receipt: oneshot::Sender<Result<(), ControlError>>,
        says: &mut Says,
    ) {
        if self.is_stopped {
            return;
        }
        match &self.stage {
            Stage::Running { turn } => {
                let params = steering(self.thread.as_deref(), turn, &text);
                says.call(Call::Steer(receipt), "turn/steer", params);
            }
            Stage::Clearing { .. } | Stage::Closed => {}
            _ => self.waiting.push(Steer { text, receipt }),
        }
    }

    /// The turn that goes on in a thread of this run.
    fn turn_of(&self, thread: &str) -> Option<&str> {
        if self.thread.as_deref() == Some(thread) {
            return self.turn();
        }
        self.agents.get(thread)?.as_deref()
    }

    /// A person has decided.
    pub(in crate::app_server) fn answer(
        &mut self,
        request: &RequestId,
        decision: Decision,
        says: &mut Says,
    ) -> Result<(), ControlError> {
        let Some(Open { id, kind, thread, turn }) = self.open.remove(request) else {
            return Err(ControlError::NoSuchRequest(request.clone()));
        };
        match kind.reply(&decision) {
            Ok(reply) => {
                says.answer(id, reply.result);
                if let Some(reason) = reply.reason.filter(|reason| !reason.trim().is_empty()) {
                    match turn.as_deref().or_else(|| self.turn_of(&thread)) {
                        Some(turn) => {
                            let params = steering(Some(&thread), turn, &reason);
                            says.call(Call::Reason, "turn/steer", params);
                        }
                        None => self.out.warning("codex did not hear why that was denied: no turn asked"),
                    }
                }
                self.out.request_resolved(request.clone(), Resolution::Decided(decision));
                Ok(())
            }
            Err(error) => {
                // It can not be asked twice, so what was not understood is a no.
                says.answer(id, kind.no());
                let no = Resolution::Decided(Decision::Deny { reason: None });
                self.out.request_resolved(request.clone(), no);
                Err(ControlError::Refused(format!("{error}; codex was told no")))
            }
        }
    }
}

/// A text for the turn of a thread.
fn steering(thread: Option<&str>, turn: &str, text: &str) -> Value {
    json!({
        "threadId": thread,
        "expectedTurnId": turn,
        "input": [{ "type": "text", "text": text }],
    })
}
