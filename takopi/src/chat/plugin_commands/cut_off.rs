//! Uses of commands that the end of takopi cuts off: what goes on is noted, so that the next takopi tells of it. Nothing is
//! begun twice: nobody but the command knows how far it came.

use serde::{Deserialize, Serialize};
use takopi_api::message::{Body, IncomingMessage, MessageKind, MessageRef, OutgoingMessage, SendOptions};
use takopi_api::runner::RunId;
use takopi_api::runtime::{KeyValue, StoreError, Write};
use takopi_api::transport::TransportId;
use tokio::sync::Mutex;

use crate::chat::conversation::{Inner, Link};
use crate::store::{Namespace, Store, Values};

/// What is noted of a use.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted {
    transport: TransportId,
    word: String,
    /// What was written, or whose button was pressed.
    message: MessageRef,
    /// The message that shows that it goes on.
    progress: Option<MessageRef>,
}

/// The note of a use that goes on.
pub(in crate::chat) struct Note {
    values: Values,
    key: String,
    /// Nothing once the use is over. Held while it is written, so that what is over stays so.
    noted: Mutex<Option<Noted>>,
}

impl Note {
    pub(super) fn new(store: &Store, transport: &TransportId, word: &str, message: &IncomingMessage) -> Self {
        Self {
            values: store.values(Namespace::uses()),
            key: RunId::unique().to_string(),
            noted: Mutex::new(Some(Noted {
                transport: transport.clone(),
                word: word.to_owned(),
                message: message.reference(),
                progress: None,
            })),
        }
    }

    /// The key under which the use is answered. That it was cut off is sent under the key of the first part: who was
    /// answered just before that is told nothing else, where the chat system takes keys.
    pub(super) fn reply_key(&self) -> String {
        format!("{}.reply", self.key)
    }

    /// The use begins.
    pub(super) async fn begin(&self) {
        let noted = self.noted.lock().await;
        self.put(noted.as_ref()).await;
    }

    /// This message shows that it goes on.
    pub(super) async fn shown_by(&self, message: &MessageRef) {
        let mut noted = self.noted.lock().await;
        if let Some(noted) = noted.as_mut() {
            noted.progress = Some(message.clone());
        }
        self.put(noted.as_ref()).await;
    }

    /// The use is over, and people were told.
    pub(super) async fn end(&self) {
        let mut noted = self.noted.lock().await;
        *noted = None;
        self.write(Write::delete(&self.key)).await;
    }

    async fn put(&self, noted: Option<&Noted>) {
        let Some(noted) = noted else { return };
        match serde_json::to_vec(noted) {
            Ok(noted) => self.write(Write::put(&self.key, noted)).await,
            Err(error) => tracing::error!(%error, "what goes on of a command could not be noted"),
        }
    }

    async fn write(&self, write: Write) {
        if let Err(error) = self.values.write(vec![write]).await {
            tracing::error!(%error, "what goes on of a command could not be stored");
        }
    }
}

/// A use that the end of the last takopi cut off.
#[derive(Debug)]
pub(in crate::chat) struct CutOffUse {
    key: String,
    noted: Noted,
}

impl CutOffUse {
    /// Those that are noted. To be called before any is begun.
    pub(in crate::chat) async fn find(store: &Store) -> Result<Vec<Self>, StoreError> {
        let all = store.values(Namespace::uses()).list("").await?;
        let read = |(key, noted): (String, Vec<u8>)| match serde_json::from_slice(&noted) {
            Ok(noted) => Some(Self { key, noted }),
            Err(error) => {
                tracing::warn!(%error, "a note of a command is of another version of takopi");
                None
            }
        };
        Ok(all.into_iter().filter_map(read).collect())
    }

    pub(in crate::chat) fn is_over(&self, transport: &TransportId) -> bool {
        self.noted.transport == *transport
    }

    /// Whether this message began it.
    pub(in crate::chat) fn is_of(&self, message: &IncomingMessage) -> bool {
        self.noted.message == message.reference()
    }
}

impl Inner {
    /// Tells people that a use of a command was cut off.
    pub(in crate::chat) async fn tell_cut_off_use(&self, link: &Link, used: &CutOffUse) {
        let Noted { word, message, progress, .. } = &used.noted;
        let text = "takopi was stopped while this went on";
        let body = Body::markdown(text).header(format!("interrupted · /{word}"));
        let told = OutgoingMessage::new(MessageKind::Notice, body);
        let options =
            SendOptions::default().reply_to(Some(message.id.clone())).key(format!("{}.reply.0", used.key));
        if let Err(error) = link.amend(progress.as_ref(), &message.address, told, options).await {
            tracing::error!(command = %word, %error, "that a command was cut off could not be told");
            return;
        }
        let forget = vec![Write::delete(&used.key)];
        if let Err(error) = self.store().values(Namespace::uses()).write(forget).await {
            tracing::error!(%error, "that an interruption was told could not be stored");
        }
    }
}
