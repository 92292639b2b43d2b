//! What is typed, on a thread of its own: reading blocks, and can not be called off.

mod editor;

use std::io::{self, BufRead, Read};

pub(crate) use editor::Editor;
use tokio::sync::mpsc;

/// Longer lines of a script are refused, in bytes.
const LONGEST_LINE: u64 = 8 * 1024 * 1024;

/// How many lines wait to be handled before reading waits too.
const WAITING: usize = 16;

/// Something that the person did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A line, without its line break. From the editor it may hold others, which were pasted.
    Line(String),
    /// A line that is too long to be a message.
    TooLong,
    /// Ctrl-C.
    Interrupt,
    /// Nothing more comes: Ctrl-D, or the end of a file.
    End,
    /// Nothing more can be read.
    Failed(String),
}

/// Reads lines of a file, a pipe, or a terminal that can do no more.
pub(crate) fn lines(mut input: impl BufRead + Send + 'static) -> mpsc::Receiver<Event> {
    let (events, receiver) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        loop {
            let event = next_line(&mut input).unwrap_or_else(|error| Event::Failed(error.to_string()));
            let is_last = matches!(event, Event::End | Event::Failed(_));
            if events.blocking_send(event).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

fn next_line(input: &mut impl BufRead) -> io::Result<Event> {
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(Event::End);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 > LONGEST_LINE {
        input.skip_until(b'\n')?;
        return Ok(Event::TooLong);
    }
    let line = String::from_utf8(line)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Event::Line(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &'static [u8]) -> Vec<Event> {
        let mut events = lines(input);
        let mut read = Vec::new();
        while let Some(event) = events.recv().await {
            read.push(event);
        }
        read
    }

    #[tokio::test]
    async fn a_line_is_a_message_and_the_last_needs_no_end() {
        let line = |text: &str| Event::Line(text.to_owned());
        assert_eq!(read(b"").await, [Event::End]);
        assert_eq!(
            read(b"a\n\nb \xff\xe2\x80\xa8\r\nc").await,
            [line("a"), line(""), line("b \u{fffd}\u{2028}\r"), line("c"), Event::End]
        );
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused_and_what_follows_is_read() {
        let mut input = vec![b'a'; LONGEST_LINE as usize + 1];
        input.extend(b"\nb\n");
        assert_eq!(read(input.leak()).await, [Event::TooLong, Event::Line("b".into()), Event::End]);
    }
}
