//! The program with every plugin of this project.

use std::process::ExitCode;

fn main() -> ExitCode {
    takopi::Host::new().run()
}
