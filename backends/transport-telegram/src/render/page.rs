//! A text that is being written, and the entities on it.

use std::cmp::Reverse;

use super::clean::{self, Look};
use super::{Entity, EntityKind, Rendered, spoiler};

/// A place in a text, counted in both ways: bytes to cut at, units to tell the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) byte: usize,
    pub(super) unit: usize,
}

/// A part of a text that is something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Place,
    pub(super) end: Place,
    pub(super) kind: EntityKind,
}

/// An entity that has not ended yet.
#[derive(Debug)]
struct Open {
    kind: EntityKind,
    /// Where it begins, once there is text. Code takes it back: what is open goes on behind the code.
    start: Option<Place>,
}

/// A page on which is written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    units: usize,
    /// In the order in which they ended. None lies in code, and none ends or begins with blanks.
    spans: Vec<Span>,
    /// Few: nobody opens the same thing twice.
    open: Vec<Open>,
    /// Where the paragraph begins that is being written, and how many spans there were.
    paragraph: (Place, usize),
    has_bar: bool,
}

/// A page that is full.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) text: String,
    /// Sorted by where they begin, the outer ones first.
    pub(super) spans: Vec<Span>,
}

impl Page {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn here(&self) -> Place {
        Place { byte: self.text.len(), unit: self.units }
    }

    pub(super) fn is_line_begin(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// How many entities have ended so far.
    pub(super) const fn ended(&self) -> usize {
        self.spans.len()
    }

    /// Writes a text. What is open begins here if it has not begun.
    pub(super) fn push(&mut self, text: &str) {
        let here = self.here();
        for open in &mut self.open {
            open.start.get_or_insert(here);
        }
        self.has_bar |= self.write(text).has_bar;
    }

    /// Writes what belongs to no entity by itself: line breaks, what stands before a line.
    pub(super) fn layout(&mut self, ascii: &str) {
        self.text.push_str(ascii);
        self.units += ascii.len();
    }

    fn write(&mut self, text: &str) -> Look {
        let look = clean::append(&mut self.text, text);
        self.units += look.units;
        look
    }

    pub(super) fn open(&mut self, kind: EntityKind) {
        self.open.push(Open { kind, start: None });
    }

    /// Ends what was opened last.
    pub(super) fn close(&mut self) {
        if let Some(Open { kind, start: Some(start) }) = self.open.pop() {
            self.span(start, self.here(), kind);
        }
    }

    /// Writes a code span.
    pub(super) fn code(&mut self, text: &str) {
        // Links have no parts.
        if self.open.iter().any(|open| matches!(open.kind, EntityKind::TextLink { .. })) {
            self.push(text);
            return;
        }
        let start = self.begin_code();
        self.push_code(text);
        self.span(start, self.here(), EntityKind::Code);
    }

    /// Begins code. There is nothing in code, and it is in nothing but quotes, so what is open ends before it, and goes on
    /// behind it.
    pub(super) fn begin_code(&mut self) -> Place {
        let start = self.here();
        self.interrupt(start);
        start
    }

    /// Writes a piece of code.
    pub(super) fn push_code(&mut self, text: &str) {
        self.write(text);
    }

    /// Ends a block of code. Of one without anything to see nothing is left.
    pub(super) fn end_code_block(&mut self, start: Place, language: Option<String>) {
        let code = &self.text[start.byte..];
        let kept = code.trim_end();
        // White space has one unit a character.
        self.units -= code[kept.len()..].chars().count();
        self.shorten(start.byte + kept.len());
        self.span(start, self.here(), EntityKind::Pre { language });
    }

    /// Makes code of what was written since a place. There must be no entity in it.
    pub(super) fn code_since(&mut self, start: Place) {
        self.interrupt(start);
        self.span(start, self.here(), EntityKind::Code);
    }

    fn interrupt(&mut self, at: Place) {
        let mut open = std::mem::take(&mut self.open);
        for Open { kind, start } in open.iter_mut().rev() {
            if *kind == EntityKind::Blockquote {
                start.get_or_insert(at);
            } else if let Some(start) = start.take()
                && start.byte < at.byte
            {
                self.span(start, at, kind.clone());
            }
        }
        self.open = open;
    }

    /// An entity, without the blanks at its ends; none if there is nothing else.
    fn span(&mut self, start: Place, end: Place, kind: EntityKind) {
        let mut span = Span { start, end, kind };
        if span.trim(&self.text) {
            self.spans.push(span);
        }
    }

    /// Takes line breaks off the end.
    pub(super) fn trim_line_breaks(&mut self) {
        let kept = self.text.trim_end_matches('\n').len();
        self.units -= self.text.len() - kept;
        self.shorten(kept);
    }

    /// Takes ASCII off the end that was written as layout just before.
    pub(super) fn take_back(&mut self, ascii: usize) {
        self.units = self.units.saturating_sub(ascii);
        self.shorten(self.text.len().saturating_sub(ascii));
    }

    fn shorten(&mut self, kept: usize) {
        self.text.truncate(kept);
        if self.paragraph.0.byte > kept {
            self.paragraph.0 = self.here();
        }
    }

    /// Ends a paragraph: only now is it known which `||` belong together.
    pub(super) fn end_paragraph(&mut self) {
        let (start, first) = self.paragraph;
        if self.has_bar && spoiler::reveal(&mut self.text, start, &mut self.spans, first) {
            self.units = start.unit + clean::units(&self.text[start.byte..]);
        }
        self.has_bar = false;
        self.paragraph = (self.here(), self.spans.len());
    }

    /// Takes everything over from a page that is full.
    pub(super) fn append(&mut self, mut other: Finished) {
        let at = self.here();
        self.write(&other.text);
        other.spans.reverse();
        let moved = |place: Place| Place { byte: at.byte + place.byte, unit: at.unit + place.unit };
        self.spans.extend(other.spans.into_iter().map(|Span { start, end, kind }| Span {
            start: moved(start),
            end: moved(end),
            kind,
        }));
        self.has_bar = false;
        self.paragraph = (self.here(), self.spans.len());
    }

    pub(super) fn finish(mut self) -> Finished {
        self.text.truncate(self.text.trim_end().len());
        self.spans.sort_by_key(|span| (span.start.byte, Reverse(span.end.byte)));
        // Of those on the same part the outer one ended last.
        let is_same = |one: &Span, other: &Span| one.start == other.start && one.end == other.end;
        self.spans.chunk_by_mut(is_same).for_each(<[Span]>::reverse);
        Finished { text: self.text, spans: self.spans }
    }
}

impl Span {
    /// Leaves out blanks at its ends, and says whether there is anything else. Blanks before a block of code are a part of
    /// it, and of a quote around it.
    pub(super) fn trim(&mut self, text: &str) -> bool {
        let Self { start, end, kind } = self;
        let part = text.get(start.byte..end.byte).unwrap_or_default();
        let kept = part.trim_end();
        // White space has one unit a character.
        end.unit -= part[kept.len()..].chars().count();
        end.byte -= part.len() - kept.len();
        if !matches!(kind, EntityKind::Pre { .. } | EntityKind::Blockquote) {
            let blanks = &kept[..kept.len() - kept.trim_start().len()];
            start.unit += blanks.chars().count();
            start.byte += blanks.len();
        }
        !kept.is_empty()
    }
}

impl Finished {
    /// All of it, as one text.
    pub(super) fn whole(self) -> Rendered {
        let entities = self.spans.into_iter().map(|Span { start, end, kind }| Entity {
            kind,
            offset: start.unit,
            length: end.unit - start.unit,
        });
        Rendered { entities: entities.collect(), text: self.text }
    }
}
