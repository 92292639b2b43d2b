//! The person at the terminal, who can be asked what an engine wants to know.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

use super::super::question;

/// The person at the terminal, if there is one.
pub(super) enum Person {
    /// Lines that the person types. They are read from the first request on, on a thread of their own: a read from a
    /// terminal can not be taken back.
    There(Option<mpsc::UnboundedReceiver<String>>),
    /// Nobody can answer.
    Nobody,
}

impl Person {
    pub(super) fn at_the_terminal() -> Self {
        if question::somebody_is_there() { Self::There(None) } else { Self::Nobody }
    }

    /// The next line that the person types; `None` once there will be none.
    pub(super) async fn line(&mut self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::There(lines) => lines.get_or_insert_with(read_lines).recv().await,
        }
    }

    /// Forgets what was typed so far, also what was read of it already.
    pub(super) fn forget_typed(&mut self) {
        if let Self::There(lines) = self {
            question::forget_typed();
            if let Some(lines) = lines {
                while lines.try_recv().is_ok() {}
            }
        }
    }

    pub(super) const fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }
}

fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
