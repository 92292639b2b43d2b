//! Where a message was written, and what people chose there: the topic's choices go before the chat's.

use takopi_api::engine::EngineId;
use takopi_api::error::Error;
use takopi_api::resume::ResumeToken;
use takopi_api::runner::RunOptions;

use super::conversation::Inner;
use super::resolve::Kept;
use super::settings::{QueueMode, Settings, TriggerMode};
use crate::store::{Binding, Place, Preferences, Session};

/// What was stored about where a message was written: its topic, and the chat around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surround {
    /// Of the topic; of the chat, outside of topics.
    pub(crate) own: Preferences,
    /// Of the chat; the same as `own` outside of topics.
    pub(crate) chat: Preferences,
    /// Whether the message lies in a topic.
    pub(crate) is_topic: bool,
    pub(crate) binding: Option<Binding>,
    /// The threads that messages without one go on with.
    sessions: Vec<Session>,
}

impl Surround {
    /// The model, reasoning effort and mode of an engine: each field by itself.
    pub(crate) fn options(&self, engine: &EngineId) -> RunOptions {
        let own = self.own.engines.get(engine);
        let chat = self.chat.engines.get(engine);
        let model = own.and_then(|own| own.model.clone()).or_else(|| chat?.model.clone());
        let reasoning = own.and_then(|own| own.reasoning.clone()).or_else(|| chat?.reasoning.clone());
        let mode = own.and_then(|own| own.mode.clone()).or_else(|| chat?.mode.clone());
        RunOptions::default().model(model).reasoning(reasoning).mode(mode)
    }

    /// To which messages takopi listens.
    pub(crate) fn trigger(&self, settings: &Settings) -> TriggerMode {
        self.own.trigger.or(self.chat.trigger).unwrap_or(settings.trigger)
    }

    /// What becomes of a message for a thread that is at work.
    pub(crate) fn queue(&self, settings: &Settings) -> QueueMode {
        self.own.queue.or(self.chat.queue).unwrap_or(settings.queue)
    }

    /// The thread that is kept under a key.
    pub(crate) fn thread(&self, kept: &Kept) -> Option<&ResumeToken> {
        let is_it = |session: &&Session| {
            session.person == kept.key.person
                && session.cwd == kept.key.cwd
                && *session.token.engine() == kept.engine
        };
        self.sessions.iter().find(is_it).map(|session| &session.token)
    }
}

impl Inner {
    /// What is stored about where a message was written.
    pub(super) async fn surround(&self, place: &Place) -> Result<Surround, Error> {
        let around = self.store().around(place).await?;
        let is_topic = place.address.topic.id().is_some();
        Ok(Surround {
            own: around.own,
            chat: around.chat,
            is_topic,
            binding: around.binding,
            sessions: around.sessions,
        })
    }
}
