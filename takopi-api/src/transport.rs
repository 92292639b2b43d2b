//! Transports: chat systems that receive and send messages. The conversation itself lives in takopi, not here.

use async_trait::async_trait;

use crate::config::ConfigTable;
use crate::error::Error;
use crate::runtime::TransportRuntime;

/// What a transport gets when it runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportRun {
    /// The table `[transports.<id>]` of the configuration.
    pub config: ConfigTable,
    /// The way to takopi.
    pub runtime: TransportRuntime,
}

/// A chat system.
#[async_trait]
pub trait TransportBackend: Send + Sync {
    /// Must equal the id under which the row is registered.
    fn id(&self) -> &str;

    /// Receives and sends until it is told to stop.
    ///
    /// # Errors
    /// [`Error`] if it can not go on.
    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error>;
}
