//! The buttons below a message, as many as Telegram takes.

use takopi_api::message::{Button, OutgoingMessage};

use crate::client::{Keyboard, KeyboardButton};

/// How many buttons a message may have.
const MAX_BUTTONS: usize = 100;

/// Stands on a button whose label nobody would see: Telegram takes none like that.
const UNNAMED: &str = "…";

/// The buttons of a message; none where there are none. Of too many, the rows before the last one end earlier: what can be
/// chosen can also be typed, and the last row is the way out.
pub(crate) fn keyboard(message: &OutgoingMessage) -> Option<Keyboard> {
    let (last, others) = message.buttons.split_last()?;
    let mut room = MAX_BUTTONS.saturating_sub(last.len());
    let mut rows = Vec::with_capacity(message.buttons.len());
    for row in others {
        let Some(left) = room.checked_sub(row.len()) else { break };
        room = left;
        rows.push(row.iter().map(button).collect());
    }
    rows.push(last.iter().take(MAX_BUTTONS).map(button).collect());
    Some(Keyboard { inline_keyboard: rows })
}

fn button(button: &Button) -> KeyboardButton {
    let label = if button.label.trim().is_empty() { UNNAMED } else { &button.label };
    KeyboardButton { text: label.to_owned(), callback_data: button.data.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use takopi_api::message::{Body, ButtonData, MessageKind};

    use super::*;

    fn labels(count: usize) -> Vec<Vec<String>> {
        let button =
            |label: String| Button::new(label.clone(), ButtonData::new(format!("<{label}>")).unwrap());
        let mut message = OutgoingMessage::new(MessageKind::Request, Body::plain("which?"));
        for number in 0..count {
            message = message.buttons([button(number.to_string())]);
        }
        let message = message.buttons([button("no".to_owned()), button(" ".to_owned())]);
        let rows = keyboard(&message).unwrap().inline_keyboard;
        rows.into_iter().map(|row| row.into_iter().map(|button| button.text).collect()).collect()
    }

    #[test]
    fn a_message_has_a_hundred_buttons_and_the_last_row_stays() {
        assert_eq!(labels(1), [vec!["0"], vec!["no", UNNAMED]]);
        assert_eq!(labels(98).len(), 99);
        let many = labels(150);
        assert_eq!(many.iter().map(Vec::len).sum::<usize>(), MAX_BUTTONS);
        assert_eq!(many.last().unwrap(), &["no", UNNAMED]);
        let message = OutgoingMessage::new(MessageKind::Notice, Body::plain("so"));
        assert_eq!(keyboard(&message), None);
    }
}
