//! The program with every plugin of this project, a chat system in two files, and what plugins of others do.

use std::process::ExitCode;

use takopi_ports as _;
use takopi_tests::spool;

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    transport "spool" => spool::new;
}
