//! The `takopi` binary. The work is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    takopi::Host::new().run()
}
