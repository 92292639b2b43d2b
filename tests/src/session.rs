//! A conversation at a terminal that uses all that a person has there, with any engine.

use std::path::Path;

use crate::terminal::{Key, Terminal};

/// What an engine is asked, and what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The engine, which answers what names none.
    pub engine: &'a str,
    /// Ends soon.
    pub short: Turn<'a>,
    /// Takes so long that each of its steps is shown.
    pub watched: Turn<'a>,
    /// A step of that.
    pub step: &'a str,
    /// A prompt that takes longer than anybody waits: it is always cancelled.
    pub long: &'a str,
    /// A step of its run.
    pub long_step: &'a str,
}

/// A prompt, and what is in the answer to it.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// What is typed.
    pub prompt: &'a str,
    /// What is read.
    pub answer: &'a str,
}

/// What happens in files.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder in which takopi was started.
    pub here: &'a Path,
    /// A repository that is the project `site`.
    pub site: &'a Path,
}

/// An answer, as it can be gone on with.
#[derive(Debug)]
struct Answered {
    /// The number of its message.
    number: String,
    resume_line: String,
}

/// The whole conversation, until the person leaves.
pub fn converse(terminal: &mut Terminal, part: &Part<'_>, places: Places<'_>) {
    terminal.waits_for("ctrl-d leaves");
    let first = shows_progress(terminal, part);
    queues(terminal, part);
    cancels_with_a_key(terminal, part);
    resumes(terminal, part, &first);
    works_in_a_worktree(terminal, part, places.site);
    asks_for_permission(terminal, places.here);
    terminal.presses(Key::CtrlD);
    assert_eq!(terminal.ends(), Some(0), "{}", terminal.screen());
}

/// What goes on is shown, and then what came of it.
#[track_caller]
fn shows_progress(terminal: &mut Terminal, part: &Part<'_>) -> Answered {
    terminal.types(part.watched.prompt);
    let number = number(terminal, part, "starting");
    terminal.waits_for(part.step);
    let answered = answer(terminal, part, &number, part.watched.answer);
    let said = terminal.since_typed();
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text:?} is missing:\n{said}"));
    let began = at(&format!("{number} starting · {}", part.engine));
    let ended = at(&format!("{number} done · {}", part.engine));
    assert!(began < at(part.step) && at(part.step) < ended, "the steps are not between:\n{said}");
    assert!(!said[ended..].contains('▸'), "something is said to go on after the end:\n{said}");
    answered
}

/// Sends the short prompt, with something before it.
#[track_caller]
fn asks(terminal: &mut Terminal, part: &Part<'_>, before: &str) -> Answered {
    terminal.pastes(&format!("{before}{}", part.short.prompt));
    let number = number(terminal, part, "starting");
    answer(terminal, part, &number, part.short.answer)
}

/// What is said meanwhile waits, is taken back, or has its turn.
fn queues(terminal: &mut Terminal, part: &Part<'_>) {
    let running = begins_long(terminal, part);
    terminal.types(part.short.prompt);
    let waiting = number(terminal, part, "queued");
    terminal.waits_for(&format!("queued · {} · next", part.engine));
    terminal.types("and this");
    let last = number(terminal, part, "queued");
    terminal.waits_for(&format!("queued · {} · 2 before it", part.engine));
    terminal.presses(Key::CtrlC);
    terminal.waits_for(&format!("{last} cancelled · {}", part.engine));
    terminal.waits_for("dropped from the queue");
    terminal.types("/cancel");
    terminal.waits_for(&format!("{running} cancelled · {}", part.engine));
    answer(terminal, part, &waiting, part.short.answer);
    let screen = terminal.screen();
    assert!(!screen.contains(&format!("{last} starting")), "what was taken back ran:\n{screen}");
}

fn cancels_with_a_key(terminal: &mut Terminal, part: &Part<'_>) {
    let running = begins_long(terminal, part);
    terminal.presses(Key::CtrlC);
    terminal.waits_for(&format!("{running} cancelled · {}", part.engine));
}

/// A reply goes on where the answer was, whatever was said since, and so does a resume line.
fn resumes(terminal: &mut Terminal, part: &Part<'_>, first: &Answered) {
    terminal.types("/new");
    terminal.waits_for("starts afresh");
    let other = asks(terminal, part, "");
    assert_ne!(first.resume_line, other.resume_line, "it did not start afresh");
    let replied = asks(terminal, part, &format!("{} ", first.number));
    assert_eq!(replied.resume_line, first.resume_line, "the reply went elsewhere");
    let pasted = asks(terminal, part, &format!("{}\n", other.resume_line));
    assert_eq!(pasted.resume_line, other.resume_line, "the pasted line was not followed");
}

fn works_in_a_worktree(terminal: &mut Terminal, part: &Part<'_>, site: &Path) {
    terminal.writes("/si");
    terminal.presses(Key::Tab);
    terminal.waits_for("> /site ");
    asks(terminal, part, "@feat/x ");
    terminal.waits_for("ctx: site @feat/x");
    let worktree = site.join(".worktrees/feat/x");
    assert!(worktree.join(".git").is_file(), "there is no worktree in {}", worktree.display());
}

/// Permissions are asked of the person, and a number answers.
fn asks_for_permission(terminal: &mut Terminal, here: &Path) {
    let file = here.join("NOTES.md");
    let mut decides = |label: &str, outcome: &str| {
        terminal.types("/acme write hello to NOTES.md");
        terminal.waits_for("write NOTES.md");
        let choice = choice(terminal, label);
        assert!(!file.exists(), "nothing is written before the answer");
        terminal.types(&choice);
        terminal.waits_for(outcome);
        terminal.waits_for("done · acme");
    };
    decides("deny", "denied by");
    assert!(!file.exists(), "it was denied");
    decides("allow once", "allowed once by");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("hello"), "{written}");
}

#[track_caller]
fn begins_long(terminal: &mut Terminal, part: &Part<'_>) -> String {
    terminal.types(part.long);
    let number = number(terminal, part, "starting");
    terminal.waits_for(part.long_step);
    number
}

/// The number of the message that says this of the engine: `>3`.
#[track_caller]
fn number(terminal: &Terminal, part: &Part<'_>, state: &str) -> String {
    let header = format!("{state} · {}", part.engine);
    terminal.waits_until(&header, |said| {
        let line = said.lines().find(|line| line.starts_with('>') && line.contains(&header))?;
        Some(line.split_once(' ')?.0.to_owned())
    })
}

/// Waits for the answer that this message becomes.
#[track_caller]
fn answer(terminal: &Terminal, part: &Part<'_>, number: &str, text: &str) -> Answered {
    let resume = format!("{} ", part.engine);
    let header = format!("{number} done · {}", part.engine);
    let resume_line = terminal.waits_until(&header, |said| {
        let answer = &said[said.find(&header)?..];
        let text = answer.find(text)?;
        let line = answer[text..].lines().find(|line| line.starts_with(&resume))?;
        Some(line.trim_end().to_owned())
    });
    Answered { number: number.to_owned(), resume_line }
}

/// The number of the button with this label.
#[track_caller]
fn choice(terminal: &Terminal, label: &str) -> String {
    terminal.waits_until(label, |said| {
        let before = &said[..said.find(&format!("] {label}"))?];
        Some(before[before.rfind('[')? + 1..].to_owned())
    })
}
