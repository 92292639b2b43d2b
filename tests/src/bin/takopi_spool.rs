//! The program with every plugin of this project, a chat system in two files, and a command that does what it is told.

use std::process::ExitCode;

use takopi_tests::{probe, spool};

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    transport "spool" => spool::new;
    command "probe" => probe::new, starts = true, config = probe::Settings;
}
