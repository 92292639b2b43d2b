//! What Telegram takes as the HTML of a rich message: written from the rules of the Bot API, and from nothing of takopi.
//!
//! Of all the tags that there are, these are the ones that a text needs. What the real server would repair is refused
//! here, as in [`rules`].

use super::rules;

/// The most characters of text.
pub const MAX_CHARS: usize = 32_768;

/// The most blocks: paragraphs, headings, code, quotes, lists, their items, tables, their rows and lines across.
pub const MAX_BLOCKS: usize = 500;

/// How many tags may be around something.
pub const MAX_DEPTH: usize = 16;

/// The most columns of a table.
pub const MAX_COLUMNS: usize = 20;

/// The entities that have a name.
const NAMED: [(&str, char); 13] = [
    ("lt", '<'),
    ("gt", '>'),
    ("amp", '&'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("hellip", '…'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
];

/// Checks the HTML of a rich message, and gives its text: a line for each block, and cells apart by ` | `.
///
/// # Errors
/// What the server answers as `description`; the first thing that is wrong.
pub fn check(html: &str) -> Result<String, String> {
    let mut reader = Reader::default();
    let mut rest = html;
    while let Some(first) = rest.chars().next() {
        rest = if first == '<' { reader.tag(rest)? } else { reader.character(rest, first)? };
    }
    reader.end()
}

fn refused<T>(why: impl std::fmt::Display) -> Result<T, String> {
    Err(format!("Bad Request: can't parse rich message: {why}"))
}

/// What may be in a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Blocks,
    /// Blocks, or a text, which is a paragraph then.
    BlocksOrText,
    Items,
    Rows,
    Cells,
    /// Text with its styles.
    Text,
    /// Text, or one `code` with a language.
    Code,
    /// Text alone.
    Bare,
}

/// What a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Item,
    Row,
    Cell,
    Style,
}

fn known(name: &str, is_in_pre: bool) -> Option<(Kind, Inside)> {
    Some(match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => (Kind::Block, Inside::Text),
        "pre" => (Kind::Block, Inside::Code),
        "blockquote" => (Kind::Block, Inside::BlocksOrText),
        "ul" | "ol" => (Kind::Block, Inside::Items),
        "table" => (Kind::Block, Inside::Rows),
        "li" => (Kind::Item, Inside::BlocksOrText),
        "tr" => (Kind::Row, Inside::Cells),
        "th" | "td" => (Kind::Cell, Inside::Text),
        "code" if is_in_pre => (Kind::Style, Inside::Bare),
        "b" | "i" | "u" | "s" | "tg-spoiler" | "a" => (Kind::Style, Inside::Text),
        "code" => (Kind::Style, Inside::Bare),
        _ => return None,
    })
}

/// A tag that is open.
#[derive(Debug)]
struct Open {
    name: String,
    inside: Inside,
    /// How many tags are in it, and whether something of it is seen.
    children: usize,
    is_seen: bool,
    /// Whether its text is a paragraph, or the next one is.
    is_in_text: bool,
}

#[derive(Debug, Default)]
struct Reader {
    open: Vec<Open>,
    text: String,
    chars: usize,
    blocks: usize,
}

impl Reader {
    fn inside(&self) -> Inside {
        self.open.last().map_or(Inside::Blocks, |open| open.inside)
    }

    /// Reads a tag at the begin of a text, and gives what is behind it.
    fn tag<'a>(&mut self, html: &'a str) -> Result<&'a str, String> {
        let Some((tag, rest)) = html[1..].split_once('>') else {
            return refused("unclosed start tag");
        };
        if let Some(name) = tag.strip_prefix('/') {
            self.close(name)?;
            return Ok(rest);
        }
        let tag = tag.strip_suffix('/').unwrap_or(tag);
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        match name {
            "br" | "hr" if !attributes.is_empty() => return refused(format!("attributes of {name}")),
            "br" if self.open.iter().any(|open| open.name == "pre") => return refused("\"br\" in \"pre\""),
            "br" => self.shown('\n')?,
            "hr" => {
                self.block("hr", Kind::Block)?;
                self.depth(self.open.len() + 1)?;
                self.see();
            }
            _ => self.open(name, attributes)?,
        }
        Ok(rest)
    }

    fn open(&mut self, name: &str, attributes: &str) -> Result<(), String> {
        let is_in_pre = self.inside() == Inside::Code;
        let Some((kind, inside)) = known(name, is_in_pre) else {
            return refused(format!("unsupported tag \"{name}\""));
        };
        match kind {
            Kind::Style if is_in_pre => {
                let is_first = self.open.last().is_some_and(|pre| pre.children == 0 && !pre.is_seen);
                if name != "code" || !is_first {
                    return refused(format!("\"{name}\" in \"pre\""));
                }
            }
            Kind::Style if self.inside() == Inside::Bare => {
                return refused(format!("\"{name}\" in \"code\""));
            }
            Kind::Style => {
                self.in_text(name)?;
                if self.open.iter().any(|open| open.name == name) {
                    return refused(format!("\"{name}\" in \"{name}\""));
                }
            }
            _ => self.block(name, kind)?,
        }
        attribute(name, attributes, is_in_pre)?;
        if let Some(parent) = self.open.last_mut() {
            parent.children += 1;
            let is_row_too_wide = parent.inside == Inside::Cells && parent.children > MAX_COLUMNS;
            if is_row_too_wide {
                return refused(format!("more than {MAX_COLUMNS} columns in a table"));
            }
            if parent.inside == Inside::Cells && parent.children > 1 {
                self.text.push_str(" | ");
            }
        }
        self.open.push(Open {
            name: name.to_owned(),
            inside,
            children: 0,
            is_seen: false,
            is_in_text: false,
        });
        self.depth(self.open.len())
    }

    fn depth(&self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH { refused(format!("more than {MAX_DEPTH} nested tags")) } else { Ok(()) }
    }

    /// Something that is no part of a text begins.
    fn block(&mut self, name: &str, kind: Kind) -> Result<(), String> {
        let is_allowed = match self.inside() {
            Inside::Blocks | Inside::BlocksOrText => kind == Kind::Block,
            Inside::Items => kind == Kind::Item,
            Inside::Rows => kind == Kind::Row,
            Inside::Cells => kind == Kind::Cell,
            Inside::Text | Inside::Code | Inside::Bare => false,
        };
        if !is_allowed {
            let parent = self.open.last().map_or("the message", |open| &open.name);
            return refused(format!("\"{name}\" in \"{parent}\""));
        }
        if let Some(parent) = self.open.last_mut() {
            parent.is_in_text = false;
        }
        if kind != Kind::Cell {
            self.count_block()?;
            if !self.text.is_empty() && !self.text.ends_with('\n') {
                self.text.push('\n');
            }
        }
        Ok(())
    }

    fn count_block(&mut self) -> Result<(), String> {
        self.blocks += 1;
        if self.blocks > MAX_BLOCKS { refused(format!("more than {MAX_BLOCKS} blocks")) } else { Ok(()) }
    }

    /// Something that is a part of a text begins.
    fn in_text(&mut self, what: &str) -> Result<(), String> {
        match self.inside() {
            Inside::Text | Inside::Code | Inside::Bare => Ok(()),
            Inside::BlocksOrText => {
                let begins = self
                    .open
                    .last_mut()
                    .is_some_and(|parent| !std::mem::replace(&mut parent.is_in_text, true));
                if begins { self.count_block() } else { Ok(()) }
            }
            _ => refused(format!("{what:?} in no block")),
        }
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        let Some(open) = self.open.pop().filter(|open| open.name == name) else {
            return refused(format!("unexpected end tag \"{name}\""));
        };
        let is_filled = match open.inside {
            Inside::Items | Inside::Rows | Inside::Cells => open.children > 0,
            Inside::BlocksOrText => open.is_seen || open.children > 0 || name == "li",
            _ => open.is_seen || matches!(name, "th" | "td"),
        };
        if is_filled { Ok(()) } else { refused(format!("\"{name}\" has nothing in it")) }
    }

    /// Reads a character at the begin of a text, and gives what is behind it.
    fn character<'a>(&mut self, html: &'a str, first: char) -> Result<&'a str, String> {
        let (c, rest) = match first {
            '&' => entity(html)?,
            '>' => return refused("a \">\" that is not escaped"),
            c => (c, &html[c.len_utf8()..]),
        };
        if c == '\n' && !self.open.iter().any(|open| open.name == "pre") {
            return refused("a line break in a text is a blank");
        }
        self.shown(c)?;
        Ok(rest)
    }

    /// A character of the text.
    fn shown(&mut self, c: char) -> Result<(), String> {
        self.in_text(&c.to_string())?;
        if self.inside() == Inside::Code && self.open.last().is_some_and(|pre| pre.children > 0) {
            return refused("text behind the code of \"pre\"");
        }
        if rules::is_changed(c) {
            return refused(format!("U+{:04X} is not shown as it is", u32::from(c)));
        }
        if rules::is_visible(c.encode_utf8(&mut [0; 4])) {
            self.see();
        }
        self.text.push(c);
        self.chars += 1;
        if self.chars > MAX_CHARS { refused(format!("more than {MAX_CHARS} characters")) } else { Ok(()) }
    }

    fn see(&mut self) {
        self.open.iter_mut().for_each(|open| open.is_seen = true);
    }

    fn end(self) -> Result<String, String> {
        if let Some(open) = self.open.last() {
            return refused(format!("no end tag of \"{}\"", open.name));
        }
        if !rules::is_visible(&self.text) {
            return refused("message must be non-empty");
        }
        Ok(self.text)
    }
}

/// Checks the one attribute that a tag may have.
fn attribute(tag: &str, attributes: &str, is_in_pre: bool) -> Result<(), String> {
    let missing = || if tag == "a" { refused("a link without an address") } else { Ok(()) };
    if attributes.is_empty() {
        return missing();
    }
    let parsed =
        attributes.split_once("=\"").and_then(|(name, value)| Some((name, value.strip_suffix('"')?)));
    let Some((name, value)) = parsed.filter(|(_, value)| !value.contains(['"', '<', '>'])) else {
        return refused(format!("attributes {attributes:?} of \"{tag}\""));
    };
    let value = unescaped(value)?;
    let is_taken = match (tag, name) {
        ("a", "href") => return rules::link(&value),
        ("ol", "start") => value.parse::<i32>().is_ok(),
        ("th" | "td", "align") => matches!(value.as_str(), "left" | "center" | "right"),
        ("code", "class") => {
            is_in_pre && value.strip_prefix("language-").is_some_and(|language| !language.is_empty())
        }
        _ => false,
    };
    if is_taken { Ok(()) } else { refused(format!("attribute {name}={value:?} of \"{tag}\"")) }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut rest = text;
    let mut read = String::new();
    while let Some(first) = rest.chars().next() {
        let (c, behind) = if first == '&' { entity(rest)? } else { (first, &rest[first.len_utf8()..]) };
        read.push(c);
        rest = behind;
    }
    Ok(read)
}

/// Reads an entity at the begin of a text, and gives what is behind it.
fn entity(text: &str) -> Result<(char, &str), String> {
    let Some((name, rest)) = text.strip_prefix('&').and_then(|text| text.split_once(';')) else {
        return refused("an \"&\" that is not escaped");
    };
    let number = |digits: &str| match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    };
    let c = match name.strip_prefix('#') {
        Some(digits) => number(digits).and_then(char::from_u32),
        None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    match c {
        Some(c) => Ok((c, rest)),
        None => refused("an \"&\" that is not escaped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn takes(html: &str, text: &str) {
        assert_eq!(check(html).as_deref(), Ok(text), "{html}");
    }

    #[track_caller]
    fn refuses(html: &str, why: &str) {
        assert_eq!(check(html), Err(format!("Bad Request: can't parse rich message: {why}")), "{html}");
    }

    #[test]
    fn the_text_is_what_is_left_without_tags() {
        takes("<p>a &lt;b&gt; <b>c<br>d</b></p><hr/><h2>e&#33;</h2>", "a <b> c\nd\ne!");
        takes(
            "<table><tr><th>a</th><th align=\"right\"></th></tr><tr><td>b</td><td>c</td></tr></table>",
            "a | \nb | c",
        );
        takes("<ul><li>a<ol start=\"3\"><li><p>b</p></li></ol></li><li></li></ul>", "a\nb\n");
        takes("<pre><code class=\"language-c++\">a\n\nb</code></pre><pre>c</pre>", "a\n\nb\nc");
        takes("<blockquote>a<p><a href=\"https://x.org/?a=1&amp;b=2\">b</a></p></blockquote>", "a\nb");
    }

    #[test]
    fn tags_are_known_and_closed() {
        refuses("<p>a", "no end tag of \"p\"");
        refuses("<p>a</b></p>", "unexpected end tag \"b\"");
        refuses("<p", "unclosed start tag");
        refuses("<p>a</p></p>", "unexpected end tag \"p\"");
        refuses("<script>a</script>", "unsupported tag \"script\"");
        refuses("<p onclick=\"a\">a</p>", "attribute onclick=\"a\" of \"p\"");
        refuses("<p a>a</p>", "attributes \"a\" of \"p\"");
        refuses("<p><a>b</a></p>", "a link without an address");
        refuses("<td align=\"top\">a</td>", "\"td\" in \"the message\"");
        assert!(
            check("<p><a href=\"http://localhost\">b</a></p>").is_err_and(|why| why.contains("Wrong HTTP"))
        );
    }

    #[test]
    fn tags_are_where_they_belong() {
        refuses("a", "\"a\" in no block");
        refuses("<b>a</b>", "\"b\" in no block");
        refuses("<p><p>a</p></p>", "\"p\" in \"p\"");
        refuses("<ul>a</ul>", "\"a\" in no block");
        refuses("<ul><p>a</p></ul>", "\"p\" in \"ul\"");
        refuses("<table><tr><td><p>a</p></td></tr></table>", "\"p\" in \"td\"");
        refuses("<p><b><i><b>a</b></i></b></p>", "\"b\" in \"b\"");
        refuses("<p><code><b>a</b></code></p>", "\"b\" in \"code\"");
        refuses("<pre>a<br>b</pre>", "\"br\" in \"pre\"");
        refuses("<p><code class=\"language-a\">a</code></p>", "attribute class=\"language-a\" of \"code\"");
        refuses("<pre><b>a</b></pre>", "\"b\" in \"pre\"");
        refuses("<pre>a<code>b</code></pre>", "\"code\" in \"pre\"");
        refuses("<pre><code>b</code>a</pre>", "text behind the code of \"pre\"");
        refuses("<p> </p>", "\"p\" has nothing in it");
        refuses("<table></table>", "\"table\" has nothing in it");
        refuses("", "message must be non-empty");
    }

    #[test]
    fn text_is_escaped() {
        refuses("<p>a & b</p>", "an \"&\" that is not escaped");
        refuses("<p>&copy;</p>", "an \"&\" that is not escaped");
        refuses("<p>a > b</p>", "a \">\" that is not escaped");
        refuses("<p>a < b</p>", "unsupported tag \"\"");
        refuses("<p>a\nb</p>", "a line break in a text is a blank");
        refuses("<p>a\u{202e}b</p>", "U+202E is not shown as it is");
        refuses("<p>a&#1;b</p>", "U+0001 is not shown as it is");
    }

    #[test]
    fn limits_are_kept() {
        let text = |count: usize| format!("<p>{}<br></p>", "é".repeat(count - 1));
        assert!(check(&text(MAX_CHARS)).is_ok());
        refuses(&text(MAX_CHARS + 1), "more than 32768 characters");
        let rows = |count: usize| format!("<table>{}</table>", "<tr><td>a</td></tr>".repeat(count));
        assert!(check(&rows(MAX_BLOCKS - 1)).is_ok());
        refuses(&rows(MAX_BLOCKS), "more than 500 blocks");
        let items = |count: usize| format!("<ul>{}</ul>", "<li>a</li>".repeat(count));
        assert!(check(&items(249)).is_ok());
        refuses(&items(250), "more than 500 blocks");
        let quotes =
            |count: usize| format!("{}a{}", "<blockquote>".repeat(count), "</blockquote>".repeat(count));
        assert!(check(&quotes(MAX_DEPTH)).is_ok());
        refuses(&quotes(MAX_DEPTH + 1), "more than 16 nested tags");
        let columns = |count: usize| format!("<table><tr>{}</tr></table>", "<td>a</td>".repeat(count));
        assert!(check(&columns(MAX_COLUMNS)).is_ok());
        refuses(&columns(MAX_COLUMNS + 1), "more than 20 columns in a table");
    }
}
