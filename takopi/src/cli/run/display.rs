//! What a person or a program sees of a run while it goes on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};
use indicatif::{ProgressBar, ProgressStyle};
use takopi_api::event::{ActionEvent, Completed, Event, Outcome, Phase, TextKind};

use super::super::output;
use crate::chat::progress::{self, Progress, Style};
use crate::chat::written::Text;

/// How often the clock on the terminal moves.
const TICK: Duration = Duration::from_millis(100);

/// How much of an answer is shown while it is written.
const LAST_ROWS: usize = 8;

/// No terminal shows more than that in so many rows.
const LAST_BYTES: usize = 8 * 1024;

/// Shows a run. Data goes to standard output, the rest to standard error.
pub(super) struct Display {
    engine: String,
    began: Instant,
    progress: Progress,
    /// The answer as far as it is written, where that is shown.
    written: Option<Text>,
    form: Form,
}

enum Form {
    /// The events as JSON on standard output, and nothing else.
    Json,
    /// A line for each step on standard error.
    Lines,
    /// A spinner with the last steps on standard error.
    Live(ProgressBar),
}

impl Display {
    pub(super) fn new(engine: &str, cwd: &str, is_json: bool) -> Self {
        let began = Instant::now();
        let form = if is_json {
            Form::Json
        } else if io::stderr().is_terminal() {
            Form::Live(spinner(began))
        } else {
            Form::Lines
        };
        // Where the answer goes elsewhere, the terminal has only what leads to it.
        let is_seen = matches!(form, Form::Live(_)) && io::stdout().is_terminal();
        let display = Self {
            engine: engine.to_owned(),
            began,
            progress: Progress::new(cwd, Style::Plain),
            written: is_seen.then(Text::default),
            form,
        };
        display.redraw("starting");
        display
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.form, Form::Json)
    }

    /// Shows an event on standard error, or gives what is to be written to standard output.
    pub(super) fn event(&mut self, event: &Event) -> io::Result<Option<String>> {
        if self.is_json() {
            return Ok(Some(serde_json::to_string(event)? + "\n"));
        }
        match event {
            Event::Action(event) => self.action(event),
            Event::Started(_) => self.redraw("working"),
            Event::Text(text) if text.kind == TextKind::Answer => {
                if let Some(written) = &mut self.written {
                    written.add(&text.delta);
                    self.redraw("working");
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Takes the progress away, and gives what is to be written to standard output at the end.
    pub(super) fn completed(&self, completed: &Completed) -> io::Result<Option<String>> {
        if self.is_json() {
            return Ok(Some(serde_json::to_string(&Event::Completed(completed.clone()))? + "\n"));
        }
        self.end(match completed.outcome {
            Outcome::Done => "done",
            Outcome::Failed { .. } => "error",
            Outcome::Interrupted => "cancelled",
        });
        let answer = completed.answer.trim_end();
        Ok((!answer.is_empty()).then(|| output::answer(answer)))
    }

    /// A line for the person, in between, which may quote the engine.
    pub(super) fn note(&self, text: &str) {
        let text = &output::harmless(text);
        match &self.form {
            Form::Live(bar) => bar.suspend(|| output::line(text)),
            Form::Lines | Form::Json => output::line(text),
        }
    }

    /// Takes the progress away while a person types.
    pub(super) fn hide(&self) {
        if let Form::Live(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    /// Shows the progress again.
    pub(super) fn show(&mut self) {
        if let Form::Live(bar) = &mut self.form
            && bar.is_finished()
        {
            *bar = spinner(self.began);
            self.redraw("working");
        }
    }

    fn end(&self, label: &str) {
        if let Form::Live(bar) = &self.form {
            bar.finish_and_clear();
        }
        let (duration, steps) = (self.began.elapsed(), self.progress.steps());
        output::line(&progress::header(label, &self.engine, duration, steps));
    }

    fn action(&mut self, event: &ActionEvent) {
        let line = self.progress.action(event);
        if let Some(written) = &mut self.written {
            written.is_over();
        }
        if let (Form::Lines, Some(line)) = (&self.form, line)
            && event.phase != Phase::Updated
        {
            output::line(&line);
        }
        self.redraw("working");
    }

    fn redraw(&self, label: &str) {
        let Form::Live(bar) = &self.form else { return };
        let width = usize::from(console::Term::stderr().size().1).saturating_sub(4).max(20);
        let steps = match self.progress.steps() {
            0 => String::new(),
            steps => format!(" · step {steps}"),
        };
        bar.set_prefix(format!("{label} · {}", self.engine));
        let lines = self.progress.lines().map(|line| format!("\n  {}", truncate_str(line, width, "…")));
        let written =
            self.written.as_ref().map(|written| last_rows(written.as_str(), width)).unwrap_or_default();
        let written = written.iter().map(|row| format!("\n  {row}"));
        bar.set_message(format!("{steps}{}", lines.chain(written).collect::<String>()));
    }
}

/// The last rows that a text has on a terminal of this width.
fn last_rows(text: &str, width: usize) -> Vec<String> {
    let text = output::harmless(&text[text.ceil_char_boundary(text.len().saturating_sub(LAST_BYTES))..]);
    let mut rows: Vec<String> = Vec::new();
    for line in text.trim_end().lines() {
        let mut row = String::new();
        for word in line.split_inclusive(' ') {
            if !row.is_empty() && measure_text_width(&row) + measure_text_width(word.trim_end()) > width {
                rows.push(std::mem::take(&mut row));
            }
            row.push_str(word);
        }
        rows.push(row);
    }
    let last = rows.split_off(rows.len().saturating_sub(LAST_ROWS));
    // A word may be longer than a row.
    last.iter().map(|row| truncate_str(row.trim_end(), width, "…").into_owned()).collect()
}

fn spinner(began: Instant) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} · {clock}{msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("clock", |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(&progress::elapsed(state.elapsed()));
        });
    let bar = ProgressBar::new_spinner().with_style(style).with_elapsed(began.elapsed());
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_shown_in_rows() {
        assert_eq!(last_rows("one two three\n\nfour\n", 8), ["one two", "three", "", "four"]);
        assert_eq!(last_rows(&"x".repeat(30), 8), ["xxxxxxx…"]);
        assert_eq!(last_rows("a\u{1b}[2Jb", 20), ["a[2Jb"]);
        let long = last_rows(&"ä word ".repeat(10_000), 20);
        assert!(long.len() == LAST_ROWS && long.iter().all(|row| measure_text_width(row) <= 20), "{long:?}");
    }
}
