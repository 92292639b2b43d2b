//! The runs of commands.

use std::sync::Arc;

use futures_util::StreamExt;
use takopi_api::command::RunResult;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Decision, Event};
use takopi_api::runner::RunId;
use tokio::sync::watch;

use crate::chat::conversation::{Inner, Link};
use crate::chat::drive::{Sight, cancelled, obey, unwanted, wished};
use crate::chat::live::{Handle, Wish};
use crate::chat::resolve::{Continues, Job};

impl Inner {
    /// Runs a job that people do not see. What its engine asks is denied: there is nobody to ask.
    pub(super) async fn capture(
        &self,
        link: &Link,
        job: Job,
        mut wish: watch::Receiver<Wish>,
    ) -> Result<RunResult, Error> {
        let resume = match &job.continues {
            Continues::Thread(token) => Some(token.clone()),
            _ => None,
        };
        let id = RunId::unique();
        let begun = async {
            let cwd = self.folder(&job).await?;
            self.begin(link, &id, &job, resume, cwd, Sight::Captured).await
        };
        let run = tokio::select! {
            biased;
            () = unwanted(&mut wish) => return Ok(result(&job, cancelled(&job))),
            run = begun => run.map_err(Error::new)?,
        };
        let (mut events, control) = (run.events, run.control);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Completed(completed)) => return Ok(result(&job, completed)),
                    Some(Event::Request(event)) => {
                        let reason = Some("there is nobody who could answer".to_owned());
                        // A request that is not open any more needs no answer.
                        let _ = control.answer(&event.request.id, Decision::Deny { reason }).await;
                    }
                    Some(_) => {}
                    None => return Err(Error::new("the run ended without a word")),
                },
                wish = wished(&mut wish) => obey(&control, wish).await,
            }
        }
    }

    /// Runs a job as any other, and waits for its end.
    pub(super) async fn run_and_wait(
        self: &Arc<Self>,
        link: &Link,
        mut job: Job,
        mut wish: watch::Receiver<Wish>,
    ) -> Result<RunResult, Error> {
        if *wish.borrow_and_update() != Wish::GoOn {
            return Ok(result(&job, cancelled(&job)));
        }
        let (done, mut ended) = tokio::sync::mpsc::unbounded_channel();
        job.done = Some(done);
        let before = result(&job, cancelled(&job));
        let (lane, id, _) = self.queue().place(&job.target(), job);
        self.advance(lane);
        loop {
            tokio::select! {
                // Gone without a word is one that was taken out of its queue.
                result = ended.recv() => return Ok(result.unwrap_or(before)),
                () = unwanted(&mut wish) => {
                    self.cancel_job(link, Handle { lane, job: id }).await;
                }
            }
        }
    }
}

/// What a command gets to know of the end of a run that people did not see.
fn result(job: &Job, completed: Completed) -> RunResult {
    let line = completed.resume.as_ref().and_then(|token| job.snapshot.engines.resume_line(token));
    RunResult::new(completed, None).resume_line(line)
}
