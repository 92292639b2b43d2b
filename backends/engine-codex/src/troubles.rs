//! Errors that codex tells while it goes on: what is tried again, and what may be told once more when the turn fails.

use takopi_api::event::{Action, ActionKind, ActionOutcome, EventFactory};

use crate::text;

/// The errors of a run that are still open.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// The action of the reconnects that are going on. They end when the next thing happens.
    reconnect: Option<Action>,
    /// How many actions were named.
    named: u32,
    /// An error that may be told again as the reason of the turn's failure; it is shown once.
    pending: Option<String>,
}

/// What codex says before the number of an attempt.
const RECONNECTING: &str = "Reconnecting... ";

impl Troubles {
    /// An error: `Reconnecting... 2/5 (why)` is another attempt, everything else may be the last word.
    pub(crate) fn error(&mut self, message: &str, out: &mut EventFactory) {
        match message.strip_prefix(RECONNECTING) {
            Some(attempt) => self.retry(&format!("reconnecting {attempt}"), out),
            None => {
                self.settle(ActionOutcome::Failed, None, out);
                self.pending = Some(text::of_error(message));
            }
        }
    }

    /// It is tried again: one action for all attempts.
    pub(crate) fn retry(&mut self, title: &str, out: &mut EventFactory) {
        match &mut self.reconnect {
            Some(action) => {
                title.clone_into(&mut action.title);
                out.action_updated(action.clone());
            }
            None => {
                self.named += 1;
                let action = Action::new(format!("codex.reconnect.{}", self.named), ActionKind::Note, title);
                self.reconnect = Some(action.clone());
                out.action_started(action);
            }
        }
    }

    /// Something other than an error happened: reconnects came to their end, and an error that was held back is told,
    /// unless the turn `fails` with the same words.
    pub(crate) fn settle(&mut self, reconnects: ActionOutcome, fails: Option<&str>, out: &mut EventFactory) {
        self.end_reconnect(reconnects, out);
        if let Some(error) = self.pending.take()
            && fails.map(text::of_error).as_ref() != Some(&error)
        {
            self.named += 1;
            let id = format!("codex.error.{}", self.named);
            out.action_completed(Action::new(id, ActionKind::Warning, error), ActionOutcome::Failed);
        }
    }

    /// Nothing comes any more: the error that was held back, if there is one, is the reason.
    pub(crate) fn last(&mut self, out: &mut EventFactory) -> Option<String> {
        self.end_reconnect(ActionOutcome::Failed, out);
        self.pending.take()
    }

    fn end_reconnect(&mut self, outcome: ActionOutcome, out: &mut EventFactory) {
        if let Some(action) = self.reconnect.take() {
            out.action_completed(action, outcome);
        }
    }
}
