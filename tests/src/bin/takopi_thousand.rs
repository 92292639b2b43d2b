//! The program with every plugin of this project and a thousand more, each from a distribution of its own: for what a list
//! of them costs. They are of all kinds, do nothing, and can be constructed.

use std::process::ExitCode;
use std::sync::Arc;

use linkme::distributed_slice;
use takopi_api::async_trait;
use takopi_api::command::{CommandBackend, CommandContext};
use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::error::Error;
use takopi_api::message::OutgoingMessage;
use takopi_api::plugin::{Backend, Constructor, Distribution, TAKOPI_DISTRIBUTIONS};
use takopi_api::runner::Runner;
use takopi_api::transport::{SetupContext, SetupIssue, TransportBackend, TransportRun};

fn main() -> ExitCode {
    takopi::Host::new().run()
}

struct Idle(&'static str);

#[async_trait]
impl TransportBackend for Idle {
    fn id(&self) -> &str {
        self.0
    }

    fn check_setup(&self, _: &SetupContext<'_>) -> Vec<SetupIssue> {
        Vec::new()
    }

    async fn build_and_run(&self, _: TransportRun) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl CommandBackend for Idle {
    fn id(&self) -> &str {
        self.0
    }

    async fn handle(&self, _: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        Ok(None)
    }
}

fn never(_: &EngineConfig) -> Result<Arc<dyn Runner>, ConfigError> {
    Err(ConfigError::new("", "this engine is never run"))
}

macro_rules! constructor {
    (engine $id:expr) => {
        Constructor::Engine(|| EngineBackend::new($id, Availability::OnRequest, never))
    };
    (transport $id:expr) => {
        Constructor::Transport(|| Arc::new(Idle($id)))
    };
    (command $id:expr) => {
        Constructor::Command(|| Arc::new(Idle($id)))
    };
}

macro_rules! plugin {
    ($kind:ident $number:expr) => {
        const _: () = {
            const ID: &str = concat!("plugin_", $number);
            static FROM: Distribution =
                Distribution::new(concat!("somebodys-plugin-", $number), "1.0.0", "https://example.org");
            #[distributed_slice(TAKOPI_DISTRIBUTIONS)]
            static LINKED: &Distribution = &FROM;
            inventory::submit! {
                Backend::new(ID, constructor!($kind ID)).distribution(&FROM).summary("Does nothing")
            }
        };
    };
}

macro_rules! ten_plugins {
    ($hundreds:literal $tens:literal) => {
        plugin! { engine concat!($hundreds, $tens, 0) }
        plugin! { transport concat!($hundreds, $tens, 1) }
        plugin! { command concat!($hundreds, $tens, 2) }
        plugin! { engine concat!($hundreds, $tens, 3) }
        plugin! { transport concat!($hundreds, $tens, 4) }
        plugin! { command concat!($hundreds, $tens, 5) }
        plugin! { engine concat!($hundreds, $tens, 6) }
        plugin! { transport concat!($hundreds, $tens, 7) }
        plugin! { command concat!($hundreds, $tens, 8) }
        plugin! { engine concat!($hundreds, $tens, 9) }
    };
}

macro_rules! hundred_plugins {
    ($hundreds:literal: $($tens:literal)*) => { $(ten_plugins! { $hundreds $tens })* };
}

macro_rules! thousand_plugins {
    ($($hundreds:literal)*) => { $(hundred_plugins! { $hundreds: 0 1 2 3 4 5 6 7 8 9 })* };
}

thousand_plugins! { 0 1 2 3 4 5 6 7 8 9 }
