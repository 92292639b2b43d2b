//! What a person sees of a run while it goes on: a state machine that events go into and lines come out of.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use takopi_api::event::{Action, ActionEvent, ActionId, ActionKind, ActionOutcome, FileChange, Phase};
use takopi_api::markdown;

/// How many actions are shown.
const SHOWN_ACTIONS: usize = 5;

/// How many files of a change are named.
const SHOWN_FILES: usize = 3;

/// Titles over this many characters are cut.
const TITLE_CHARS: usize = 300;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For a terminal.
    Plain,
    /// For a chat: commands and paths in code.
    Markdown,
}

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    cwd: String,
    style: Style,
    steps: u64,
    /// Actions that began and did not end.
    open: HashSet<ActionId>,
    /// The youngest actions. What is kept does not grow with the run.
    shown: VecDeque<(ActionId, String)>,
}

impl Progress {
    /// The progress of a run in this folder; paths below it are shown from it.
    #[must_use]
    pub fn new(cwd: &str, style: Style) -> Self {
        Self {
            cwd: cwd.trim_end_matches('/').to_owned(),
            style,
            steps: 0,
            open: HashSet::new(),
            shown: VecDeque::new(),
        }
    }

    /// How many steps the run has taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The lines of the youngest actions, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.shown.iter().map(|(_, line)| line.as_str())
    }

    /// Takes an action in, and gives its line if it is one to show.
    pub fn action(&mut self, event: &ActionEvent) -> Option<String> {
        let Action { id, kind, .. } = &event.action;
        if *kind == ActionKind::Turn {
            return None;
        }
        let is_new = match event.phase {
            Phase::Started | Phase::Updated => self.open.insert(id.clone()),
            Phase::Completed(_) => !self.open.remove(id),
        };
        self.steps += u64::from(is_new);
        let line = line(event, is_new, &self.cwd, self.style);
        match self.shown.iter_mut().find(|(shown, _)| shown == id) {
            Some((_, shown)) => shown.clone_from(&line),
            None if is_new => {
                if self.shown.len() == SHOWN_ACTIONS {
                    self.shown.pop_front();
                }
                self.shown.push_back((id.clone(), line.clone()));
            }
            // Younger ones took its place; it does not come back for its end.
            None => {}
        }
        Some(line)
    }
}

/// A duration in whole seconds: `9s`, `1m 05s`, `2h 07m`.
#[must_use]
pub fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// The first line of a run's message: `<label> · <engine> · <elapsed>[ · step <n>]`.
#[must_use]
pub fn header(label: &str, engine: &str, duration: Duration, steps: u64) -> String {
    let header = format!("{label} · {engine} · {}", elapsed(duration));
    if steps == 0 { header } else { format!("{header} · step {steps}") }
}

fn line(event: &ActionEvent, is_new: bool, cwd: &str, style: Style) -> String {
    let exit_code = event.action.detail.exit_code;
    let glyph = match event.phase {
        Phase::Started if is_new => '▸',
        Phase::Started | Phase::Updated => '↻',
        Phase::Completed(ActionOutcome::Ok) => '✓',
        Phase::Completed(ActionOutcome::Failed) => '✗',
    };
    let exit = match (event.phase, exit_code) {
        (Phase::Completed(_), Some(code)) if code != 0 => format!(" (exit {code})"),
        _ => String::new(),
    };
    format!("{glyph} {}{exit}", title(&event.action, cwd, style))
}

fn title(action: &Action, cwd: &str, style: Style) -> String {
    let own = cut(&shorten(&action.title, cwd));
    let code = |text: &str| match style {
        Style::Plain => text.to_owned(),
        Style::Markdown => markdown::code(text),
    };
    if action.kind == ActionKind::Command {
        return code(&own);
    }
    if action.kind == ActionKind::FileChange && action.detail.changes.is_empty() && own.contains('/') {
        return format!("files: {}", code(&own));
    }
    let own = match style {
        Style::Plain => own,
        Style::Markdown => markdown::escape(&own),
    };
    match action.kind {
        ActionKind::Tool => format!("tool: {own}"),
        ActionKind::WebSearch => format!("searched: {own}"),
        ActionKind::Subagent => format!("subagent: {own}"),
        ActionKind::FileChange if !action.detail.changes.is_empty() => {
            format!("files: {}", files(&action.detail.changes, cwd, code))
        }
        ActionKind::FileChange => format!("files: {own}"),
        _ => own,
    }
}

fn files(changes: &[FileChange], cwd: &str, code: impl Fn(&str) -> String) -> String {
    let named = changes.iter().take(SHOWN_FILES).map(|change| {
        let kind = serde_json::to_value(change.kind).unwrap_or_default();
        format!("{} {}", kind.as_str().unwrap_or("update"), code(&shorten(&change.path, cwd)))
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if changes.len() > SHOWN_FILES {
        text.push_str(&format!(" …({} more)", changes.len() - SHOWN_FILES));
    }
    text
}

/// Takes the run's folder off paths, where a word begins with it: `/x/cwd/b` stays as it is.
fn shorten(text: &str, cwd: &str) -> String {
    if cwd.is_empty() {
        return text.to_owned();
    }
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(cwd) {
        let (before, found) = rest.split_at(at);
        let after = &found[cwd.len()..];
        let is_start = !before
            .chars()
            .next_back()
            .or_else(|| short.chars().next_back())
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~'));
        short.push_str(before);
        match after.strip_prefix('/') {
            Some(inside) if is_start => rest = inside,
            _ if is_start
                && !after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) =>
            {
                short.push('.');
                rest = after;
            }
            _ => {
                short.push_str(cwd);
                rest = after;
            }
        }
    }
    short + rest
}

/// One line without control characters; a long one ends in `…`, at a word if there is one.
fn cut(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control() && !c.is_whitespace(), "");
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    let Some((end, _)) = line.char_indices().nth(TITLE_CHARS) else { return line };
    line.truncate(end);
    if let Some(space) = line.rfind(' ').filter(|&space| space > end / 2) {
        line.truncate(space);
    }
    line.push('…');
    line
}

#[cfg(test)]
mod tests {
    use takopi_api::engine::EngineId;
    use takopi_api::event::ChangeKind;

    use super::*;

    fn event(action: Action, phase: Phase) -> ActionEvent {
        ActionEvent::new(EngineId::from_static("acme"), action, phase)
    }

    const OK: Phase = Phase::Completed(ActionOutcome::Ok);
    const FAILED: Phase = Phase::Completed(ActionOutcome::Failed);

    #[track_caller]
    fn check(action: Action, phase: Phase, expected: &str) {
        assert_eq!(line(&event(action, phase), true, "/repo", Style::Plain), expected);
    }

    #[test]
    fn each_kind_and_phase_has_its_form() {
        let command = |title: &str| Action::new("1", ActionKind::Command, title);
        check(command("cargo test"), Phase::Started, "▸ cargo test");
        check(command("cargo test"), Phase::Updated, "↻ cargo test");
        check(command("cargo test").exit_code(Some(0)), OK, "✓ cargo test");
        check(command("cargo test").exit_code(Some(3)), FAILED, "✗ cargo test (exit 3)");
        check(Action::new("1", ActionKind::Tool, "read: a"), OK, "✓ tool: read: a");
        check(Action::new("1", ActionKind::WebSearch, "rust"), OK, "✓ searched: rust");
        let change = |path: &str, kind| FileChange { path: path.into(), kind };
        let changes = vec![
            change("/repo/a", ChangeKind::Add),
            change("b", ChangeKind::Update),
            change("c", ChangeKind::Delete),
            change("d", ChangeKind::Add),
        ];
        let action = Action::new("1", ActionKind::FileChange, "files").changes(changes);
        check(action, OK, "✓ files: add a, update b, delete c …(1 more)");
    }

    #[test]
    fn titles_are_no_markup() {
        let line =
            |kind, title| line(&event(Action::new("1", kind, title), OK), true, "/repo", Style::Markdown);
        assert_eq!(line(ActionKind::Tool, "edit: __init__ of a_b"), "✓ tool: edit: \\_\\_init\\_\\_ of a_b");
        assert_eq!(line(ActionKind::Command, "echo __init__"), "✓ `echo __init__`");
    }

    #[test]
    fn the_folder_is_cut_only_where_a_path_begins() {
        let check = |text: &str, expected: &str| assert_eq!(shorten(text, "/repo"), expected);
        check("cat /repo/a '/repo/b c'", "cat a 'b c'");
        check("cd /repo && ls", "cd . && ls");
        check("cat /x/repo/b /reposhop/c", "cat /x/repo/b /reposhop/c");
        check("", "");
        assert_eq!(shorten("/a", ""), "/a");
    }

    #[test]
    fn long_titles_are_cut_at_a_word_and_long_words_anyway() {
        assert_eq!(cut("a\n  b\tc\u{1b}[2J"), "a b c[2J");
        let words = cut(&"word ".repeat(100));
        assert!(words.ends_with("word…") && words.chars().count() <= TITLE_CHARS + 1);
        let word = cut(&"ä".repeat(400));
        assert_eq!(word.chars().count(), TITLE_CHARS + 1);
    }

    #[test]
    fn only_the_youngest_actions_are_kept_and_steps_are_counted_once() {
        let mut progress = Progress::new("/repo", Style::Plain);
        for n in 0..100 {
            let action = Action::new(n.to_string(), ActionKind::Command, format!("echo {n}"));
            progress.action(&event(action.clone(), Phase::Started));
            progress.action(&event(action, OK));
        }
        assert_eq!(progress.action(&event(Action::new("t", ActionKind::Turn, "turn"), OK)), None);
        assert_eq!(progress.steps(), 100);
        assert_eq!(
            progress.lines().collect::<Vec<_>>(),
            ["✓ echo 95", "✓ echo 96", "✓ echo 97", "✓ echo 98", "✓ echo 99"]
        );
    }

    #[test]
    fn an_action_keeps_its_place_and_does_not_come_back() {
        let mut progress = Progress::new("/repo", Style::Plain);
        let action = |n: usize| Action::new(n.to_string(), ActionKind::Command, format!("echo {n}"));
        for n in 0..6 {
            progress.action(&event(action(n), Phase::Started));
        }
        progress.action(&event(action(2), OK));
        assert_eq!(progress.action(&event(action(0), OK)).as_deref(), Some("✓ echo 0"));
        assert_eq!(progress.action(&event(action(3), Phase::Started)).as_deref(), Some("↻ echo 3"));
        assert_eq!(
            progress.lines().collect::<Vec<_>>(),
            ["▸ echo 1", "✓ echo 2", "↻ echo 3", "▸ echo 4", "▸ echo 5"]
        );
        assert_eq!(progress.steps(), 6);
    }

    #[test]
    fn durations_are_short() {
        let check = |seconds, expected: &str| assert_eq!(elapsed(Duration::from_secs(seconds)), expected);
        check(9, "9s");
        check(65, "1m 05s");
        check(7620, "2h 07m");
    }
}
