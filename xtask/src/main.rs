//! The project's own commands, `cargo xtask <command>`: what keeps the workspace in shape and has no place in the
//! program. One file a command.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what these commands find out is printed")]

mod bench_startup;
mod bundled;
mod cargo;
mod check_wiring;
mod docs;
mod error;
mod examples;
mod feature_sets;
mod live_engines;
mod manifest;
mod new_backend;
mod plugin;
mod public_api;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cargo::Profile;
use crate::error::Error;
use crate::plugin::Kind;
use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the places where a plugin is named, the directions of dependencies, and the manifests
    CheckWiring,
    /// Write the generated parts of docs/
    Docs {
        /// Compare only, and fail if they are out of date
        #[arg(long)]
        check: bool,
    },
    /// Make the crate of a new plugin and wire it in
    NewBackend {
        /// What it is
        kind: Kind,
        /// Its id: 1 to 32 of the characters a-z, 0-9 and _
        id: String,
    },
    /// Build with none, each and all of the plugins, and ask each build what it has
    FeatureSets {
        /// The profile to build with; several are given with commas, or by repeating it
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Profile::Dev])]
        profile: Vec<Profile>,
    },
    /// Pack the crates, and build and test the examples with what was packed
    Examples,
    /// Compare what plugins can use of takopi-api with what is written down
    PublicApi {
        /// Write it down
        #[arg(long)]
        write: bool,
    },
    /// Count the instructions of starting the shipped program, against a budget
    BenchStartup,
    /// Run the real CLIs of the engines against a scripted model server
    LiveEngines {
        /// The engines [default: all that have a live test]
        #[arg(value_name = "ENGINE")]
        engines: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Error> {
    let workspace = Workspace::open()?;
    match command {
        Command::CheckWiring => check_wiring::run(&workspace),
        Command::Docs { check: false } => docs::write(&workspace),
        Command::Docs { check: true } => docs::check(&workspace),
        Command::NewBackend { kind, id } => new_backend::run(&workspace, *kind, id),
        Command::FeatureSets { profile } => feature_sets::run(&workspace, profile),
        Command::LiveEngines { engines } => live_engines::run(&workspace, engines),
        Command::Examples => examples::run(&workspace),
        Command::PublicApi { write: false } => public_api::check(&workspace),
        Command::PublicApi { write: true } => public_api::write(&workspace),
        Command::BenchStartup => bench_startup::run(&workspace),
    }
}
