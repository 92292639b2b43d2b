//! Texts that people send into a turn.

use takopi_api::jsonl::{Receipt, Says};
use takopi_api::runner::ControlError;

use super::says::{Command, command};

/// The texts whose receipts pi has not given yet. A receipt that is dropped says that the turn was over.
#[derive(Debug, Default)]
pub(super) struct Steers {
    /// Pi has no turn yet into which they could go.
    early: Vec<(String, Receipt)>,
    said: Vec<(String, Receipt)>,
    count: u32,
    is_open: bool,
}

impl Steers {
    /// A person sends a text.
    pub(super) fn send(&mut self, text: String, receipt: Receipt, says: &mut Says) {
        if self.is_open {
            self.say(&text, receipt, says);
        } else {
            self.early.push((text, receipt));
        }
    }

    /// Pi has a turn.
    pub(super) fn open(&mut self, says: &mut Says) {
        self.is_open = true;
        for (text, receipt) in std::mem::take(&mut self.early) {
            self.say(&text, receipt, says);
        }
    }

    /// The turn is over.
    pub(super) fn close(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }

    /// Pi answered a command. Returns whether it was one of these.
    pub(super) fn answered(&mut self, id: &str, result: Result<(), String>) -> bool {
        let Some(at) = self.said.iter().position(|(said, _)| said == id) else { return false };
        let (_, receipt) = self.said.swap_remove(at);
        match result {
            Ok(()) => receipt.taken(),
            Err(error) => receipt.refused(ControlError::Refused(error)),
        }
        true
    }

    fn say(&mut self, text: &str, receipt: Receipt, says: &mut Says) {
        self.count += 1;
        let id = format!("steer.{}", self.count);
        command(&id, &Command::Steer { message: text }, says);
        self.said.push((id, receipt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_wait_for_the_turn_and_receipts_for_pi() {
        let (mut steers, mut says) = (Steers::default(), Says::default());
        let send = |steers: &mut Steers, text: &str, says: &mut Says| {
            let (receipt, received) = Receipt::new();
            steers.send(text.to_owned(), receipt, says);
            received
        };
        let mut early = send(&mut steers, "early", &mut says);
        assert!(says.take().is_empty());
        steers.open(&mut says);
        let mut later = send(&mut steers, "/later", &mut says);
        let mut last = send(&mut steers, "last", &mut says);
        let said = says.take();
        assert_eq!(said[0], r#"{"id":"steer.1","type":"steer","message":"early"}"#);
        assert_eq!(said.len(), 3);
        assert!(steers.answered("steer.2", Err("no commands".into())));
        assert!(steers.answered("steer.1", Ok(())));
        assert!(!steers.answered("steer.1", Ok(())) && !steers.answered("state", Ok(())));
        assert_eq!(early.try_recv(), Ok(Ok(())));
        assert_eq!(later.try_recv(), Ok(Err(ControlError::Refused("no commands".into()))));
        steers.close();
        assert!(last.try_recv().is_err(), "a dropped receipt says that the turn was over");
    }
}
