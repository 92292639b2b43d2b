//! The program with every plugin, and an engine that asks what it is told to ask.

use std::process::ExitCode;

use takopi_tests::asker;

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    engine "asker" => asker::new;
}
