//! The program as a person runs it, with recorded and misbehaving engines. Nothing here needs a network.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

mod asked;
mod asks;
mod bad_input;
mod build;
mod chat;
mod choice;
mod doctor;
mod doctor_here;
mod inside;
mod memory;
mod onboard;
mod plugins;
mod ports;
mod processes;
mod recorded_codex;
mod run;
mod telegram;
mod terminal;
mod turns;
mod voice;

use takopi_tests::Sandbox;

/// A sandbox for the program with every plugin.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-all"), env!("CARGO_BIN_EXE_fake-engine"))
}
