//! What takopi offers to its own crates and to whoever runs it, from outside. In one program: each more would be linked with all of it.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

mod audit;
mod binary;
mod config;
mod processes;
mod projects;
mod registry;
mod store;
