//! What a person or a program sees of a run while it goes on.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use console::truncate_str;
use indicatif::{ProgressBar, ProgressStyle};
use takopi_api::event::{ActionEvent, Completed, Event, Outcome, Phase};

use super::super::output;
use crate::chat::progress::{self, Progress, Style};

/// How often the clock on the terminal moves.
const TICK: Duration = Duration::from_millis(100);

/// Shows a run. Data goes to standard output, the rest to standard error.
pub(super) struct Display {
    engine: String,
    began: Instant,
    progress: Progress,
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
        let display =
            Self { engine: engine.to_owned(), began, progress: Progress::new(cwd, Style::Plain), form };
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

    /// A line for the person, in between.
    pub(super) fn note(&self, text: &str) {
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
        bar.set_message(format!("{steps}{}", lines.collect::<String>()));
    }
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
