//! The program with plugins whose constructors do what none may: they are never constructed but by `plugins --load`.

use std::process::ExitCode;

use takopi_api::config::{ConfigError, EngineConfig};
use takopi_api::engine::{Availability, EngineBackend};

fn main() -> ExitCode {
    takopi::Host::new().run()
}

takopi_api::plugin! {
    engine "aborts" => aborts;
    engine "babbles" => babbles;
    engine "exits" => exits;
    engine "hangs" => hangs;
    engine "overflows" => overflows;
    engine "panics" => panics;
}

fn aborts() -> EngineBackend {
    std::process::abort()
}

/// It constructs a backend, and writes what could be taken for what takopi says to itself.
fn babbles() -> EngineBackend {
    #[expect(clippy::print_stdout, reason = "it does what it should not")]
    {
        print!("{{\"begun\":99}}\n{{\"ended\":[99,\"nonsense\"]}}\nno end of line");
    }
    EngineBackend::new("babbles", Availability::OnRequest, never)
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "it does what it should not")]
fn exits() -> EngineBackend {
    std::process::exit(0)
}

fn hangs() -> EngineBackend {
    loop {
        std::thread::park();
    }
}

fn overflows() -> EngineBackend {
    fn deeper(depth: u64) -> u64 {
        let room = std::hint::black_box([depth; 1024]);
        if depth == u64::MAX { 0 } else { deeper(depth + 1) + room[0] }
    }
    let _ = std::hint::black_box(deeper(0));
    EngineBackend::new("overflows", Availability::OnRequest, never)
}

fn panics() -> EngineBackend {
    panic!("this constructor panics on purpose")
}

fn never(_: &EngineConfig) -> Result<std::sync::Arc<dyn takopi_api::runner::Runner>, ConfigError> {
    Err(ConfigError::new("", "this engine is never run"))
}
