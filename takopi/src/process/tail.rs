//! The end of a program's standard error.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use takopi_api::process::STDERR_TAIL_BYTES;

/// Keeps the last bytes of what is put in. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(STDERR_TAIL_BYTES)..];
        let surplus = (kept.len() + bytes.len()).saturating_sub(STDERR_TAIL_BYTES);
        kept.drain(..surplus);
        kept.extend(bytes);
    }

    pub(super) fn text(&self) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(kept.make_contiguous());
        // Colours are for the terminal that the program believed to have.
        console::strip_ansi_codes(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let tail = Tail::default();
        tail.push(b"begin");
        assert_eq!(tail.text(), "begin");
        tail.push(b" \x1b[31mred\x1b[0m");
        assert_eq!(tail.text(), "begin red");
        for _ in 0..100 {
            tail.push(&[b'x'; 1000]);
        }
        tail.push(b"end");
        let text = tail.text();
        assert_eq!(text.len(), STDERR_TAIL_BYTES);
        assert!(text.ends_with("xend"));
        tail.push(&[b'y'; 2 * STDERR_TAIL_BYTES]);
        assert_eq!(tail.text().len(), STDERR_TAIL_BYTES);
    }
}
