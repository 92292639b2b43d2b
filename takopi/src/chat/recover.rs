//! After a start: what the last program left is told, delivered or run. And before an end: what goes on may end by itself.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use takopi_api::error::Error;
use takopi_api::event::Completed;
use takopi_api::message::{OutgoingMessage, Press, SendOptions};
use takopi_api::transport::{SendFailure, TransportId};
use tokio::time::Instant;

use super::bubble::Showing;
use super::conversation::{Chat, Inner, Left, Link, Mode};
use super::deliver::{Answer, Manner, fit};
use super::receive::Waiting;
use super::resolve::{Continues, Job};
use super::view::Card;
use super::waiting::Turn;
use crate::project::Context;
use crate::store::{CutOffEnd, CutOffRun, Delivery, MessageEnd, Place, Seq, Unfinished};

impl Inner {
    /// Once a transport is there: the messages that wait, the runs that were cut off, and the answers that did not arrive.
    /// To be called before anything is received through it: what waits stands before what comes.
    pub(super) fn recover(self: &Arc<Self>, link: Link) {
        let Left { cut_off, waiting } = self.take_left(&link.id);
        for Unfinished { seq, message, shown, .. } in waiting {
            let busy = self.work.begin(&link.id);
            self.take(&link.id, Waiting { seq, message, shown, busy });
        }
        let inner = Arc::clone(self);
        let busy = self.work.begin(&link.id);
        self.spawn(async move {
            for run in cut_off {
                inner.recover_run(&link, run).await;
            }
            drop(busy);
        });
    }

    fn take_left(&self, transport: &TransportId) -> Left {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |run: &mut CutOffRun| run.place.transport == *transport;
        let cut_off = left.cut_off.extract_if(.., is_own).collect();
        let waiting = left.waiting.extract_if(.., |waiting| waiting.transport == *transport).collect();
        Left { cut_off, waiting }
    }

    async fn recover_run(&self, link: &Link, mut run: CutOffRun) {
        let snapshot = self.snapshot();
        let context = self.read_stored(&snapshot, &run.context).as_ref().map(Context::line);
        let line = run.token.as_ref().and_then(|token| snapshot.engines.resume_line(token));
        let line = line.map(|line| takopi_api::markdown::code(&line));
        let card = Card { engine: run.engine.clone(), footer: context.into_iter().chain(line).collect() };
        match run.end.clone() {
            CutOffEnd::Interrupted { .. } => self.tell_interruption(link, &mut run, card.interrupted()).await,
            CutOffEnd::Undelivered { completed, delivery } => {
                self.deliver_again(link, &mut run, &card, &completed, delivery).await;
            }
        }
    }

    async fn tell_interruption(&self, link: &Link, run: &mut CutOffRun, message: OutgoingMessage) {
        self.find_progress(link, run, &message).await;
        let options = SendOptions::default().reply_to(run.reply_to.clone()).key(format!("{}.cut", run.run));
        let told = link.amend(run.progress.as_ref(), &run.place.address, message, options).await;
        match told {
            Ok(shown) if run.progress.as_ref() != Some(&shown) => {
                // By it the run is found when its button is pressed.
                if let Err(error) = self.store().progress_message(&run.run, &shown).await {
                    tracing::warn!(run = %run.run, %error, "the message of a run could not be stored");
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(run = %run.run, %error, "that a run was cut off could not be told");
                return;
            }
        }
        if let Err(error) = self.store().interruption_told(&run.run).await {
            tracing::error!(run = %run.run, %error, "that an interruption was told could not be stored");
        }
    }

    /// A progress message that was sent just before the end may be in no store. Where the chat system takes keys, it is
    /// found by sending `message` under its key; if there was none, there is one now.
    async fn find_progress(&self, link: &Link, run: &mut CutOffRun, message: &OutgoingMessage) {
        let can = link.outgoing.capabilities();
        if run.progress.is_some() || !can.keys || !can.edit {
            return;
        }
        let options = SendOptions::default().reply_to(run.reply_to.clone()).key(run.progress_key.as_str());
        match link.send(&run.place.address, message.clone(), options).await {
            Ok(found) => {
                if let Err(error) = self.store().progress_message(&run.run, &found).await {
                    tracing::warn!(run = %run.run, %error, "the message of a run could not be stored");
                }
                run.progress = Some(found);
            }
            Err(error) => {
                tracing::warn!(run = %run.run, %error, "its progress message could not be looked for");
            }
        }
    }

    async fn deliver_again(
        &self,
        link: &Link,
        run: &mut CutOffRun,
        card: &Card,
        completed: &Completed,
        delivery: Delivery,
    ) {
        let snapshot = self.snapshot();
        let settings = snapshot.settings(&link.id);
        let can = link.outgoing.capabilities();
        let messages = card.answer(completed, 0, Duration::ZERO, can.text, settings.overflow);
        let manner = match delivery {
            Delivery::NotBegun => {
                let was_stored = run.progress.is_some();
                if let Some(first) = messages.first() {
                    self.find_progress(link, run, first).await;
                }
                if settings.final_notify && was_stored { Manner::Anew } else { Manner::InPlace }
            }
            // What is there is known by its key, and is not sent again; then the progress message goes.
            Delivery::Begun if can.keys => Manner::Anew,
            Delivery::Begun => {
                // Some of it may be there. A progress message goes only after that: where it is gone, the answer is there,
                // and where it is not, it becomes the answer.
                if can.edit
                    && let (Some(progress), Some(first)) = (&run.progress, messages.first())
                    && let Err(error) = link.outgoing.edit(progress, fit(link, first.clone())).await
                    && error.failure == SendFailure::Gone
                {
                    if let Err(error) = self.store().delivered(&run.run, &[]).await {
                        tracing::warn!(run = %run.run, %error, "that an answer had arrived could not be stored");
                    }
                    return;
                }
                Manner::InPlace
            }
        };
        let answer = Answer {
            link,
            place: &run.place,
            messages,
            options: SendOptions::default().reply_to(run.reply_to.clone()),
            key: run.run.to_string(),
            card: run.progress.clone(),
            manner,
        };
        self.hand_over(&run.run, answer).await;
    }

    /// Goes on with a run that was cut off: in its thread, if it had one, else from its beginning.
    pub(super) async fn resume_message(self: &Arc<Self>, link: &Link, press: &Press) -> String {
        match self.try_resume(link, press).await {
            Ok(()) => "resuming…".to_owned(),
            Err(text) => text,
        }
    }

    async fn try_resume(self: &Arc<Self>, link: &Link, press: &Press) -> Result<(), String> {
        let found = self
            .store()
            .thread_of(&link.id, &press.message)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("this run is not known any more")?;
        let snapshot = self.snapshot();
        let context = self.read_stored(&snapshot, &found.context);
        if let (None, Some(project)) = (&context, &found.context.project) {
            // Somewhere else than there it must not run.
            return Err(format!("there is no project `{project}` any more"));
        }
        let messages = self
            .store()
            .reopen(&found.run)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("it was resumed already")?;
        let Some(first) = messages.first() else {
            return Err("it was a command's; use that again".to_owned());
        };
        let place = Place::new(link.id.clone(), first.message.address.clone());
        match self.job_again(link, &place, &messages).await {
            Ok(mut job) => {
                job.card = Showing::By(press.message.clone());
                job.context = context;
                if let Some(token) = found.token {
                    job.engine = token.engine().clone();
                    job.continues = Continues::Thread(token);
                }
                self.enqueue(link, job, Turn::Last);
                Ok(())
            }
            Err(error) => {
                let seqs: Vec<Seq> = messages.iter().map(|waiting| waiting.seq).collect();
                self.finish(&seqs, &MessageEnd::Failed).await;
                Err(error.to_string())
            }
        }
    }

    /// A job of the messages of a run that was cut off: they want together what they wanted then. They are said again in
    /// whole, also to an engine that knows the thread: how much of them it had heard, nobody can tell.
    async fn job_again(&self, link: &Link, place: &Place, messages: &[Unfinished]) -> Result<Job, Error> {
        let mut all: Option<Job> = None;
        for Unfinished { seq, message, .. } in messages {
            let job = self.job(link, place, Some(*seq), message).await?;
            match &mut all {
                Some(all) => all.add(job),
                None => all = Some(job),
            }
        }
        all.ok_or_else(|| Error::new("nothing is left of what was asked"))
    }
}

impl Chat {
    /// No run begins any more; those that go on have this long. Messages are still stored. Runs that do not make it are
    /// killed, and told of at the next start.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.0.mode.send_replace(Mode::Draining);
        let deadline = Instant::now() + patience;
        loop {
            // What was spawned meanwhile is waited for too, such as the delivery of an answer.
            let mut tasks = self.0.take_tasks();
            if tasks.is_empty() {
                break;
            }
            let ended = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout_at(deadline, ended).await.is_err() {
                tracing::warn!(runs = self.0.live.all().len(), "runs are cut off: their time is up");
                // Without their tasks nothing of them is stored as an answer: they count as cut off.
                tasks.shutdown().await;
                break;
            }
        }
        self.snapshot().engines.shutdown().await;
    }
}
