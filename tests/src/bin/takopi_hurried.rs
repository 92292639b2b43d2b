//! The program with every plugin of this project, and Telegram once more, as `telegram_hurried`: for a Bot API server that
//! takes twenty times as much in a time, so that a test need not wait for what Telegram's pace makes of ten thousand
//! messages.

use std::process::ExitCode;

use takopi_api::transport::TransportBackend;
use takopi_transport_telegram::testing;

/// How many times as fast as Telegram's own time.
const TIMES: u32 = 20;

fn main() -> ExitCode {
    takopi::Host::new().run()
}

fn telegram() -> impl TransportBackend {
    testing::hurried("telegram_hurried", TIMES)
}

takopi_api::plugin! {
    transport "telegram_hurried" => telegram;
}
