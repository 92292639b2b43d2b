//! Lines of a terminal, made of the text of a message.

use console::Style;
use takopi_api::markdown::{self, Mark, Markup};
use takopi_api::message::Format;

/// Whether lines have styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// Text alone: for a file, a script, or somebody who wants no colours.
    Plain,
    /// Styles of a terminal.
    Styled,
}

/// What besides markdown has a style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emphasis {
    /// Stands out.
    Strong,
    /// Stands back.
    Faint,
}

impl Palette {
    /// A text that is not markdown.
    pub(crate) fn paint(self, text: &str, emphasis: Emphasis) -> String {
        let style = match (self, emphasis) {
            (Self::Plain, _) => return text.to_owned(),
            (Self::Styled, Emphasis::Strong) => Style::new().bold(),
            (Self::Styled, Emphasis::Faint) => Style::new().dim(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }

    /// The lines of a text, none of a blank one. Each has its styles to itself.
    pub(crate) fn lines(self, text: &str, format: Format) -> Vec<String> {
        let text = harmless(text);
        let (text, marks) = match format {
            Format::Markdown => {
                let styled = markdown::styled(&text).spelled_out();
                (styled.text, styled.marks)
            }
            _ => (text, Vec::new()),
        };
        // Marks may reach beyond the end, where nothing is.
        let text = text.trim_end();
        if text.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Plain => text.lines().map(|line| line.trim_end().to_owned()).collect(),
            Self::Styled => styled_lines(text, &marks),
        }
    }
}

/// A text without what could change a terminal's state, or show its characters in another order than they have: an
/// engine may quote what somebody wrote in order to be shown here.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace("\r\n", "\n").replace(is_harmful, "")
}

/// How often each markup is open at a place.
#[derive(Debug, Default, Clone, Copy)]
struct Open {
    bold: i32,
    italic: i32,
    strike: i32,
    code: i32,
    faint: i32,
    underlined: i32,
}

impl Open {
    fn change(&mut self, markup: &Markup, by: i32) {
        match markup {
            Markup::Bold => self.bold += by,
            Markup::Italic => self.italic += by,
            Markup::Strike => self.strike += by,
            Markup::Code | Markup::CodeBlock { .. } => self.code += by,
            Markup::Quote => self.faint += by,
            Markup::Link { .. } => self.underlined += by,
            Markup::Heading { .. } => {
                self.bold += by;
                self.underlined += by;
            }
            _ => {}
        }
    }

    fn paint(self, text: &str) -> String {
        let style = Style::new();
        let style = if self.bold > 0 { style.bold() } else { style };
        let style = if self.italic > 0 { style.italic() } else { style };
        let style = if self.strike > 0 { style.strikethrough() } else { style };
        let style = if self.code > 0 { style.cyan() } else { style };
        let style = if self.faint > 0 { style.dim() } else { style };
        let style = if self.underlined > 0 { style.underlined() } else { style };
        style.force_styling(true).apply_to(text).to_string()
    }
}

fn styled_lines(text: &str, marks: &[Mark]) -> Vec<String> {
    let begins = marks.iter().map(|mark| (mark.range.start, 1, &mark.markup));
    let ends = marks.iter().map(|mark| (mark.range.end, -1, &mark.markup));
    let mut changes: Vec<_> = begins.chain(ends).collect();
    changes.sort_by_key(|(at, _, _)| *at);
    let mut lines = vec![String::new()];
    let mut open = Open::default();
    let mut last = 0;
    for (at, by, markup) in changes {
        push(&mut lines, &text[last.min(text.len())..at.min(text.len())], open);
        open.change(markup, by);
        last = at;
    }
    push(&mut lines, &text[last.min(text.len())..], open);
    lines
}

fn push(lines: &mut Vec<String>, part: &str, open: Open) {
    for (index, piece) in part.split('\n').enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut()
            && !piece.is_empty()
        {
            line.push_str(&open.paint(piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, plain: &[&str], styled: &[&str]) {
        assert_eq!(Palette::Plain.lines(text, Format::Markdown), plain, "{text:?}");
        assert_eq!(Palette::Styled.lines(text, Format::Markdown), styled, "{text:?}");
    }

    #[test]
    fn styles_end_with_their_line() {
        check("a **b\nc** d", &["a b", "c d"], &["a \u{1b}[1mb\u{1b}[0m", "\u{1b}[1mc\u{1b}[0m d"]);
        check("`a`", &["a"], &["\u{1b}[36ma\u{1b}[0m"]);
        check("**a *b***", &["a b"], &["\u{1b}[1ma \u{1b}[0m\u{1b}[1m\u{1b}[3mb\u{1b}[0m"]);
        check("# a", &["a"], &["\u{1b}[1m\u{1b}[4ma\u{1b}[0m"]);
        check("```\na\n\nb\n```", &["a", "", "b"], &["\u{1b}[36ma\u{1b}[0m", "", "\u{1b}[36mb\u{1b}[0m"]);
        check("\n \n", &[], &[]);
        check("a\n`\n`", &["a"], &["a"]);
    }

    #[test]
    fn a_text_can_not_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2J\u{7}\u{9b}b\r\nc\td\re"), "a[2Jb\nc\tde");
        assert_eq!(
            harmless("rm \u{202e}fr- \u{2066}x"),
            "rm fr- x",
            "it is shown in the order in which it is run"
        );
        assert_eq!(harmless("\u{645}\u{631}\u{62d}\u{628}\u{627}"), "\u{645}\u{631}\u{62d}\u{628}\u{627}");
        assert_eq!(Palette::Styled.lines("\u{1b}[31ma", Format::Plain), ["[31ma"]);
    }

    proptest::proptest! {
        #[test]
        fn a_style_changes_no_character(text in "[a-c*_`>#\\n -]{0,60}") {
            let styled = Palette::Styled.lines(&text, Format::Markdown);
            let plain: Vec<_> = styled.iter().map(|line| console::strip_ansi_codes(line).trim_end().to_owned()).collect();
            proptest::prop_assert_eq!(plain, Palette::Plain.lines(&text, Format::Markdown));
        }
    }
}
