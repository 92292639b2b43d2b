//! The end of a request: the engine is told, and the message says how it ended.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::event::{Decision, RequestId};
use takopi_api::message::{MessageRef, SendOptions};
use tokio::task::JoinHandle;

use super::open::Ending;
use super::outcome::Outcome;
use super::view::Sheet;
use super::{Kept, Showing};
use crate::chat::conversation::{Inner, Link};
use crate::chat::live::LiveRun;
use crate::store::{LeftRequest, RequestToken};

/// How long is waited for what nearly always is done at once: the engine takes an answer, a decision is stored.
pub(super) const SOON: Duration = Duration::from_secs(2);

/// What an engine made of an answer.
enum Answered {
    /// It has it.
    Well,
    /// It did not take it, because of this.
    Not(String),
    /// It takes its time.
    Later(JoinHandle<Result<(), String>>),
}

impl Inner {
    /// Ends a request: tells the engine what was decided, if anything was, and lets the message say it. Nobody waits for
    /// either.
    pub(super) fn conclude(
        self: &Arc<Self>,
        token: &RequestToken,
        outcome: Outcome,
        decision: Option<Decision>,
    ) {
        let Some(ending) = self.requests.end(token, outcome.clone()) else { return };
        let Ending { token, kept, message, is_withdrawn } = ending;
        let inner = Arc::clone(self);
        self.spawn(async move {
            let header = outcome.header();
            let answered = match decision {
                // The engine may use the same name for another question by now.
                Some(_) if is_withdrawn => Answered::Not("it is not asked any more".to_owned()),
                Some(decision) => inner.answer_soon(&kept, decision).await,
                None => Answered::Well,
            };
            if message.is_none() {
                // It is not needed any more. One that is under way is closed by who sends it.
                kept.link.outgoing.take_back(&key(&token)).await;
            }
            match answered {
                Answered::Well => inner.close_request(&kept, &token, message.as_ref(), &header).await,
                Answered::Not(why) => inner.close_failed(&kept, &token, why).await,
                Answered::Later(answering) => {
                    inner.close_request(&kept, &token, message.as_ref(), &header).await;
                    if let Ok(Err(why)) = answering.await {
                        inner.close_failed(&kept, &token, why).await;
                    }
                }
            }
        });
    }

    /// Tells the engine, and waits for it as long as it nearly always takes.
    async fn answer_soon(&self, kept: &Kept, decision: Decision) -> Answered {
        let waiting = Arc::clone(kept);
        let mut answering =
            tokio::spawn(async move { tell(&waiting.live, &waiting.request.id, decision).await });
        match tokio::time::timeout(SOON, &mut answering).await {
            Ok(Ok(Ok(()))) => Answered::Well,
            Ok(Ok(Err(why))) => Answered::Not(why),
            Ok(Err(panic)) => Answered::Not(panic.to_string()),
            Err(_) => Answered::Later(answering),
        }
    }

    /// Lets the message say that a decision came to nothing. If it is on its way, it is told when it arrives.
    async fn close_failed(&self, kept: &Kept, token: &RequestToken, why: String) {
        if let Some((message, header)) = self.requests.came_to_nothing(token, why) {
            self.close_request(kept, token, message.as_ref(), &header).await;
        }
    }

    /// Lets the message of a request say how it ended. Buttons go with it.
    pub(super) async fn close_request(
        &self,
        kept: &Kept,
        token: &RequestToken,
        message: Option<&MessageRef>,
        header: &str,
    ) {
        let mut showing = kept.showing.lock().await;
        *showing = Showing::Closed;
        let Some(message) = message else { return };
        self.close_message(&kept.link, token, message, &kept.title(), header).await;
    }

    pub(super) async fn close_message(
        &self,
        link: &Link,
        token: &RequestToken,
        message: &MessageRef,
        title: &str,
        header: &str,
    ) {
        let new = Sheet::closed(title, header);
        let options =
            SendOptions::default().reply_to(Some(message.id.clone())).key(format!("{}.end", token.as_str()));
        if let Err(error) = link.amend(Some(message), &message.address, new, options).await {
            // What was decided is also seen by what the run does, and the next start says it.
            tracing::warn!(transport = %link.id, %error, "what became of a request could not be shown");
            return;
        }
        self.requests.told(token);
        if let Err(error) = self.store().request_told(token).await {
            tracing::warn!(transport = %link.id, %error, "that people know of the end of a request could not be stored");
        }
    }

    /// After a start: the message of a request of the last takopi says what became of it.
    pub(in crate::chat) async fn tell_left_request(&self, link: &Link, left: LeftRequest) {
        let header = Outcome::of(left.end).header();
        self.close_message(link, &left.token, &left.message, &left.title, &header).await;
    }
}

/// The key under which the message is sent that asks.
pub(super) fn key(token: &RequestToken) -> String {
    format!("{}.ask", token.as_str())
}

/// Gives an engine the answer to a request.
pub(super) async fn tell(live: &LiveRun, request: &RequestId, decision: Decision) -> Result<(), String> {
    let Some(control) = live.control.get() else { return Err("the run is over".to_owned()) };
    control.answer_or_deny(request, decision).await.map_err(|error| error.to_string())
}
