//! The same as `takopi-spool`, with hooks that do what their tables say, and one that can not be constructed.

use std::process::ExitCode;

use takopi_tests::{probe, probe_hook, spool};

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    transport "spool" => spool::new;
    command "probe" => probe::new, config = probe::Settings;
    hook "first" => probe_hook::first, config = probe_hook::Settings, summary = "does what its table says";
    hook "broken" => probe_hook::broken, summary = "can not be constructed";
    hook "second" => probe_hook::second, config = probe_hook::Settings, summary = "does what its table says";
}
