//! Orders: commands that have a prompt behind them, and say how it is to run. A message with one is a prompt in all else.

use takopi_api::message::IncomingMessage;

use super::directives::slash_command;

/// The mode that `/plan` is about, by the name that engines have for it.
pub(crate) const PLAN: &str = "plan";

/// How a prompt is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the turn that runs.
    Steer,
    /// By itself, in the mode in which nothing is changed before a person has agreed.
    Plan,
}

/// The order of a message, and the prompt behind it. A command without anything behind it is none.
pub(crate) fn read(message: &IncomingMessage) -> Option<(Order, &str)> {
    let (word, prompt) = slash_command(&message.text)?;
    let order = match word.as_str() {
        "steer" => Order::Steer,
        "plan" => Order::Plan,
        _ => return None,
    };
    (!prompt.is_empty() || !message.files.is_empty()).then_some((order, prompt))
}

#[cfg(test)]
mod tests {
    use takopi_api::message::{Address, IncomingFile};

    use super::super::commands;
    use super::*;

    fn message(text: &str) -> IncomingMessage {
        IncomingMessage::new(Address::general("here"), "1", text)
    }

    #[test]
    fn an_order_has_something_behind_it() {
        let read_text = |text: &str| read(&message(text)).map(|(order, prompt)| (order, prompt.to_owned()));
        assert_eq!(read_text(" /steer  not\nthat"), Some((Order::Steer, "not\nthat".to_owned())));
        assert_eq!(read_text("/Plan x"), Some((Order::Plan, "x".to_owned())));
        for text in ["/plan", "/steer ", "/plans x", "plan x", "/cancel x"] {
            assert_eq!(read_text(text), None, "{text}");
        }
        let spoken = message("/plan").files([IncomingFile::new("f").spoken()]);
        assert_eq!(read(&spoken), Some((Order::Plan, "")));
    }

    #[test]
    fn an_order_is_a_command_too() {
        assert!(["steer", "plan"].iter().all(|word| commands::find(word).is_some()));
    }
}
