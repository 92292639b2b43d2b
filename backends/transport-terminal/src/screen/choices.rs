//! The buttons of a message, as numbered choices.

use takopi_api::message::{ButtonData, MessageKind, OutgoingMessage};

use crate::render::harmless;

/// The label of the button that cancels a run.
const CANCEL: &str = "cancel";

/// Buttons in their rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Choices(Vec<Vec<Button>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Button {
    /// None for the one button of a run that goes on: Ctrl-C presses it, and the number would only be in the way of what
    /// people are asked.
    number: Option<usize>,
    label: String,
    data: ButtonData,
}

impl Choices {
    /// The choices of a message; `number` gives each another number.
    pub(super) fn new(message: &OutgoingMessage, mut number: impl FnMut() -> usize) -> Self {
        let is_alone = message.buttons.iter().flatten().count() == 1;
        let rows = message.buttons.iter().map(|row| {
            let buttons = row.iter().map(|button| {
                let label = harmless(&button.label).replace('\n', " ");
                let is_known = is_alone && message.kind == MessageKind::Progress && is_cancel(&label);
                Button { number: (!is_known).then(&mut number), label, data: button.data.clone() }
            });
            buttons.collect()
        });
        Self(rows.collect())
    }

    pub(super) fn are_those_of(&self, message: &OutgoingMessage) -> bool {
        self.0.len() == message.buttons.len()
            && self.0.iter().zip(&message.buttons).all(|(own, other)| {
                own.iter().map(|button| &button.data).eq(other.iter().map(|button| &button.data))
            })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.buttons().filter_map(|button| button.number)
    }

    pub(super) fn with_number(&self, number: usize) -> Option<&ButtonData> {
        self.buttons().find(|button| button.number == Some(number)).map(|button| &button.data)
    }

    pub(super) fn cancelling(&self) -> Option<&ButtonData> {
        self.buttons().find(|button| is_cancel(&button.label)).map(|button| &button.data)
    }

    /// One line a row: `[1] allow once  [2] deny`.
    pub(super) fn lines(&self) -> Vec<String> {
        let rows = self.0.iter().map(|row| {
            let numbered = row.iter().filter_map(|button| Some((button.number?, &button.label)));
            numbered.map(|(number, label)| format!("[{number}] {label}")).collect::<Vec<_>>().join("  ")
        });
        rows.filter(|row| !row.is_empty()).collect()
    }

    fn buttons(&self) -> impl Iterator<Item = &Button> {
        self.0.iter().flatten()
    }
}

fn is_cancel(label: &str) -> bool {
    label.trim().eq_ignore_ascii_case(CANCEL)
}
