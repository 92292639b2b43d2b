//! The keys of a table as a list for people.

use serde::Serialize;
use serde_json::Value as Json;

use super::FileSchema;
use crate::config::key_path::KeyPath;

/// A key that a table may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedKey {
    /// Its path from the table on: `files.enabled`.
    pub key: String,
    /// What it holds: `text`, `whole number`, `list of text`, `"a" or "b"`.
    pub holds: String,
    /// What counts if it is absent, as JSON, if the schema says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// What it is for.
    pub about: String,
}

/// How deep tables in tables are listed.
const DEPTH: usize = 4;

impl FileSchema {
    /// The keys that the table under a key may have, and those of the tables in it, sorted.
    #[must_use]
    pub fn keys_in(&self, table: &KeyPath) -> Vec<ListedKey> {
        let mut keys = Vec::new();
        if let Some(schema) = self.at(table) {
            self.list(schema, "", DEPTH, &mut keys);
        }
        keys.sort_by(|a, b| a.key.cmp(&b.key));
        keys
    }

    fn list(&self, schema: &Json, above: &str, depth: usize, keys: &mut Vec<ListedKey>) {
        let properties = self.choices(schema).filter_map(|choice| choice.get("properties")?.as_object());
        for (name, schema) in properties.flatten() {
            let key = format!("{above}{name}");
            if depth > 0 && self.is_table(schema) {
                self.list(schema, &format!("{key}."), depth - 1, keys);
                continue;
            }
            let said = |what: &str| self.choices(schema).find_map(|choice| choice.get(what));
            keys.push(ListedKey {
                key,
                holds: self.holds(schema),
                default: said("default").filter(|default| !default.is_null()).cloned(),
                about: said("description").and_then(Json::as_str).map(one_line).unwrap_or_default(),
            });
        }
    }

    /// Whether all that it may hold is a table with keys that are known.
    fn is_table(&self, schema: &Json) -> bool {
        self.types(schema) == ["object"]
            && self.choices(schema).any(|choice| choice.get("properties").is_some())
    }

    fn holds(&self, schema: &Json) -> String {
        if self.choices(schema).any(|choice| choice["writeOnly"] == true) {
            return "secret".to_owned();
        }
        let named = self.choices(schema).flat_map(|choice| {
            let all = choice.get("enum").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            all.iter().chain(choice.get("const")).filter(|value| !value.is_null())
        });
        let mut words: Vec<String> = named.map(Json::to_string).collect();
        if words.is_empty() {
            words = self.types(schema).iter().map(|one| self.word(one, schema)).collect();
        }
        words.sort();
        words.dedup();
        if words.is_empty() { "anything".to_owned() } else { words.join(" or ") }
    }

    fn types<'a>(&'a self, schema: &'a Json) -> Vec<&'a str> {
        let types = self.choices(schema).filter_map(|choice| choice.get("type"));
        let types =
            types.flat_map(|types| types.as_array().map_or(std::slice::from_ref(types), Vec::as_slice));
        let mut types: Vec<&str> = types.filter_map(Json::as_str).filter(|&one| one != "null").collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    fn word(&self, one: &str, schema: &Json) -> String {
        match one {
            "string" => "text".to_owned(),
            "boolean" => "true or false".to_owned(),
            "integer" => "whole number".to_owned(),
            "number" => "number".to_owned(),
            "object" => "table".to_owned(),
            "array" => match self.choices(schema).find_map(|choice| choice.get("items")) {
                Some(items) if items.is_object() => format!("list of {}", self.holds(items)),
                _ => "list".to_owned(),
            },
            other => other.to_owned(),
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use takopi_api::config::Secret;
    use takopi_api::engine::{Availability, EngineBackend};
    use takopi_api::plugin::{Backend, Constructor};
    use takopi_api::schemars::{self, JsonSchema, schema_for};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Settings {
        /// What is
        /// said of it.
        words: Vec<String>,
        #[schemars(default = "ten")]
        count: u32,
        key: Option<Secret>,
        mode: Option<Mode>,
        inner: Inner,
        tree: Option<Box<Tree>>,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only its schema counts")]
    enum Mode {
        Fast,
        Slow,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Inner {
        deep: bool,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Tree {
        inner: Option<Box<Tree>>,
    }

    fn ten() -> u32 {
        10
    }

    #[test]
    fn keys_are_listed_with_what_they_hold() {
        let constructor = Constructor::Engine(|| {
            EngineBackend::new("acme", Availability::Embedded, |_| unreachable!("no runner is built here"))
        });
        let acme = Backend::new("acme", constructor).config_schema(|| schema_for!(Settings));
        let keys = FileSchema::new(&[&acme]).keys_in(&"acme".parse().unwrap());
        let key = |name: &str| keys.iter().find(|key| key.key == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(
            (key("words").holds.as_str(), key("words").about.as_str()),
            ("list of text", "What is said of it.")
        );
        assert_eq!((key("count").holds.as_str(), &key("count").default), ("whole number", &Some(10.into())));
        assert_eq!(key("key").holds, "secret");
        assert_eq!(key("mode").holds, r#""fast" or "slow""#);
        assert_eq!(key("inner.deep").holds, "true or false");
        assert_eq!(key("pass_env").holds, "list of text");
        // A table that may hold itself comes to an end.
        assert_eq!(key("tree.inner.inner.inner.inner").holds, "table");
        assert!(keys.is_sorted_by_key(|key| &key.key));
        assert_eq!(FileSchema::new(&[]).keys_in(&"acme".parse().unwrap()), []);
    }
}
