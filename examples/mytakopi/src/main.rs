//! takopi with three plugins of my own. What is bundled is linked, and `mytakopi plugins --check` compares.

use std::process::ExitCode;

fn main() -> ExitCode {
    takopi::Host::new()
        .bundle(&takopi_command_hello::TAKOPI_PLUGIN)
        .bundle(&takopi_engine_myengine::TAKOPI_PLUGIN)
        .bundle(&takopi_transport_mytransport::TAKOPI_PLUGIN)
        .run()
}
