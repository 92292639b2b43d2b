//! Somebody who is not heard writes in a private chat: a code may have been made for them. Without one they hear nothing.

use std::sync::Arc;
use std::time::Duration;

use takopi_api::message::{ChatKind, IncomingMessage};
use takopi_api::plugin::BackendKind;
use takopi_api::transport::Newcomer;

use super::authorize::Verdict;
use super::conversation::{Chat, Inner, Link};
use crate::config::Reader;
use crate::pairing::{self, Knock};
use crate::plugins::Loaded;

/// How long the changed configuration may take to count.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before it is looked again whether it counts.
const LOOK: Duration = Duration::from_millis(50);

impl Chat {
    /// From here on, whoever sends a code that was made for them is written into this configuration.
    pub(crate) fn open_door(&self, reader: Reader) {
        // There is one configuration as long as takopi runs.
        let _ = self.0.door.set(reader);
    }
}

impl Inner {
    /// Lets the sender in if the message is the code that waits. Gives what to tell them.
    pub(super) async fn knock(&self, link: &Link, message: &IncomingMessage) -> Option<&'static str> {
        let reader = self.door.get()?.clone();
        let sender = message.sender.clone().filter(|_| message.chat == ChatKind::Private)?;
        // What strangers say otherwise costs nothing.
        if message.is_forwarded || !pairing::is_code(&message.text) {
            return None;
        }
        let backend = match self.snapshot().registry.load(BackendKind::Transport, link.id.as_str()) {
            Ok(Loaded::Transport(backend)) => Arc::clone(backend),
            _ => return None,
        };
        let (id, text) = (link.id.clone(), message.text.clone());
        let newcomer = Newcomer::new(sender.id.clone(), message.address.channel.clone());
        let who = format!("{sender} ({})", sender.id);
        let answered = tokio::task::spawn_blocking(move || {
            let knock = Knock { transport: id.as_str(), newcomer, who, text: &text };
            pairing::answer(knock, &reader, &*backend)
        });
        match answered.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return None,
            Ok(Err(error)) => {
                tracing::error!(transport = %link.id, %error, "pairing.failed");
                return None;
            }
            Err(panic) => {
                tracing::error!(transport = %link.id, %panic, "pairing.failed");
                return None;
            }
        }
        tracing::info!(transport = %link.id, "pairing.done: somebody is heard who was not before");
        let counts = tokio::time::timeout(PATIENCE, self.until_heard(link, message)).await.is_ok();
        Some(if counts { "you are heard now" } else { "you are heard from the next start of takopi on" })
    }

    /// Waits until what was written into the configuration counts.
    async fn until_heard(&self, link: &Link, message: &IncomingMessage) {
        loop {
            let link = self.link(&link.id).unwrap_or_else(|| link.clone());
            let verdict = self.verdict(&link, &message.address, message.chat, message.sender.as_ref()).await;
            if verdict == Verdict::Heard {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
