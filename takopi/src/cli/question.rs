//! Short questions to the person at the terminal.

mod dialogue;
mod secret;
mod unattended;

use std::io::{self, BufRead, IsTerminal};

pub(super) use dialogue::Dialogue;
pub(super) use secret::Hidden;
pub(super) use unattended::Unattended;

use super::output;

/// The variable that says that nobody is there, whatever it looks like.
const NOBODY_VARIABLE: &str = "TAKOPI_NO_INTERACTIVE";

/// Whether there is somebody who can be asked.
pub(super) fn somebody_is_there() -> bool {
    let is_off = std::env::var_os(NOBODY_VARIABLE).is_some_and(|value| !value.is_empty());
    io::stdin().is_terminal() && io::stderr().is_terminal() && !is_off
}

/// Asks, and waits for a line; `None` if there will be none.
pub(super) fn ask(question: &str) -> io::Result<Option<String>> {
    output::prompt(question);
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

/// Asks for a yes; everything else is a no.
pub(super) fn confirm(question: &str) -> io::Result<bool> {
    forget_typed();
    let answer = ask(&format!("{question} [y/N] "))?;
    Ok(answer.is_some_and(|answer| matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")))
}

/// Forgets what was typed so far: it can not be meant as the answer to what is only asked now.
pub(super) fn forget_typed() {
    // A terminal that is gone has nothing typed.
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}
