//! Engines' programs as children of takopi: started without a shell, ended with everything that they started.

mod admission;
mod host;
mod tail;
mod terminal;
#[cfg(target_os = "linux")]
mod tree;

pub use admission::Limits;
pub use host::LocalProcesses;
