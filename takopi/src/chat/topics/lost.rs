//! Topics that somebody deleted, as takopi notices when it sends something there. One that belongs to a project is made
//! again, and what was known of it goes on there. What was meant for any other goes to the general part of its chat.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use takopi_api::message::{Address, MessageRef, OutgoingMessage, SendOptions, Topic};
use takopi_api::transport::{SendError, SendFailure, TransportId};

use super::super::conversation::Link;
use super::super::resolve::{Continues, Job, Kept};
use crate::store::{Place, Store};

/// How often a topic may be lost while one message is sent.
const TRIES: usize = 3;

/// The topics of a transport that are not where they were.
#[derive(Debug)]
pub(in super::super) struct LostTopics {
    store: Store,
    transport: TransportId,
    instead: Mutex<HashMap<Address, Address>>,
    /// Held while one is made, so that two messages do not make two.
    making: tokio::sync::Mutex<()>,
}

impl LostTopics {
    pub(in super::super) fn new(store: Store, transport: TransportId) -> Self {
        Self { store, transport, instead: Mutex::default(), making: tokio::sync::Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Address, Address>> {
        self.instead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where something is by now.
    fn current(&self, address: &Address) -> Address {
        let known = self.known();
        let mut at = address;
        // Each was made after the one before, so this ends.
        while let Some(next) = known.get(at) {
            at = next;
        }
        at.clone()
    }

    /// Lets a job happen where its topic is by now. What belongs to no topic any more stays as it is: nothing of the chat
    /// around is to be mixed up with it.
    pub(in super::super) fn follow(&self, job: &mut Job) {
        self.follow_place(&mut job.place);
        if let Some(kept) = &mut job.session {
            self.follow_kept(kept);
        }
        if let Continues::Session(kept, _) = &mut job.continues {
            self.follow_kept(kept);
        }
    }

    fn follow_kept(&self, kept: &mut Kept) {
        self.follow_place(&mut kept.key.place);
    }

    /// The place where a topic is by now.
    pub(in super::super) fn follow_place(&self, place: &mut Place) {
        let now = self.current(&place.address);
        if now.topic != Topic::General {
            place.address = now;
        }
    }

    /// Finds out what to do about a topic that is gone: gives where it is made again, or the general part of its chat.
    pub(in super::super) async fn replace(&self, link: &Link, gone: &Address) -> Address {
        let _making = self.making.lock().await;
        let general = Address { channel: gone.channel.clone(), topic: Topic::General };
        let now = self.current(gone);
        if now != *gone {
            return now;
        }
        let place = Place::new(self.transport.clone(), gone.clone());
        let binding = match self.store.around(&place).await {
            Ok(around) => around.binding.filter(|binding| binding.place == place),
            Err(error) => {
                tracing::warn!(%place, %error, "what a lost topic was bound to is not known");
                return general;
            }
        };
        let Some(binding) = binding else {
            tracing::info!(%place, "a topic is gone; what is said in it goes to its chat");
            self.known().insert(gone.clone(), general.clone());
            return general;
        };
        let branch = binding.context.branch.as_deref().map(|branch| format!("@{branch}"));
        let of_context =
            [binding.context.project, branch].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let title = binding.title.unwrap_or(of_context);
        let topic = match link.outgoing.create_topic(&gone.channel, &title).await {
            Ok(topic) => topic,
            Err(error) => {
                // The next message tries again.
                tracing::warn!(%place, %error, "a topic that is gone could not be made again");
                return general;
            }
        };
        tracing::info!(%place, %topic, "a topic was gone and is made again");
        let new = Address { channel: gone.channel.clone(), topic: Topic::Named(topic) };
        if let Err(error) = self.store.move_topic(&self.transport, gone, &new).await {
            tracing::error!(%place, %error, "what is known of a topic could not be moved to the new one");
        }
        self.known().insert(gone.clone(), new.clone());
        new
    }
}

impl Link {
    /// Sends a message to a topic, or to what takes its place.
    pub(in super::super) async fn send_to_topic(
        &self,
        to: &Address,
        message: OutgoingMessage,
        options: SendOptions,
    ) -> Result<MessageRef, SendError> {
        let mut at = self.topics.current(to);
        let mut tries = TRIES;
        loop {
            let is_elsewhere = at != *to;
            let mut message = message.clone();
            if is_elsewhere && at.topic == Topic::General {
                message.body.footer.push("this belongs to a topic that was deleted".to_owned());
            }
            // What it answers is gone with the topic.
            let options = if is_elsewhere { options.clone().reply_to(None) } else { options.clone() };
            match self.outgoing.send(&at, message, options).await {
                Err(error) if error.failure == SendFailure::TopicGone && tries > 0 => {
                    tries -= 1;
                    at = self.topics.replace(self, &at).await;
                }
                other => return other,
            }
        }
    }
}
