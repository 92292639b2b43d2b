//! takopi as a library: everything but the five lines of `main`.
//!
//! [`Host`] is the program. [`plugins`] is the static registry, [`bundled`] the only file that names plugins, [`config`]
//! the configuration, [`lock`] what keeps a second takopi away from it, `pairing` who is let in by a code, `hooks` what plugins say of runs, [`project`] where runs happen, [`store`] what is
//! remembered, [`chat`] the way of a message, [`process`] how engines' programs are started and ended, [`cli`] the
//! commands.
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod age;
pub mod bundled;
pub mod chat;
pub mod cli;
pub mod config;
mod hooks;
mod host;
pub mod lock;
mod logging;
mod pairing;
pub mod paths;
pub mod plugins;
pub mod process;
pub mod project;
pub mod store;
mod visible;

pub use host::Host;
