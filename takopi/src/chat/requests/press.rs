//! Presses and words: who may decide, what they decided, and what they are told.

use std::sync::Arc;

use takopi_api::event::Decision;
use takopi_api::message::{IncomingMessage, MessageRef, PersonId, Press, Sender};
use takopi_api::runner::RunId;
use takopi_api::runtime::StoreError;
use takopi_api::transport::People;
use tokio::time::Instant;

use super::ask::Unanswered;
use super::close::SOON;
use super::open::{Aim, Claim, LOOK, Pressable, Pressed, Reopened, Said, Who};
use super::outcome::Outcome;
use super::{Kept, Remembered};
use crate::chat::conversation::{Inner, Link};
use crate::store::{Decided, Judgement, NewRule, Place, RequestToken, RuleScope, Verdict};

/// What came of words that may be about a request.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) enum Answered {
    /// They are about something else.
    No,
    /// They are an answer to what this run asked.
    Yes(RunId),
    /// They are an answer, which could not be stored. It says why.
    Failed(String),
    /// They are about a request, and do not say what to do: this would.
    Unclear(&'static str),
}

impl Inner {
    fn who<'a>(&self, link: &Link, person: Option<&'a PersonId>) -> Who<'a> {
        let is_local = link.access.people == People::Local;
        Who { person, is_local, is_approver: self.is_approver(link, person) }
    }

    /// Whether the configuration names somebody as one who may decide. What it says now counts, and not what it said when
    /// the run began.
    pub(in crate::chat) fn is_approver(&self, link: &Link, person: Option<&PersonId>) -> bool {
        let snapshot = self.snapshot();
        let approvers = &snapshot.settings(&link.id).approvers;
        person.is_some_and(|person| approvers.iter().any(|id| id == person.as_str()))
    }

    /// A press of a button of a request. Gives what the person is told.
    pub(in crate::chat) async fn press_request(
        self: &Arc<Self>,
        link: &Link,
        press: &Press,
        data: &str,
    ) -> Option<String> {
        let Some(button) = Pressable::read(data) else { return Some(UNKNOWN.to_owned()) };
        let who = self.who(link, press.sender.as_ref().map(|sender| &sender.id));
        let pressed = self.requests.state().board.press(&button, &press.message, who, Instant::now());
        let told = match pressed {
            Pressed::NotOpen => self.press_ended(link, press, &button.token).await,
            Pressed::Elsewhere => ELSEWHERE.to_owned(),
            Pressed::NotYours => "only who asked, or an approver, may decide this".to_owned(),
            Pressed::Old => {
                self.reshow(&button.token);
                LOOK.to_owned()
            }
            Pressed::Expired => {
                self.give_up(&button.token, Unanswered::NotInTime).await;
                Outcome::Expired(None).told()
            }
            Pressed::Late(kept) => match tokio::time::timeout(SOON, kept.over()).await {
                Ok(()) => self.press_ended(link, press, &button.token).await,
                Err(_) => "somebody is just deciding this".to_owned(),
            },
            Pressed::Decides(claim, kept) => {
                return self.decide(&kept, claim, press.sender.clone()).await.err();
            }
            Pressed::Changed { waits_for_words } => {
                self.reshow(&button.token);
                return waits_for_words.then(|| "write it as your next message here".to_owned());
            }
        };
        Some(told)
    }

    /// A press of a button whose request is not open. What it was is said, and the buttons go.
    async fn press_ended(self: &Arc<Self>, link: &Link, press: &Press, token: &RequestToken) -> String {
        let known = match self.requests.remembered(token) {
            Some(known) => known,
            None => match self.store().ended_request(token).await {
                Ok(Some(ended)) => ended.into(),
                Ok(None) => return UNKNOWN.to_owned(),
                Err(error) => return format!("what became of this could not be looked up: {error}"),
            },
        };
        let (header, told) = (known.header(), known.outcome.told());
        let Remembered { place, message, is_told, title, .. } = known;
        let is_here = place.transport == link.id && place.address.channel == press.message.address.channel;
        if !is_here || message.as_ref().is_some_and(|message| *message != press.message) {
            return ELSEWHERE.to_owned();
        }
        // What is not known to be its message is left as it is: somebody may have made the button up for it.
        if let Some(message) = message.filter(|_| !is_told) {
            let (inner, link, token) = (Arc::clone(self), link.clone(), token.clone());
            self.spawn(async move { inner.close_message(&link, &token, &message, &title, &header).await });
        }
        told
    }

    /// Stores a decision, which is the first, and tells the engine. The person waits for the former only.
    ///
    /// # Errors
    /// What the person is told if it does not count.
    async fn decide(self: &Arc<Self>, kept: &Kept, claim: Claim, by: Option<Sender>) -> Result<(), String> {
        let Claim { token, verdict, decision } = claim;
        let judgement = Judgement { verdict, by: by.clone(), rule: self.rule(kept, verdict) };
        match self.store().decide(&token, judgement).await {
            Ok(Decided::Now { rule }) => {
                // What takopi remembers can be taken back only if nobody else remembers it.
                let decision = if rule.is_some() { Decision::AllowAlways } else { decision };
                let outcome = Outcome::Decided { verdict, of: kept.subject(), by, rule };
                self.conclude(&token, outcome, Some(decision));
                Ok(())
            }
            Ok(Decided::TooLate) => {
                let outcome = Outcome::Expired(Some(kept.timeout));
                let told = outcome.told();
                self.conclude(&token, outcome, Some(denied("nobody answered in time")));
                Err(told)
            }
            Ok(Decided::Already(end)) => {
                let outcome = Outcome::of(end);
                let told = outcome.told();
                self.conclude(&token, outcome, Some(denied(&told)));
                Err(told)
            }
            Ok(Decided::Gone) => {
                let reason = "takopi does not know of this request any more";
                self.conclude(&token, Outcome::Unaskable(reason.to_owned()), Some(denied(reason)));
                Err(reason.to_owned())
            }
            Err(error) => match self.requests.reopen(&token) {
                Reopened::Open => {
                    self.reshow(&token);
                    Err(format!("it could not be stored, so nothing was decided; press again: {error}"))
                }
                Reopened::Expired => {
                    self.give_up(&token, Unanswered::NotInTime).await;
                    Err(Outcome::Expired(None).told())
                }
                Reopened::Withdrawn => {
                    self.withdraw(&token, Outcome::Withdrawn);
                    Err(Outcome::Withdrawn.told())
                }
            },
        }
    }

    /// The rule that comes of a decision.
    fn rule(&self, kept: &Kept, verdict: Verdict) -> Option<NewRule> {
        let coverage = kept.coverage.as_ref()?;
        let scope = match verdict {
            Verdict::AllowAlways => RuleScope::Always,
            Verdict::AllowSession => {
                let thread = self.queue().thread(kept.live.lane).cloned();
                RuleScope::Session(thread.or_else(|| coverage.thread.clone())?)
            }
            Verdict::AllowOnce | Verdict::Deny | Verdict::Answer => return None,
        };
        Some(coverage.ground.rule(coverage.covers.clone(), scope))
    }

    /// Words that somebody wrote go to what waits for them, before anything else.
    pub(in crate::chat) async fn answer_in_words(
        self: &Arc<Self>,
        link: &Link,
        place: &Place,
        message: &IncomingMessage,
        text: &str,
    ) -> Answered {
        let person = message.sender.as_ref().map(|sender| &sender.id);
        let who = self.who(link, person);
        let aim = self.aim(link, message);
        let has_buttons = link.outgoing.capabilities().buttons;
        let said = self.requests.state().board.say(place, who, text, &aim, has_buttons, Instant::now());
        match said {
            Said::NotForIt => Answered::No,
            Said::Unclear(hint) => Answered::Unclear(hint),
            Said::Changed(token) => {
                let run = self.requests.state().board.kept(&token).map(|kept| kept.live.id.clone());
                self.reshow(&token);
                run.map_or(Answered::No, Answered::Yes)
            }
            Said::Decides(claim, kept) => match self.decide(&kept, claim, message.sender.clone()).await {
                Ok(()) => Answered::Yes(kept.live.id.clone()),
                Err(told) => Answered::Failed(told),
            },
        }
    }

    /// Whether a message that has just come is the answer to a question that wants it kept nowhere, also to one that has
    /// ended. It then is nothing else.
    ///
    /// # Errors
    /// [`StoreError`] if that could not be looked up.
    pub(in crate::chat) async fn is_secret(
        &self,
        link: &Link,
        message: &IncomingMessage,
    ) -> Result<bool, StoreError> {
        let is_command = || self.snapshot().command(&message.text).is_some();
        if message.text.trim().is_empty() || !message.files.is_empty() || is_command() {
            return Ok(false);
        }
        // It came before, and could not be stored. What it answers may have ended since.
        if self.requests.has_secret(&link.id, message) {
            return Ok(true);
        }
        if self.expects_secret(link, message) {
            return Ok(true);
        }
        Ok(self.answers_ended(link, message).await?.is_some_and(|ended| ended.is_secret))
    }

    /// Whether the words of a message are for a question that waits, and that wants them kept nowhere.
    pub(in crate::chat) fn expects_secret(&self, link: &Link, message: &IncomingMessage) -> bool {
        let who = self.who(link, message.sender.as_ref().map(|sender| &sender.id));
        let place = Place::new(link.id.clone(), message.address.clone());
        self.requests.expects_secret(&place, who, &self.aim(link, message))
    }

    /// What somebody is told who answers the message of a request that has ended.
    pub(in crate::chat) async fn told_too_late(
        &self,
        link: &Link,
        message: &IncomingMessage,
    ) -> Option<String> {
        match self.answers_ended(link, message).await {
            Ok(ended) => Some(ended?.outcome.told()),
            Err(error) => Some(format!("what became of this could not be looked up: {error}")),
        }
    }

    /// The request that has ended, and whose message a message answers.
    async fn answers_ended(
        &self,
        link: &Link,
        message: &IncomingMessage,
    ) -> Result<Option<Remembered>, StoreError> {
        let Aim::Message(id) = self.aim(link, message) else { return Ok(None) };
        let at = MessageRef::new(message.address.clone(), id);
        if let Some(known) = self.requests.remembered_in(&link.id, &at) {
            return Ok(Some(known));
        }
        Ok(self.store().ended_request_in(&link.id, &at).await?.map(Remembered::from))
    }

    /// What a message answers: a message of takopi, or, by the message that shows it, a run.
    fn aim(&self, link: &Link, message: &IncomingMessage) -> Aim {
        let Some(reply) = message.reply_to.as_ref().filter(|reply| reply.is_own) else { return Aim::Here };
        let at = MessageRef::new(message.address.clone(), reply.id.clone());
        match self.live.of_message(&link.id, &at) {
            Some(run) => Aim::Run(run.id.clone()),
            None => Aim::Message(reply.id.clone()),
        }
    }
}

fn denied(reason: &str) -> Decision {
    Decision::Deny { reason: Some(reason.to_owned()) }
}

const ELSEWHERE: &str = "this button belongs to another message; nothing was decided";

const UNKNOWN: &str = "nothing is known of this button; nothing was decided";
