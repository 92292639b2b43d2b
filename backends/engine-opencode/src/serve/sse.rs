//! Server-sent events: bytes in, the data of events out. Only what opencode uses of them: `data`, and lines that end with
//! `\n` or `\r\n`; other fields and comments are skipped.

use std::collections::VecDeque;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The data of an event. A broken character in it became a mark.
    Data(String),
    /// An event that was longer than the limit, and was skipped to its end.
    TooLong {
        /// How long it was, about.
        bytes: usize,
        /// How it begins.
        head: String,
    },
}

/// How much of an event that is too long is kept, in bytes: what it tells of stands at its beginning.
const HEAD: usize = 256;

/// Cuts a stream into events, and holds no more of one than the limit.
#[derive(Debug)]
pub(super) struct Cutter {
    limit: usize,
    /// The line that is not complete yet. Of an event that is skipped, no more than its first byte.
    line: Vec<u8>,
    /// How long that line is.
    line_bytes: usize,
    /// The data of the event that is not complete yet.
    data: Vec<u8>,
    has_data: bool,
    /// How much of the event was skipped, if it is too long.
    skipped: usize,
    /// How that event begins.
    head: Vec<u8>,
    heard: VecDeque<Heard>,
}

impl Cutter {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            line_bytes: 0,
            data: Vec::new(),
            has_data: false,
            skipped: 0,
            head: Vec::new(),
            heard: VecDeque::new(),
        }
    }

    /// Takes the next bytes, however they were torn.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.keep(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.end_line();
        }
        self.keep(bytes);
    }

    /// The next event that is complete.
    pub(super) fn next(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.line_bytes += bytes.len();
        if self.skipped == 0 && self.line.len() + self.data.len() + bytes.len() <= self.limit {
            self.line.extend_from_slice(bytes);
            return;
        }
        if self.skipped == 0 {
            self.head = [&self.data, &self.line, bytes].into_iter().flatten().copied().take(HEAD).collect();
        }
        self.skipped += self.data.len() + bytes.len();
        self.data = Vec::new();
        if self.line.is_empty() {
            self.line.extend(bytes.first());
        } else if self.line.len() > 1 {
            self.skipped += self.line.len();
            self.line = vec![self.line[0]];
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let is_blank = match std::mem::take(&mut self.line_bytes) {
            0 => true,
            1 => line == b"\r",
            _ => false,
        };
        if is_blank {
            self.end_event();
        } else if self.skipped == 0
            && let Some(value) = line.strip_prefix(b"data:")
        {
            let value = value.strip_suffix(b"\r").unwrap_or(value);
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }

    fn end_event(&mut self) {
        let data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        match std::mem::take(&mut self.skipped) {
            0 if has_data => self.heard.push_back(Heard::Data(match String::from_utf8(data) {
                Ok(data) => data,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            })),
            0 => {}
            bytes => {
                let head = String::from_utf8_lossy(&std::mem::take(&mut self.head)).into_owned();
                self.heard.push_back(Heard::TooLong { bytes, head });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(limit: usize, pieces: &[&[u8]]) -> Vec<Heard> {
        let mut cutter = Cutter::new(limit);
        pieces.iter().for_each(|piece| cutter.feed(piece));
        std::iter::from_fn(|| cutter.next()).collect()
    }

    fn data(text: &str) -> Heard {
        Heard::Data(text.to_owned())
    }

    #[test]
    fn events_are_what_stands_between_blank_lines() {
        let stream = b": hello\n\nevent: message\nid: 1\ndata: {\"a\":1}\n\ndata:b\r\n\r\ndata: one\ndata: two\n\n\n\ndata: torn";
        assert_eq!(cut(100, &[stream]), [data("{\"a\":1}"), data("b"), data("one\ntwo")]);
        assert_eq!(cut(100, &[b"data\n\n", b"data:\n\n"]), [data("")]);
        assert_eq!(cut(100, &[b"data: \xff\n\n"]), [data("\u{fffd}")]);
    }

    #[test]
    fn an_event_that_is_too_long_costs_only_itself() {
        for end in ["\n", "\r\n"] {
            let long = format!("data: {}{end}data: more{end}{end}data: next{end}{end}", "x".repeat(1000));
            let heard = cut(20, &[long.as_bytes()]);
            assert!(matches!(heard[0], Heard::TooLong { bytes, .. } if bytes >= 1000), "{heard:?}");
            assert_eq!(heard[1..], [data("next")]);
        }
        // Many short lines are an event that is too long, too.
        let mut lines = "data: 12345\n".repeat(100);
        lines.push_str("\ndata: next\n\n");
        let heard = cut(50, &[lines.as_bytes()]);
        assert!(matches!(heard[..], [Heard::TooLong { .. }, Heard::Data(_)]), "{heard:?}");
    }

    #[test]
    fn a_megabyte_is_one_event() {
        let text = "x".repeat(1 << 20);
        let stream = format!("data: {text}\n\n");
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(1000).collect();
        assert_eq!(cut(2 << 20, &pieces), [data(&text)]);
    }

    proptest! {
        #[test]
        fn how_a_stream_is_torn_makes_no_difference(
            stream in "(data: ?[a-z\u{e4}]{0,9}|[a-z:]{0,5}|\r?\n){0,40}",
            limit in 1usize..40,
            cuts in proptest::collection::vec(0usize..200, 0..20),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&at| at < bytes.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for at in cuts {
                pieces.push(&bytes[start..at]);
                start = at;
            }
            pieces.push(&bytes[start..]);
            let forms = |heard: &[Heard]| -> Vec<Option<String>> {
                heard.iter().map(|heard| match heard {
                    Heard::Data(data) => Some(data.clone()),
                    // Where it was torn decides how much of it was counted twice, and nothing else.
                    Heard::TooLong { .. } => None,
                }).collect()
            };
            prop_assert_eq!(forms(&cut(limit, &pieces)), forms(&cut(limit, &[bytes])));
        }

        #[test]
        fn what_is_sent_is_heard(texts in proptest::collection::vec("[^\r\n]{0,50}", 0..10)) {
            let stream: String = texts.iter().map(|text| format!("data: {text}\n\n")).collect();
            let expected: Vec<Heard> = texts.iter().map(|text| data(text)).collect();
            prop_assert_eq!(cut(4096, &[stream.as_bytes()]), expected);
        }

        #[test]
        fn garbage_breaks_nothing(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            cut(30, &pieces);
        }
    }
}
