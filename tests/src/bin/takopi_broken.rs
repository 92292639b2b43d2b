//! The program with plugins that break every rule of registration, and one that keeps them.

use std::process::ExitCode;

use takopi_api::engine::{Availability, EngineBackend};
use takopi_api::plugin::{Backend, Constructor};

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    engine "good" => good::new;
    engine "panics" => panics::new;
    engine "liar" => liar::new;
    engine "cancel" => good::new, summary = "an id that is reserved";
    engine "codex" => good::new, summary = "an id that another distribution offers too";
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
