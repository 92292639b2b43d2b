//! The configuration file: where it is, what it means, what is wrong with it.

mod load;
mod model;

pub use load::load;
pub use model::{Config, ENGINE_KEYS, FIRST_CHOICE, Project};
