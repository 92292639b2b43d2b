//! Cutting a page into messages that are short enough.
//!
//! It is the page that is cut and not its markdown, so each part has the entities that the whole has there: a block of
//! code goes on as one of the same language, and nothing that was text becomes markup.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use super::page::{Finished, Place, Span};
use super::{Entity, EntityKind, MAX_ENTITIES, MAX_TEXT, Rendered, clean};

/// A character may have two units.
const LEAST: usize = 2;

/// Cuts a page into messages, each with something that is seen: none if there is nothing.
pub(super) fn parts(page: &Finished, limit: usize) -> Vec<Rendered> {
    let limit = limit.clamp(LEAST, MAX_TEXT);
    let mut cutter = Cutter { page, limit, at: Place::default(), next: 0, carried: Vec::new() };
    let mut parts = Vec::new();
    while let Some(part) = cutter.next_part() {
        if clean::is_visible(&part.text) {
            parts.push(part);
        }
    }
    parts
}

/// The begin of a page that fits, and whether that is all of it.
pub(super) fn begin(page: Finished, limit: usize) -> (Finished, bool) {
    if limit < LEAST {
        return (Finished::default(), page.text.is_empty());
    }
    let cutter = Cutter { page: &page, limit, at: Place::default(), next: 0, carried: Vec::new() };
    let Some(window) = cutter.window(usize::MAX) else { return (page, true) };
    // Behind a word, if that is not far; else what could be shown would be lost.
    let end = cutter.anywhere(window);
    let word = page.text[..end].rfind(char::is_whitespace).filter(|&word| word > end - end / 8);
    let text = page.text[..word.unwrap_or(end)].trim_end().to_owned();
    let spans = page.spans.into_iter().filter_map(|span| clipped(&span, 0..text.len(), &page.text)).collect();
    (Finished { text, spans }, false)
}

/// The entities that a message can have: those that tell least are left out, the last ones first.
pub(super) fn keep_most_telling(page: &mut Finished) {
    let Some(mut excess) = page.spans.len().checked_sub(MAX_ENTITIES).filter(|&excess| excess > 0) else {
        return;
    };
    let mut least: Vec<usize> = (0..page.spans.len()).collect();
    least.sort_by_key(|&index| (worth(&page.spans[index].kind), std::cmp::Reverse(index)));
    least.truncate(excess);
    least.sort_unstable();
    let mut index = 0;
    page.spans.retain(|_| {
        let is_left_out = excess > 0 && least.binary_search(&index).is_ok();
        excess -= usize::from(is_left_out);
        index += 1;
        !is_left_out
    });
}

/// How much is lost with an entity.
const fn worth(kind: &EntityKind) -> u8 {
    match kind {
        EntityKind::Underline => 0,
        EntityKind::Italic => 1,
        EntityKind::Bold => 2,
        EntityKind::Code => 3,
        EntityKind::Blockquote => 4,
        EntityKind::Strikethrough => 5,
        EntityKind::Pre { .. } => 6,
        EntityKind::TextLink { .. } => 7,
        // Somebody did not want it to be seen.
        EntityKind::Spoiler => 8,
    }
}

struct Cutter<'a> {
    page: &'a Finished,
    limit: usize,
    /// Where the rest begins.
    at: Place,
    /// The first entity that begins in the rest.
    next: usize,
    /// The entities before it that reach into the rest.
    carried: Vec<usize>,
}

impl Cutter<'_> {
    fn next_part(&mut self) -> Option<Rendered> {
        self.skip_blanks();
        let text = &self.page.text;
        if self.at.byte >= text.len() {
            return None;
        }
        let cut = match self.window(MAX_ENTITIES.saturating_sub(self.carried.len())) {
            None => text.len(),
            Some(window) => self.cut(window),
        };
        let kept = text[..cut].trim_end().len().max(self.at.byte);
        let first = self.next;
        self.next += self.page.spans[first..].partition_point(|span| span.start.byte < cut);
        let entities = self.carried.iter().copied().chain(first..self.next).filter_map(|index| {
            let Span { start, end, kind } =
                clipped(&self.page.spans[index], self.at.byte..kept, &self.page.text)?;
            Some(Entity { kind, offset: start.unit - self.at.unit, length: end.unit - start.unit })
        });
        let part = Rendered { text: text[self.at.byte..kept].to_owned(), entities: entities.collect() };
        self.carried.extend(first..self.next);
        self.carried.retain(|&index| self.page.spans[index].end.byte > cut);
        self.go_to(cut);
        Some(part)
    }

    fn go_to(&mut self, byte: usize) {
        let unit = self.at.unit + clean::units(&self.page.text[self.at.byte..byte]);
        self.at = Place { byte, unit };
    }

    /// Leaves out blanks, but not those before the first line of code that is seen.
    fn skip_blanks(&mut self) {
        let text = &self.page.text;
        let rest = &text[self.at.byte..];
        let seen = text.len() - rest.trim_start().len();
        let code = self.begun(seen + 1).find(|span| is_code_block(span) && seen < span.end.byte);
        let begin = match code {
            Some(code) => {
                let line = text[..seen].rfind('\n').map_or(0, |at| at + 1);
                line.max(code.start.byte).max(self.at.byte)
            }
            None => seen,
        };
        self.go_to(begin);
    }

    /// Entities of the rest that begin before a place.
    fn begun(&self, byte: usize) -> impl Iterator<Item = &Span> {
        let carried = self.carried.iter().map(|&index| &self.page.spans[index]);
        carried.chain(self.page.spans[self.next..].iter().take_while(move |span| span.start.byte < byte))
    }

    /// How far a message can reach; `None` if that is to the end.
    fn window(&self, entities: usize) -> Option<usize> {
        let rest = &self.page.text[self.at.byte..];
        let mut units = 0;
        let by_text = rest.char_indices().find_map(|(at, c)| {
            units += c.len_utf16();
            (units > self.limit).then_some(self.at.byte + at)
        });
        let by_entities = self
            .page
            .spans
            .get(self.next.saturating_add(entities))
            .map(|span| span.start.byte)
            .filter(|&byte| byte > self.at.byte);
        match (by_text, by_entities) {
            (Some(text), Some(entities)) => Some(text.min(entities)),
            (text, entities) => text.or(entities),
        }
    }

    /// The best place for a cut that is not behind the window: between blocks, between lines, before a block that fits
    /// into a message of its own, in a block, between words, anywhere.
    fn cut(&self, window: usize) -> usize {
        let start = self.at.byte;
        let part = &self.page.text[start..];
        let room = window - start;
        // A break right behind the window is as good as one in it.
        let reach = part.len().min(room + 1 + usize::from(part[room..].starts_with("\n\n")));
        let reach = (reach..=part.len()).find(|&at| part.is_char_boundary(at)).unwrap_or(part.len());
        let spans: Vec<&Span> = self.begun(window).collect();
        let breaks = |mark: &'static str, least: usize| {
            part[..reach]
                .rmatch_indices(mark)
                .map(move |(at, _)| start + at)
                .filter(move |&at| at <= window && at > start)
                .take_while(move |&at| at - start >= least)
        };
        let is_in = |at: usize, is: fn(&Span) -> bool| {
            spans.iter().any(|span| is(span) && span.start.byte < at && at < span.end.byte)
        };
        let outside = |at: &usize| !is_in(*at, |_| true);
        let in_blocks = |at: &usize| !is_in(*at, |span| !is_block(span));
        // The begin of what would be torn, if it fits into a message.
        let before = |is: fn(&Span) -> bool| {
            spans
                .iter()
                .filter(|span| is(span) && span.start.byte < window && window < span.end.byte)
                .filter(|span| span.start.byte > start && span.end.unit - span.start.unit <= self.limit)
                .map(|span| span.start.byte)
                .min()
        };
        breaks("\n\n", room / 2)
            .find(outside)
            .or_else(|| breaks("\n", room / 2).find(outside))
            .or_else(|| before(is_block))
            .or_else(|| breaks("\n", room / 8).find(outside))
            .or_else(|| breaks("\n", room / 4).find(in_blocks))
            .or_else(|| breaks(" ", room / 4).find(in_blocks))
            .or_else(|| before(|span| !is_block(span)))
            .or_else(|| breaks("\n", 1).next())
            .or_else(|| breaks(" ", 1).next())
            .unwrap_or_else(|| self.anywhere(window))
    }

    /// Between two characters as people see them, if they are not longer than a message.
    fn anywhere(&self, window: usize) -> usize {
        let part = &self.page.text[self.at.byte..];
        let room = window - self.at.byte;
        let mut cursor = GraphemeCursor::new(room, part.len(), true);
        let boundary = match cursor.is_boundary(part, 0) {
            Ok(true) => Ok(Some(room)),
            Ok(false) => cursor.prev_boundary(part, 0),
            Err(error) => Err(error),
        };
        match boundary {
            Ok(Some(at)) if at > 0 => self.at.byte + at,
            _ => window,
        }
    }
}

/// The part of an entity that lies in a range of the text.
fn clipped(span: &Span, range: Range<usize>, text: &str) -> Option<Span> {
    let Span { start, end, kind } = span;
    let (begin, close) = (start.byte.max(range.start), end.byte.min(range.end));
    if begin >= close {
        return None;
    }
    let units = |range: Range<usize>| clean::units(&text[range]);
    let mut span = Span {
        start: Place { byte: begin, unit: start.unit + units(start.byte..begin) },
        end: Place { byte: close, unit: end.unit - units(close..end.byte) },
        kind: kind.clone(),
    };
    span.trim(text).then_some(span)
}

const fn is_block(span: &Span) -> bool {
    matches!(span.kind, EntityKind::Pre { .. } | EntityKind::Blockquote)
}

pub(super) const fn is_code_block(span: &Span) -> bool {
    matches!(span.kind, EntityKind::Pre { .. })
}
