//! Dispatch: what a stored message is, and where it goes: a command, an answer to a question, or a job in a queue.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use takopi_api::error::Error;
use takopi_api::message::{
    IncomingMessage, Mention, MessageId, MessageRef, OutgoingMessage, Press, SendOptions, Sender,
};
use takopi_api::plugin::BackendKind;
use takopi_api::transport::TransportId;

use super::authorize::{self, Refusal, Verdict};
use super::bubble::Showing;
use super::commands;
use super::conversation::{Inner, Link};
use super::directives::{self, Names};
use super::orders;
use super::receive::Waiting;
use super::requests::{self, Answered};
use super::settings::TriggerMode;
use super::signs;
use super::snapshot::Snapshot;
use super::surround::Surround;
use super::view;
use super::voice::{self, Heard};
use crate::store::{MessageEnd, Place, Seq};

/// What a message came to, before it could become a run.
pub(super) enum Outcome {
    /// It is in a queue, and the run stores what becomes of it; or that is stored already.
    Placed,
    /// It stays stored as it is, and is taken at the next start.
    Kept,
    /// It is done with.
    Ended(MessageEnd),
    /// It is done with once this is said.
    Answered(MessageEnd, OutgoingMessage),
}

impl Inner {
    /// Handles one stored message. Whatever happens in here, the next one is handled too.
    pub(super) async fn handle(self: &Arc<Self>, place: &Place, waiting: Waiting) {
        let Waiting { seq, message, shown, busy } = waiting;
        let Some(link) = self.link(&place.transport) else {
            // It stays stored, and is taken once the transport is there.
            self.requests.forget_secret(&place.transport, &message);
            return;
        };
        let existing = shown.as_ref();
        let considered =
            AssertUnwindSafe(self.consider(&link, place, seq, &message, existing)).catch_unwind().await;
        // Whoever wrote it, and whatever it came to: it does not come again.
        self.requests.forget_secret(&link.id, &message);
        let outcome = match considered {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                Outcome::Answered(MessageEnd::Failed, view::error(&error.to_string(), error.hints()))
            }
            Err(_) => {
                tracing::error!(%place, "handling a message panicked");
                let said = view::error("takopi could not handle this message; its log says why", &[]);
                Outcome::Answered(MessageEnd::Failed, said)
            }
        };
        match outcome {
            Outcome::Placed | Outcome::Kept => {}
            Outcome::Ended(end) => {
                self.finish(&[seq], &end).await;
                if matches!(end, MessageEnd::Refused | MessageEnd::Ignored | MessageEnd::Steered(_))
                    && let Some(existing) = shown
                {
                    // Nothing else will be said in its place.
                    self.spawn(async move {
                        link.retire(&existing).await;
                        drop(busy);
                    });
                }
            }
            Outcome::Answered(end, said) => {
                // What is written next does not wait for the chat.
                let inner = Arc::clone(self);
                self.spawn(async move {
                    link.reply(&message, shown.as_ref(), said).await;
                    inner.finish(&[seq], &end).await;
                    drop(busy);
                });
            }
        }
    }

    async fn consider(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        seq: Seq,
        message: &IncomingMessage,
        existing: Option<&MessageRef>,
    ) -> Result<Outcome, Error> {
        let verdict = self.verdict(link, &message.address, message.chat, message.sender.as_ref()).await;
        if let Verdict::Refused(refusal) = verdict {
            if self.may_only_decide(link, refusal, message.sender.as_ref())
                && (self.is_awaited(link, place, message) || is_reply_in_words(&self.snapshot(), message))
                && let Some(outcome) = self.answer_request(link, place, message).await
            {
                return Ok(outcome);
            }
            if let Some(welcome) = self.knock(link, message).await {
                link.reply(message, existing, view::notice(welcome)).await;
                return Ok(Outcome::Ended(MessageEnd::Command));
            }
            log_refusal(link, refusal);
            return Ok(Outcome::Ended(MessageEnd::Refused));
        }
        let snapshot = self.snapshot();
        let command = snapshot.command(&message.text);
        let order = orders::read(message);
        if order.is_none()
            && let Some((word, args)) = &command
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
            return Ok(match built_in.answer(used).await? {
                Some(answer) => Outcome::Answered(MessageEnd::Command, answer),
                None => Outcome::Ended(MessageEnd::Command),
            });
        }
        // Somebody was told that these words are taken, so they are for takopi however it is addressed else.
        if command.is_none()
            && self.is_awaited(link, place, message)
            && let Some(outcome) = self.answer_request(link, place, message).await
        {
            return Ok(outcome);
        }
        let surround = self.surround(place).await?;
        let word = command.as_ref().map(|(word, _)| word.as_str());
        if order.is_none() && !is_for_takopi(&snapshot, link, &surround, message, word) {
            return Ok(Outcome::Ended(MessageEnd::Ignored));
        }
        if let Some((word, args)) = &command
            && snapshot.engine(word).is_none()
            && snapshot.project(word).is_none()
            && snapshot.registry.find(BackendKind::Command, word).is_ok()
        {
            self.start_plugin_command(link, place, message, word, args, &snapshot).await;
            return Ok(Outcome::Ended(MessageEnd::Command));
        }
        let heard;
        let message = if voice::is_unheard(message) && link.outgoing.capabilities().voice {
            match self.listen(link, place, seq, message).await? {
                Heard::Words(words) => {
                    heard = words;
                    &*heard
                }
                Heard::Cancelled => {
                    return Ok(Outcome::Answered(MessageEnd::Cancelled, view::notice("`cancelled`")));
                }
                Heard::CutOff => return Ok(Outcome::Kept),
            }
        } else {
            message
        };
        // An answer is a text: files would be lost in it.
        let is_answer = command.is_none() && voice::to_look_at(message).is_empty();
        if is_answer && self.asks.answer(place, message) {
            return Ok(Outcome::Ended(MessageEnd::Command));
        }
        if is_answer && let Some(outcome) = self.answer_request(link, place, message).await {
            return Ok(outcome);
        }
        if let Some(answer) = self.auto_put(link, message, &surround, &snapshot).await? {
            return Ok(Outcome::Answered(MessageEnd::Command, answer));
        }
        if message.text.trim().is_empty() && message.files.is_empty() {
            let said = view::notice("there is nothing to do in an empty message");
            return Ok(Outcome::Answered(MessageEnd::Ignored, said));
        }
        let mut job = self.job(link, place, Some(seq), message, &surround).await?;
        self.check_what_to_steer(message, &job)?;
        self.settle_topic(link, place, message, &surround, &job).await?;
        if let Some(message) = existing {
            job.card = Showing::By(message.clone());
        }
        signs::acknowledge(link, message.reference(), snapshot.settings(&link.id));
        self.place(link, job).await;
        Ok(Outcome::Placed)
    }

    /// Whether these words were waited for: as a reason, or as a secret.
    fn is_awaited(&self, link: &Link, place: &Place, message: &IncomingMessage) -> bool {
        let is_text = !message.text.trim().is_empty()
            && message.files.is_empty()
            && self.snapshot().command(&message.text).is_none();
        let person = message.sender.as_ref().map(|sender| &sender.id);
        is_text
            && (self.requests.has_secret(&link.id, message) || self.requests.wait_for_words_of(place, person))
    }

    /// Words go to a request that waits for them. `None` if they are about something else.
    async fn answer_request(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
    ) -> Option<Outcome> {
        // One that came while its question was on its way has been stored; nobody is to see it all the same.
        let is_secret = self.requests.forget_secret(&link.id, message) || self.expects_secret(link, message);
        let answered = self.answer_in_words(link, place, message, &voice::said(message)).await;
        if is_secret {
            self.hide(link, message);
        }
        let say = |text: &str| Outcome::Answered(MessageEnd::Ignored, view::notice(text));
        match answered {
            Answered::Yes(run) => Some(Outcome::Ended(MessageEnd::Steered(run))),
            Answered::Failed(told) => Some(say(&told)),
            Answered::Unclear(hint) => Some(say(hint)),
            Answered::No => match self.told_too_late(link, message).await {
                Some(told) => Some(say(&told)),
                // It may be a password: it goes nowhere else.
                None if is_secret => Some(say("nothing asks for this any more; it was given to nobody")),
                None => None,
            },
        }
    }

    /// Takes a message away whose words nobody else is to see.
    fn hide(self: &Arc<Self>, link: &Link, message: &IncomingMessage) {
        let (link, message) = (link.clone(), message.reference());
        self.spawn(async move {
            if link.outgoing.capabilities().delete && link.outgoing.delete(&message).await.is_ok() {
                return;
            }
            let text = "delete your message, so that nobody reads it here: takopi can not";
            let options = SendOptions::default().reply_to(Some(message.id.clone()));
            if let Err(error) = link.send_insisting(&message.address, &view::notice(text), &options).await {
                tracing::warn!(transport = %link.id, %error, "it could not be said that a message should go");
            }
        });
    }

    /// Whether somebody who is not heard else may decide what others' runs ask: the configuration names them for that.
    fn may_only_decide(&self, link: &Link, refusal: Refusal, sender: Option<&Sender>) -> bool {
        refusal == Refusal::Person && self.is_approver(link, sender.map(|sender| &sender.id))
    }

    /// Whether somebody is heard. What the transport can not say counts as a no.
    pub(super) async fn verdict(
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

    /// The message by which a pressed one's run is known: itself, or, if nobody has told of it yet, what its button says.
    fn meant(&self, link: &Link, press: &Press, about: Option<&str>) -> MessageRef {
        match about {
            Some(about) if self.live.handle(&link.id, &press.message).is_none() => {
                MessageRef::new(press.message.address.clone(), MessageId::new(about))
            }
            _ => press.message.clone(),
        }
    }

    /// A press of a button. It is answered whatever it is.
    pub(super) async fn press(self: &Arc<Self>, transport: &TransportId, press: Press) {
        let Some(link) = self.link(transport) else { return };
        let verdict = self.verdict(&link, &press.message.address, press.chat, press.sender.as_ref()).await;
        let answer = match verdict {
            Verdict::Refused(refusal)
                if press.data.starts_with(requests::PREFIX)
                    && self.may_only_decide(&link, refusal, press.sender.as_ref()) =>
            {
                self.press_request(&link, &press, &press.data).await
            }
            Verdict::Refused(refusal) => {
                log_refusal(&link, refusal);
                None
            }
            _ => match press.data.as_str() {
                data if let Some(about) = view::about(data, view::CANCEL) => {
                    let message = self.meant(&link, &press, about);
                    Some(self.cancel_message(&link, &message).await.to_owned())
                }
                data if let Some(about) = view::about(data, view::STEER) => {
                    let message = self.meant(&link, &press, about);
                    Some(self.steer_message(&link, &message).await)
                }
                view::RESUME => Some(self.resume_message(&link, &press).await),
                data if let Some(rule) = commands::rules::of_button(data) => {
                    Some(self.press_rule(&link, &press, rule).await)
                }
                data if data.starts_with(requests::PREFIX) => self.press_request(&link, &press, data).await,
                data => self.press_plugin(&link, &press, data).await,
            },
        };
        if let Err(error) = link.outgoing.answer_press(&press.id, answer.as_deref()).await {
            tracing::debug!(transport = %link.id, %error, "a press could not be answered");
        }
    }
}

/// Whether a message answers one of takopi's, and is no command.
fn is_reply_in_words(snapshot: &Snapshot, message: &IncomingMessage) -> bool {
    let is_reply = message.reply_to.as_ref().is_some_and(|reply| reply.is_own);
    is_reply && message.files.is_empty() && snapshot.command(&message.text).is_none()
}

/// Whether a message is meant for takopi, where not all of them are.
fn is_for_takopi(
    snapshot: &Snapshot,
    link: &Link,
    surround: &Surround,
    message: &IncomingMessage,
    command: Option<&str>,
) -> bool {
    let mode = surround.trigger(snapshot.settings(&link.id));
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
