//! What people send into a run, and what becomes of it.
//!
//! Claude takes a message in when the tool that runs is done, or else begins a turn of its own with it after the one that goes
//! on. It says of each message when it has it and when it begins to read it, so none is lost, and none has to be sent twice.

use takopi_api::jsonl::{Receipt, Says};
use takopi_api::runner::ControlError;
use uuid::Uuid;

use super::say::{MessageContent, UserMessage};

/// That claude says what becomes of messages: a word in the first line of a turn.
const TELLS: &str = "msg_lifecycle_v1";

/// The messages that claude has not begun to read.
#[derive(Debug, Default)]
pub(super) struct Messages {
    claude: Claude,
    /// Those that it was not sent yet.
    waiting: Vec<(String, Receipt)>,
    sent: Vec<Sent>,
}

/// What is known about the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Claude {
    /// Its first turn has not begun.
    #[default]
    Unknown,
    /// It says what becomes of messages.
    Tells,
    /// It is too old for that: nobody would know whether it read a message.
    IsSilent,
}

#[derive(Debug)]
struct Sent {
    uuid: String,
    text: String,
    /// Until claude has said that it has the message.
    receipt: Option<Receipt>,
}

/// What claude said about a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Claude has not begun to read it.
    Waits,
    /// It reads it now.
    Read,
    /// Nothing more comes of it. If the text is here, claude never read it, and whoever sent it thinks that it did.
    Over { unread: Option<String> },
    /// It is none of these messages, or one that was read before.
    Unknown,
}

impl Messages {
    pub(super) fn send(&mut self, text: String, receipt: Receipt, says: &mut Says) {
        match self.claude {
            Claude::Unknown => self.waiting.push((text, receipt)),
            Claude::Tells => self.say(text, receipt, says),
            Claude::IsSilent => {
                receipt.refused(ControlError::Unsupported("steering in this version"));
            }
        }
    }

    /// A turn has begun, with a claude that can do this.
    pub(super) fn turn_began(&mut self, capabilities: &[String], says: &mut Says) {
        let tells = capabilities.iter().any(|capability| capability == TELLS);
        self.claude = if tells { Claude::Tells } else { Claude::IsSilent };
        for (text, receipt) in std::mem::take(&mut self.waiting) {
            self.send(text, receipt, says);
        }
    }

    fn say(&mut self, text: String, receipt: Receipt, says: &mut Says) {
        let uuid = Uuid::new_v4().to_string();
        says.line(&UserMessage::new(MessageContent::Text(&text), &uuid));
        self.sent.push(Sent { uuid, text, receipt: Some(receipt) });
    }

    pub(super) fn told(&mut self, uuid: &str, state: &str) -> Fate {
        let Some(at) = self.sent.iter().position(|sent| sent.uuid == uuid) else { return Fate::Unknown };
        match state {
            "queued" => {
                if let Some(receipt) = self.sent[at].receipt.take() {
                    receipt.taken();
                }
                Fate::Waits
            }
            "started" | "completed" => {
                if let Some(receipt) = self.sent.remove(at).receipt {
                    receipt.taken();
                }
                if state == "started" { Fate::Read } else { Fate::Over { unread: None } }
            }
            "cancelled" | "discarded" | "refused" => {
                let Sent { text, receipt, .. } = self.sent.remove(at);
                match receipt {
                    Some(receipt) => {
                        receipt.refused(ControlError::Over);
                        Fate::Over { unread: None }
                    }
                    None => Fate::Over { unread: Some(text) },
                }
            }
            // What another version says besides.
            _ => Fate::Waits,
        }
    }

    /// Whether claude has something to read still.
    pub(super) const fn are_there(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Nothing more is sent or read. Gives the texts of which somebody thinks that claude will read them.
    pub(super) fn end(&mut self) -> Vec<String> {
        self.waiting.clear();
        let sent = std::mem::take(&mut self.sent);
        // A receipt that is dropped says that the run is over.
        sent.into_iter().filter(|sent| sent.receipt.is_none()).map(|sent| sent.text).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    fn sent(says: &mut Says) -> Vec<(String, String)> {
        let lines = says.take();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        lines.map(|line| (text(&line["message"]["content"]), text(&line["uuid"]))).collect()
    }

    #[test]
    fn messages_wait_until_it_is_known_that_claude_tells_of_them() {
        let (mut messages, mut says) = (Messages::default(), Says::default());
        let (receipt, mut received) = Receipt::new();
        messages.send("one".into(), receipt, &mut says);
        assert!(says.take().is_empty());
        messages.turn_began(&["other".into(), TELLS.into()], &mut says);
        let said = sent(&mut says);
        assert_eq!(said.len(), 1);
        assert_eq!(received.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(messages.told(&said[0].1, "queued"), Fate::Waits);
        assert_eq!(received.try_recv(), Ok(Ok(())));
        assert!(messages.are_there());
        assert_eq!(messages.told(&said[0].1, "started"), Fate::Read);
        assert!(!messages.are_there());
        assert_eq!(messages.told(&said[0].1, "completed"), Fate::Unknown);
    }

    #[test]
    fn a_claude_that_does_not_tell_of_messages_gets_none() {
        let (mut messages, mut says) = (Messages::default(), Says::default());
        let (receipts, received): (Vec<_>, Vec<_>) = (0..2).map(|_| Receipt::new()).unzip();
        let mut receipts = receipts.into_iter();
        messages.send("early".into(), receipts.next().unwrap(), &mut says);
        messages.turn_began(&[], &mut says);
        messages.send("late".into(), receipts.next().unwrap(), &mut says);
        assert!(says.take().is_empty());
        for mut received in received {
            assert!(matches!(received.try_recv(), Ok(Err(ControlError::Unsupported(_)))));
        }
    }

    #[test]
    fn what_claude_drops_is_told_to_who_sent_it() {
        let (mut messages, mut says) = (Messages::default(), Says::default());
        messages.turn_began(&[TELLS.into()], &mut says);
        let (receipt, mut first) = Receipt::new();
        messages.send("one".into(), receipt, &mut says);
        let (receipt, mut second) = Receipt::new();
        messages.send("two".into(), receipt, &mut says);
        let (receipt, mut third) = Receipt::new();
        messages.send("three".into(), receipt, &mut says);
        let said = sent(&mut says);
        assert_eq!(messages.told(&said[0].1, "cancelled"), Fate::Over { unread: None });
        assert_eq!(first.try_recv(), Ok(Err(ControlError::Over)));
        assert_eq!(messages.told(&said[1].1, "queued"), Fate::Waits);
        assert_eq!(messages.told(&said[1].1, "cancelled"), Fate::Over { unread: Some("two".into()) });
        assert_eq!(second.try_recv(), Ok(Ok(())));
        assert!(messages.end().is_empty());
        assert_eq!(third.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(messages.told("made up", "started"), Fate::Unknown);
    }
}
