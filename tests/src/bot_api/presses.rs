//! Presses of buttons, and what the bot answered.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// What a person is told who pressed a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PressAnswer {
    /// The words, if there are any.
    pub text: Option<String>,
    /// Whether they have to be taken away by a click.
    pub is_alert: bool,
}

#[derive(Debug, Default)]
pub(super) struct Presses {
    presses: BTreeMap<String, Press>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Press {
    Waits,
    Answered(PressAnswer),
    TooOld,
}

impl Presses {
    pub(super) fn add(&mut self) -> String {
        let id = (4_300_000_000_001 + self.presses.len()).to_string();
        self.presses.insert(id.clone(), Press::Waits);
        id
    }

    pub(super) fn answer(&mut self, id: &str, answer: PressAnswer) -> Result<(), Refusal> {
        match self.presses.get_mut(id) {
            Some(press @ Press::Waits) => {
                *press = Press::Answered(answer);
                Ok(())
            }
            // An answer ends a query, so a second one comes too late as well.
            _ => Err(Refusal::bad("query is too old and response timeout expired or query ID is invalid")),
        }
    }

    pub(super) fn expire(&mut self, id: &str) {
        if let Some(press) = self.presses.get_mut(id) {
            *press = Press::TooOld;
        }
    }

    pub(super) fn answered(&self, id: &str) -> Option<&PressAnswer> {
        match self.presses.get(id)? {
            Press::Answered(answer) => Some(answer),
            Press::Waits | Press::TooOld => None,
        }
    }
}
