//! The plugins of this project: the only file that names them.
//!
//! One table makes the lines that link a plugin's crate (a feature that only adds the dependency links nothing), the list
//! of what the enabled features promise, and the list of everything that could be compiled in.

use takopi_api::plugin::{BackendKind, Distribution};

/// A plugin of this project, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The feature that compiles it in; also the name of its folder under `backends/`.
    pub feature: &'static str,
}

impl Known {
    /// The kind of its backend: what stands before the first `-` of the feature.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.feature.split_once('-').map_or("", |(kind, _)| kind)
    }

    /// The id of its backend: what stands after it.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.feature.split_once('-').map_or(self.feature, |(_, id)| id)
    }

    /// The name of its package.
    #[must_use]
    pub fn package(&self) -> String {
        format!("takopi-{}", self.feature)
    }
}

macro_rules! bundled {
    ($($feature:literal => $krate:ident),+ $(,)?) => {
        /// What the enabled features promise to be linked.
        pub static BUNDLED: &[(Known, &Distribution)] = &[
            $(
                #[cfg(feature = $feature)]
                (Known { feature: $feature }, &$krate::TAKOPI_PLUGIN),
            )+
        ];

        /// Every plugin of this project.
        pub static KNOWN: &[Known] = &[$(Known { feature: $feature }),+];
    };
}

bundled! {
    "command-multi" => takopi_command_multi,
    "command-schedule" => takopi_command_schedule,
    "engine-acme" => takopi_engine_acme,
    "engine-acp" => takopi_engine_acp,
    "engine-claude" => takopi_engine_claude,
    "engine-codex" => takopi_engine_codex,
    "engine-gemini" => takopi_engine_gemini,
    "engine-opencode" => takopi_engine_opencode,
    "engine-pi" => takopi_engine_pi,
    "engine-qwen" => takopi_engine_qwen,
    "hook-notify" => takopi_hook_notify,
    "transport-telegram" => takopi_transport_telegram,
    "transport-terminal" => takopi_transport_terminal,
}

/// The plugin of this project that has a backend of this kind and id.
#[must_use]
pub fn known(kind: BackendKind, id: &str) -> Option<Known> {
    KNOWN.iter().find(|known| known.kind() == kind.as_str() && known.id() == id).copied()
}

/// Whether a distribution is one of this project's.
#[must_use]
pub fn is_first_party(distribution: &str) -> bool {
    KNOWN.iter().any(|known| known.package() == distribution)
}
