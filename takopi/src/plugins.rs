//! The static registry and what the user sees of it.
//!
//! What this must not do: run code of a plugin before somebody uses the plugin.

mod aside;
pub mod check;
mod enabled;
mod linked;
mod load;
mod lookup;
mod members;
mod program;
mod registry;
pub mod report;

pub(crate) use aside::Aside;
pub use aside::{Fault, Whose, aside};
pub use enabled::EnabledList;
pub(crate) use enabled::{FIRST_PARTY, is_same_package};
pub use linked::{Linked, Origin, Source};
pub use load::{LoadError, Loaded, build_runner, capabilities, caught};
pub use lookup::LookupError;
pub(crate) use members::{Member, Members};
pub(crate) use program::Program;
pub use registry::{Entry, HiddenBy, Name, Problem, Registry, Standing};
