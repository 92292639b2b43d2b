//! Messages with tables as HTML, for `sendRichMessage`: the only messages of the Bot API that have tables.
//!
//! Blocks are those of the Bot API. The lines in them are what they are in every other message, since the same code reads
//! them. What is more than such a message may have is none: its tables are aligned code then.

mod html;

use pulldown_cmark::{Alignment, Event, Tag as Markdown, TagEnd};
use takopi_api::message::{Body, Format, OutgoingMessage};

use self::html::{Html, MAX_COLUMNS, Tag};
use super::page::Finished;
use super::{EntityKind, clean, link, markdown, message};

/// A message as the HTML that the Bot API knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rich {
    /// Well-formed, escaped, and within the limits.
    pub html: String,
}

/// A message with its header and footer as HTML. `None` if there is no table in which something is seen, the text is not
/// markdown, or it is more than the Bot API takes.
#[must_use]
pub fn render_rich(message: &OutgoingMessage) -> Option<Rich> {
    let Body { header, text, footer, format, .. } = &message.body;
    // Without a bar there is no table, and most messages have none.
    if *format == Format::Plain || !text.contains('|') {
        return None;
    }
    let short = |text: &str| message::page(|page| message::write_short(page, text, *format));
    let mut writer = Writer::new(text);
    writer.write_line(Tag::Paragraph, &short(header));
    for (event, at) in markdown::events(text) {
        writer.event(event, at);
    }
    writer.end_line();
    writer.write_line(Tag::Paragraph, &short(&footer.join("\n")));
    match writer.tables {
        Tables::Fit => Some(Rich { html: writer.html.finish()? }),
        Tables::None | Tables::TooWide => None,
    }
}

/// What tables there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tables {
    None,
    Fit,
    /// One of them has too many columns.
    TooWide,
}

/// A table that is being read: only at its end it is known whether something is seen in it.
#[derive(Debug)]
struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Finished>>,
}

/// A line that is being read, or several with breaks between them.
#[derive(Debug)]
struct Line<'a> {
    tag: Tag<'static>,
    events: Vec<(Event<'a>, usize)>,
}

#[derive(Debug)]
struct Writer<'a> {
    source: &'a str,
    html: Html,
    line: Option<Line<'a>>,
    /// The name of a footnote, which stands at the begin of its first line.
    footnote: Option<String>,
    /// The code that is being read, and its language.
    code: Option<(String, Option<String>)>,
    table: Option<Table>,
    tables: Tables,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            html: Html::default(),
            line: None,
            footnote: None,
            code: None,
            table: None,
            tables: Tables::None,
        }
    }

    fn event(&mut self, event: Event<'a>, at: usize) {
        match event {
            Event::Start(tag) if !is_in_lines(tag.to_end()) => self.start(tag),
            Event::End(tag) if !is_in_lines(tag) => self.end(tag),
            Event::Rule => {
                self.block();
                self.html.rule();
            }
            event => match (&mut self.code, event) {
                (Some((code, _)), Event::Text(text)) => _ = clean::append(code, &text),
                // An item begins with a line that no paragraph is around.
                (_, event) => self.line(Tag::Paragraph).events.push((event, at)),
            },
        }
    }

    /// The line that is being read, or one that begins here.
    fn line(&mut self, tag: Tag<'static>) -> &mut Line<'a> {
        self.line.get_or_insert_with(|| Line { tag, events: Vec::new() })
    }

    fn start(&mut self, tag: Markdown<'a>) {
        match tag {
            Markdown::Heading { level, .. } => {
                self.end_line();
                self.line(Tag::Heading(level));
            }
            Markdown::BlockQuote(_) => {
                self.block();
                self.html.want(Tag::Quote);
            }
            Markdown::CodeBlock(kind) => {
                self.block();
                self.code = Some((String::new(), markdown::language(&kind)));
            }
            Markdown::List(first) => {
                self.block();
                self.html.want(first.map_or(Tag::Bullets, Tag::Numbers));
            }
            Markdown::Item => self.html.open(Tag::Item),
            Markdown::FootnoteDefinition(name) => {
                self.block();
                self.footnote = Some(format!("[{name}] "));
            }
            Markdown::Table(alignments) => {
                self.block();
                self.table = Some(Table { alignments, rows: Vec::new() });
            }
            Markdown::TableHead | Markdown::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            // The box of a task stands before its paragraph, and in the same line.
            Markdown::Paragraph if self.line.as_ref().is_some_and(Line::is_box) => {}
            _ => self.end_line(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::TableCell => {
                let cell = self.line.take().map(|line| line.read(self.source));
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.push(cell.unwrap_or_default());
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {}
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.write_table(&table);
                }
            }
            TagEnd::CodeBlock => {
                if let Some((code, language)) = self.code.take() {
                    self.write_code(code.trim_end(), language.as_deref());
                }
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.end_line();
                self.html.close();
            }
            TagEnd::FootnoteDefinition => self.block(),
            _ => self.end_line(),
        }
    }

    fn end_line(&mut self) {
        if let Some(mut line) = self.line.take() {
            if let Some(footnote) = self.footnote.take() {
                line.events.insert(0, (Event::Text(footnote.into()), 0));
            }
            let tag = line.tag;
            self.write_line(tag, &line.read(self.source));
        }
    }

    /// Ends what stands before a block that has no line of its own.
    fn block(&mut self) {
        if self.footnote.is_some() {
            self.line(Tag::Paragraph);
        }
        self.end_line();
    }

    /// Writes a line, if something is seen in it.
    fn write_line(&mut self, tag: Tag<'static>, line: &Finished) {
        if clean::is_visible(&line.text) {
            self.html.open(tag);
            write_inside(&mut self.html, line);
            self.html.close();
        }
    }

    fn write_code(&mut self, code: &str, language: Option<&str>) {
        if !clean::is_visible(code) {
            return;
        }
        self.html.open(Tag::CodeBlock);
        if let Some(language) = language {
            self.html.open(Tag::Language(language));
        }
        self.html.code(code);
        if language.is_some() {
            self.html.close();
        }
        self.html.close();
    }

    fn write_table(&mut self, Table { alignments, rows }: &Table) {
        if !rows.iter().flatten().any(|cell| clean::is_visible(&cell.text)) {
            return;
        }
        if alignments.len() > MAX_COLUMNS {
            self.tables = Tables::TooWide;
        } else if self.tables == Tables::None {
            self.tables = Tables::Fit;
        }
        self.html.open(Tag::Table);
        for (index, row) in rows.iter().enumerate() {
            self.html.open(Tag::Row);
            for (column, cell) in row.iter().enumerate() {
                let alignment = alignments.get(column).copied().unwrap_or(Alignment::None);
                self.html.open(if index == 0 { Tag::Head(alignment) } else { Tag::Cell(alignment) });
                write_inside(&mut self.html, cell);
                self.html.close();
            }
            self.html.close();
        }
        self.html.close();
    }
}

impl<'a> Line<'a> {
    /// Whether it is the box of a task and nothing else.
    fn is_box(&self) -> bool {
        matches!(self.events.as_slice(), [(Event::TaskListMarker(_), _)])
    }

    fn read(self, source: &'a str) -> Finished {
        message::page(|page| markdown::write_events(page, source, self.events))
    }
}

/// Writes a text with what its parts are.
fn write_inside(html: &mut Html, Finished { text, spans }: &Finished) {
    let mut written = 0;
    let mut write_to = |html: &mut Html, end: usize| {
        write_text(html, text.get(written..end).unwrap_or_default());
        written = written.max(end);
    };
    // Where those end that are open.
    let mut ends: Vec<usize> = Vec::new();
    for span in spans {
        // A tag around nothing is refused.
        if !clean::is_visible(text.get(span.start.byte..span.end.byte).unwrap_or_default()) {
            continue;
        }
        while let Some(end) = ends.pop_if(|end| *end <= span.start.byte) {
            write_to(html, end);
            html.close();
        }
        let tag = match &span.kind {
            EntityKind::Bold => Tag::Bold,
            EntityKind::Italic => Tag::Italic,
            EntityKind::Underline => Tag::Underline,
            EntityKind::Strikethrough => Tag::Strikethrough,
            EntityKind::Spoiler => Tag::Spoiler,
            EntityKind::Code => Tag::Code,
            EntityKind::TextLink { url } => Tag::Link(url),
            // These are blocks, and are in no line.
            EntityKind::Pre { .. } | EntityKind::Blockquote => continue,
        };
        write_to(html, span.start.byte);
        html.open(tag);
        ends.push(span.end.byte);
    }
    while let Some(end) = ends.pop() {
        write_to(html, end);
        html.close();
    }
    write_to(html, text.len());
}

/// Writes a text. What looks like a command or a mention in it is none, but addresses are links as everywhere.
fn write_text(html: &mut Html, text: &str) {
    let mut written = 0;
    if !html.is_in_link_or_code() {
        for address in link::addresses(text) {
            html.text(&text[written..address.start]);
            html.open(Tag::Link(&text[address.clone()]));
            html.text(&text[address.clone()]);
            html.close();
            written = address.end;
        }
    }
    html.text(&text[written..]);
}

/// Whether it is a part of a line, and no block.
const fn is_in_lines(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}
