//! Lines that came to nothing.

use std::collections::BTreeMap;

use super::Recognition;
use crate::engine::EngineId;
use crate::event::EventFactory;

/// Kinds of unknown lines that are told apart; the rest is counted together. An engine may put anything there.
const UNKNOWN_KINDS: usize = 64;

/// How much of a line is shown to a person, in characters.
const SHOWN_CHARS: usize = 200;

/// What came to nothing, for the log and for the explanation of a failure.
#[derive(Default)]
pub(super) struct Unread {
    first_malformed: Option<String>,
    malformed: u64,
    unknown: BTreeMap<String, u64>,
}

impl Unread {
    pub(super) fn note(&mut self, recognition: Recognition, line: &str, out: &mut EventFactory) {
        match recognition {
            Recognition::Known | Recognition::Ignored => {}
            Recognition::Unknown { kind } => {
                let shown = shown(&kind);
                let is_told_apart = self.unknown.contains_key(&shown) || self.unknown.len() < UNKNOWN_KINDS;
                let kind = if is_told_apart { shown } else { "others".to_owned() };
                *self.unknown.entry(kind).or_default() += 1;
            }
            Recognition::Malformed { reason } => {
                self.malformed += 1;
                if self.first_malformed.is_none() {
                    let shown = shown(line);
                    out.warning(format!("{} printed a line that takopi can not read: {shown}", out.engine()));
                    tracing::debug!(reason, "unreadable line");
                    self.first_malformed = Some(shown);
                }
            }
        }
    }

    pub(super) fn log(&self, engine: &EngineId) {
        for (kind, count) in &self.unknown {
            tracing::info!(%engine, kind, count, "unknown events");
        }
        if self.malformed > 0 {
            tracing::warn!(%engine, count = self.malformed, "unreadable lines");
        }
    }

    /// The first line that could not be read, as far as it is shown.
    pub(super) fn first_malformed(&self) -> Option<&str> {
        self.first_malformed.as_deref()
    }
}

fn shown(line: &str) -> String {
    let mut shown: String =
        line.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > shown.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_line_is_short_and_plain() {
        assert_eq!(shown("a\tb\x1b[0m"), "a b [0m");
        assert_eq!(shown(&"ä".repeat(300)).chars().count(), SHOWN_CHARS + 1);
    }
}
