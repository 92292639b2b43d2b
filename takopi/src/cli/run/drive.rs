//! The loop of a run: events to the display, requests to the person, Ctrl-C to the engine.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::StreamExt;
use takopi_api::event::{Completed, Decision, Event, Outcome, Request};
use takopi_api::runner::{RunControl, RunSpec, Runner};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::super::error::CliError;
use super::super::output::{self, Written};
use super::ask::{self, Person};
use super::display::Display;
use crate::process::LocalProcesses;

/// How a run that a person ended is reported to the shell: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

pub(super) async fn drive(
    runner: &Arc<dyn Runner>,
    spec: RunSpec,
    display: Display,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    let run = runner.run(spec);
    let (mut events, control) = (run.events, run.control);
    let mut driver = Driver {
        engine: runner.engine().to_string(),
        control,
        display,
        person: Person::at_the_terminal(),
        open: VecDeque::new(),
        interrupts: 0,
        has_started: false,
    };
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Completed(completed)) => return driver.completed(completed, runner),
                Some(event) => driver.event(event).await?,
                // The contract gives `completed` before the end.
                None => return Err(CliError::new("the run ended without a word")),
            },
            () = signals.next() => driver.interrupt().await,
            line = driver.person.line(), if !driver.open.is_empty() => driver.answer(line).await,
        }
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

struct Driver {
    engine: String,
    control: RunControl,
    display: Display,
    person: Person,
    /// Requests that wait for an answer; the first is on the screen.
    open: VecDeque<Request>,
    interrupts: u32,
    has_started: bool,
}

impl Driver {
    async fn event(&mut self, event: Event) -> Result<(), CliError> {
        if self.display.event(&event)? == Written::NobodyReads {
            // Whoever read the events has enough; so the engine has no reader to work for.
            self.control.kill();
        }
        match event {
            Event::Started(_) => self.has_started = true,
            Event::Request(event) => self.request(event.request).await,
            Event::RequestResolved(event) => {
                let was_first = self.open.front().is_some_and(|request| request.id == event.request_id);
                self.open.retain(|request| request.id != event.request_id);
                if was_first {
                    self.show_first();
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn request(&mut self, request: Request) {
        if !self.person.is_there() {
            self.display.note(&format!(
                "{} asks: {}: denied, there is no terminal to ask on",
                self.engine, request.title
            ));
            let reason = Some("there is nobody who could answer".to_owned());
            self.decide(&request, Decision::Deny { reason }).await;
            return;
        }
        self.open.push_back(request);
        if self.open.len() == 1 {
            self.show_first();
        }
    }

    async fn answer(&mut self, line: Option<String>) {
        let Some(request) = self.open.pop_front() else { return };
        let decision = match line {
            Some(line) => ask::decision(&request.subject, &line),
            None => {
                self.person = Person::Nobody;
                Decision::Deny { reason: None }
            }
        };
        self.decide(&request, decision).await;
        self.show_first();
    }

    async fn decide(&self, request: &Request, decision: Decision) {
        if let Err(error) = self.control.answer(&request.id, decision).await {
            self.display.note(&format!("the answer to `{}` came to nothing: {error}", request.title));
        }
    }

    fn show_first(&mut self) {
        match self.open.front() {
            Some(request) => {
                self.display.hide();
                ask::show(&self.engine, request);
            }
            None => self.display.show(),
        }
    }

    async fn interrupt(&mut self) {
        self.interrupts += 1;
        if self.interrupts > 1 {
            self.display.note("killing it");
            return self.control.kill();
        }
        self.display.note(&format!("interrupting {}; once more kills it", self.engine));
        // A run that is over meanwhile says so by its last event.
        let _ = self.control.interrupt().await;
    }

    fn completed(self, completed: Completed, runner: &Arc<dyn Runner>) -> Result<ExitCode, CliError> {
        let (label, code) = match &completed.outcome {
            Outcome::Done => ("done", ExitCode::SUCCESS),
            Outcome::Failed { .. } => ("error", ExitCode::FAILURE),
            Outcome::Interrupted => ("cancelled", ExitCode::from(INTERRUPTED)),
        };
        self.display.end(label);
        if self.display.is_json() {
            output::data(
                &(serde_json::to_string(&Event::Completed(completed)).map_err(std::io::Error::from)? + "\n"),
            )?;
            return Ok(code);
        }
        let answer = completed.answer.trim_end();
        if !answer.is_empty() {
            output::answer(answer)?;
        }
        if let Outcome::Failed { error } = &completed.outcome {
            output::error(&output::harmless(error), &[]);
        }
        // A thread that could not be opened can not be resumed either.
        if self.has_started
            && let Some(line) = completed.resume.and_then(|token| runner.format_resume(&token).ok())
        {
            output::line(&line);
        }
        Ok(code)
    }
}

/// Ctrl-C, and what a service manager or a closed terminal sends instead.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
