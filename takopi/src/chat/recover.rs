//! After a start: what the last program left is told, delivered or run. And before an end: what goes on may end by itself.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use takopi_api::event::Completed;
use takopi_api::message::{OutgoingMessage, Press, SendOptions};
use takopi_api::transport::{SendFailure, TransportId};
use tokio::time::Instant;

use super::conversation::{Chat, Inner, Link, Mode};
use super::deliver::{Answer, Manner};
use super::receive::Waiting;
use super::resolve::Continues;
use super::view::Card;
use crate::project::Context;
use crate::store::{CutOffEnd, CutOffRun, Delivery, Place};

impl Inner {
    /// Once a transport is there: the runs that were cut off, the answers that did not arrive, and the messages that wait.
    pub(super) async fn recover(self: Arc<Self>, link: Link) {
        for run in self.take_cut_off(&link.id) {
            self.recover_run(&link, run).await;
        }
        let unfinished = match self.store().unfinished().await {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!(%error, "messages that wait could not be read");
                return;
            }
        };
        for waiting in unfinished.into_iter().filter(|waiting| waiting.transport == link.id) {
            let busy = self.work.begin(&link.id);
            let waiting = Waiting { seq: waiting.seq, message: waiting.message, shown: waiting.shown, busy };
            self.take(&link.id, waiting);
        }
    }

    fn take_cut_off(&self, transport: &TransportId) -> Vec<CutOffRun> {
        let mut all = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = std::mem::take(&mut *all);
        let (own, others) = runs.into_iter().partition(|run| run.place.transport == *transport);
        *all = others;
        own
    }

    async fn recover_run(&self, link: &Link, run: CutOffRun) {
        let snapshot = self.snapshot();
        let context = self.read_stored(&snapshot, &run.context).as_ref().map(Context::line);
        let line = run.token.as_ref().and_then(|token| snapshot.engines.resume_line(token));
        let line = line.map(|line| takopi_api::markdown::code(&line));
        let card = Card { engine: run.engine.clone(), footer: context.into_iter().chain(line).collect() };
        match &run.end {
            CutOffEnd::Interrupted { .. } => self.tell_interruption(link, &run, card.interrupted()).await,
            CutOffEnd::Undelivered { completed, delivery } => {
                self.deliver_again(link, &run, &card, completed, *delivery).await;
            }
        }
    }

    async fn tell_interruption(&self, link: &Link, run: &CutOffRun, message: OutgoingMessage) {
        let options = SendOptions::default().reply_to(run.reply_to.clone()).key(format!("{}.cut", run.run));
        let edited = match &run.progress {
            Some(progress) => link.outgoing.edit(progress, message.clone()).await.is_ok(),
            None => false,
        };
        if !edited {
            match link.send(&run.place.address, message, options).await {
                // By it the run is found when its button is pressed.
                Ok(shown) => {
                    if let Err(error) = self.store().progress_message(&run.run, &shown).await {
                        tracing::warn!(run = %run.run, %error, "the message of a run could not be stored");
                    }
                }
                Err(error) => {
                    tracing::error!(run = %run.run, %error, "that a run was cut off could not be told");
                    return;
                }
            }
        }
        if let Err(error) = self.store().interruption_told(&run.run).await {
            tracing::error!(run = %run.run, %error, "that an interruption was told could not be stored");
        }
    }

    async fn deliver_again(
        &self,
        link: &Link,
        run: &CutOffRun,
        card: &Card,
        completed: &Completed,
        delivery: Delivery,
    ) {
        let snapshot = self.snapshot();
        let settings = snapshot.settings(&link.id);
        let can = link.outgoing.capabilities();
        let messages = card.answer(completed, 0, Duration::ZERO, can.text, settings.overflow);
        let manner = match delivery {
            Delivery::NotBegun if settings.final_notify => Manner::Anew,
            Delivery::NotBegun => Manner::InPlace,
            Delivery::Begun => {
                // Some of it may be there. A progress message goes only after that: where it is gone, the answer is there,
                // and where it is not, it becomes the answer.
                if can.edit
                    && let (Some(progress), Some(first)) = (&run.progress, messages.first())
                    && let Err(error) = link.outgoing.edit(progress, first.clone()).await
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
        let mut job = self
            .job(link, &place, Some(first.seq), &first.message)
            .await
            .map_err(|error| error.to_string())?;
        job.messages = messages.iter().map(|waiting| waiting.seq).collect();
        job.card = Some(press.message.clone());
        job.context = self.read_stored(&job.snapshot, &found.context);
        if let Some(token) = found.token {
            job.engine = token.engine().clone();
            job.continues = Continues::Thread(token);
            "continue".clone_into(&mut job.prompt);
        }
        let (lane, _, _) = self.queue().place(&job.target(), job);
        self.advance(lane);
        Ok(())
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
