//! The lines of a message.

use takopi_api::markdown;
use takopi_api::message::{Body, Format, MessageKind};

use crate::fresh::fresh;
use crate::render::{Emphasis, Palette, harmless};

/// What stands between the parts of a header: `working · codex · 9s`.
const PART: &str = " · ";

/// Before the lines that say how far a run is.
pub(super) const MARGIN: &str = "  ";

/// The lines of a message, in their parts.
#[derive(Debug, Default, Clone)]
pub(super) struct Shown {
    /// The first word of the header, which tells how far a run is.
    label: String,
    header: Vec<String>,
    text: Vec<String>,
    footer: Vec<String>,
}

impl Shown {
    pub(super) fn new(body: &Body, palette: Palette) -> Self {
        let painted = |text: &str, emphasis: Emphasis| {
            let text = match body.format {
                Format::Markdown => markdown::plain(text),
                _ => text.to_owned(),
            };
            let lines = harmless(&text);
            let lines = lines.lines().map(str::trim_end).filter(|line| !line.is_empty());
            lines.map(|line| palette.paint(line, emphasis)).collect::<Vec<_>>()
        };
        Self {
            label: body.header.split(PART).next().unwrap_or_default().to_owned(),
            header: painted(&body.header, Emphasis::Strong),
            text: palette.lines(&body.text, body.format),
            footer: body.footer.iter().flat_map(|line| painted(line, Emphasis::Faint)).collect(),
        }
    }

    /// All lines, parts apart by a blank line.
    pub(super) fn all(&self) -> Vec<String> {
        let parts = [&self.header, &self.text, &self.footer].into_iter().filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(Vec::as_slice).collect();
        parts.join(&String::new())
    }

    /// The message as it is printed first.
    pub(super) fn whole(&self, tag: &str, kind: MessageKind) -> Vec<String> {
        if kind != MessageKind::Progress {
            return tagged(tag, self.all());
        }
        let below = self.text.iter().chain(&self.footer).map(|line| indented(line));
        tagged(tag, self.header.iter().cloned().chain(below).collect())
    }

    /// The lines of its text.
    pub(super) fn text(&self) -> &[String] {
        &self.text
    }

    /// The same without the first lines of its text, which were printed while they were written.
    pub(super) fn rest(mut self, printed: usize) -> Self {
        self.text.drain(..printed.min(self.text.len()));
        let blank = self.text.iter().take_while(|line| line.is_empty()).count();
        self.text.drain(..blank);
        self
    }

    /// What is new of a run's progress. How long it takes is not: it would be a line each time.
    pub(super) fn progress_since(&self, old: &Self, tag: &str, margin: &str, has_ended: bool) -> Vec<String> {
        let header = if self.label == old.label { &[][..] } else { &self.header };
        let mut lines: Vec<_> = header.iter().map(|line| format!("{tag} {line}")).collect();
        lines.extend(fresh(&old.text, &self.text).into_iter().map(|line| format!("{margin}{line}")));
        if has_ended {
            lines.extend(self.footer.iter().map(|line| indented(line)));
        }
        lines
    }
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("{MARGIN}{line}") }
}

/// Lines with the tag of their message: before the first line where that is a header or alone, else above.
pub(super) fn tagged(tag: &str, mut lines: Vec<String>) -> Vec<String> {
    let is_before = lines.get(1).is_none_or(|second| second.is_empty() || second.starts_with(MARGIN));
    match lines.first_mut() {
        Some(first) if is_before => *first = format!("{tag} {first}"),
        Some(_) => lines.insert(0, tag.to_owned()),
        None => {}
    }
    lines
}
