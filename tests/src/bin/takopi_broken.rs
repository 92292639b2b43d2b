//! The program with plugins that break every rule of registration, and one that keeps them.

use std::process::ExitCode;

use takopi_api::command::{CommandBackend, CommandContext};
use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::error::Error;
use takopi_api::message::{Body, MessageKind, OutgoingMessage};
use takopi_api::plugin::{Backend, Constructor};
use takopi_api::schemars::{self, JsonSchema};
use takopi_api::transport::{SetupContext, SetupIssue, TransportBackend, TransportRun};
use takopi_tests::spool;

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    engine "good" => good::new;
    engine "panics" => panics::new;
    engine "liar" => liar::new;
    engine "cancel" => good::new, summary = "an id that is reserved";
    engine "codex" => good::new, summary = "an id that another distribution offers too";
    engine "projects" => good::new, summary = "an id that is a key of the configuration";
    engine "picky" => picky::new, config = Settings, summary = "an engine whose table has a type";
    engine "trips" => trips::new, summary = "an engine that panics over its table";
    transport "spool" => spool::new;
    transport "picky_chat" => picky_chat, config = Settings, summary = "a transport whose table has a type";
    transport "trips_chat" => trips_chat, summary = "a transport that panics over its table";
    command "counts" => counts, config = Settings, summary = "a command whose table has a type";
    command "acme" => hidden, summary = "an id that an engine has";
    command "site" => site, summary = "an id that a project may have";
    command "help" => hidden, summary = "an id that is reserved";
}

/// What the tables of the picky ones hold.
#[derive(Debug, serde::Deserialize, JsonSchema)]
struct Settings {
    /// How many.
    #[serde(default)]
    count: u32,
}

mod picky {
    use super::{Availability, EngineBackend, Settings, never};

    pub(crate) fn new() -> EngineBackend {
        EngineBackend::new("picky", Availability::OnRequest, |config| {
            let Settings { count: _ } = config.parse()?;
            never(config)
        })
    }
}

mod trips {
    use super::{Availability, EngineBackend};

    pub(crate) fn new() -> EngineBackend {
        EngineBackend::new("trips", Availability::OnRequest, |_| panic!("no table is good enough"))
    }
}

/// A transport or a command that looks at its table and does nothing.
struct Picky(&'static str);

fn picky_chat() -> impl TransportBackend {
    Picky("picky_chat")
}

fn trips_chat() -> impl TransportBackend {
    Picky("trips_chat")
}

fn counts() -> impl CommandBackend {
    Picky("counts")
}

fn site() -> impl CommandBackend {
    Picky("site")
}

fn hidden() -> impl CommandBackend {
    Picky("acme")
}

#[takopi_api::async_trait]
impl TransportBackend for Picky {
    fn id(&self) -> &str {
        self.0
    }

    fn check_setup(&self, _: &SetupContext<'_>) -> Vec<SetupIssue> {
        assert_ne!(self.0, "trips_chat", "no table is good enough");
        Vec::new()
    }

    async fn build_and_run(&self, run: TransportRun) -> Result<(), Error> {
        let Settings { count: _ } = run.config.parse()?;
        Ok(())
    }
}

#[takopi_api::async_trait]
impl CommandBackend for Picky {
    fn id(&self) -> &str {
        self.0
    }

    async fn handle(&self, context: CommandContext) -> Result<Option<OutgoingMessage>, Error> {
        let Settings { count } = context.config.parse()?;
        Ok(Some(OutgoingMessage::new(MessageKind::Notice, Body::plain(format!("counted {count}")))))
    }
}

mod good {
    use super::{Availability, EngineBackend, never};

    pub(crate) fn new() -> EngineBackend {
        EngineBackend::new("good", Availability::OnRequest, never)
    }
}

mod panics {
    use super::EngineBackend;

    pub(crate) fn new() -> EngineBackend {
        panic!("this constructor panics on purpose")
    }
}

mod liar {
    use super::{Availability, EngineBackend, never};

    pub(crate) fn new() -> EngineBackend {
        EngineBackend::new("somebody_else", Availability::OnRequest, never)
    }
}

fn never(
    _: &takopi_api::config::EngineConfig,
) -> Result<std::sync::Arc<dyn takopi_api::runner::Runner>, takopi_api::config::ConfigError> {
    Err(takopi_api::config::ConfigError::new("", "this engine is never run"))
}

// Rows submitted by hand: the macro would not compile the first, and always names a distribution.
inventory::submit! { Backend::new("Bad Id!", Constructor::Engine(good::new)).distribution(&TAKOPI_PLUGIN) }
inventory::submit! { Backend::new("orphan", Constructor::Engine(orphan)) }

fn orphan() -> EngineBackend {
    EngineBackend::new("orphan", Availability::OnRequest, never)
}
