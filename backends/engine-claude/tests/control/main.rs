//! The dialogue with claude, on recordings of the real CLI in which what is said to it is compared as well.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

mod asked;
mod lines;
mod played;
mod turns;
