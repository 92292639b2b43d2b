//! What people see of a request: all of it where it fits, else what tells most of it, with the whole as a file.

use takopi_api::event::{Permission, Question, Request, RequestSubject};
use takopi_api::markdown;
use takopi_api::message::{Body, Button, ButtonData, MessageKind, OutgoingFile, OutgoingMessage};
use takopi_api::transport::{Capabilities, TextLimit, TextUnit};

use super::acts::Form;
use super::diff::Change;
use super::questions::Questions;
use crate::visible::{one_line, shortened, visible};

/// How much of a title is shown and stored, in characters.
pub(super) const TITLE: usize = 200;

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

/// How much of a button's label is shown, and of the name of a question.
const LABEL: usize = 60;

/// How many options of a question are described, and in how many characters each.
const OPTIONS: usize = 20;
const DESCRIPTION: usize = 120;

/// The most that a text has, where the chat takes more and files. Of a longer one the end is cut off, and all of it is a file.
const MOST: TextLimit = TextLimit { max: 3400, unit: TextUnit::Utf16 };

/// How much room is kept for what stands below a text: what can be done, and that there is more.
const BELOW: usize = 300;

/// And for the number of an option, and the mark of one that is chosen.
const NUMBER: usize = 8;

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
    /// Says that there is more than that, and where.
    more: String,
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

    /// How long a text can be with this much below it.
    fn above(&self, below: usize) -> TextLimit {
        let limit = self.limit();
        TextLimit { max: limit.max.saturating_sub(below), ..limit }
    }

    /// How long the text of a question can be: without buttons its options stand below it.
    fn above_options(&self, question: &Question) -> TextLimit {
        let unit = self.limit.unit;
        let options = question.options.iter();
        let lines = options.map(|choice| unit.count(&escape(&one_line(&choice.label, TITLE))) + NUMBER);
        let below: usize = if self.buttons { 0 } else { lines.sum() };
        self.above(BELOW + below)
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
        self.leave_behind(head, &text, file);
    }

    /// Shows a text in its own words, as much of it as there is room for.
    fn tell(&mut self, label: &str, text: &str, room: Room, file: &str) {
        let text = visible(text.trim());
        let head = head(&text, self.means.room(room));
        let more = if head.len() < text.len() { "…" } else { "" };
        self.say(format!("{label}{}{more}", escape(head)));
        self.leave_behind(head, &text, file);
    }

    /// Makes a file of a text of which only this is shown.
    fn leave_behind(&mut self, head: &str, text: &str, file: &str) {
        if head.len() < text.len() {
            self.leave(text.lines().count().saturating_sub(head.lines().count()), file, text);
        }
    }

    /// Says that something is not shown here, and makes a file of all of it.
    fn leave(&mut self, lines: usize, file: &str, whole: &str) {
        let more = self.attach(lines, file, whole);
        self.say(more);
    }

    /// Makes a file of what is not shown, and says what to say of that.
    fn attach(&mut self, lines: usize, file: &str, whole: &str) -> String {
        let more = match lines {
            0 => "more".to_owned(),
            1 => "1 more line".to_owned(),
            lines => format!("{lines} more lines"),
        };
        if !self.means.files {
            return format!("… {more}, which this chat can not show");
        }
        self.files.push(OutgoingFile::text(file, whole));
        format!("… {more}: all of it is in {}", markdown::code(file))
    }

    /// Tells the rest of a title that is cut where nothing else says it.
    fn title(&mut self, title: &str) {
        if is_cut(title, TITLE) {
            self.tell("", title, HEAD, "title.txt");
        }
    }

    /// Makes a file of questions that no message has the room for, and says so.
    fn questions(&mut self, asked: &[Question], title: &str) -> String {
        let questions = Questions::new(asked);
        let above = self.blocks.join("\n");
        let fits = |question: &Question| {
            let text = question_text(question, &questions, title, self.means.room(HEAD));
            fits(question, self.means.room(HEAD))
                && self.means.above_options(question).admits(&joined(&above, &text))
        };
        if asked.iter().all(fits) {
            return String::new();
        }
        let whole: Vec<_> = asked.iter().map(whole).collect();
        self.attach(0, "question.md", &whole.join("\n\n"))
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
        let mut more = String::new();
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
                draft.title(&request.title);
                let text = visible(text.trim());
                let head = head(&text, means.room(PLAN));
                draft.say(head);
                draft.leave_behind(head, &text, "plan.md");
            }
            // They are shown one after the other; what does not fit there is shown whole in a file.
            RequestSubject::Question { questions } => {
                let is_title = |question: &Question| {
                    question.text.split_whitespace().eq(request.title.split_whitespace())
                };
                if !questions.iter().any(is_title) {
                    draft.title(&request.title);
                }
                more = draft.questions(questions, &title);
            }
            _ => draft.say("this takopi does not know what this asks; it can only be denied"),
        }
        if title.is_empty() {
            "the engine asks".clone_into(&mut title);
        }
        let text = draft.blocks.join("\n");
        if more.is_empty() && !means.above(BELOW).admits(&text) {
            more = draft.attach(0, "request.md", &text);
        }
        Self { title, text, more, files: draft.files, footer }
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
            Form::Questions(questions) => joined(&self.text, &questions_text(questions, &self.title, means)),
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
        let mut tail = self.more.clone();
        if !means.buttons {
            let labels = rows.iter().flatten().map(|(label, _)| escape(&one_line(label, TITLE)));
            let numbered = labels.enumerate().map(|(at, label)| format!("{}. {label}", at + 1));
            tail = joined(&tail, &numbered.collect::<Vec<_>>().join("\n"));
        }
        if let Some(words) = words {
            tail = joined(&tail, words);
        }
        let room = means.above(means.limit.unit.count(&tail) + 2);
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
        draft.say(format!("in {}", markdown::code(&shortened(&visible(cwd), 2 * PATH))));
    }
    let paths = &permission.paths;
    if !paths.is_empty() {
        let name = |path: &String| markdown::code(&shortened(&visible(path), PATH));
        let mut names: Vec<_> = paths.iter().take(PATHS).map(name).collect();
        if paths.len() > PATHS {
            names.push(format!("and {} more", paths.len() - PATHS));
        }
        draft.say(names.join(", "));
        let is_long = |path: &String| visible(path).chars().nth(PATH).is_some();
        if paths.len() > PATHS || paths.iter().any(is_long) {
            draft.leave(paths.len().saturating_sub(PATHS), "files.txt", &visible(&paths.join("\n")));
        }
    }
    if let Some(change) = change.filter(|_| !draft.means.files) {
        draft.quote(change.whole(), "diff", HEAD, "change.diff");
    } else if let Some(change) = change {
        let preview = change.preview();
        if !preview.text.is_empty() {
            draft.say(fenced(&preview.text, "diff"));
        }
        if !preview.is_whole {
            draft.leave(preview.left, "change.diff", &visible(change.whole()));
        }
    }
    if let Some(input) = &permission.input {
        draft.quote(input, "json", HEAD, "input.json");
    }
    if let Some(reason) = &permission.reason {
        draft.tell("why: ", reason, REASON, "reason.txt");
    }
}

/// The question that is asked now, and below it what was answered.
fn questions_text(questions: &Questions, title: &str, means: &Means) -> String {
    let current = questions.current();
    let asked = current.map(|question| question_text(question, questions, title, means.room(HEAD)));
    let answered: Vec<_> = questions
        .answered()
        .map(|(question, answer)| {
            let asked = question.header.as_deref().unwrap_or(&question.text);
            format!("{} → {}", escape(&one_line(asked, LABEL)), escape(&one_line(&answer, LABEL)))
        })
        .collect();
    joined(&asked.unwrap_or_default(), &answered.join("\n"))
}

/// Whether a line of this length can not say all of a text.
fn is_cut(text: &str, most: usize) -> bool {
    one_line(text, most).chars().nth(most).is_some()
}

/// Whether the places for what a question says have the room for it.
fn fits(question: &Question, room: Room) -> bool {
    let text = visible(question.text.trim());
    let is_short =
        |text: &str, most: usize| visible(text).chars().nth(most).is_none() && !text.contains('\n');
    head(&text, room).len() == text.len()
        && question.header.as_deref().is_none_or(|header| is_short(header, LABEL))
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
    let lines: Vec<_> =
        header.into_iter().chain([visible(question.text.trim()).into_owned()]).chain(options).collect();
    lines.join("\n")
}

fn question_text(question: &Question, questions: &Questions, title: &str, room: Room) -> String {
    let number = questions.answered().count() + 1;
    let mut lines = Vec::new();
    let header = question.header.as_deref().map(|header| format!("**{}**", escape(&one_line(header, LABEL))));
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
            let label = escape(&one_line(&choice.label, LABEL));
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

#[cfg(test)]
mod tests;
