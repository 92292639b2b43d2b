//! Header, text and footer of a message below each other.

use takopi_api::message::{Body, Format, OutgoingMessage};

use super::page::{Finished, Page};
use super::{MAX_TEXT, Rendered, cut, markdown};

const SEPARATOR: &str = "\n\n";

/// A message as Telegram takes it: what is too long for one goes on in another. None if nobody would see anything.
#[must_use]
pub fn render_message_parts(message: &OutgoingMessage) -> Vec<Rendered> {
    let Body { header, text, footer, format, .. } = &message.body;
    let body = |page: &mut Page| write(page, text, *format);
    if *format == Format::Plain {
        let mut page = Page::default();
        page.push(&message.body.joined());
        return cut::parts(&page.finish(), MAX_TEXT);
    }
    parts(header, body, &footer.join("\n"), MAX_TEXT)
}

/// A message as one, as edits need it: a text that is too long for one ends in `…`, and header and footer stay. `None` if
/// nobody would see anything, which Telegram refuses.
#[must_use]
pub fn render_message(message: &OutgoingMessage) -> Option<Rendered> {
    let Body { header, text, footer, format, .. } = &message.body;
    let short = |text: &str| page(|page| write_short(page, text, *format));
    let (header, footer) = (short(header), short(&footer.join("\n")));
    let body = page(|page| write(page, text, *format));
    let units = |page: &Finished| super::clean::units(&page.text);
    let around = units(&header) + units(&footer) + 2 * SEPARATOR.len();
    let (body, is_whole) = cut::begin(body, MAX_TEXT.saturating_sub(around + ELLIPSIS.len()));
    let ends_in_code =
        body.spans.iter().any(|span| span.end.byte == body.text.len() && cut::is_code_block(span));
    let ellipsis = match (is_whole, ends_in_code) {
        (true, _) => "",
        (false, true) => "\n…",
        (false, false) => ELLIPSIS,
    };
    let mut whole = page(|page| {
        for (part, end) in [(header, ""), (body, ellipsis), (footer, "")] {
            separate(page, &part.text);
            page.append(part);
            page.push(end);
        }
    });
    cut::keep_most_telling(&mut whole);
    cut::parts(&whole, MAX_TEXT).into_iter().next()
}

/// Header, text and footer as messages of at most so many units.
pub(super) fn parts(header: &str, body: impl FnOnce(&mut Page), footer: &str, limit: usize) -> Vec<Rendered> {
    let mut whole = page(|page| write_short(page, header, Format::Markdown));
    for part in [page(body), page(|page| write_short(page, footer, Format::Markdown))] {
        whole = page(|page| {
            page.append(whole);
            separate(page, &part.text);
            page.append(part);
        });
    }
    cut::parts(&whole, limit)
}

/// Stands where something was left out.
const ELLIPSIS: &str = "…";

/// A page on which this is written.
pub(super) fn page(write: impl FnOnce(&mut Page)) -> Finished {
    let mut page = Page::default();
    write(&mut page);
    page.finish()
}

fn separate(page: &mut Page, next: &str) {
    if !page.text().is_empty() && !next.is_empty() {
        page.layout(SEPARATOR);
    }
}

fn write(page: &mut Page, text: &str, format: Format) {
    match format {
        Format::Plain => page.push(text.trim_end()),
        Format::Markdown => markdown::write(page, text),
    }
}

/// Writes a line of a header or a footer: text with code spans. Names of branches and engines stand there, and what looks
/// like markup in them is none.
pub(super) fn write_short(page: &mut Page, text: &str, format: Format) {
    let mut rest = text.trim();
    while format == Format::Markdown
        && let Some(at) = rest.find('`')
    {
        let (before, marks) = rest.split_at(at);
        page.push(before);
        let count = marks.bytes().take_while(|&byte| byte == b'`').count();
        let (fence, inside) = marks.split_at(count);
        let Some(end) = closing(inside, count) else {
            page.push(fence);
            rest = inside;
            continue;
        };
        let code = &inside[..end];
        // As in markdown, a blank on both sides keeps back-ticks apart and is not shown.
        let is_padded = code.starts_with(' ') && code.ends_with(' ') && !code.trim().is_empty();
        page.code(if is_padded { &code[1..end - 1] } else { code });
        rest = &inside[end + count..];
    }
    page.push(rest);
}

/// Where as many back-ticks stand as opened a code span.
fn closing(text: &str, count: usize) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].find('`')?;
        let run = text[at..].bytes().take_while(|&byte| byte == b'`').count();
        if run == count {
            return Some(at);
        }
        at += run;
    }
}
