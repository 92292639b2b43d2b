//! takopi with three plugins of my own. Naming a crate makes the linker keep it, and takopi finds what it registers.

use std::process::ExitCode;

use takopi_command_hello as _;
use takopi_engine_myengine as _;
use takopi_transport_mytransport as _;

fn main() -> ExitCode {
    takopi::Host::new().run()
}
