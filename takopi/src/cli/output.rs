//! The only printer: data goes to standard output, everything else to standard error.

mod writer;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use console::style;
pub(super) use writer::Writer;

use crate::paths;

/// What became of writing to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It was written.
    All,
    /// Nobody reads any more. That is no failure: whoever asked has enough.
    NobodyReads,
}

/// Writes data to standard output, and what is buffered there as well.
pub(super) fn data(text: &str) -> io::Result<Written> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Written::All),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::NobodyReads),
        Err(error) => Err(error),
    }
}

/// An answer as it is written. A terminal gets it without control characters: an answer may quote what somebody wrote in
/// order to be shown there.
pub(super) fn answer(text: &str) -> String {
    let text = if io::stdout().is_terminal() { harmless(text) } else { text.into() };
    format!("{text}\n")
}

/// A text without what could move a terminal's cursor or change its state.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_harmful) { text.replace(is_harmful, "").into() } else { text.into() }
}

/// Writes a line to standard error. If nobody can read that, there is nobody to tell.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Passes on to standard error what another program says there.
pub(super) fn bytes(said: &[u8]) {
    let _ = io::stderr().lock().write_all(said);
}

/// Writes without a line break, for a prompt.
pub(super) fn prompt(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

pub(super) fn error(message: &str, hints: &[String]) {
    let message = paths::with_short_home(message);
    line(&format!("{} {message}", style("error:").for_stderr().red().bold()));
    for hint in hints {
        line(&format!("{} {hint}", style("hint:").for_stderr().cyan()));
    }
}

pub(super) fn warning(message: &str) {
    let message = paths::with_short_home(message);
    line(&format!("{} {message}", style("warning:").for_stderr().yellow()));
}
