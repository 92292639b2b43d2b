//! What a message needs to know of where it was written, in one look.

use takopi_api::runtime::StoreError;

use super::bindings::{self, Binding};
use super::place::Place;
use super::preferences::{self, Preferences};
use super::sessions::{self, Session};
use super::{Store, place};

/// What is stored about a place, and about the chat around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// What was chosen for the place itself.
    pub own: Preferences,
    /// What was chosen for the chat; of a place that is no topic, the same as `own`.
    pub chat: Preferences,
    /// What the place is bound to; a topic that is bound to nothing, what its chat is bound to.
    pub binding: Option<Binding>,
    /// The threads that are remembered for the place itself.
    pub sessions: Vec<Session>,
}

impl Store {
    /// What is stored about a place, and about the chat around it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn around(&self, place: &Place) -> Result<Around, StoreError> {
        let place = place.clone();
        self.read(move |connection| {
            let mut around = Around::default();
            if let Some(id) = place::find(connection, &place.transport, &place.address)? {
                around.own = preferences::of_place(connection, id)?;
                around.binding = bindings::of_place(connection, id, &place)?;
                around.sessions = sessions::of_place(connection, id)?;
            }
            if place.address.topic.id().is_none() {
                around.chat.clone_from(&around.own);
                return Ok(around);
            }
            let chat = place.chat();
            if let Some(id) = place::find(connection, &chat.transport, &chat.address)? {
                around.chat = preferences::of_place(connection, id)?;
                if around.binding.is_none() {
                    around.binding = bindings::of_place(connection, id, &chat)?;
                }
            }
            Ok(around)
        })
        .await
    }
}
