//! What was missed while nobody listened: the server is asked for what there is now.

use serde::Deserialize;
use serde_json::value::RawValue;
use takopi_api::event::EventFactory;
use takopi_api::jsonl::Wire;

use super::{Call, Session};
use crate::event::Part;
use crate::serve::wire;

/// What the server has, each as JSON.
#[derive(Debug)]
pub(in crate::serve) struct Present {
    /// The messages of the session.
    pub(in crate::serve) messages: String,
    /// What waits for an answer.
    pub(in crate::serve) permissions: String,
    pub(in crate::serve) questions: String,
    pub(in crate::serve) is_busy: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
    #[serde(borrow, default)]
    parts: Vec<&'a RawValue>,
}

impl Session {
    /// Takes over what there is. What was seen already counts no second time.
    ///
    /// # Errors
    /// If the server says it in a form that takopi does not know.
    pub(in crate::serve) fn catch_up(
        &mut self,
        present: &Present,
        out: &mut EventFactory,
        calls: &mut Vec<Call>,
    ) -> Result<(), String> {
        let unreadable = |error: serde_json::Error| format!("takopi can not read what there is: {error}");
        let messages: Vec<Message<'_>> = serde_json::from_str(&present.messages).map_err(unreadable)?;
        let permissions: Vec<&RawValue> = serde_json::from_str(&present.permissions).map_err(unreadable)?;
        let questions: Vec<&RawValue> = serde_json::from_str(&present.questions).map_err(unreadable)?;

        for message in self.of_this_turn(&messages) {
            self.message(&wire::Info::read(message.info.get()).unwrap_or_default(), out);
            for part in &message.parts {
                self.part(&Part::read(part.get()).unwrap_or_default(), out);
            }
        }
        let mut open = Vec::new();
        for (kind, all) in [("permission.asked", &permissions), ("question.asked", &questions)] {
            for request in all {
                let asked = wire::Asked::read(request.get()).unwrap_or_default();
                open.push(asked.id.text().into_owned());
                self.asked(kind, request.get(), out, calls);
            }
        }
        self.requests.keep(&open, out);
        if present.is_busy {
            self.busy();
        } else if self.may_begin() {
            self.look(calls);
        } else if !self.is_over {
            self.idle(out, calls);
        }
        Ok(())
    }

    /// The messages from the first one of this turn on.
    fn of_this_turn<'m, 'a>(&self, messages: &'m [Message<'a>]) -> &'m [Message<'a>] {
        if self.first_message.is_empty() && self.is_resumed {
            // The last one may be that of an earlier run.
            return &[];
        }
        let is_first = |message: &Message<'_>| {
            let info: wire::Info<'_> = wire::Info::read(message.info.get()).unwrap_or_default();
            if self.first_message.is_empty() {
                info.role.text() == "user"
            } else {
                info.id.text() == self.first_message
            }
        };
        // If none was seen yet, the last one of a person is the one that was sent.
        messages.iter().rposition(is_first).map_or(&[], |at| &messages[at..])
    }
}
