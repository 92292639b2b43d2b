//! Lines of a byte stream: split at `\n` only (never at U+2028, which stands raw in the JSON of most engines), with a cap.

use std::io;
use std::ops::Range;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::framing::Awaited;

/// What the buffer grows by, and shrinks back to after a long line, in bytes. With less than this, programs that print much
/// wait for takopi more often.
const CHUNK: usize = 128 * 1024;

/// How much of a line that is too long is kept, in bytes: whose it is stands at its beginning.
const HEAD: usize = 1024;

/// Reads lines, and lends them out of its buffer.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the bytes that were not lent yet begin.
    start: usize,
    /// How far they have been searched for a line's end.
    searched: usize,
    /// How many bytes of a line that is too long were skipped already.
    skipped: u64,
    /// The beginning of that line.
    head: Vec<u8>,
    /// Where in a message that says how long it is.
    pub(super) awaited: Awaited,
}

/// One line, without its line break.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line that ended in `\n`.
    Complete(&'a [u8]),
    /// What came after the last `\n`: the writer may have been cut off.
    Torn(&'a [u8]),
    /// A line over the limit, which was skipped.
    TooLong {
        /// How long it was.
        bytes: u64,
        /// How it begins, at most a kilobyte.
        head: &'a [u8],
    },
}

/// A line, by where it stands in the buffer.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Complete(Range<usize>),
    Torn(Range<usize>),
    TooLong(u64),
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads lines of at most `limit` bytes.
    #[must_use]
    pub const fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            limit,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            skipped: 0,
            head: Vec::new(),
            awaited: Awaited::Message,
        }
    }

    /// The next line, or `None` at the end.
    ///
    /// # Errors
    /// What the reader says. The next call goes on after it.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        Ok(self.find().await?.map(|found| self.lend(found)))
    }

    /// Finds the next line. What is found stands in the buffer until the next one is looked for.
    pub(super) async fn find(&mut self) -> io::Result<Option<Found>> {
        loop {
            if let Some(found) = memchr(b'\n', &self.buffer[self.searched..]) {
                let end = self.searched + found;
                let line = self.start..end;
                self.start = end + 1;
                self.searched = self.start;
                if self.skipped > 0 {
                    let bytes = std::mem::take(&mut self.skipped) + line.len() as u64;
                    return Ok(Some(Found::TooLong(bytes)));
                }
                return Ok(Some(Found::Complete(line)));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() - self.start > self.limit {
                self.keep_head(self.buffer.len());
                self.skipped += (self.buffer.len() - self.start) as u64;
                self.buffer.clear();
                (self.start, self.searched) = (0, 0);
            }
            if self.fill().await? == 0 {
                let rest = self.start..self.buffer.len();
                self.start = rest.end;
                self.searched = rest.end;
                if self.skipped > 0 {
                    let bytes = std::mem::take(&mut self.skipped) + rest.len() as u64;
                    return Ok(Some(Found::TooLong(bytes)));
                }
                return Ok((!rest.is_empty()).then_some(Found::Torn(rest)));
            }
        }
    }

    /// Finds what the next `length` bytes are, whatever stands in them.
    pub(super) async fn find_bytes(&mut self, length: u64) -> io::Result<Option<Found>> {
        let fits = usize::try_from(length).ok().filter(|length| *length <= self.limit);
        loop {
            let there = self.buffer.len() - self.start;
            let found = match fits {
                Some(length) if there >= length => Found::Complete(self.start..self.start + length),
                Some(_) => {
                    if self.fill().await? > 0 {
                        continue;
                    }
                    let rest = self.start..self.buffer.len();
                    if rest.is_empty() {
                        return Ok(None);
                    }
                    Found::Torn(rest)
                }
                None => {
                    let missing = length - self.skipped;
                    let skipped = missing.min(there as u64);
                    let end = self.start + usize::try_from(skipped).unwrap_or(there);
                    self.keep_head(end);
                    self.skipped += skipped;
                    self.start = end;
                    self.searched = self.start;
                    if skipped < missing && self.fill().await? > 0 {
                        continue;
                    }
                    return Ok(Some(Found::TooLong(std::mem::take(&mut self.skipped))));
                }
            };
            if let Found::Complete(bytes) | Found::Torn(bytes) = &found {
                self.start = bytes.end;
                self.searched = self.start;
            }
            return Ok(Some(found));
        }
    }

    /// What was found, out of the buffer.
    pub(super) fn lend(&self, found: Found) -> Line<'_> {
        match found {
            Found::Complete(line) => Line::Complete(&self.buffer[line]),
            Found::Torn(line) => Line::Torn(&self.buffer[line]),
            Found::TooLong(bytes) => Line::TooLong { bytes, head: &self.head },
        }
    }

    /// Keeps the beginning of a line that is about to be skipped up to `end`.
    fn keep_head(&mut self, end: usize) {
        if self.skipped == 0 {
            self.head.clear();
        }
        let missing = HEAD - self.head.len();
        let there = &self.buffer[self.start..end];
        self.head.extend(&there[..there.len().min(missing)]);
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * CHUNK {
            self.buffer = Vec::new();
        }
        if self.buffer.capacity() - self.buffer.len() < CHUNK / 2 {
            self.buffer.reserve(CHUNK);
        }
        self.reader.read_buf(&mut self.buffer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Owned {
        Complete(Vec<u8>),
        Torn(Vec<u8>),
        TooLong(u64, String),
    }

    async fn read(input: &[u8], limit: usize) -> Vec<Owned> {
        let mut reader = LineReader::new(input, limit);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(match line {
                Line::Complete(line) => Owned::Complete(line.to_vec()),
                Line::Torn(line) => Owned::Torn(line.to_vec()),
                Line::TooLong { bytes, head } => {
                    Owned::TooLong(bytes, String::from_utf8_lossy(head).into_owned())
                }
            });
        }
        lines
    }

    fn complete(line: &str) -> Owned {
        Owned::Complete(line.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_end_at_newlines_and_nowhere_else() {
        let lines = read("a\n\nb\u{2028}c\r\nd".as_bytes(), 100).await;
        assert_eq!(
            lines,
            [complete("a"), complete(""), complete("b\u{2028}c\r"), Owned::Torn(b"d".to_vec())]
        );
        assert_eq!(read(b"", 100).await, []);
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_skipped_and_the_next_one_read() {
        let (first, second) = ("x".repeat(300_000), "y".repeat(300_000));
        let lines = read(format!("{first}\nok\n{second}").as_bytes(), 100_000).await;
        let too_long = |line: &str| Owned::TooLong(300_000, line[..1024].to_owned());
        assert_eq!(lines, [too_long(&first), complete("ok"), too_long(&second)]);
    }

    #[tokio::test]
    async fn a_long_line_under_the_limit_is_whole() {
        let long = "x".repeat(1_000_000);
        let lines = read(format!("{long}\nok\n").as_bytes(), LIMIT).await;
        assert_eq!(lines, [complete(&long), complete("ok")]);
    }

    const LIMIT: usize = super::super::LINE_BYTES;

    proptest::proptest! {
        #[test]
        fn the_lines_together_are_the_input(parts in proptest::collection::vec("[a-c\u{2028}]{0,20}", 0..20)) {
            let input = parts.join("\n");
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let lines = runtime.block_on(read(input.as_bytes(), LIMIT));
            let mut again = Vec::new();
            for line in lines {
                match line {
                    Owned::Complete(line) => { again.extend(line); again.push(b'\n'); }
                    Owned::Torn(line) => again.extend(line),
                    Owned::TooLong(..) => unreachable!("no line is over the limit"),
                }
            }
            proptest::prop_assert_eq!(again, input.as_bytes());
        }
    }
}
