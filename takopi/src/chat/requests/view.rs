//! What people see of a request: all of it where it fits, else what tells most of it, with the whole as a file.

use takopi_api::event::{Permission, Question, Request, RequestSubject};
use takopi_api::markdown;
use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingFile, OutgoingMessage};
use takopi_api::transport::{Capabilities, TextLimit, TextUnit};

use super::acts::Form;
use super::diff::Change;
use super::questions::Questions;

/// How much of a title is shown, in characters.
const TITLE: usize = 200;

/// How much of a command, an input, or another text of an engine is shown where the whole can be a file.
const HEAD: Room = Room { lines: 12, chars: 700 };

/// How much of a plan.
const PLAN: Room = Room { lines: 80, chars: 2400 };

/// How much of what an engine says about its reasons.
const REASON: Room = Room { lines: 4, chars: 300 };

/// How much of any text is shown where nothing can be a file: who can not see the whole can still say no.
const WITHOUT_FILES: Room = Room { lines: 400, chars: 16 * 1024 };

/// How many files are named, and how much of each name is shown.
const PATHS: usize = 6;
const PATH: usize = 100;

/// How much of a button's label is shown.
const LABEL: usize = 60;

/// How many options of a question are described, and in how many characters each.
const OPTIONS: usize = 20;
const DESCRIPTION: usize = 120;

/// The most that a message has, where the chat takes more: what stands in it is cut before by lines that say so.
const MOST: TextLimit = TextLimit { max: 3400, unit: TextUnit::Utf16 };

/// How much of a text is shown.
#[derive(Debug, Clone, Copy)]
struct Room {
    lines: usize,
    chars: usize,
}

/// What is shown of a request as long as it is open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    /// One line: what is asked.
    pub(super) title: String,
    text: String,
    /// What did not fit.
    files: Vec<OutgoingFile>,
    footer: Vec<String>,
}

/// What can be shown.
#[derive(Debug, Clone)]
pub(super) struct Means {
    files: bool,
    buttons: bool,
    limit: TextLimit,
}

impl Means {
    pub(super) const fn of(can: &Capabilities) -> Self {
        Self { files: can.files, buttons: can.buttons, limit: can.text }
    }

    /// How much of a text is shown, of which the whole may become a file.
    const fn room(&self, room: Room) -> Room {
        if self.files { room } else { WITHOUT_FILES }
    }

    fn limit(&self) -> TextLimit {
        if self.files || self.limit.max < MOST.max { shorter(self.limit) } else { self.limit }
    }
}

fn shorter(limit: TextLimit) -> TextLimit {
    TextLimit { max: limit.max.min(MOST.max), ..limit }
}

/// A text that is built, and the files that its cut parts become.
struct Draft<'a> {
    means: &'a Means,
    blocks: Vec<String>,
    files: Vec<OutgoingFile>,
}

impl Draft<'_> {
    fn say(&mut self, block: impl Into<String>) {
        self.blocks.push(block.into());
    }

    /// Shows a text in a fence, as much of it as there is room for.
    fn quote(&mut self, text: &str, language: &str, room: Room, file: &str) {
        let text = visible(text.trim_end());
        let head = head(&text, self.means.room(room));
        self.say(fenced(head, language));
        if head.len() < text.len() {
            self.leave(text.lines().count().saturating_sub(head.lines().count()), file, &text);
        }
    }

    /// Says that something is not shown here, and makes a file of all of it.
    fn leave(&mut self, lines: usize, file: &str, whole: &str) {
        let more = match lines {
            0 => "more".to_owned(),
            1 => "1 more line".to_owned(),
            lines => format!("{lines} more lines"),
        };
        if self.means.files {
            self.say(format!("… {more}: all of it is in {}", markdown::code(file)));
            self.files.push(OutgoingFile::text(file, whole));
        } else {
            self.say(format!("… {more}, which this chat can not show"));
        }
    }
}

impl Sheet {
    /// What a request looks like. `change` is what would change in its files, `footer` what stands below everything.
    pub(super) fn new(
        request: &Request,
        change: Option<&Change>,
        means: &Means,
        footer: Vec<String>,
    ) -> Self {
        let mut draft = Draft { means, blocks: Vec::new(), files: Vec::new() };
        let mut title = one_line(&request.title, TITLE);
        match &request.subject {
            RequestSubject::Permission(permission) => {
                if let Some(tool) = permission.tool.as_deref().map(|tool| one_line(tool, 40))
                    && !title.to_lowercase().contains(&tool.to_lowercase())
                {
                    title = if title.is_empty() { tool } else { format!("{tool}: {title}") };
                }
                if let Some(counts) = change.and_then(Change::counts) {
                    title = format!("{title} · {counts}");
                }
                permission_text(&mut draft, permission, change);
            }
            RequestSubject::Plan { text } => {
                let text = visible(text.trim());
                let head = head(&text, means.room(PLAN));
                draft.say(head);
                if head.len() < text.len() {
                    draft.leave(text.lines().count() - head.lines().count(), "plan.md", &text);
                }
            }
            // They are shown one after the other; what does not fit there is shown whole in a file.
            RequestSubject::Question { questions } => {
                let room = means.room(HEAD);
                if questions.iter().any(|question| !fits(question, room)) {
                    let whole: Vec<_> = questions.iter().map(whole).collect();
                    draft.leave(0, "question.md", &whole.join("\n\n"));
                }
            }
            _ => draft.say("this takopi does not know what this asks; it can only be denied"),
        }
        if title.is_empty() {
            "the engine asks".clone_into(&mut title);
        }
        let Draft { blocks, files, .. } = draft;
        Self { title, text: blocks.join("\n"), files, footer }
    }

    /// The message that asks. `rows` are its buttons; files go with it only the first time.
    pub(super) fn message(
        &self,
        form: &Form,
        waits_for_words: bool,
        rows: Vec<Vec<(String, ButtonData)>>,
        means: &Means,
    ) -> OutgoingMessage {
        let text = match form {
            Form::Questions(questions) => joined(&questions_text(questions, &self.title, means), &self.text),
            _ => self.text.clone(),
        };
        let words = match (waits_for_words, form) {
            (true, Form::Plan) => Some("write what to change, as your next message here"),
            (true, _) => Some("write why, as your next message here: it is denied with that"),
            (false, Form::Questions(questions)) if !means.buttons => {
                let options = questions.current().is_some_and(|question| !question.options.is_empty());
                Some(if options {
                    "reply with a number, or in your own words"
                } else {
                    "reply with the answer"
                })
            }
            (false, Form::Questions(_)) => Some("press one, or reply with the answer"),
            (false, _) if !means.buttons => Some("answer with a number, or `deny because …`"),
            (false, _) => None,
        };
        let mut tail = String::new();
        if !means.buttons {
            let labels = rows.iter().flatten().map(|(label, _)| escape(&one_line(label, TITLE)));
            let numbered = labels.enumerate().map(|(at, label)| format!("{}. {label}", at + 1));
            tail = numbered.collect::<Vec<_>>().join("\n");
        }
        if let Some(words) = words {
            tail = joined(&tail, words);
        }
        let limit = means.limit();
        let room = TextLimit { max: limit.max.saturating_sub(limit.unit.count(&tail) + 2), ..limit };
        let text = joined(&markdown::trim(&text, room), &tail);
        let body = Body::markdown(text).header(escape(&self.title)).footer(self.footer.iter().cloned());
        let mut message = OutgoingMessage::new(MessageKind::Request, body);
        if means.buttons {
            for row in rows {
                let button = |(label, data): (String, ButtonData)| Button::new(one_line(&label, LABEL), data);
                message = message.buttons(row.into_iter().map(button));
            }
        }
        message
    }

    /// What goes with the message when it is sent.
    pub(super) fn files(&self) -> &[OutgoingFile] {
        &self.files
    }

    /// The message once nobody is asked any more.
    pub(super) fn closed(title: &str, outcome: &str) -> OutgoingMessage {
        let title = escape(&one_line(title, TITLE));
        OutgoingMessage::new(MessageKind::Ack, Body::markdown(title).header(escape(outcome)))
    }
}

fn permission_text(draft: &mut Draft<'_>, permission: &Permission, change: Option<&Change>) {
    if let Some(command) = &permission.command {
        draft.quote(command, "", HEAD, "command.txt");
    }
    if let Some(cwd) = &permission.cwd {
        draft.say(format!("in {}", markdown::code(&visible(&shortened(cwd, 2 * PATH)))));
    }
    if !permission.paths.is_empty() {
        let paths = permission.paths.iter();
        let mut names: Vec<_> =
            paths.take(PATHS).map(|path| markdown::code(&visible(&shortened(path, PATH)))).collect();
        if permission.paths.len() > PATHS {
            names.push(format!("and {} more", permission.paths.len() - PATHS));
        }
        draft.say(names.join(", "));
        if permission.paths.len() > PATHS {
            draft.leave(permission.paths.len() - PATHS, "files.txt", &permission.paths.join("\n"));
        }
    }
    if let Some(change) = change.filter(|_| !draft.means.files) {
        draft.quote(change.whole(), "diff", HEAD, "change.diff");
    } else if let Some(change) = change {
        let preview = change.preview();
        if !preview.text.is_empty() {
            draft.say(fenced(&visible(&preview.text), "diff"));
        }
        if !preview.is_whole {
            draft.leave(preview.left, "change.diff", change.whole());
        }
    }
    if let Some(input) = &permission.input {
        draft.quote(input, "json", HEAD, "input.json");
    }
    if let Some(reason) = &permission.reason {
        let reason = visible(reason.trim());
        let head = head(&reason, REASON);
        let more = if head.len() < reason.len() { "…" } else { "" };
        draft.say(format!("why: {}{more}", escape(head)));
    }
}

fn questions_text(questions: &Questions, title: &str, means: &Means) -> String {
    let mut blocks = Vec::new();
    let answered: Vec<_> = questions
        .answered()
        .map(|(question, answer)| {
            let asked = question.header.as_deref().unwrap_or(&question.text);
            format!("{} → {}", escape(&one_line(asked, 60)), escape(&one_line(&answer, 60)))
        })
        .collect();
    if !answered.is_empty() {
        blocks.push(answered.join("\n"));
    }
    if let Some(question) = questions.current() {
        blocks.push(question_text(question, questions, title, means.room(HEAD)));
    }
    blocks.join("\n\n")
}

/// Whether a message has room for all that a question says.
fn fits(question: &Question, room: Room) -> bool {
    let text = visible(question.text.trim());
    let is_short = |text: &str, most: usize| text.chars().nth(most).is_none() && !text.contains('\n');
    head(&text, room).len() == text.len()
        && question.options.len() <= OPTIONS
        && question.options.iter().all(|choice| {
            is_short(&choice.label, LABEL)
                && choice.description.as_deref().is_none_or(|text| is_short(text, DESCRIPTION))
        })
}

/// All that a question says.
fn whole(question: &Question) -> String {
    let header = question.header.as_deref().map(|header| format!("# {}", visible(header)));
    let options = question.options.iter().map(|choice| {
        let description = choice.description.as_deref().map(|text| format!(": {}", visible(text)));
        format!("* {}{}", visible(&choice.label), description.unwrap_or_default())
    });
    let lines: Vec<_> = header.into_iter().chain([visible(question.text.trim())]).chain(options).collect();
    lines.join("\n")
}

fn question_text(question: &Question, questions: &Questions, title: &str, room: Room) -> String {
    let number = questions.answered().count() + 1;
    let mut lines = Vec::new();
    let header = question.header.as_deref().map(|header| format!("**{}**", escape(&one_line(header, 60))));
    match (questions.count(), header) {
        (1, None) => {}
        (1, Some(header)) => lines.push(header),
        (count, None) => lines.push(format!("question {number} of {count}")),
        (count, Some(header)) => lines.push(format!("question {number} of {count}: {header}")),
    }
    let text = visible(question.text.trim());
    // A title that says all of it need not be said twice.
    if one_line(&text, TITLE) != title || title.ends_with('…') {
        let shown = head(&text, room);
        let more = if shown.len() < text.len() { "…" } else { "" };
        lines.push(format!("{}{more}", escape(shown)));
    }
    for choice in question.options.iter().take(OPTIONS) {
        if let Some(description) = &choice.description {
            let label = escape(&one_line(&choice.label, 60));
            lines.push(format!("• {label}: {}", escape(&one_line(description, DESCRIPTION))));
        }
    }
    if question.multiple {
        lines.push("several can be chosen".to_owned());
    }
    if question.secret {
        lines.push("what you write is given to the engine, and kept nowhere".to_owned());
    }
    lines.join("\n")
}

/// As much of the beginning of a text as there is room for.
fn head(text: &str, room: Room) -> &str {
    let by_lines =
        text.match_indices('\n').nth(room.lines.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let by_chars = text.char_indices().nth(room.chars).map_or(text.len(), |(at, _)| at);
    &text[..by_lines.min(by_chars)]
}

fn joined(text: &str, more: &str) -> String {
    let parts = [text, more].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// A text in a fence that it can not close.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn escape(text: &str) -> String {
    markdown::escape(text)
}

/// A text on one line, and no longer than this.
pub(super) fn one_line(text: &str, most: usize) -> String {
    // What is cut off anyway is not looked at.
    let end = text.char_indices().nth(most * 4).map_or(text.len(), |(at, _)| at);
    let line = text[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&visible(&line), most)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text in which nothing is hidden, or shown in another order than it has: who allows a command must have seen it.
fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_hidden = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(is_hidden) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
