//! A profile of codex's own configuration. The server has no option for one, so its file is read here and said to each
//! thread, as its own values: not on the command line, where every user of the machine could read what is secret in it.

use serde_json::{Map, Value};

use crate::environment;

/// The keys of a profile, each with the path to it, so that a table of the profile adds to that of the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Overrides(Map<String, Value>);

impl Overrides {
    /// The profile of this name, of the folder that codex keeps its configuration in.
    pub(super) fn of_profile(name: &str) -> Result<Self, String> {
        let folder = environment::codex_home().ok_or("codex has no home: set CODEX_HOME")?;
        let path = folder.join(environment::profile_file(name));
        let at = |error: &dyn std::fmt::Display| format!("profile {name}: {}: {error}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|error| at(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Older versions have profiles as tables of the one file.
                let text = std::fs::read_to_string(folder.join("config.toml")).unwrap_or_default();
                Self::in_configuration(&text, name).ok_or_else(|| at(&error))
            }
            Err(error) => Err(at(&error)),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut overrides = Self::default();
        overrides.flatten("", &text.parse::<toml::Table>()?);
        Ok(overrides)
    }

    fn in_configuration(text: &str, name: &str) -> Option<Self> {
        let table = text.parse::<toml::Table>().ok()?;
        let profile = table.get("profiles")?.get(name)?.as_table()?;
        let mut overrides = Self::default();
        overrides.flatten("", profile);
        Some(overrides)
    }

    fn flatten(&mut self, prefix: &str, table: &toml::Table) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                // A key with a dot in it can not be part of a path, so such a table goes as a whole.
                toml::Value::Table(inner) if !inner.keys().any(|key| key.contains('.')) => {
                    self.flatten(&path, inner);
                }
                // Values that JSON does not have (dates) are none of codex's.
                value => self.set(path, serde_json::to_value(value).unwrap_or_default()),
            }
        }
    }

    /// Without what is said elsewhere about these keys.
    pub(super) fn without(mut self, keys: &[String]) -> Self {
        let is_part = |part: &str, whole: &str| {
            part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.0.retain(|path, _| !keys.iter().any(|key| is_part(path, key) || is_part(key, path)));
        self
    }

    pub(super) fn set(&mut self, path: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(path.into(), value.into());
    }

    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_become_paths() {
        let text = r#"
            model = "m"
            [model_providers.one]
            env_key = "KEY"
            http_headers = { "x.y" = "1" }
        "#;
        let expected = json!({
            "model": "m",
            "model_providers.one.env_key": "KEY",
            "model_providers.one.http_headers": { "x.y": "1" },
        });
        assert_eq!(Overrides::parse(text).unwrap().into_json(), expected);
        assert!(Overrides::parse("= 1").is_err());
        let old = Overrides::in_configuration("[profiles.work]\nmodel = 'm'\n", "work").unwrap();
        assert_eq!(old.get("model"), Some(&json!("m")));
        let keys = ["model_providers.one".to_owned(), "mode".to_owned()];
        assert_eq!(Overrides::parse(text).unwrap().without(&keys).into_json(), json!({ "model": "m" }));
        assert_eq!(Overrides::in_configuration("model = 'm'\n", "work"), None);
    }
}
