//! HTML as the Bot API takes it, and what of its limits is used up.
//!
//! It is well-formed by construction: tags are closed in the order in which they were opened, and text is escaped.

use pulldown_cmark::{Alignment, HeadingLevel};

/// The most characters of text.
pub(super) const MAX_CHARS: usize = 32_768;

/// The most blocks, with those in others, items of lists and rows of tables.
pub(super) const MAX_BLOCKS: usize = 500;

/// How many tags may be around something.
pub(super) const MAX_DEPTH: usize = 16;

/// The most columns of a table.
pub(super) const MAX_COLUMNS: usize = 20;

/// A tag that is opened, and closed later.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tag<'a> {
    Paragraph,
    Heading(HeadingLevel),
    Quote,
    Bullets,
    /// A list with numbers, the first of which is this one.
    Numbers(u64),
    Item,
    CodeBlock,
    /// The code in a block of code that has a language.
    Language(&'a str),
    Table,
    Row,
    Head(Alignment),
    Cell(Alignment),
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Code,
    Link(&'a str),
}

impl Tag<'_> {
    const fn name(self) -> &'static str {
        match self {
            Self::Paragraph => "p",
            Self::Heading(level) => match level {
                HeadingLevel::H1 => "h1",
                HeadingLevel::H2 => "h2",
                HeadingLevel::H3 => "h3",
                HeadingLevel::H4 => "h4",
                HeadingLevel::H5 => "h5",
                HeadingLevel::H6 => "h6",
            },
            Self::Quote => "blockquote",
            Self::Bullets => "ul",
            Self::Numbers(_) => "ol",
            Self::Item => "li",
            Self::CodeBlock => "pre",
            Self::Language(_) | Self::Code => "code",
            Self::Table => "table",
            Self::Row => "tr",
            Self::Head(_) => "th",
            Self::Cell(_) => "td",
            Self::Bold => "b",
            Self::Italic => "i",
            Self::Underline => "u",
            Self::Strikethrough => "s",
            Self::Spoiler => "tg-spoiler",
            Self::Link(_) => "a",
        }
    }

    const fn is_block(self) -> bool {
        matches!(
            self,
            Self::Paragraph
                | Self::Heading(_)
                | Self::Quote
                | Self::Bullets
                | Self::Numbers(_)
                | Self::Item
                | Self::CodeBlock
                | Self::Table
                | Self::Row
        )
    }
}

/// HTML that is being written.
#[derive(Debug, Default)]
pub(super) struct Html {
    html: String,
    /// The names of the tags that are open.
    open: Vec<&'static str>,
    /// Tags that are opened as soon as there is something in them.
    wanted: Vec<Tag<'static>>,
    chars: usize,
    blocks: usize,
    deepest: usize,
}

impl Html {
    /// Opens a tag once there is something in it.
    pub(super) fn want(&mut self, tag: Tag<'static>) {
        self.wanted.push(tag);
    }

    pub(super) fn open(&mut self, tag: Tag<'_>) {
        self.write_wanted();
        self.write_tag(tag);
    }

    fn write_wanted(&mut self) {
        for wanted in std::mem::take(&mut self.wanted) {
            self.write_tag(wanted);
        }
    }

    fn write_tag(&mut self, tag: Tag<'_>) {
        self.html.push('<');
        self.html.push_str(tag.name());
        match tag {
            Tag::Numbers(first) if first != 1 => self.attribute("start", &first.to_string()),
            Tag::Language(language) => self.attribute("class", &format!("language-{language}")),
            Tag::Head(alignment) | Tag::Cell(alignment) => match alignment {
                Alignment::None => {}
                Alignment::Left => self.attribute("align", "left"),
                Alignment::Center => self.attribute("align", "center"),
                Alignment::Right => self.attribute("align", "right"),
            },
            Tag::Link(url) => self.attribute("href", url),
            _ => {}
        }
        self.html.push('>');
        self.blocks += usize::from(tag.is_block());
        self.open.push(tag.name());
        self.deepest = self.deepest.max(self.open.len());
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.html.push(' ');
        self.html.push_str(name);
        self.html.push_str("=\"");
        escape(&mut self.html, value);
        self.html.push('"');
    }

    /// Closes what was opened last, or takes back what was wanted last.
    pub(super) fn close(&mut self) {
        if self.wanted.pop().is_none()
            && let Some(name) = self.open.pop()
        {
            self.html.push_str("</");
            self.html.push_str(name);
            self.html.push('>');
        }
    }

    /// Whether what is written now can not be a link.
    pub(super) fn is_in_link_or_code(&self) -> bool {
        self.open.iter().any(|name| matches!(*name, "a" | "code"))
    }

    /// Writes a text in a tag that is open, with its line breaks.
    pub(super) fn text(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.html.push_str("<br>");
            }
            escape(&mut self.html, line);
        }
        self.chars += text.chars().count();
    }

    /// Writes the text of a block of code.
    pub(super) fn code(&mut self, text: &str) {
        escape(&mut self.html, text);
        self.chars += text.chars().count();
    }

    /// Writes a line across.
    pub(super) fn rule(&mut self) {
        self.write_wanted();
        self.html.push_str("<hr/>");
        self.blocks += 1;
        self.deepest = self.deepest.max(self.open.len() + 1);
    }

    /// All of it, if that keeps the limits.
    pub(super) fn finish(mut self) -> Option<String> {
        while !(self.wanted.is_empty() && self.open.is_empty()) {
            self.close();
        }
        let is_within = self.chars <= MAX_CHARS && self.blocks <= MAX_BLOCKS && self.deepest <= MAX_DEPTH;
        is_within.then_some(self.html)
    }
}

fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}
