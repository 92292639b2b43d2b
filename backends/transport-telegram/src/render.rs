//! Messages as the Bot API takes them: a text, and entities that say what its parts are.
//!
//! Nothing is sent with a `parse_mode`: a character that an engine forgot to escape would cost the whole message. What is
//! made here keeps Telegram's rules by its construction: entities lie apart or within each other, none lies in code, and
//! each begins and ends at characters that are seen.
//!
//! Read in this order: `message` lays out header, text and footer; `markdown` reads markdown, with `link`, `spoiler` and
//! `table` for these; all write to a `page`; `cut` makes of it messages that are short enough. `rich` is the other way of a
//! message with tables: HTML, for a kind of message of its own.

mod clean;
mod cut;
mod link;
mod markdown;
mod message;
mod page;
mod rich;
mod spoiler;
mod table;

use serde::Serialize;

pub(crate) use clean::first_units;
pub use message::{render_message, render_message_parts};
use page::Page;
pub use rich::{Rich, render_rich};

/// The most that the text of one message has, in UTF-16 units.
pub const MAX_TEXT: usize = 4096;

/// The most entities of one message: the server leaves out those after them.
pub const MAX_ENTITIES: usize = 100;

/// A text, and what its parts are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The text, without markup.
    pub text: String,
    /// Sorted by where they begin, the outer ones first.
    pub entities: Vec<Entity>,
}

/// A part of a text that is something. It is JSON as the Bot API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// What it is.
    #[serde(flatten)]
    pub kind: EntityKind,
    /// Where it begins, in UTF-16 units.
    pub offset: usize,
    /// How long it is, in UTF-16 units.
    pub length: usize,
}

/// What a part of a text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EntityKind {
    /// Strong emphasis, or a heading.
    Bold,
    /// Emphasis.
    Italic,
    /// The highest heading.
    Underline,
    /// Struck through.
    Strikethrough,
    /// Hidden until somebody touches it.
    Spoiler,
    /// A code span.
    Code,
    /// A block of code, or a table.
    Pre {
        /// What it is highlighted as.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// A link.
    TextLink {
        /// An address that Telegram takes.
        url: String,
    },
    /// A quote.
    Blockquote,
}

/// Markdown as one text, however long it is.
///
/// ```
/// use takopi_transport_telegram::render::{Entity, EntityKind, render};
/// let rendered = render("see 🐙 **this**");
/// assert_eq!(rendered.text, "see 🐙 this");
/// assert_eq!(rendered.entities, [Entity { kind: EntityKind::Bold, offset: 7, length: 4 }]);
/// ```
#[must_use]
pub fn render(markdown: &str) -> Rendered {
    let mut page = Page::default();
    markdown::write(&mut page, markdown);
    page.finish().whole()
}

/// Markdown as messages, none if nobody would see anything, each of at most `limit` UTF-16 units (and of [`MAX_TEXT`], and not less than two:
/// a character may take so many). The header is on the first one, the footer on the last one; both are text in which only
/// code spans are read, since names with underscores stand there.
///
/// Blocks stay whole where they fit. One that is cut goes on in the next message as what it was: code with its language,
/// a quote as a quote. Between two messages blanks and line breaks are lost, and nothing else that is seen.
#[must_use]
pub fn render_parts(header: &str, body: &str, footer: &str, limit: usize) -> Vec<Rendered> {
    message::parts(header, |page| markdown::write(page, body), footer, limit)
}
