//! The runs of commands.

use std::sync::Arc;

use futures_util::StreamExt;
use takopi_api::command::RunResult;
use takopi_api::error::Error;
use takopi_api::event::{Completed, Decision, Event};
use takopi_api::runner::RunId;
use tokio::sync::watch;

use crate::chat::conversation::{Inner, Link};
use crate::chat::drive::{Sight, Stop, cancelled, obey, unwanted, wished};
use crate::chat::live::{Handle, Wish};
use crate::chat::resolve::{Continues, Job};

impl Inner {
    /// Runs a job that people do not see. What its engine asks is denied: there is nobody to ask.
    pub(super) async fn capture(
        self: &Arc<Self>,
        link: &Link,
        mut job: Job,
        mut wish: watch::Receiver<Wish>,
    ) -> Result<RunResult, Error> {
        let resume = match &job.continues {
            Continues::Thread(token) => Some(token.clone()),
            _ => None,
        };
        let id = RunId::unique();
        let mut watch = self.watch(link, &id, &job, resume.as_ref());
        let begun = async {
            watch.ask().await.map_err(Stop::Denied)?;
            if let Some(prompt) = watch.prompt() {
                prompt.clone_into(&mut job.prompt);
            }
            let cwd = self.folder(&job).await.map_err(Stop::Failed)?;
            self.begin(link, &id, &job, resume, cwd, Sight::Captured).await.map_err(Stop::Failed)
        };
        let run = tokio::select! {
            biased;
            () = unwanted(&mut wish) => Err(Stop::Unwanted),
            run = begun => run,
        };
        let run = match run {
            Ok(run) => run,
            Err(stop) => {
                let completed = stop.completed(&job);
                self.tell_hooks(watch, &completed, stop.denial());
                return match stop {
                    Stop::Failed(error) => Err(Error::new(error)),
                    Stop::Denied(_) | Stop::Unwanted => Ok(result(&job, completed)),
                };
            }
        };
        watch.begin();
        let (mut events, control) = (run.events, run.control);
        let completed = loop {
            tokio::select! {
                event = events.next() => match event.inspect(|event| watch.event(event)) {
                    Some(Event::Completed(completed)) => break completed,
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
        };
        self.tell_hooks(watch, &completed, None);
        Ok(result(&job, completed))
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
