//! A conversation as far as one run carries it: the session so far, and the parts of the answer to come.
//!
//! The jobs that need what was said before (`more`, `again`, `history`, `save that`) are done here; the others know files
//! alone.

use std::time::Duration;

use takopi_api::event::Outcome;

use crate::answer::{self, Part};
use crate::jobs::{self, Overview, Shown};
use crate::session::{Bookmark, Session};
use crate::steps::{Ended, Steps};
use crate::understand::{Job, Understood, understand};

/// The least that a step waits when somebody wants to watch.
const SLOW_STEP: Duration = Duration::from_millis(500);

pub(super) struct Conversation {
    session: Session,
    steps: Steps,
    step_delay: Duration,
    parts: Vec<Part>,
}

impl Conversation {
    pub(super) const fn new(session: Session, steps: Steps, step_delay: Duration) -> Self {
        Self { session, steps, step_delay, parts: Vec::new() }
    }

    /// Does what a text asks for.
    pub(super) async fn hear(&mut self, text: &str) -> Result<(), Ended> {
        let Understood { jobs, slowly } = understand(text);
        let jobs = self.resolve_again(jobs);
        self.steps.set_delay(if slowly { self.step_delay.max(SLOW_STEP) } else { self.step_delay });
        // A slow run is for watching, so it has some steps to watch. Describing the repository has them anyway.
        let mut preface = None;
        if slowly && !self.describes(&jobs) {
            preface = Some(Overview::take(&mut self.steps).await?.in_one_line());
        }
        for job in jobs {
            let mut part = self.carry_out(&job).await?;
            if let Some(preface) = preface.take() {
                part.body = format!("{preface}\n\n{}", part.body);
            }
            self.parts.push(part);
        }
        Ok(())
    }

    /// The session with this turn in it, and the parts of the answer.
    pub(super) fn end(mut self, prompt: &str, outcome: &Outcome) -> (Session, Vec<Part>) {
        let titles: Vec<&str> = self.parts.iter().map(|part| part.title.as_str()).collect();
        let mut title = titles.join("; ");
        if let Outcome::Interrupted | Outcome::Failed { .. } = outcome {
            let how = if matches!(outcome, Outcome::Interrupted) { "interrupted" } else { "failed" };
            title = if title.is_empty() { how.to_owned() } else { format!("{title}; {how}") };
        }
        let bodies: Vec<&str> = self.parts.iter().map(|part| part.body.as_str()).collect();
        self.session.record(prompt, title, &bodies.join("\n\n"));
        (self.session, self.parts)
    }

    /// Puts the last request in the place of `again`, and remembers what is asked now.
    fn resolve_again(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if jobs == [Job::Again] && !self.session.last_jobs.is_empty() {
            return self.session.last_jobs.clone();
        }
        let is_about_files =
            |job: &Job| !matches!(job, Job::Again | Job::More | Job::History | Job::Standing);
        let about_files: Vec<Job> = jobs.iter().filter(|job| is_about_files(job)).cloned().collect();
        if !about_files.is_empty() {
            self.session.last_jobs = about_files;
        }
        jobs
    }

    fn describes(&self, jobs: &[Job]) -> bool {
        jobs.iter().any(|job| match job {
            Job::Describe => true,
            Job::Standing => self.session.turns.is_empty(),
            _ => false,
        })
    }

    async fn carry_out(&mut self, job: &Job) -> Result<Part, Ended> {
        match job {
            Job::More => self.more().await,
            Job::Again => {
                Ok(Part::new("nothing to repeat", "There is nothing to repeat in this session yet."))
            }
            Job::History => Ok(self.history()),
            Job::Standing if self.session.turns.is_empty() => jobs::describe(&mut self.steps).await,
            Job::Standing => Ok(self.standing()),
            Job::Write { text, file } => self.write(text.as_deref(), file).await,
            about_files => self.turn_page(about_files.clone(), 0).await,
        }
    }

    async fn more(&mut self) -> Result<Part, Ended> {
        match self.session.bookmark.clone() {
            Some(Bookmark { job, from }) => {
                let mut part = self.turn_page(job, from).await?;
                part.title = format!("more {}", part.title);
                Ok(part)
            }
            None => Ok(Part::new("nothing more", "There is nothing more to show.")),
        }
    }

    /// Does a job from a page on, and remembers where the next one begins.
    async fn turn_page(&mut self, mut job: Job, from: usize) -> Result<Part, Ended> {
        let steps = &mut self.steps;
        let part = match &job {
            Job::Largest => jobs::largest(steps, from).await?,
            Job::Languages => jobs::lines(steps, from).await?,
            Job::Find { text } => jobs::find(steps, text, from).await?,
            Job::Changed => jobs::changed(steps, from).await?,
            Job::Show { file } => {
                let Shown { part, chosen } = jobs::show(steps, file, from).await?;
                // The next page is of the file that was chosen.
                if let Some(file) = chosen {
                    job = Job::Show { file };
                }
                part
            }
            _ => jobs::describe(steps).await?,
        };
        self.session.bookmark = part.next.map(|from| Bookmark { job, from });
        Ok(part)
    }

    async fn write(&mut self, text: Option<&str>, file: &str) -> Result<Part, Ended> {
        let last = || {
            let said_now = self.parts.last().map(|part| part.body.as_str());
            let said_before = || self.session.turns.iter().rev().map(|turn| turn.answer.as_str());
            said_now.or_else(|| said_before().find(|answer| !answer.is_empty()))
        };
        let Some(text) = text.or_else(last).map(str::to_owned) else {
            return Ok(Part::new(
                "nothing to save",
                "There is no answer in this session yet that could be saved.",
            ));
        };
        jobs::write(&mut self.steps, &text, file, &mut self.session.may_write).await
    }

    fn history(&self) -> Part {
        let turns = &self.session.turns;
        if turns.is_empty() {
            return Part::new("history", "This is the first request of this session.");
        }
        let rows = turns.iter().enumerate().map(|(at, turn)| {
            let prompt = answer::code(&answer::cut(&turn.prompt, 100));
            format!("{}. {prompt}: {}", at + 1, turn.title)
        });
        let rows: Vec<String> = rows.collect();
        Part::new("history", format!("So far in this session:\n\n{}", rows.join("\n")))
    }

    fn standing(&self) -> Part {
        let turns = &self.session.turns;
        let mut body = format!("This session has {} so far.", answer::count(turns.len(), "request"));
        if let Some(turn) = turns.last() {
            let prompt = answer::code(&answer::cut(&turn.prompt, 100));
            body.push_str(&format!(" The last was {prompt}: {}.", turn.title));
        }
        if self.session.bookmark.is_some() {
            body.push_str(" `more` goes on with its list.");
        }
        body.push_str(&format!("\n\n{}", answer::UNDERSTOOD));
        Part::new("where the session stands", body)
    }
}
