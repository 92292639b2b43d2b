//! From the events of the markdown parser to a page.

use std::borrow::Cow;

use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd,
};

use super::page::{Page, Place};
use super::{EntityKind, clean, link, table};

/// Lists and quotes within each other are moved to the right so far: each level costs something in each of its lines.
const DEEPEST: usize = 8;

const RULE: &str = "⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯";

/// Reads CommonMark with tables, task lists, footnotes, struck-through text and spoilers, keeps line breaks as they are,
/// and leaves HTML and formulas as they stand.
pub(super) fn write(page: &mut Page, markdown: &str) {
    write_events(page, markdown, events(markdown));
}

/// What the parser says of markdown, each with where that begins.
pub(super) fn events(markdown: &str) -> impl Iterator<Item = (Event<'_>, usize)> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(markdown, options).into_offset_iter().map(|(event, range)| (event, range.start))
}

/// Writes what some of the events of markdown say.
pub(super) fn write_events<'a>(
    page: &mut Page,
    markdown: &'a str,
    events: impl IntoIterator<Item = (Event<'a>, usize)>,
) {
    let mut writer = Writer::new(page, markdown);
    for (event, at) in events {
        writer.event(event, at);
    }
    page.end_paragraph();
}

/// How often each style is open: it is opened once.
#[derive(Debug, Default)]
struct Styles {
    bold: usize,
    italic: usize,
    strikethrough: usize,
    quote: usize,
}

/// A link or an image that has not ended.
#[derive(Debug)]
struct OpenLink<'a> {
    url: CowStr<'a>,
    form: LinkForm,
    /// Where its label begins, and how many entities there were.
    label: (Place, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinkForm {
    /// Its label is an entity.
    Entity,
    /// Its address is no link, and is written behind the label.
    Written,
    /// It lies in another one, or the app finds it by itself.
    Label,
}

/// A table that is being read.
#[derive(Debug)]
struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Writer<'p, 'a> {
    page: &'p mut Page,
    source: &'a str,
    styles: Styles,
    /// The number of the next item of each list, if it has numbers.
    lists: Vec<Option<u64>>,
    /// What stands before each line here: blanks as wide as the signs of items, and the signs of quotes within quotes.
    before: String,
    /// How long that was, for each item and quote.
    levels: Vec<usize>,
    /// The sign of the item that was written last, if nothing followed it.
    sign: Option<usize>,
    links: Vec<OpenLink<'a>>,
    table: Option<Table>,
    /// The cell that is being read.
    cell: Option<String>,
    /// Where the code block begins that is being read, and its language.
    code: Option<(Place, Option<String>)>,
    /// For each open strike-through, whether it has one tilde only, which is text.
    tildes: Vec<bool>,
}

impl<'p, 'a> Writer<'p, 'a> {
    fn new(page: &'p mut Page, source: &'a str) -> Self {
        Self {
            page,
            source,
            styles: Styles::default(),
            lists: Vec::new(),
            before: String::new(),
            levels: Vec::new(),
            sign: None,
            links: Vec::new(),
            table: None,
            cell: None,
            code: None,
            tildes: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'a>, at: usize) {
        match event {
            Event::Text(text) => match &self.code {
                Some(_) => self.page.push_code(&text),
                None => self.text(&text),
            },
            Event::Start(tag) => self.start(tag, at),
            Event::End(tag) => self.end(tag),
            Event::Code(text) => self.code_span(&text),
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.text(&text),
            Event::FootnoteReference(name) => {
                self.text("[");
                self.text(&name);
                self.text("]");
            }
            Event::Rule => {
                self.block();
                self.text(RULE);
            }
            Event::TaskListMarker(is_done) => {
                let mark = if is_done { "☑ " } else { "☐ " };
                match (self.sign, self.lists.last(), self.levels.last()) {
                    // It stands where the sign stood.
                    (Some(sign), Some(None), Some(&level)) => {
                        self.page.take_back(sign);
                        let inside = self.before.split_off(level);
                        self.text(mark);
                        self.before.push_str(&inside);
                    }
                    _ => self.text(mark),
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'a>, at: usize) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                self.open(EntityKind::Bold);
                if level == HeadingLevel::H1 {
                    self.page.open(EntityKind::Underline);
                }
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.levels.push(self.before.len());
                // A quote is in no other quote.
                if self.styles.quote > 0 && self.levels.len() < DEEPEST {
                    self.before.push_str("> ");
                }
                self.open(EntityKind::Blockquote);
            }
            Tag::CodeBlock(kind) => {
                self.block();
                self.code = Some((self.page.begin_code(), language(&kind)));
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.page.end_paragraph();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::FootnoteDefinition(name) => {
                self.block();
                self.text("[");
                self.text(&name);
                self.text("] ");
                self.sign = Some(0);
            }
            Tag::Table(alignments) => {
                self.block();
                self.table = Some(Table { alignments, rows: Vec::new() });
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            Tag::TableCell => self.cell = Some(String::new()),
            Tag::Strong => self.open(EntityKind::Bold),
            Tag::Emphasis => self.open(EntityKind::Italic),
            Tag::Strikethrough => {
                let is_single = !self.source[at..].starts_with("~~");
                self.tildes.push(is_single);
                if is_single {
                    self.text("~");
                } else {
                    self.open(EntityKind::Strikethrough);
                }
            }
            Tag::Link { link_type, dest_url, .. } => self.link(link_type, dest_url),
            Tag::Image { link_type, dest_url, .. } => {
                self.link(link_type, dest_url);
                self.text("🖼️ ");
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.page.end_paragraph(),
            TagEnd::Heading(level) => {
                if level == HeadingLevel::H1 {
                    self.page.close();
                }
                self.close(&EntityKind::Bold);
                self.page.end_paragraph();
            }
            TagEnd::BlockQuote(_) => {
                self.page.end_paragraph();
                self.close(&EntityKind::Blockquote);
                self.leave_level();
            }
            TagEnd::CodeBlock => {
                if let Some((start, language)) = self.code.take() {
                    self.end_code_block(start, language);
                }
            }
            TagEnd::List(_) => {
                self.page.end_paragraph();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.leave_level();
                self.sign = None;
            }
            TagEnd::FootnoteDefinition => self.sign = None,
            TagEnd::TableCell => {
                let row = self.table.as_mut().and_then(|table| table.rows.last_mut());
                if let (Some(row), Some(cell)) = (row, self.cell.take()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let start = self.page.begin_code();
                    self.page.push_code(&table::lay_out(&table.rows, &table.alignments));
                    self.end_code_block(start, None);
                }
            }
            TagEnd::Strong => self.close(&EntityKind::Bold),
            TagEnd::Emphasis => self.close(&EntityKind::Italic),
            TagEnd::Strikethrough => match self.tildes.pop() {
                Some(true) => self.text("~"),
                _ => self.close(&EntityKind::Strikethrough),
            },
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Begins a block: a blank line apart from what is before it, but on the line of an item's sign.
    fn block(&mut self) {
        if self.sign.is_some() {
            return;
        }
        self.page.trim_line_breaks();
        if !self.page.text().is_empty() {
            self.page.layout("\n\n");
        }
        self.page.end_paragraph();
    }

    fn item(&mut self) {
        self.page.end_paragraph();
        if self.sign.is_none() && !self.page.is_line_begin() {
            self.page.layout("\n");
        }
        let sign = match self.lists.last_mut() {
            Some(Some(number)) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                Cow::Owned(sign)
            }
            _ => Cow::Borrowed("- "),
        };
        self.text(&sign);
        self.levels.push(self.before.len());
        if self.levels.len() <= DEEPEST {
            self.before.extend(std::iter::repeat_n(' ', sign.len()));
        }
        self.sign = Some(sign.len());
    }

    fn leave_level(&mut self) {
        if let Some(length) = self.levels.pop() {
            self.before.truncate(length);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(cell) = &mut self.cell {
            clean::append(cell, text);
        } else if !text.is_empty() {
            self.begin_line();
            self.page.push(text);
        }
    }

    fn begin_line(&mut self) {
        self.sign = None;
        if !self.before.is_empty() && self.page.is_line_begin() {
            self.page.layout(&self.before);
        }
    }

    fn line_break(&mut self) {
        match &mut self.cell {
            Some(cell) => cell.push(' '),
            None => self.page.layout("\n"),
        }
    }

    fn code_span(&mut self, text: &str) {
        if self.cell.is_some() {
            self.text(text);
        } else {
            self.begin_line();
            self.page.code(text);
        }
    }

    fn end_code_block(&mut self, start: Place, language: Option<String>) {
        self.page.end_code_block(start, language);
        if self.page.here() != start {
            self.sign = None;
        }
        self.page.end_paragraph();
    }

    fn link(&mut self, link_type: LinkType, url: CowStr<'a>) {
        let form = if !self.links.is_empty() || link_type == LinkType::Email || url.is_empty() {
            LinkForm::Label
        } else if self.cell.is_none() && link::is_link(&url) {
            LinkForm::Entity
        } else {
            LinkForm::Written
        };
        if form == LinkForm::Entity {
            self.page.open(EntityKind::TextLink { url: url.to_string() });
        }
        let label = match &self.cell {
            Some(cell) => Place { byte: cell.len(), unit: 0 },
            None => {
                // What stands before the line is no part of the label.
                if form != LinkForm::Label {
                    self.begin_line();
                }
                self.page.here()
            }
        };
        self.links.push(OpenLink { url, form, label: (label, self.page.ended()) });
    }

    fn end_link(&mut self) {
        let Some(OpenLink { url, form, label: (start, ended) }) = self.links.pop() else { return };
        let written = self.cell.as_deref().unwrap_or_else(|| self.page.text());
        let label = written.get(start.byte..).unwrap_or_default();
        let is_blank = label.trim().is_empty();
        let is_address = label == &*url;
        match form {
            LinkForm::Label => {}
            LinkForm::Entity => {
                if is_blank {
                    self.text(&url);
                }
                self.page.close();
            }
            LinkForm::Written => {
                // The app finds addresses of mail by itself, and would make links of the names of files.
                let mail = url.strip_prefix("mailto:");
                let address = mail.unwrap_or(&url);
                if is_address && self.cell.is_none() && self.page.ended() == ended {
                    self.page.code_since(start);
                } else if !is_address && label != address {
                    self.text(if is_blank { "" } else { " (" });
                    match mail {
                        Some(_) => self.text(address),
                        None => self.code_span(address),
                    }
                    self.text(if is_blank { "" } else { ")" });
                }
            }
        }
    }

    /// How often a style is open, but for links and code, which are not counted.
    fn opened(&mut self, kind: &EntityKind) -> Option<&mut usize> {
        match kind {
            EntityKind::Bold => Some(&mut self.styles.bold),
            EntityKind::Italic => Some(&mut self.styles.italic),
            EntityKind::Strikethrough => Some(&mut self.styles.strikethrough),
            EntityKind::Blockquote => Some(&mut self.styles.quote),
            _ => None,
        }
    }

    fn open(&mut self, kind: EntityKind) {
        // A cell is text.
        if self.cell.is_some() {
            return;
        }
        if let Some(count) = self.opened(&kind) {
            *count += 1;
            if *count == 1 {
                self.page.open(kind);
            }
        }
    }

    fn close(&mut self, kind: &EntityKind) {
        if self.cell.is_some() {
            return;
        }
        if let Some(count) = self.opened(kind) {
            *count -= 1;
            if *count == 0 {
                self.page.close();
            }
        }
    }
}

/// What a code block is highlighted as: the first word behind its fence.
pub(super) fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let word = info.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | ':')).next()?;
    let is_language =
        !word.is_empty() && word.len() <= 32 && word.bytes().all(|byte| byte.is_ascii_graphic());
    is_language.then(|| word.to_owned())
}
