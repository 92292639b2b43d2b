//! The names of a plugin. Its kind and its id decide all the others, so that nobody has to choose one.

use std::fmt;

use clap::ValueEnum;

use crate::error::Error;

/// What kind of backend a plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// A coding agent.
    Engine,
    /// A chat system.
    Transport,
    /// A `/name` handler in chat.
    Command,
    /// What looks at every run.
    Hook,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Engine, Self::Transport, Self::Command, Self::Hook];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Transport => "transport",
            Self::Command => "command",
            Self::Hook => "hook",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A plugin by its kind and id. They sort as their features do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PluginName {
    pub(crate) kind: Kind,
    pub(crate) id: String,
}

impl PluginName {
    /// A plugin that somebody asks for.
    pub(crate) fn new(kind: Kind, id: &str) -> Result<Self, Error> {
        if !is_valid_id(id) {
            return Err(Error::new(format!("`{id}` is no id of a backend"))
                .hint("an id has 1 to 32 of the characters a-z, 0-9 and _, because it is typed in chat"));
        }
        Ok(Self { kind, id: id.to_owned() })
    }

    /// The plugin of a feature, which is also the name of its folder: `engine-codex`.
    pub(crate) fn of_feature(feature: &str) -> Option<Self> {
        let (kind, id) = feature.split_once('-')?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        is_valid_id(id).then(|| Self { kind, id: id.to_owned() })
    }

    /// `engine-codex`
    pub(crate) fn feature(&self) -> String {
        format!("{}-{}", self.kind, self.id)
    }

    /// `takopi-engine-codex`
    pub(crate) fn package(&self) -> String {
        format!("takopi-{}", self.feature())
    }

    /// `takopi_engine_codex`
    pub(crate) fn krate(&self) -> String {
        self.package().replace('-', "_")
    }

    /// `backends/engine-codex`
    pub(crate) fn folder(&self) -> String {
        format!("backends/{}", self.feature())
    }
}

/// The feature of a package or dependency that is named as a plugin's, whatever its id.
pub(crate) fn feature_of_package(package: &str) -> Option<&str> {
    package.strip_prefix("takopi-").filter(|feature| is_plugin_feature(feature))
}

/// Whether a feature is named as a plugin's, whatever its id.
pub(crate) fn is_plugin_feature(feature: &str) -> bool {
    feature
        .split_once('-')
        .is_some_and(|(prefix, _)| Kind::ALL.into_iter().any(|kind| kind.as_str() == prefix))
}

/// The rule of `takopi_api::plugin::is_valid_id`, which the compiler enforces as well.
fn is_valid_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_id_decide_every_name() {
        let plugin = PluginName::new(Kind::Engine, "foo_2").unwrap();
        assert_eq!(plugin.feature(), "engine-foo_2");
        assert_eq!(plugin.package(), "takopi-engine-foo_2");
        assert_eq!(plugin.krate(), "takopi_engine_foo_2");
        assert_eq!(plugin.folder(), "backends/engine-foo_2");
        assert_eq!(PluginName::of_feature("engine-foo_2"), Some(plugin));
    }

    #[test]
    fn bad_names_are_no_plugins() {
        for id in ["", "Foo", "foo-bar", "foo bar", "ä", &"x".repeat(33)] {
            assert!(PluginName::new(Kind::Command, id).is_err(), "{id}");
        }
        for feature in ["default", "engine", "engine-", "engine-Foo", "motor-foo"] {
            assert_eq!(PluginName::of_feature(feature), None, "{feature}");
        }
        assert_eq!(feature_of_package("takopi-engine-Foo"), Some("engine-Foo"));
        assert_eq!(feature_of_package("takopi-api"), None);
    }
}
