//! How the output of a program is cut into messages.

use std::io;

use tokio::io::AsyncRead;

use super::lines::Found;
use super::{Line, LineReader};

/// The word before the length of a message, in any case.
const LENGTH: &[u8] = b"content-length:";

/// How the output of a program is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Framing {
    /// Each line is a message. So are server-sent events, of which the translation takes off the word `data:`.
    #[default]
    Lines,
    /// Each message has lines before it that say how long it is, as in the Language Server Protocol: `Content-Length: 42`,
    /// perhaps others, an empty line, and then 42 bytes. What stands between two messages is given line by line, since
    /// programs print more than they should.
    ContentLength,
}

/// Where in a message the reader is. It knows it itself: whoever waits for a message may give up, and wait again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Awaited {
    /// Before one, or between two.
    Message,
    /// In the lines before a body of this length.
    Head(u64),
    /// Before a body of this length, or in it.
    Body(u64),
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// The next message, or `None` at the end. The limit of the reader is that of messages too.
    ///
    /// # Errors
    /// What the reader says. The next call goes on after it.
    ///
    /// ```
    /// use takopi_api::jsonl::{Framing, Line, LineReader};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let output = b"starting\nContent-Length: 7\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n{}";
    /// let mut reader = LineReader::new(&output[..], 1024);
    /// for expected in [&b"starting"[..], b"{\"a\":1}", b"{}"] {
    ///     let message = reader.message(Framing::ContentLength).await.unwrap();
    ///     assert_eq!(message, Some(Line::Complete(expected)));
    /// }
    /// # });
    /// ```
    pub async fn message(&mut self, framing: Framing) -> io::Result<Option<Line<'_>>> {
        match framing {
            Framing::Lines => self.next().await,
            Framing::ContentLength => Ok(self.find_framed().await?.map(|found| self.lend(found))),
        }
    }

    async fn find_framed(&mut self) -> io::Result<Option<Found>> {
        loop {
            if let Awaited::Body(length) = self.awaited {
                let found = self.find_bytes(length).await?;
                self.awaited = Awaited::Message;
                return Ok(found);
            }
            let Some(found) = self.find().await? else { return Ok(None) };
            let Line::Complete(line) = self.lend(found.clone()) else { return Ok(Some(found)) };
            let line = line.trim_ascii();
            match (length_of(line), self.awaited) {
                (Some(length), _) => self.awaited = Awaited::Head(length),
                (None, Awaited::Head(length)) if line.is_empty() => self.awaited = Awaited::Body(length),
                // Another line of the head, such as the type of the message.
                (None, Awaited::Head(_)) => {}
                (None, _) => return Ok(Some(found)),
            }
        }
    }
}

/// The length that a line of a head says, if it says one.
fn length_of(line: &[u8]) -> Option<u64> {
    let (word, length) = line.split_at_checked(LENGTH.len())?;
    let length = str::from_utf8(length).ok().filter(|_| word.eq_ignore_ascii_case(LENGTH))?;
    length.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn read(input: &[u8], limit: usize) -> Vec<String> {
        let mut reader = LineReader::new(input, limit);
        let mut messages = Vec::new();
        while let Some(message) = reader.message(Framing::ContentLength).await.unwrap() {
            messages.push(match message {
                Line::Complete(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Line::Torn(bytes) => format!("torn {}", String::from_utf8_lossy(bytes)),
                Line::TooLong { bytes, .. } => format!("too long {bytes}"),
            });
        }
        messages
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn messages_are_as_long_as_their_heads_say() {
        let input = format!("{}{}{}", framed("{\n}"), framed("Content-Length: 3\n"), framed("ä"));
        assert_eq!(read(input.as_bytes(), 100).await, ["{\n}", "Content-Length: 3\n", "ä"]);
        let lenient = b"content-length:2\nContent-Type: x\n\n{}\r\nCONTENT-LENGTH:  2 \r\n\r\n[]";
        assert_eq!(read(lenient, 100).await, ["{}", "\r", "[]"]);
    }

    #[tokio::test]
    async fn what_is_no_message_is_given_by_lines() {
        let input = format!("warning: x\nContent-Length: many\n{}bye", framed("{}"));
        assert_eq!(
            read(input.as_bytes(), 100).await,
            ["warning: x", "Content-Length: many", "{}", "torn bye"]
        );
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_skipped_and_the_next_one_read() {
        let long = "x".repeat(300_000);
        let input = format!("{}{}{}", framed(&long), framed("{}"), framed(&long));
        assert_eq!(read(input.as_bytes(), 1000).await, ["too long 300000", "{}", "too long 300000"]);
        assert_eq!(read(input.as_bytes(), 1_000_000).await, [&long, "{}", &long]);
        let absurd = format!("Content-Length: {}\n\nabc", u64::MAX);
        assert_eq!(read(absurd.as_bytes(), 1000).await, ["too long 3"]);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_loses_nothing() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let mut reader = LineReader::new(reader, 32);
        for part in ["Content-", "Length: 4\n", "\n", "ab", "c"] {
            writer.write_all(part.as_bytes()).await.unwrap();
            assert!(reader.message(Framing::ContentLength).now_or_never().is_none(), "{part:?}");
        }
        writer.write_all(b"dContent-Length: 33\n\n12345").await.unwrap();
        let message = reader.message(Framing::ContentLength).await.unwrap();
        assert_eq!(message, Some(Line::Complete(b"abcd")));
        assert!(reader.message(Framing::ContentLength).now_or_never().is_none());
        writer.write_all(&[b'x'; 28]).await.unwrap();
        let message = reader.message(Framing::ContentLength).await.unwrap();
        let Some(Line::TooLong { bytes: 33, head }) = message else { panic!("{message:?}") };
        assert_eq!(head, format!("12345{}", "x".repeat(28)).as_bytes());
    }

    #[tokio::test]
    async fn an_end_within_a_message_is_seen() {
        assert_eq!(read(b"Content-Length: 9\n\n{}", 100).await, ["torn {}"]);
        for nothing in ["Content-Length: 9\n\n", "Content-Length: 9\n", ""] {
            assert_eq!(read(nothing.as_bytes(), 100).await, [""; 0], "{nothing:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn messages_come_back_as_they_were(bodies in proptest::collection::vec("[a-c\n\r:]{1,40}", 0..10)) {
            let input: String = bodies.iter().map(|body| framed(body)).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            proptest::prop_assert_eq!(runtime.block_on(read(input.as_bytes(), 1000)), bodies);
        }

        #[test]
        fn no_output_makes_it_panic(input in "(Content-Length: [0-9]{1,3}|\n|\r|[a-c]){0,60}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(read(input.as_bytes(), 50));
        }
    }
}
