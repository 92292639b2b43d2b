//! The answer of a run as far as it is written, and where people see it meanwhile.
//!
//! Pieces are put together here, and whoever shows them looks when it may show the next state: how often an engine gives
//! one does not matter.

use std::sync::atomic::{AtomicBool, Ordering};

use takopi_api::engine::EngineCapabilities;
use takopi_api::markdown;
use takopi_api::transport::{Capabilities, People};
use tokio::sync::watch;

use super::settings::LiveText;

/// How much of a text is kept: more than one message shows.
const KEPT: usize = 32 * 1024;

/// How much of it a progress message shows besides the steps.
const TAIL_LINES: usize = 6;
const TAIL_CHARS: usize = 600;

/// Where an answer is seen as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// As a draft of its own.
    Draft,
    /// In the progress message.
    Card,
    /// Nowhere: it comes when it is complete.
    None,
}

impl Stage {
    /// That of a chat. Without a word it is a draft, where chat and engine can; what is wished goes into the progress
    /// message elsewhere, but not on a terminal, where what was shown can not be taken back.
    pub(super) fn of(
        wish: LiveText,
        chat: &Capabilities,
        people: &People,
        engine: &EngineCapabilities,
    ) -> Self {
        match wish {
            LiveText::Hidden => Self::None,
            LiveText::WhereItFits if !engine.live_text => Self::None,
            LiveText::WhereItFits | LiveText::Shown if chat.drafts => Self::Draft,
            LiveText::Shown if chat.edit && *people != People::Local => Self::Card,
            LiveText::WhereItFits | LiveText::Shown => Self::None,
        }
    }
}

/// What an engine has written of its answer.
#[derive(Debug, Default)]
pub(crate) struct Text {
    text: String,
    /// Something else came after it, so that what comes next is another text.
    is_over: bool,
}

impl Text {
    /// It goes on.
    pub(crate) fn add(&mut self, piece: &str) {
        if std::mem::take(&mut self.is_over) {
            self.text.clear();
        }
        self.text.push_str(piece);
        if self.text.len() > KEPT {
            let cut = self.text.ceil_char_boundary(self.text.len() - KEPT / 2);
            self.text.drain(..cut);
        }
    }

    /// Something else happens: what comes next is another text.
    pub(crate) const fn is_over(&mut self) {
        self.is_over = true;
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its last lines, without their markup: one that was cut could not be shown.
    fn tail(&self) -> String {
        let text = markdown::styled(&self.text).text;
        let text = text.trim();
        let lines = text.rmatch_indices('\n').nth(TAIL_LINES - 1).map_or(0, |(at, _)| at + 1);
        let chars = text.char_indices().rev().nth(TAIL_CHARS - 1).map_or(0, |(at, _)| at);
        let from = lines.max(chars);
        let tail = text[from..].trim_start();
        if from == 0 {
            return markdown::escape(tail);
        }
        // A word that was cut is none.
        let tail = match tail.split_once(char::is_whitespace) {
            Some((_, rest)) if chars > lines => rest,
            _ => tail,
        };
        format!("…{}", markdown::escape(tail))
    }
}

/// The answer of a run that is being written.
#[derive(Debug)]
pub(super) struct Written {
    text: watch::Sender<Text>,
    is_shown: bool,
    is_on_card: AtomicBool,
}

impl Written {
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            text: watch::Sender::default(),
            is_shown: stage != Stage::None,
            is_on_card: AtomicBool::new(stage == Stage::Card),
        }
    }

    /// The engine wrote on. Says whether the progress message looks different by it.
    pub(super) fn wrote(&self, piece: &str) -> bool {
        if self.is_shown {
            self.text.send_modify(|text| text.add(piece));
        }
        self.is_on_card.load(Ordering::Relaxed)
    }

    /// The engine did something else.
    pub(super) fn acted(&self) {
        // Nothing new is to be shown.
        self.text.send_if_modified(|text| {
            text.is_over();
            false
        });
    }

    /// The text, for who shows it elsewhere.
    pub(super) fn subscribe(&self) -> watch::Receiver<Text> {
        self.text.subscribe()
    }

    /// It can be shown nowhere else than in the progress message.
    pub(super) fn move_to_card(&self) {
        self.is_on_card.store(true, Ordering::Relaxed);
    }

    /// What the progress message shows of it.
    pub(super) fn on_card(&self) -> Option<String> {
        let is_on_card = self.is_on_card.load(Ordering::Relaxed);
        is_on_card.then(|| self.text.borrow().tail()).filter(|tail| !tail.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_text_ends_where_something_else_happens_and_does_not_grow_for_ever() {
        let mut text = Text::default();
        text.add("I ");
        text.add("look");
        assert_eq!(text.as_str(), "I look");
        text.is_over();
        text.add("Done");
        assert_eq!(text.as_str(), "Done");
        for _ in 0..KEPT {
            text.add("ä");
        }
        assert!(text.as_str().len() <= KEPT && text.as_str().ends_with("ää"));
    }

    #[test]
    fn a_progress_message_shows_the_end_of_it() {
        let written = Written::new(Stage::Card);
        assert_eq!(written.on_card(), None);
        assert!(written.wrote("I **look** at [it]"));
        assert_eq!(written.on_card().as_deref(), Some("I look at \\[it]"));
        written.wrote(&"\n\none".repeat(20));
        let tail = written.on_card().unwrap();
        assert!(tail.starts_with("…one") && tail.lines().count() <= TAIL_LINES, "{tail:?}");
        written.acted();
        written.wrote(&"word ".repeat(1000));
        let tail = written.on_card().unwrap();
        assert!(tail.starts_with("…word word") && tail.chars().count() <= TAIL_CHARS, "{tail:?}");
        written.acted();
        written.wrote(&"ä".repeat(5000));
        assert_eq!(written.on_card().unwrap().chars().count(), TAIL_CHARS + 1);
    }

    #[test]
    fn it_is_seen_where_that_fits_or_is_wished() {
        let edits = || Capabilities::none().edit(Duration::from_secs(1));
        let (tells, silent) = (EngineCapabilities::none().with_live_text(), EngineCapabilities::none());
        let many = People::listed(["p"]);
        let check = |wish, chat: &Capabilities, people: &People, engine, expected| {
            assert_eq!(Stage::of(wish, chat, people, engine), expected, "{wish:?} {people:?}");
        };
        check(LiveText::WhereItFits, &edits().drafts(), &many, &tells, Stage::Draft);
        check(LiveText::WhereItFits, &edits().drafts(), &many, &silent, Stage::None);
        check(LiveText::WhereItFits, &edits(), &many, &tells, Stage::None);
        check(LiveText::Shown, &edits().drafts(), &many, &silent, Stage::Draft);
        check(LiveText::Shown, &edits(), &many, &tells, Stage::Card);
        check(LiveText::Shown, &edits(), &People::Local, &tells, Stage::None);
        check(LiveText::Shown, &Capabilities::none(), &many, &tells, Stage::None);
        check(LiveText::Hidden, &edits().drafts(), &many, &tells, Stage::None);
    }
}
