//! A line that is not shown while it is typed.

use std::io::{self, Read};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::output;

/// The terminal as it was, which it is again when this is dropped.
struct Quiet(Termios);

impl Quiet {
    /// From here on nothing is shown and every key is given at once. So Ctrl-C is a key too: it would leave a terminal
    /// that shows nothing.
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Drain, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// The terminal while lines that are typed are not shown, but their ends are. It is as it was when this is dropped.
pub(in crate::cli) struct Hidden(#[expect(dead_code, reason = "it is there to be dropped")] Quiet);

impl Hidden {
    /// From here on nothing but line breaks is shown.
    pub(in crate::cli) fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Drain, &hidden)?;
        Ok(Self(Quiet(before)))
    }
}

/// What a key makes of what was typed before.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// There is more to come.
    More,
    /// That was all.
    All,
    /// There will be nothing.
    Nothing,
    /// Ctrl-C.
    Interrupt,
}

/// Reads a line; `None` if there will be none.
pub(super) fn read() -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut stdin = io::stdin().lock();
    let quiet = Quiet::new()?;
    let end = loop {
        let mut byte = [0];
        let read = match stdin.read(&mut byte) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        match if read == 0 { Typed::Nothing } else { take(&mut line, byte[0]) } {
            Typed::More => {}
            end => break end,
        }
    };
    drop(quiet);
    output::line("");
    if end == Typed::Interrupt {
        // As Ctrl-C does everywhere else. Who ignores it has given up all the same.
        kill_process(getpid(), Signal::INT)?;
    }
    Ok((end == Typed::All).then(|| String::from_utf8_lossy(&line).into_owned()))
}

/// Takes a key as a terminal that shows what is typed would.
fn take(line: &mut Vec<u8>, key: u8) -> Typed {
    match key {
        b'\n' | b'\r' => return Typed::All,
        0x03 => return Typed::Interrupt,
        0x04 if line.is_empty() => return Typed::Nothing,
        0x04 => return Typed::All,
        // A letter may be several bytes; those after its first begin with the bits 10.
        0x08 | 0x7f => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
        0x15 => line.clear(),
        key if key < 0x20 => {}
        key => line.push(key),
    }
    Typed::More
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_they_do_where_they_are_shown() {
        let check = |keys: &str, expected: &str, end: Typed| {
            let mut line = Vec::new();
            let last = keys.bytes().map(|key| take(&mut line, key)).last();
            assert_eq!((String::from_utf8(line).unwrap().as_str(), last), (expected, Some(end)), "{keys:?}");
        };
        check("1:ab\n", "1:ab", Typed::All);
        check("aé\u{7f}b\u{8}\u{8}\u{8}c\r", "c", Typed::All);
        check("wrong\u{15}right\n", "right", Typed::All);
        check("\u{1b}[A", "[A", Typed::More);
        check("\u{4}", "", Typed::Nothing);
        check("a\u{4}", "a", Typed::All);
        check("abc\u{3}", "abc", Typed::Interrupt);
    }
}
