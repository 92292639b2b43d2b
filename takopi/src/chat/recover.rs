//! After a start: what the last program left is told, delivered or run. And before an end: what goes on may end by itself.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use takopi_api::error::Error;
use takopi_api::event::Completed;
use takopi_api::message::{MessageRef, OutgoingMessage, Press, SendOptions};
use takopi_api::transport::TransportId;
use tokio::time::Instant;

use super::bubble::Showing;
use super::conversation::{Chat, Inner, Left, Link, Mode};
use super::deliver::{Answer, Manner};
use super::plugin_commands::CutOffUse;
use super::receive::Waiting;
use super::resolve::{Continues, Job};
use super::view::{self, Card};
use super::waiting::Turn;
use crate::project::Context;
use crate::store::{CutOffEnd, CutOffRun, LeftRequest, MessageEnd, Place, Seq, Unfinished};

/// How many runs are told of at a time.
const AT_ONCE: usize = 16;

impl Inner {
    /// Once a transport is there: the messages that wait, the runs that were cut off, and the answers that did not arrive.
    /// To be called before anything is received through it: what waits stands before what comes.
    pub(super) fn recover(self: &Arc<Self>, link: Link) {
        let Left { cut_off, waiting, uses, requests } = self.take_left(&link.id);
        let mut begun = Vec::new();
        for Unfinished { seq, message, shown, .. } in waiting {
            if uses.iter().any(|used| used.is_of(&message)) {
                begun.push(seq);
                continue;
            }
            let busy = self.work.begin(&link.id);
            self.take(&link.id, Waiting { seq, message, shown, busy });
        }
        let (inner, other) = (Arc::clone(self), link.clone());
        let busy = self.work.begin(&link.id);
        self.spawn(async move {
            let tell = async |left: LeftRequest| inner.tell_left_request(&other, left).await;
            futures_util::stream::iter(requests).for_each_concurrent(AT_ONCE, tell).await;
            drop(busy);
        });
        let inner = Arc::clone(self);
        let busy = self.work.begin(&link.id);
        self.spawn(async move {
            // One that can not be told at once does not hold up the others.
            let recover = async |run: CutOffRun| inner.recover_run(&link, &run).await;
            futures_util::stream::iter(cut_off).for_each_concurrent(AT_ONCE, recover).await;
            inner.finish(&begun, &MessageEnd::Command).await;
            let tell = async |used: CutOffUse| inner.tell_cut_off_use(&link, &used).await;
            futures_util::stream::iter(uses).for_each_concurrent(AT_ONCE, tell).await;
            drop(busy);
        });
    }

    fn take_left(&self, transport: &TransportId) -> Left {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |run: &mut CutOffRun| run.place.transport == *transport;
        let cut_off = left.cut_off.extract_if(.., is_own).collect();
        let waiting = left.waiting.extract_if(.., |waiting| waiting.transport == *transport).collect();
        let uses = left.uses.extract_if(.., |used| used.is_over(transport)).collect();
        let requests = left.requests.extract_if(.., |left| left.place.transport == *transport).collect();
        Left { cut_off, waiting, uses, requests }
    }

    async fn recover_run(&self, link: &Link, run: &CutOffRun) {
        let snapshot = self.snapshot();
        let context = self.read_stored(&snapshot, &run.context).as_ref().map(Context::line);
        let line = run.token.as_ref().and_then(|token| snapshot.engines.resume_line(token));
        let line = line.map(|line| takopi_api::markdown::code(&line));
        let card = Card {
            engine: run.engine.clone(),
            about: None,
            footer: context.into_iter().chain(line).collect(),
        };
        match &run.end {
            CutOffEnd::Interrupted { .. } => self.tell_interruption(link, run, card.interrupted()).await,
            CutOffEnd::Undelivered { completed, parts } => {
                self.deliver_again(link, run, &card, completed, *parts as usize).await;
            }
            CutOffEnd::Delivered => {
                if let Some(progress) = &run.progress {
                    self.clear_away(link, &run.run, progress).await;
                }
            }
        }
    }

    async fn tell_interruption(&self, link: &Link, run: &CutOffRun, message: OutgoingMessage) {
        let progress = self.find_progress(link, run, &message).await;
        let options = SendOptions::default().reply_to(run.reply_to.clone()).key(format!("{}.cut", run.run));
        let told = link.amend(progress.as_ref(), &run.place.address, message, options).await;
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

    /// The progress message of a run. One that was sent just before the end may be in no store: where the chat system takes
    /// keys, it is found by sending `message` under its key; if there was none, there is one now.
    async fn find_progress(
        &self,
        link: &Link,
        run: &CutOffRun,
        message: &OutgoingMessage,
    ) -> Option<MessageRef> {
        let can = link.outgoing.capabilities();
        if run.progress.is_some() || !can.keys || !can.edit {
            return run.progress.clone();
        }
        let options = SendOptions::default().reply_to(run.reply_to.clone()).key(run.progress_key.as_str());
        match link.send_insisting(&run.place.address, message, &options).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(run = %run.run, %error, "its progress message could not be looked for");
                None
            }
        }
    }

    /// Delivers an answer of which some may have arrived: nobody can know, but a chat system that takes keys. That the
    /// progress message is gone proves nothing, as people delete messages too. Better twice than not at all.
    async fn deliver_again(
        &self,
        link: &Link,
        run: &CutOffRun,
        card: &Card,
        completed: &Completed,
        arrived: usize,
    ) {
        let snapshot = self.snapshot();
        let settings = snapshot.settings(&link.id);
        let can = link.outgoing.capabilities();
        let messages = card.answer(completed, 0, Duration::ZERO, can.text, settings.overflow);
        let manner = match Manner::of(link, settings.final_notify) {
            Manner::Anew if can.keys => Manner::Anew,
            _ => Manner::InPlace,
        };
        let progress = match (manner, messages.first()) {
            (Manner::InPlace, Some(first)) if arrived == 0 => self.find_progress(link, run, first).await,
            _ => run.progress.clone(),
        };
        let is_sought = progress.is_none() && arrived == 0;
        let answer = Answer {
            link,
            place: &run.place,
            messages,
            arrived,
            options: SendOptions::default().reply_to(run.reply_to.clone()),
            key: run.run.to_string(),
            card: progress,
            manner,
        };
        self.hand_over(&run.run, answer).await;
        // One that was sent just before the end still shows the run at work.
        if is_sought && let Some(progress) = self.find_progress(link, run, &view::superseded()).await {
            link.retire(&progress).await;
        }
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
                self.enqueue(link, job, Turn::Last, None);
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
        let surround = self.surround(place).await?;
        let mut all: Option<Job> = None;
        for Unfinished { seq, message, .. } in messages {
            let job = self.job(link, place, Some(*seq), message, &surround).await?;
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
        // A message that waits for the next start may hold what the configuration said before, with its engines.
        let replaced = std::mem::take(&mut *self.0.replaced.lock().unwrap_or_else(PoisonError::into_inner));
        for snapshot in replaced.iter().filter_map(Weak::upgrade) {
            snapshot.engines.shutdown().await;
        }
        self.snapshot().engines.shutdown().await;
    }
}
