//! The loop of a run: events to the display, requests to the person, Ctrl-C to the engine.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::event::{Completed, Decision, Event, Outcome, Request};
use takopi_api::runner::{RunControl, RunSpec, Runner};

use super::super::error::CliError;
use super::super::output::{self, Writer, Written};
use super::super::question::Hidden;
use super::super::signals::Signals;
use super::ask::Person;
use super::display::Display;
use super::interview::{Heard, Interview};
use crate::hooks::{Denial, Watch};
use crate::process::LocalProcesses;

/// How a run that a person ended is reported to the shell: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// How long the reader of a run that was killed may take for its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) async fn drive(
    runner: &Arc<dyn Runner>,
    mut spec: RunSpec,
    display: Display,
    mut watch: Watch,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    let writer = Writer::new();
    let asked = tokio::select! {
        asked = watch.ask() => asked.map_err(Some),
        () = signals.next() => Err(None),
    };
    if let Err(denial) = asked {
        let failed = |denial: &Denial| Outcome::Failed { error: denial.to_string() };
        let outcome = denial.as_ref().map_or(Outcome::Interrupted, failed);
        let completed = Completed::new(runner.engine().clone(), outcome).resume(spec.resume);
        let interrupts = u32::from(denial.is_none());
        let last = Last { display, interrupts, is_writing: true, line: None };
        let code = last.tell(&completed, writer, &mut signals).await?;
        tell_hooks(watch, &completed, denial.as_ref(), &mut signals).await;
        return Ok(code);
    }
    if let Some(prompt) = watch.prompt() {
        prompt.clone_into(&mut spec.prompt);
    }
    watch.begin();
    let run = runner.run(spec);
    let (mut events, control) = (run.events, run.control);
    let mut driver = Driver {
        engine: runner.engine().to_string(),
        control,
        display,
        person: Person::at_the_terminal(),
        open: VecDeque::new(),
        hidden: None,
        interrupts: 0,
        has_started: false,
    };
    let mut unwritten = VecDeque::new();
    let mut is_writing = true;
    let completed = loop {
        let next_text = unwritten.front().cloned();
        tokio::select! {
            is_read = write(&writer, next_text), if !unwritten.is_empty() => {
                unwritten.pop_front();
                if !is_read {
                    // Whoever read the events has enough, so the engine has nobody to work for.
                    driver.control.kill();
                    is_writing = false;
                    unwritten.clear();
                }
            }
            event = events.next(), if unwritten.is_empty() => match event.inspect(|event| watch.event(event)) {
                Some(Event::Completed(completed)) => break completed,
                Some(event) => unwritten.extend(driver.event(event).await?.filter(|_| is_writing)),
                // The contract gives `completed` before the end.
                None => return Err(CliError::new("the run ended without a word")),
            },
            () = signals.next() => if driver.interrupt().await == Urgency::Now && !unwritten.is_empty() {
                // The reader does not read, and is not waited for any more.
                is_writing = false;
                unwritten.clear();
            },
            line = driver.person.line(), if !driver.open.is_empty() => driver.answer(line).await,
        }
    };
    let Driver { display, interrupts, has_started, hidden, .. } = driver;
    drop(hidden);
    // A thread that could not be opened can not be resumed either.
    let thread = completed.resume.as_ref().filter(|_| has_started);
    let line = thread.and_then(|token| runner.format_resume(token).ok());
    let last = Last { display, interrupts, is_writing, line };
    let code = last.tell(&completed, writer, &mut signals).await?;
    tell_hooks(watch, &completed, None, &mut signals).await;
    Ok(code)
}

/// Tells the hooks how the run ended. A person need not wait for them.
async fn tell_hooks(watch: Watch, completed: &Completed, denial: Option<&Denial>, signals: &mut Signals) {
    let Some(told) = watch.ended(completed, denial) else { return };
    tokio::select! {
        () = told => {}
        () = signals.next() => {}
    }
}

/// Hands a text to the writer; without one there is nothing to wait for.
async fn write(writer: &Writer, text: Option<String>) -> bool {
    match text {
        Some(text) => writer.write(text).await,
        None => true,
    }
}

/// Waits until no process of the run is left. An engine may take its time to end by itself; a person need not wait for it.
pub(super) async fn shut_down(processes: &LocalProcesses) -> std::io::Result<()> {
    let mut signals = Signals::new()?;
    let ended = processes.shutdown();
    tokio::pin!(ended);
    tokio::select! {
        () = &mut ended => return Ok(()),
        () = signals.next() => processes.kill_all(),
    }
    ended.await;
    Ok(())
}

/// When a run has to end.
#[derive(PartialEq, Eq)]
enum Urgency {
    /// As soon as the engine is done with it.
    Soon,
    /// At once.
    Now,
}

struct Driver {
    engine: String,
    control: RunControl,
    display: Display,
    person: Person,
    /// Requests that wait for an answer; the first is on the screen.
    open: VecDeque<Interview>,
    /// There while what is typed is not shown.
    hidden: Option<Hidden>,
    interrupts: u32,
    has_started: bool,
}

impl Driver {
    /// Shows an event, and gives what is to be written to standard output.
    async fn event(&mut self, event: Event) -> Result<Option<String>, CliError> {
        let text = self.display.event(&event)?;
        match event {
            Event::Started(_) => self.has_started = true,
            Event::Request(event) => self.request(event.request).await,
            Event::RequestResolved(event) => {
                let is_it = |open: &Interview| open.request().id == event.request_id;
                let was_first = self.open.front().is_some_and(is_it);
                self.open.retain(|open| !is_it(open));
                if was_first {
                    self.show_first();
                }
            }
            _ => {}
        }
        Ok(text)
    }

    async fn request(&mut self, request: Request) {
        if !self.person.is_there() {
            let Request { title, .. } = &request;
            self.display
                .note(&format!("{} asks: {title}: denied, there is no terminal to ask on", self.engine));
            let reason = Some("there is nobody who could answer".to_owned());
            self.decide(&request, Decision::Deny { reason }).await;
            return;
        }
        self.open.push_back(Interview::new(request));
        if self.open.len() == 1 {
            self.show_first();
        }
    }

    async fn answer(&mut self, line: Option<String>) {
        // From here on what is typed is seen again.
        self.hidden = None;
        let Some(asked) = self.open.front_mut() else { return };
        let heard = match line {
            Some(line) => asked.hear(&line),
            None => {
                self.person = Person::Nobody;
                Heard::Decided(Decision::Deny { reason: None })
            }
        };
        let decision = match heard {
            Heard::More(lines) => {
                lines.iter().for_each(|line| output::line(line));
                return self.prompt();
            }
            Heard::Decided(decision) => decision,
            Heard::DecidedBut(decision, remark) => {
                output::line(remark);
                decision
            }
        };
        if let Some(asked) = self.open.pop_front() {
            self.decide(asked.request(), decision).await;
        }
        self.show_first();
    }

    /// Asks the person for the next line.
    fn prompt(&mut self) {
        let Some(asked) = self.open.front() else { return };
        self.person.forget_typed();
        if asked.is_secret() {
            // Where it can not be hidden it is seen by whoever types it.
            self.hidden = Hidden::new().ok();
        }
        output::prompt(asked.prompt());
    }

    async fn decide(&self, request: &Request, decision: Decision) {
        if let Err(error) = self.control.answer_or_deny(&request.id, decision).await {
            self.display.note(&format!("the answer to `{}` came to nothing: {error}", request.title));
        }
    }

    fn show_first(&mut self) {
        self.hidden = None;
        match self.open.front() {
            Some(asked) => {
                self.display.hide();
                asked.begin(&self.engine).iter().for_each(|line| output::line(line));
                self.prompt();
            }
            None => self.display.show(),
        }
    }

    async fn interrupt(&mut self) -> Urgency {
        self.interrupts += 1;
        if self.interrupts > 1 {
            self.display.note("killing it");
            self.control.kill();
            return Urgency::Now;
        }
        self.display.note(&format!("interrupting {}; once more kills it", self.engine));
        // A run that is over meanwhile says so by its last event.
        let _ = self.control.interrupt().await;
        Urgency::Soon
    }
}

/// What is left to do once a run is over.
struct Last {
    display: Display,
    interrupts: u32,
    is_writing: bool,
    /// What resumes its thread.
    line: Option<String>,
}

impl Last {
    /// Writes the end of the run, and then tells how it ended.
    async fn tell(
        self,
        completed: &Completed,
        writer: Writer,
        signals: &mut Signals,
    ) -> Result<ExitCode, CliError> {
        let text = self.display.completed(completed)?;
        let written = async {
            if let Some(text) = text {
                writer.write(text).await;
            }
            writer.finish().await
        };
        let written = tokio::select! {
            written = written, if self.is_writing => written?,
            () = signals.next(), if self.is_writing => Written::NobodyReads,
            () = tokio::time::sleep(LAST_WORDS), if self.is_writing && self.interrupts > 1 => Written::NobodyReads,
            else => Written::NobodyReads,
        };
        if !self.display.is_json() {
            if let Outcome::Failed { error } = &completed.outcome {
                output::error(&output::harmless(error), &[]);
            }
            if let Some(line) = self.line {
                output::line(&line);
            }
        }
        Ok(match completed.outcome {
            // A reader that has enough is no failure, whatever became of the rest.
            _ if written == Written::NobodyReads && self.interrupts == 0 => ExitCode::SUCCESS,
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Failed { .. } => ExitCode::FAILURE,
            Outcome::Interrupted => ExitCode::from(INTERRUPTED),
        })
    }
}
