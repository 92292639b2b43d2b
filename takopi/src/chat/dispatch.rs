//! Dispatch: what a stored message is, and where it goes: a command, an answer to a question, or a job in a queue.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use takopi_api::error::Error;
use takopi_api::message::{IncomingMessage, Mention, MessageRef, Press, SendOptions};
use takopi_api::plugin::BackendKind;
use takopi_api::runner::RunId;
use takopi_api::transport::TransportId;

use super::authorize::{self, Refusal, Verdict};
use super::commands;
use super::conversation::{Inner, Link};
use super::deliver::fit;
use super::directives::{self, Names, slash_command};
use super::live::Handle;
use super::queue::{LaneId, Placed, Withdrawn};
use super::receive::Waiting;
use super::requests;
use super::resolve::{Job, Surround};
use super::settings::{QueueMode, TriggerMode};
use super::snapshot::Snapshot;
use super::view::{self, Card, Steering};
use crate::store::{MessageEnd, Place, Seq};

/// What a message came to, before it could become a run.
enum Outcome {
    /// It is in a queue, and the run stores what becomes of it.
    Placed,
    /// It is done with.
    Ended(MessageEnd),
}

impl Inner {
    /// Handles one stored message. Whatever happens in here, the next one is handled too.
    pub(super) async fn handle(self: &Arc<Self>, place: &Place, waiting: Waiting) {
        let Waiting { seq, message, shown, busy: _busy } = waiting;
        let Some(link) = self.link(&place.transport) else {
            // It stays stored, and is taken once the transport is there.
            return;
        };
        let considered =
            AssertUnwindSafe(self.consider(&link, place, seq, &message, shown)).catch_unwind().await;
        let outcome = match considered {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                link.reply(&message, view::error(&error.to_string(), error.hints())).await;
                Outcome::Ended(MessageEnd::Failed)
            }
            Err(_) => {
                tracing::error!(%place, "handling a message panicked");
                link.reply(
                    &message,
                    view::error("takopi could not handle this message; its log says why", &[]),
                )
                .await;
                Outcome::Ended(MessageEnd::Failed)
            }
        };
        if let Outcome::Ended(end) = outcome {
            self.finish(&[seq], &end).await;
        }
    }

    async fn consider(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        seq: Seq,
        message: &IncomingMessage,
        shown: Option<MessageRef>,
    ) -> Result<Outcome, Error> {
        let verdict = self.verdict(link, &message.address, message.chat, message.sender.as_ref()).await;
        if let Verdict::Refused(refusal) = verdict {
            log_refusal(link, refusal);
            return Ok(Outcome::Ended(MessageEnd::Refused));
        }
        let snapshot = self.snapshot();
        let command = slash_command(&message.text);
        if let Some((word, args)) = &command
            && let Some(built_in) = commands::find(word)
        {
            let used = commands::Use {
                inner: Arc::clone(self),
                link: link.clone(),
                place: place.clone(),
                message: message.clone(),
                args: (*args).to_owned(),
                snapshot: Arc::clone(&snapshot),
            };
            if let Some(answer) = built_in.answer(used).await? {
                link.reply(message, answer).await;
            }
            return Ok(Outcome::Ended(MessageEnd::Command));
        }
        let surround = self.surround(place).await?;
        if !is_for_takopi(
            &snapshot,
            link,
            &surround,
            message,
            command.as_ref().map(|(word, _)| word.as_str()),
        ) {
            return Ok(Outcome::Ended(MessageEnd::Ignored));
        }
        let person = message.sender.as_ref().map(|sender| &sender.id);
        if command.is_none()
            && let Some(run) = self.answer_question(link, place, person, message.text.trim()).await
        {
            return Ok(Outcome::Ended(MessageEnd::Steered(run)));
        }
        if let Some((word, args)) = &command
            && snapshot.engine(word).is_none()
            && snapshot.project(word).is_none()
            && snapshot.registry.find(BackendKind::Command, word).is_ok()
        {
            self.start_plugin_command(link, place, message, word, args, &snapshot);
            return Ok(Outcome::Ended(MessageEnd::Command));
        }
        if message.text.trim().is_empty() && message.files.is_empty() {
            link.reply(message, view::notice("there is nothing to do in an empty message")).await;
            return Ok(Outcome::Ended(MessageEnd::Ignored));
        }
        let mut job = self.job(link, place, Some(seq), message).await?;
        job.card = shown;
        self.place(link, job).await
    }

    /// Whether somebody is heard. What the transport can not say counts as a no.
    async fn verdict(
        &self,
        link: &Link,
        address: &takopi_api::message::Address,
        chat: takopi_api::message::ChatKind,
        sender: Option<&takopi_api::message::Sender>,
    ) -> Verdict {
        let snapshot = self.snapshot();
        let of_project = |channel: &takopi_api::message::ChannelId| snapshot.project_of(channel).is_some();
        match authorize::authorize(&link.access, address, chat, sender, of_project) {
            Verdict::AskRole => match sender {
                Some(sender) => match link.outgoing.role(&address.channel, &sender.id).await {
                    Ok(role) => authorize::by_role(role),
                    Err(error) => {
                        tracing::warn!(transport = %link.id, %error, "a sender's role could not be asked");
                        Verdict::Refused(Refusal::Person)
                    }
                },
                None => Verdict::Refused(Refusal::NoSender),
            },
            verdict => verdict,
        }
    }

    /// Puts a job into its queue, in the manner that the chat wants.
    async fn place(self: &Arc<Self>, link: &Link, job: Job) -> Result<Outcome, Error> {
        let mode = self.queue_mode(link, &job.place).await?;
        let busy = self.busy_lane(&job);
        if let Some(lane) = busy {
            match mode {
                QueueMode::Queue => {}
                QueueMode::Steer => {
                    if let Some(run) = self.steer_running(lane, &job.prompt).await {
                        let card = Card { engine: job.engine.clone(), footer: Vec::new() };
                        let options = SendOptions::default().reply_to(Some(job.reply_to.clone())).silent();
                        // The text is with the engine; that it could not be confirmed changes nothing.
                        let _ = link.send(&job.place.address, card.ended_before("steered"), options).await;
                        return Ok(Outcome::Ended(MessageEnd::Steered(run)));
                    }
                }
                QueueMode::Interrupt => {
                    let (lane, id) = self.queue().place_first(&job.target(), job.clone());
                    self.announce(link, &job, Handle { lane, job: id }, 1).await;
                    if let Some(run) = self.running(lane) {
                        run.cancel();
                    }
                    self.advance(lane);
                    return Ok(Outcome::Placed);
                }
                QueueMode::Collect => {
                    if self.collect(lane, &job) {
                        return Ok(Outcome::Placed);
                    }
                }
            }
        }
        let (lane, id, placed) = self.queue().place(&job.target(), job.clone());
        if let Placed::Behind(ahead) = placed {
            self.announce(link, &job, Handle { lane, job: id }, ahead).await;
        }
        // Also where something was before it: that may have ended meanwhile.
        self.advance(lane);
        Ok(Outcome::Placed)
    }

    async fn queue_mode(&self, link: &Link, place: &Place) -> Result<QueueMode, Error> {
        let surround = self.surround(place).await?;
        let stored = surround.own.queue.or(surround.chat.queue);
        Ok(stored.unwrap_or_else(|| self.snapshot().settings(&link.id).queue))
    }

    fn busy_lane(&self, job: &Job) -> Option<LaneId> {
        use super::queue::Target;
        let queue = self.queue();
        let lane = match job.target() {
            Target::Named(name) => queue.lane(&name)?,
            Target::Lane(lane) => lane,
            Target::New => return None,
        };
        queue.running(lane).map(|_| lane)
    }

    fn running(&self, lane: LaneId) -> Option<Arc<super::live::LiveRun>> {
        let job = self.queue().running(lane)?;
        self.live.run(job)
    }

    /// Adds a message to one of the same sender that waits: they run as one.
    fn collect(&self, lane: LaneId, job: &Job) -> bool {
        let mut queue = self.queue();
        let sender = job.sender.as_ref().map(|sender| &sender.id);
        let last = queue
            .waiting_in(lane)
            .filter(|(_, waiting)| waiting.sender.as_ref().map(|sender| &sender.id) == sender)
            .map(|(id, _)| id)
            .last();
        let Some(waiting) = last.and_then(|id| queue.waiting_mut(lane, id)) else { return false };
        waiting.prompt.push_str("\n\n");
        waiting.prompt.push_str(&job.prompt);
        waiting.messages.extend(&job.messages);
        waiting.files.extend(job.files.iter().cloned());
        true
    }

    /// Sends a text into the turn that runs in a lane, if its engine takes it.
    async fn steer_running(&self, lane: LaneId, text: &str) -> Option<RunId> {
        let run = self.running(lane)?;
        run.control.get()?.steer(text).await.ok()?;
        Some(run.id.clone())
    }

    /// Says that a message waits, with buttons to take it back.
    async fn announce(self: &Arc<Self>, link: &Link, job: &Job, handle: Handle, ahead: usize) {
        let can_steer = job
            .snapshot
            .engines
            .get(&job.engine)
            .and_then(super::engines::Engine::backend)
            .is_some_and(|backend| backend.capabilities.steer);
        let steering = if can_steer { Steering::Offered } else { Steering::Impossible };
        let footer = job.context.as_ref().map(crate::project::Context::line).into_iter().collect();
        let card = Card { engine: job.engine.clone(), footer };
        let options = SendOptions::default().reply_to(Some(job.reply_to.clone())).silent();
        let queued = card.queued(ahead, steering);
        let announced = match &job.card {
            // It was announced before the last start.
            Some(message) => link.outgoing.edit(message, fit(link, queued)).await.map(|_| message.clone()),
            None => link.send(&job.place.address, queued, options).await,
        };
        match announced {
            Ok(message) => {
                self.live.name(&link.id, message.clone(), handle);
                let waiting = self.queue().waiting_mut(handle.lane, handle.job).map(|waiting| {
                    waiting.card = Some(message.clone());
                    waiting.messages.clone()
                });
                match waiting {
                    Some(messages) => self.remember_waiting(&messages, &message).await,
                    // It runs already, with a progress message of its own; this one is left over.
                    None => {
                        let link = link.clone();
                        self.spawn(async move {
                            if link.outgoing.delete(&message).await.is_err() {
                                let _ = link.outgoing.edit(&message, card.ended_before("started")).await;
                            }
                        });
                    }
                }
            }
            Err(error) => {
                tracing::warn!(transport = %link.id, %error, "that a message waits could not be said");
            }
        }
    }

    async fn remember_waiting(&self, messages: &[Seq], shown: &MessageRef) {
        for seq in messages {
            if let Err(error) = self.store().waiting_message(*seq, shown).await {
                tracing::warn!(%error, "which message says that one waits could not be stored");
            }
        }
    }

    /// A press of a button. It is answered whatever it is.
    pub(super) async fn press(self: &Arc<Self>, transport: &TransportId, press: Press) {
        let Some(link) = self.link(transport) else { return };
        let verdict = self.verdict(&link, &press.message.address, press.chat, press.sender.as_ref()).await;
        let answer = match verdict {
            Verdict::Refused(refusal) => {
                log_refusal(&link, refusal);
                None
            }
            _ => match press.data.as_str() {
                view::CANCEL => Some(self.cancel_message(&link, &press.message).await.to_owned()),
                view::STEER => Some(self.steer_message(&link, &press.message).await.to_owned()),
                view::RESUME => Some(self.resume_message(&link, &press).await),
                data if data.starts_with(requests::PREFIX) => self.press_request(&link, &press, data).await,
                data => self.press_plugin(&link, &press, data),
            },
        };
        if let Err(error) = link.outgoing.answer_press(&press.id, answer.as_deref()).await {
            tracing::debug!(transport = %link.id, %error, "a press could not be answered");
        }
    }

    /// Ends the run that a message shows, or takes the message that it shows out of its queue.
    pub(super) async fn cancel_message(self: &Arc<Self>, link: &Link, message: &MessageRef) -> &'static str {
        let Some(Handle { lane, job }) = self.live.handle(&link.id, message) else {
            return "nothing is running";
        };
        let withdrawn = self.queue().withdraw(lane, job);
        match withdrawn {
            Withdrawn::Cancelled(waiting) => {
                self.live.end(job);
                let card = Card { engine: waiting.engine.clone(), footer: Vec::new() };
                if let Err(error) = link.outgoing.edit(message, card.ended_before("`cancelled`")).await {
                    tracing::debug!(%error, "that a message was cancelled could not be shown");
                }
                self.finish(&waiting.messages, &MessageEnd::Cancelled).await;
                "dropped from the queue"
            }
            Withdrawn::AlreadyStarted => match self.live.run(job) {
                Some(run) => {
                    run.cancel();
                    "cancelling…"
                }
                None => "it is just starting; press again",
            },
            Withdrawn::NotFound => "nothing is running",
        }
    }

    /// Sends a message that waits into the turn before it.
    async fn steer_message(self: &Arc<Self>, link: &Link, message: &MessageRef) -> &'static str {
        let Some(Handle { lane, job }) = self.live.handle(&link.id, message) else {
            return "nothing waits here";
        };
        if self.running(lane).and_then(|run| run.control.get().cloned()).is_none() {
            return "nothing runs that could take it";
        }
        let withdrawn = self.queue().withdraw(lane, job);
        let Withdrawn::Cancelled(waiting) = withdrawn else { return "it has started already" };
        if let Some(run) = self.steer_running(lane, &waiting.prompt).await {
            self.live.end(job);
            let card = Card { engine: waiting.engine.clone(), footer: Vec::new() };
            if let Err(error) = link.outgoing.edit(message, card.ended_before("steered")).await {
                tracing::debug!(%error, "that a message was steered could not be shown");
            }
            self.finish(&waiting.messages, &MessageEnd::Steered(run)).await;
            return "sent into the running turn";
        }
        self.live.end(job);
        let (lane, id) = self.queue().place_first(&super::queue::Target::Lane(lane), waiting);
        self.live.name(&link.id, message.clone(), Handle { lane, job: id });
        self.advance(lane);
        "the engine did not take it; it stays in the queue"
    }
}

/// Whether a message is meant for takopi, where not all of them are.
fn is_for_takopi(
    snapshot: &Snapshot,
    link: &Link,
    surround: &Surround,
    message: &IncomingMessage,
    command: Option<&str>,
) -> bool {
    let own = surround.own.trigger.filter(|_| surround.is_topic);
    let mode = own.or(surround.chat.trigger).unwrap_or_else(|| snapshot.settings(&link.id).trigger);
    if mode == TriggerMode::All || message.mention == Mention::Named {
        return true;
    }
    if message.reply_to.as_ref().is_some_and(|reply| reply.is_own) {
        return true;
    }
    command.is_some_and(|word| {
        snapshot.engine(word).is_some()
            || snapshot.project(word).is_some()
            || snapshot.registry.find(BackendKind::Command, word).is_ok()
    }) || directives::parse(&message.text, snapshot).is_ok_and(|found| found.engine.is_some())
}

/// Not at `info`: a stranger must not be able to fill the log.
fn log_refusal(link: &Link, refusal: Refusal) {
    tracing::debug!(transport = %link.id, ?refusal, "somebody is not heard");
}
