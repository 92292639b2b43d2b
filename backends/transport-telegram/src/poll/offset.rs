//! How far was read.

use serde::{Deserialize, Serialize};
use takopi_api::runtime::Write;

/// After a week without updates Telegram numbers them anew, from anywhere; a little before that, no offset counts any
/// more. What was read is confirmed by then, so that nothing comes again.
const EXPIRES: u64 = 6 * 24 * 60 * 60;

/// How far was read, and when that was.
#[derive(Debug, Default)]
pub(super) struct Offset {
    at: Option<Mark>,
    is_changed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The first update that was not read.
    next: i64,
    /// When the last one came, in seconds since 1970.
    at: u64,
}

impl Offset {
    /// What was stored; nothing if it can not be read.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(|mark| Self { at: Some(mark), is_changed: false })
    }

    /// The first update to ask for.
    pub(super) fn next(&self, unix: u64) -> Option<i64> {
        self.at.filter(|mark| unix.saturating_sub(mark.at) < EXPIRES).map(|mark| mark.next)
    }

    /// These updates came; `false` if they were all asked for before.
    pub(super) fn advance(&mut self, ids: impl Iterator<Item = i64>, unix: u64) -> bool {
        let Some(last) = ids.max() else { return false };
        let next = last.saturating_add(1);
        // Without an offset that counts the numbers may begin anew.
        if self.next(unix).is_some_and(|known| known >= next) {
            return false;
        }
        self.at = Some(Mark { next, at: unix });
        self.is_changed = true;
        true
    }

    /// What to store, if it is something new.
    pub(super) fn write(&self, key: &str) -> Option<Write> {
        let mark = self.at.filter(|_| self.is_changed)?;
        serde_json::to_vec(&mark).ok().map(|value| Write::put(key, value))
    }

    /// It is stored as it is now.
    pub(super) fn is_stored(&mut self) {
        self.is_changed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[test]
    fn it_only_goes_on_and_outlives_a_restart() {
        let mut offset = Offset::default();
        assert_eq!((offset.next(NOW), offset.write("o")), (None, None));
        assert!(offset.advance([5, 9, 7].into_iter(), NOW));
        assert!(!offset.advance([8].into_iter(), NOW) && !offset.advance([].into_iter(), NOW));
        assert_eq!(offset.next(NOW), Some(10));
        let stored = offset.write("o").unwrap().value.unwrap();
        offset.is_stored();
        assert_eq!(offset.write("o"), None);
        assert_eq!(Offset::read(&stored).unwrap().next(NOW), Some(10));
        assert!(Offset::read(b"rubbish").is_none());
    }

    #[test]
    fn after_a_week_of_silence_numbers_may_begin_anew() {
        let mut offset = Offset::default();
        offset.advance([900].into_iter(), NOW);
        assert_eq!(offset.next(NOW + EXPIRES - 1), Some(901));
        assert_eq!(offset.next(NOW + EXPIRES), None);
        assert!(offset.advance([3].into_iter(), NOW + EXPIRES));
        assert_eq!(offset.next(NOW + EXPIRES), Some(4));
    }
}
