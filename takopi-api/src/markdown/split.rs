//! Cutting a text to what fits into a message.

use std::ops::Range;
use std::rc::Rc;

use unicode_segmentation::GraphemeCursor;

use super::fence::{Fence, Fences, Role};
use crate::transport::{TextLimit, TextUnit};

const ELLIPSIS: &str = "…";

/// How many bytes a character has at most. Texts with so many more bytes are not counted: they are too long.
const MOST_BYTES: usize = 4;

/// Cuts a text into messages, at least one, each of which keeps to the limit.
///
/// Paragraphs stay whole where they fit, else lines, else words. A message that ends in a code fence closes it, and the
/// next one opens it again with the same line; these lines count, and no fence is left empty. Between two messages
/// blanks and line breaks are lost, and nothing else. A limit smaller than one character can not be kept; one that is
/// too small for the lines of a fence leaves fences as they are.
#[must_use]
pub fn split(text: &str, limit: TextLimit) -> Vec<String> {
    let lines = lines(text, limit);
    let whole = closed(text, &lines);
    if limit.admits(&whole) {
        return vec![whole];
    }
    let mut splitter = Splitter { text, limit, lines, line: 0, at: 0 };
    let mut messages = Vec::new();
    while let Some(chunk) = splitter.next_chunk() {
        messages.push(chunk.message(text));
    }
    if messages.is_empty() { vec![String::new()] } else { messages }
}

/// Cuts what is too long off a text, and says so with `…`. A code fence that is open there is closed first.
#[must_use]
pub fn trim(text: &str, limit: TextLimit) -> String {
    // A text that is far over the limit is not looked through for its fences.
    if limit.admits(text) {
        let whole = closed(text, &lines(text, limit));
        if limit.admits(&whole) {
            return whole;
        }
    }
    let Some(mut room) = limit.max.checked_sub(limit.unit.count(ELLIPSIS)) else { return String::new() };
    loop {
        let mut kept = text[..fitting(text, room, limit.unit)].trim_end();
        let mut lines = lines(kept, limit);
        let is_nothing = |last: &mut Line| last.is_blank || last.role == Role::Opens && last.after.is_some();
        while let Some(last) = lines.pop_if(is_nothing) {
            kept = kept[..last.start.min(kept.len())].trim_end();
        }
        let is_code_end = lines.last().is_some_and(|last| last.after.is_some() || last.role == Role::Closes);
        // Behind the marks of a fence it would be taken for a part of them.
        let separator = if is_code_end { "\n" } else { "" };
        let cut = format!("{}{separator}{ELLIPSIS}", closed(kept, &lines));
        match limit.unit.count(&cut).checked_sub(limit.max) {
            None | Some(0) => return cut,
            Some(over) => room = room.saturating_sub(over),
        }
    }
}

/// A text with the fence closed that is open at its end.
fn closed(text: &str, lines: &[Line]) -> String {
    match lines.last().and_then(|line| line.after.as_deref()) {
        Some(wrap) => with_fences(text.trim_end(), None, Some(wrap)),
        None => text.to_owned(),
    }
}

/// The lines that a cut within a fence adds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrap {
    opening: String,
    closing: String,
}

impl Wrap {
    /// `None` if they would take more than half of a message.
    fn new(fence: &Fence<'_>, limit: TextLimit) -> Option<Self> {
        let closing = fence.closing();
        [fence.opening.to_owned(), fence.bare()]
            .into_iter()
            .map(|opening| Self { opening, closing: closing.clone() })
            .find(|wrap| wrap.opening_cost(limit.unit) + wrap.closing_cost(limit.unit) <= limit.max / 2)
    }

    fn opening_cost(&self, unit: TextUnit) -> usize {
        unit.count(&self.opening) + 1
    }

    fn closing_cost(&self, unit: TextUnit) -> usize {
        unit.count(&self.closing) + 1
    }
}

/// A line of the text.
#[derive(Debug)]
struct Line {
    start: usize,
    /// Without the line break.
    end: usize,
    role: Role,
    is_blank: bool,
    /// The fence in which it lies or which it opens.
    after: Option<Rc<Wrap>>,
}

/// The lines of a text, without blank ones at its end.
fn lines(text: &str, limit: TextLimit) -> Vec<Line> {
    let mut fences = Fences::default();
    let mut wrap = None;
    let mut start = 0;
    text.trim_end()
        .split('\n')
        .map(|line| {
            let role = fences.line(line);
            match role {
                Role::Opens => {
                    wrap = fences.open().and_then(|fence| Wrap::new(fence, limit)).map(Rc::new);
                }
                Role::Text | Role::Closes => wrap = None,
                Role::Code => {}
            }
            let end = start + line.len();
            let this = Line { start, end, role, is_blank: line.trim().is_empty(), after: wrap.clone() };
            start = end + 1;
            this
        })
        .collect()
}

fn with_fences(content: &str, opened: Option<&Wrap>, closed: Option<&Wrap>) -> String {
    let mut text = String::with_capacity(content.len() + 16);
    if let Some(wrap) = opened {
        text.push_str(&wrap.opening);
        text.push('\n');
    }
    text.push_str(content);
    if let Some(wrap) = closed {
        text.push('\n');
        text.push_str(&wrap.closing);
    }
    text
}

struct Splitter<'a> {
    text: &'a str,
    limit: TextLimit,
    lines: Vec<Line>,
    /// The line in which the rest begins.
    line: usize,
    /// Where the rest begins.
    at: usize,
}

/// A part of the text, and the fences that are added to it.
struct Chunk {
    source: Range<usize>,
    opened: Option<Rc<Wrap>>,
    closed: Option<Rc<Wrap>>,
}

impl Chunk {
    fn message(&self, text: &str) -> String {
        with_fences(&text[self.source.clone()], self.opened.as_deref(), self.closed.as_deref())
    }
}

/// Where a message ends.
struct Cut {
    /// The line in which, or at whose end.
    line: usize,
    at: usize,
}

impl Splitter<'_> {
    fn next_chunk(&mut self) -> Option<Chunk> {
        self.skip_what_is_not_seen();
        let first = self.lines.get(self.line)?;
        let opened = first.after.clone().filter(|_| first.role == Role::Code);
        let used = opened.as_ref().map_or(0, |wrap| wrap.opening_cost(self.limit.unit));
        let cut = self.cut(used);
        let line = &self.lines[cut.line];
        // A line that opens a fence and is longer than a message opens none where it is cut.
        let is_torn = line.role == Role::Opens && (cut.at < line.end || self.at > line.start);
        let closed = line.after.clone().filter(|_| !is_torn);
        let mut chunk = Chunk { source: self.at..cut.at, opened, closed };
        if !self.limit.admits(&chunk.message(self.text)) {
            chunk.closed = None;
        }
        let is_line_end = cut.at == line.end;
        self.line = if is_line_end { cut.line + 1 } else { cut.line };
        self.at = if is_line_end { line.end + 1 } else { cut.at };
        Some(chunk)
    }

    /// Goes to the next thing that people see: blank lines at a message's beginning are none, nor is the end of a fence
    /// that the message before has closed.
    fn skip_what_is_not_seen(&mut self) {
        while let Some(line) = self.lines.get(self.line) {
            let is_whole = self.at == line.start;
            let skipped = match line.role {
                _ if !is_whole => usize::from(self.text[self.at..line.end].trim().is_empty()),
                Role::Text => usize::from(line.is_blank),
                Role::Code if line.after.is_some() => {
                    let rest = &self.lines[self.line..];
                    let blank =
                        rest.iter().take_while(|line| line.role == Role::Code && line.is_blank).count();
                    if rest.get(blank).is_none_or(|line| line.role != Role::Code) { blank } else { 0 }
                }
                Role::Closes => usize::from(self.line > 0 && self.lines[self.line - 1].after.is_some()),
                Role::Opens | Role::Code => 0,
            };
            if skipped == 0 {
                return;
            }
            self.line += skipped;
            self.at = self.lines.get(self.line).map_or(self.text.len(), |line| line.start);
        }
    }

    /// Where the message that begins here ends, if so much of it is used already.
    fn cut(&self, used: usize) -> Cut {
        let first = &self.lines[self.line];
        if first.role == Role::Opens && self.at > first.start {
            return self.cut_within(self.line, None, used);
        }
        let (line_end, paragraph_end) = self.last_ends(used);
        let at_end = |line: usize| Cut { line, at: self.lines[line].end };
        if let Some(end) = paragraph_end
            && self.fits_alone(end + 1, self.paragraph_end(end + 1))
        {
            return at_end(end);
        }
        let mut next = line_end.map_or(self.line, |end| end + 1);
        while self.lines.get(next).is_some_and(|line| line.is_blank) {
            next += 1;
        }
        if let Some(end) = line_end
            && (next == self.lines.len() || self.fits_alone(next, next))
        {
            return at_end(end);
        }
        self.cut_within(next, line_end, used)
    }

    /// The last line, and the last line of a paragraph, with which the message may end and still fits.
    fn last_ends(&self, mut used: usize) -> (Option<usize>, Option<usize>) {
        let unit = self.limit.unit;
        let (mut line_end, mut paragraph_end) = (None, None);
        let mut from = self.at;
        for (index, line) in self.lines.iter().enumerate().skip(self.line) {
            used += unit.count(&self.text[from..line.end]);
            if used > self.limit.max {
                break;
            }
            let closing = line.after.as_ref().map_or(0, |wrap| wrap.closing_cost(unit));
            // With a line that opens a fence it would end in an empty one.
            if !line.is_blank && line.role != Role::Opens && used + closing <= self.limit.max {
                line_end = Some(index);
                if self.ends_paragraph(index) {
                    paragraph_end = Some(index);
                }
            }
            used += 1;
            from = line.end + 1;
        }
        (line_end, paragraph_end)
    }

    /// Whether a blank line comes next, outside of fences: a fence belongs to the paragraph in which it begins.
    fn ends_paragraph(&self, line: usize) -> bool {
        let is_in_fence = matches!(self.lines[line].role, Role::Opens | Role::Code);
        !is_in_fence && self.lines.get(line + 1).is_none_or(|next| next.is_blank)
    }

    /// The last line of the paragraph that begins here or after blank lines. Of one that is far longer than a message
    /// not the last.
    fn paragraph_end(&self, line: usize) -> usize {
        let mut end = line;
        while self.lines.get(end).is_some_and(|line| line.is_blank) {
            end += 1;
        }
        let begin = self.lines.get(end).map_or(0, |line| line.start);
        while let Some(this) = self.lines.get(end)
            && !self.ends_paragraph(end)
            && (this.end - begin) / MOST_BYTES <= self.limit.max
            && end + 1 < self.lines.len()
        {
            end += 1;
        }
        end
    }

    /// Whether these lines fit into a message of their own.
    fn fits_alone(&self, first: usize, last: usize) -> bool {
        let unit = self.limit.unit;
        let (Some(from), Some(to)) = (self.lines.get(first), self.lines.get(last)) else { return true };
        let opening = from.after.as_ref().filter(|_| from.role == Role::Code);
        let content = self.text[from.start..to.end].trim_start_matches('\n');
        if content.len() / MOST_BYTES > self.limit.max {
            return false;
        }
        let fences = opening.map_or(0, |wrap| wrap.opening_cost(unit))
            + to.after.as_ref().map_or(0, |wrap| wrap.closing_cost(unit));
        fences + unit.count(content) <= self.limit.max
    }

    /// Ends the message within a line that fits into none, or before it.
    fn cut_within(&self, line: usize, line_end: Option<usize>, used: usize) -> Cut {
        let unit = self.limit.unit;
        let is_content = |line: &Line| !line.is_blank && line.role != Role::Opens;
        let (mut line, mut line_end) = (line, line_end);
        if line_end.is_none() && self.lines[line].role == Role::Opens && self.at == self.lines[line].start {
            // A fence that begins here: what is cut is its first line, unless its opening alone is too much.
            let opening = unit.count(&self.text[self.at..self.lines[line].end]);
            if opening <= self.limit.max {
                line_end = Some(line);
                line = (line + 1..self.lines.len())
                    .find(|&index| is_content(&self.lines[index]))
                    .unwrap_or(line);
            }
        }
        let target = &self.lines[line];
        let from = target.start.max(self.at);
        let closing = target.after.as_ref().map_or(0, |wrap| wrap.closing_cost(unit));
        let before = used + unit.count(&self.text[self.at..from]);
        let room = self.limit.max.saturating_sub(before + closing);
        let text = &self.text[from..target.end];
        let fitting = fitting(text, room, unit);
        // A few characters at the end of a message are no help to anybody.
        let is_worth_it = fitting > 0
            && (line_end.is_none_or(|end| self.lines[end].role == Role::Opens) || room >= self.limit.max / 4);
        match line_end {
            Some(end) if !is_worth_it => Cut { line: end, at: self.lines[end].end },
            _ => {
                let overhead = closing + used;
                let at = from + at_word(text, fitting, self.limit.max.saturating_sub(overhead), unit);
                Cut { line, at }
            }
        }
    }
}

/// The last place up to `fitting` at which a word begins, unless that word is longer than a message has room for.
fn at_word(text: &str, fitting: usize, room: usize, unit: TextUnit) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    if fitting == text.len() {
        return fitting;
    }
    // Something has to go into the message.
    let fitting = fitting.max(first.len_utf8());
    let word = text[..fitting].trim_end_matches(|c: char| !c.is_whitespace()).len();
    let is_cut_at_word = word > 0 && !text[..word].trim().is_empty();
    let mut length = 0;
    let next = text[word..].chars().take_while(|c| !c.is_whitespace());
    let has_room = next.map(|c| size(c, unit)).all(|size| {
        length += size;
        length <= room
    });
    if is_cut_at_word && has_room { word } else { fitting }
}

fn size(c: char, unit: TextUnit) -> usize {
    unit.count(c.encode_utf8(&mut [0; 4]))
}

/// How many bytes of a text fit, cut where no character that people see as one is torn apart.
fn fitting(text: &str, room: usize, unit: TextUnit) -> usize {
    let mut left = room;
    let end = text.char_indices().find_map(|(at, c)| {
        left.checked_sub(size(c, unit)).map_or(Some(at), |rest| {
            left = rest;
            None
        })
    });
    let Some(end) = end else { return text.len() };
    let mut cursor = GraphemeCursor::new(end, text.len(), true);
    if cursor.is_boundary(text, 0).unwrap_or(true) {
        return end;
    }
    match cursor.prev_boundary(text, 0) {
        Ok(Some(boundary @ 1..)) => boundary,
        // One that is longer than the room.
        _ => end,
    }
}

#[cfg(test)]
mod tests;
