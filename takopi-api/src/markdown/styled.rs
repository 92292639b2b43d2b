//! Markdown as a text and marks on it: what a chat system needs that has styles of its own.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::table;

/// Quotes and lists within each other are followed so far: each level costs something in each of its lines.
const DEEPEST: usize = 8;

/// What a part of a text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Markup {
    /// Strong emphasis.
    Bold,
    /// Emphasis.
    Italic,
    /// Struck through.
    Strike,
    /// A code span.
    Code,
    /// A block of code, or a table.
    CodeBlock {
        /// Its language; empty if nothing says.
        language: String,
    },
    /// A quote.
    Quote,
    /// A heading.
    Heading {
        /// 1 is the highest, 6 the lowest.
        level: u8,
    },
    /// A link or an image.
    Link {
        /// Where to. Nobody looked whether it is an address at all.
        url: String,
    },
}

/// A part of a text that is something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Where, in bytes of UTF-8. Never empty.
    pub range: Range<usize>,
    /// What it is.
    pub markup: Markup,
}

/// A text without markup, and marks that say what its parts are. Marks lie apart or within each other, sorted by where
/// they begin, the outer one first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Styled {
    /// The text.
    pub text: String,
    /// What its parts are.
    pub marks: Vec<Mark>,
}

impl Styled {
    /// With what marks alone would say written out: quotes begin with `> `, and links name their address.
    #[must_use]
    pub fn spelled_out(&self) -> Self {
        let mut additions: Vec<(usize, String)> = Vec::new();
        for Mark { range, markup } in &self.marks {
            let part = &self.text[range.clone()];
            match markup {
                Markup::Quote => {
                    let begins = part.match_indices('\n').map(|(at, _)| range.start + at + 1);
                    let begins = std::iter::once(range.start).chain(begins.filter(|&at| at < range.end));
                    additions.extend(begins.map(|at| (at, "> ".to_owned())));
                }
                Markup::Link { url } if !url.is_empty() && url != part => {
                    additions.push((range.end, format!(" ({url})")));
                }
                _ => {}
            }
        }
        additions.sort_by_key(|(at, _)| *at);
        let mut text = String::with_capacity(self.text.len());
        let mut last = 0;
        for (at, addition) in &additions {
            text.push_str(&self.text[last..*at]);
            text.push_str(addition);
            last = *at;
        }
        text.push_str(&self.text[last..]);
        let mut total = 0;
        let moved: Vec<_> = additions
            .iter()
            .map(|(at, addition)| {
                total += addition.len();
                (*at, total)
            })
            .collect();
        let added = |count: usize| count.checked_sub(1).map_or(0, |last| moved[last].1);
        let marks = self.marks.iter().map(|Mark { range, markup }| {
            // What is added where a mark begins stands before it, and what is added where it ends behind it.
            let start = range.start + added(moved.partition_point(|(at, _)| *at <= range.start));
            let end = range.end + added(moved.partition_point(|(at, _)| *at < range.end));
            Mark { range: start..end, markup: markup.clone() }
        });
        Self { marks: marks.collect(), text }
    }
}

/// Reads CommonMark with tables and struck-through text, and keeps line breaks as they are.
#[must_use]
pub fn styled(text: &str) -> Styled {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, options) {
        builder.event(event);
    }
    builder.finish()
}

#[derive(Default)]
struct Builder {
    out: Styled,
    /// Marks that are open, and where they begin once there is text.
    open: Vec<(Option<Markup>, Option<usize>)>,
    /// The number of the next item of each list, if it has numbers.
    lists: Vec<Option<u64>>,
    /// How wide the signs of the items are in which the text stands.
    indents: Vec<usize>,
    quotes: usize,
    /// Whether the sign of an item was written last.
    is_item_begin: bool,
    is_in_code: bool,
    rows: Vec<Vec<String>>,
    /// The cell that is being read.
    cell: Option<String>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.push(&text),
            Event::Code(code) => {
                self.open(Some(Markup::Code));
                self.push(&code);
                self.close();
            }
            Event::SoftBreak | Event::HardBreak => self.push("\n"),
            Event::Rule => {
                self.block();
                self.push("⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯");
            }
            Event::TaskListMarker(is_done) => self.push(if is_done { "[x] " } else { "[ ] " }),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.push(&text);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                self.open(Some(Markup::Heading { level: number(level) }));
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.quotes += 1;
                self.open((self.quotes <= DEEPEST).then_some(Markup::Quote));
            }
            Tag::CodeBlock(kind) => {
                self.block();
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info,
                    CodeBlockKind::Indented => "".into(),
                };
                let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                self.open(Some(Markup::CodeBlock { language }));
                self.is_in_code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.line();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.open(Some(Markup::Italic)),
            Tag::Strong => self.open(Some(Markup::Bold)),
            Tag::Strikethrough => self.open(Some(Markup::Strike)),
            Tag::Link { dest_url, .. } => self.open(Some(Markup::Link { url: dest_url.into_string() })),
            Tag::Image { dest_url, .. } => {
                self.open(Some(Markup::Link { url: dest_url.into_string() }));
                self.push("🖼️ ");
            }
            Tag::Table(_) => self.rows.clear(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::TableCell => self.cell = Some(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_)
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image => self.close(),
            TagEnd::BlockQuote(_) => {
                self.quotes -= 1;
                self.close();
            }
            TagEnd::CodeBlock => {
                self.is_in_code = false;
                self.close();
            }
            TagEnd::List(_) => _ = self.lists.pop(),
            TagEnd::Item => {
                self.indents.pop();
                self.is_item_begin = false;
            }
            TagEnd::TableCell => {
                if let (Some(row), Some(cell)) = (self.rows.last_mut(), self.cell.take()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let text = table::lay_out(&std::mem::take(&mut self.rows));
                self.block();
                self.open(Some(Markup::CodeBlock { language: String::new() }));
                self.is_in_code = true;
                self.push(&text);
                self.is_in_code = false;
                self.close();
            }
            _ => {}
        }
    }

    fn item(&mut self) {
        self.line();
        let sign = match self.lists.last_mut() {
            Some(Some(number)) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                sign
            }
            _ => "- ".to_owned(),
        };
        self.push(&sign);
        self.indents.push(if self.indents.len() < DEEPEST { sign.len() } else { 0 });
        self.is_item_begin = true;
    }

    /// Begins a block: a blank line apart from what is before it, but on the line of an item's sign.
    fn block(&mut self) {
        if self.is_item_begin {
            return;
        }
        let end = self.out.text.trim_end_matches('\n').len();
        self.out.text.truncate(end);
        if end > 0 {
            self.out.text.push_str("\n\n");
        }
    }

    /// Begins a line.
    fn line(&mut self) {
        self.is_item_begin = false;
        if !self.out.text.is_empty() && !self.out.text.ends_with('\n') {
            self.out.text.push('\n');
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(cell) = &mut self.cell {
            cell.push_str(text);
            return;
        }
        if text.is_empty() {
            return;
        }
        self.is_item_begin = false;
        let is_line_begin = self.out.text.is_empty() || self.out.text.ends_with('\n');
        if is_line_begin && !self.is_in_code && text != "\n" {
            self.out.text.extend(std::iter::repeat_n(' ', self.indents.iter().sum()));
        }
        let at = self.out.text.len();
        for (_, start) in self.open.iter_mut().rev().take_while(|(_, start)| start.is_none()) {
            *start = Some(at);
        }
        self.out.text.push_str(text);
    }

    fn open(&mut self, markup: Option<Markup>) {
        // A cell is text.
        if self.cell.is_none() {
            self.open.push((markup, None));
        }
    }

    fn close(&mut self) {
        if self.cell.is_some() {
            return;
        }
        let Some((Some(markup), Some(start))) = self.open.pop() else { return };
        let end = self.out.text.trim_end_matches('\n').len();
        if start < end {
            self.out.marks.push(Mark { range: start..end, markup });
        }
    }

    fn finish(self) -> Styled {
        let Styled { mut text, mut marks } = self.out;
        text.truncate(text.trim_end_matches('\n').len());
        // They were closed from the inside out. What begins together is sorted by how far it reaches.
        marks.sort_by_key(|Mark { range, .. }| (range.start, std::cmp::Reverse(range.end)));
        Styled { text, marks }
    }
}

const fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests;
