//! The configuration file: where it is, what it means, what is wrong with it, and how it is changed.

mod diff;
mod edit;
mod environment;
mod file;
mod hooks;
mod key_path;
mod keys;
mod load;
mod mentions;
mod migrate;
mod model;
mod schema;
mod setting;
mod values;
mod watch;

pub use diff::{Change, ChangeKind, diff};
pub use edit::{Document, Found, Unset};
pub use environment::Overrides;
pub use hooks::{HookRule, HookRules, OnFailure};
pub use key_path::{InvalidKey, KeyPath};
pub use keys::{own_keys, tables_of};
pub use load::{Reader, Vocabulary, alias_fault};
pub use mentions::Mention;
pub use model::{Config, DEFAULT_TRANSPORT, FIRST_CHOICE, Project, SetupHook};
pub use schema::{FileSchema, ListedKey};
pub use setting::Setting;
pub use watch::{Update, watch};
