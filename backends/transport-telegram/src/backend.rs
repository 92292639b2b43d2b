//! The transport: what can be set, and what it does while takopi runs.

use serde::Deserialize;
use takopi_api::async_trait;
use takopi_api::error::Error;
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{TransportBackend, TransportRun};

/// The table `[transports.telegram]`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// The chat that may talk to takopi. There is no default: without it nobody may.
    pub(crate) chat_id: String,
}

/// It holds nothing: a connection is made when takopi runs it.
#[derive(Debug)]
pub(crate) struct Transport;

pub(crate) const fn new() -> Transport {
    Transport
}

#[async_trait]
impl TransportBackend for Transport {
    fn id(&self) -> &'static str {
        "telegram"
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let settings: Settings = run.config.parse().map_err(|error| Error::new(error.to_string()))?;
        let chat = settings.chat_id;
        Err(Error::new(format!("the transport telegram can not send to chat {chat} yet"))
            .hint("write `build_and_run` in backends/transport-telegram/src/backend.rs"))
    }
}
