//! The program with every plugin of this project, and a chat system in two files.

use std::process::ExitCode;

use takopi_tests::spool;

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    transport "spool" => spool::new;
}
