//! In which chats topics are worked with.

use serde::Deserialize;
use takopi_api::schemars::{self, JsonSchema};

/// The table `[transports.telegram.topics]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub(crate) struct Topics {
    /// Whether topics of a forum are bound to projects and branches.
    #[serde(default)]
    pub(crate) enabled: bool,
    /// In which chats: `main` is `chat_id`, `projects` are the chats of projects, `auto` is these if there are any.
    #[serde(default)]
    pub(crate) scope: Scope,
}

/// Which chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    #[default]
    Auto,
    Main,
    Projects,
    All,
}

impl Scope {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Main => "main",
            Self::Projects => "projects",
            Self::All => "all",
        }
    }

    /// Whether it has `chat_id` in it, and whether the chats of projects, of which there are some or none.
    pub(crate) const fn chats(self, has_project_chats: bool) -> (bool, bool) {
        match self {
            Self::Main => (true, false),
            Self::Projects => (false, true),
            Self::All => (true, true),
            Self::Auto => (!has_project_chats, has_project_chats),
        }
    }
}
