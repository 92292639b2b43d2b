//! The JSON schema of the whole file: for editors, and for what takopi itself must know of a plugin's keys.
//!
//! It is made of the program's own keys and of the schemas that plugins declare. A plugin's constructor does not run.

mod listed;

use serde_json::{Map, Value as Json, json};
use takopi_api::plugin::{Backend, BackendKind};

use super::key_path::KeyPath;
use super::keys::{self, Holds, Key, Others, ROOT, Shape};
use super::setting::Setting;
pub use listed::ListedKey;

/// The schema of the file of a program with certain plugins.
#[derive(Debug, Clone)]
pub struct FileSchema(Json);

impl FileSchema {
    /// The schema of the file of a program with these plugins, visible or not.
    #[must_use]
    pub fn new(rows: &[&Backend]) -> Self {
        let mut definitions = Map::new();
        let mut schema = of_shape(ROOT, rows, &mut definitions);
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        schema["title"] = "The configuration of takopi".into();
        schema["$defs"] = definitions.into();
        Self(schema)
    }

    /// The schema as JSON.
    #[must_use]
    pub const fn as_json(&self) -> &Json {
        &self.0
    }

    /// Whether a key holds a secret: by what its plugin says, or by its name.
    #[must_use]
    pub fn is_secret(&self, key: &KeyPath) -> bool {
        keys::names_secret(key.name())
            || self
                .at(key)
                .is_some_and(|schema| self.choices(schema).any(|choice| choice["writeOnly"] == true))
    }

    /// A value as the file should have it: true or false for the usual words and numbers where nothing else is expected,
    /// numbers for chat ids, takopi's own texts without blanks around them.
    #[must_use]
    pub fn normalized(&self, key: &KeyPath, setting: Setting) -> Setting {
        let own = ROOT.find(key);
        if key.name() == keys::CHAT_ID
            && let Some(id) = setting.as_str().and_then(|id| id.trim().parse::<i64>().ok())
        {
            return id.into();
        }
        if matches!(own, Some(Holds::Flag)) || self.at(key).is_some_and(|schema| self.is_flag(schema)) {
            return setting.as_flag().map_or(setting, Setting::from);
        }
        match (own, setting.as_str()) {
            (Some(Holds::Text | Holds::TextOrTexts), Some(text)) => Setting::text(text.trim()),
            _ => setting,
        }
    }

    /// The schema of a key.
    fn at(&self, key: &KeyPath) -> Option<&Json> {
        key.parts().try_fold(&self.0, |schema, part| {
            self.choices(schema).find_map(|choice| {
                let named = choice.get("properties").and_then(|properties| properties.get(part));
                named.or_else(|| choice.get("additionalProperties").filter(|others| others.is_object()))
            })
        })
    }

    /// What a value may be: the schema itself, what it refers to, and each of its choices.
    fn choices<'a>(&'a self, schema: &'a Json) -> impl Iterator<Item = &'a Json> {
        let mut waiting = vec![schema];
        // A schema may refer to itself.
        let mut seen: Vec<&Json> = Vec::new();
        std::iter::from_fn(move || {
            let schema = waiting.pop()?;
            let referred =
                schema.get("$ref").and_then(Json::as_str).and_then(|to| to.strip_prefix("#/$defs/"));
            let referred = referred.and_then(|name| self.0["$defs"].get(name));
            let choices =
                ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
            let next: Vec<&Json> = referred.into_iter().chain(choices.flatten()).collect();
            waiting
                .extend(next.into_iter().filter(|next| !seen.iter().any(|seen| std::ptr::eq(*seen, *next))));
            seen.push(schema);
            Some(schema)
        })
    }

    fn is_flag(&self, schema: &Json) -> bool {
        let types = self.choices(schema).filter_map(|choice| choice.get("type"));
        let types = types
            .flat_map(|types| types.as_array().map_or_else(|| vec![types], |types| types.iter().collect()));
        let types: Vec<&str> = types.filter_map(Json::as_str).filter(|&one| one != "null").collect();
        !types.is_empty() && types.iter().all(|&one| one == "boolean")
    }
}

fn of_shape(shape: &Shape, rows: &[&Backend], definitions: &mut Map<String, Json>) -> Json {
    let mut properties: Map<String, Json> =
        shape.keys.iter().map(|key| (key.name.to_owned(), of_key(key, rows, definitions))).collect();
    let others = match &shape.others {
        Others::Unknown => false.into(),
        Others::Chosen(shape) => of_shape(shape, rows, definitions),
        Others::Plugins(kind, own) => {
            for row in rows.iter().filter(|row| row.kind() == *kind) {
                properties.insert(row.id.to_owned(), of_plugin(row, own, rows, definitions));
            }
            // The table of a plugin that is not compiled in.
            true.into()
        }
    };
    json!({ "type": "object", "properties": properties, "additionalProperties": others })
}

fn of_key(key: &Key, rows: &[&Backend], definitions: &mut Map<String, Json>) -> Json {
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let mut schema = match &key.holds {
        Holds::Text => json!({ "type": "string" }),
        Holds::Flag => json!({ "type": "boolean" }),
        Holds::Number(least) => json!({ "type": "integer", "minimum": least }),
        Holds::Texts => texts(),
        Holds::TextOrTexts => json!({ "anyOf": [{ "type": "string" }, texts()] }),
        Holds::Ids => json!({ "type": "array", "items": { "type": ["integer", "string"] } }),
        Holds::ChatId => json!({ "type": ["integer", "string"] }),
        Holds::Table(shape) => of_shape(shape, rows, definitions),
    };
    schema["description"] = key.about.into();
    schema
}

fn of_plugin(row: &Backend, own: &[Key], rows: &[&Backend], definitions: &mut Map<String, Json>) -> Json {
    let mut schema =
        row.config_schema.map_or_else(|| json!({ "type": "object" }), |schema| schema().to_value());
    let prefix = format!("{}-{}-", row.kind(), row.id);
    rename_references(&mut schema, &prefix);
    if let Some(table) = schema.as_object_mut() {
        table.remove("$schema");
        if let Some(Json::Object(own)) = table.remove("$defs") {
            definitions.extend(own.into_iter().map(|(name, schema)| (prefix.clone() + &name, schema)));
        }
        let properties = table.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.extend(own.iter().map(|key| (key.name.to_owned(), of_key(key, rows, definitions))));
        }
        if row.kind() == BackendKind::Command {
            let mut of_project = table.clone();
            // What one project does not say is as it is for all.
            of_project.retain(|key, _| !["required", "title", "description"].contains(&key.as_str()));
            if let Some(properties) = table.get_mut("properties").and_then(Json::as_object_mut) {
                let about = "What is otherwise in single projects, by alias.";
                let projects =
                    json!({ "type": "object", "additionalProperties": of_project, "description": about });
                properties.insert(keys::PROJECTS_OF_COMMAND.to_owned(), projects);
            }
        }
    }
    schema
}

/// The definitions of all plugins come together, so each gets the name of its plugin before its own.
fn rename_references(schema: &mut Json, prefix: &str) {
    match schema {
        Json::Object(members) => members.iter_mut().for_each(|(key, value)| match value {
            Json::String(reference) if key == "$ref" => {
                if let Some(name) = reference.strip_prefix("#/$defs/") {
                    *reference = format!("#/$defs/{prefix}{name}");
                }
            }
            value => rename_references(value, prefix),
        }),
        Json::Array(values) => values.iter_mut().for_each(|value| rename_references(value, prefix)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use takopi_api::config::Secret;
    use takopi_api::engine::{Availability, EngineBackend};
    use takopi_api::plugin::Constructor;
    use takopi_api::schemars::{self, JsonSchema, schema_for};

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Settings {
        /// A secret that is not called one.
        voice: Option<Secret>,
        quiet: bool,
        loud: Option<bool>,
        words: Words,
        tree: Option<Box<Tree>>,
        either: Either,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Words {
        capital: bool,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    struct Tree {
        inner: Option<Box<Tree>>,
        flag: bool,
    }

    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema counts")]
    enum Either {
        Flag(bool),
        Text(String),
    }

    fn schema() -> FileSchema {
        let constructor = Constructor::Engine(|| {
            EngineBackend::new("acme", Availability::Embedded, |_| unreachable!("no runner is built here"))
        });
        let acme = Backend::new("acme", constructor).config_schema(|| schema_for!(Settings));
        let bare = Backend::new("bare", constructor);
        let command = Backend::new("ping", Constructor::Command(|| unreachable!("no plugin runs here")))
            .config_schema(|| schema_for!(Settings));
        FileSchema::new(&[&acme, &bare, &command])
    }

    fn key(text: &str) -> KeyPath {
        text.parse().unwrap()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(schema: &'a Json, found: &mut Vec<&'a str>) {
            match schema {
                Json::Object(members) => {
                    found.extend(members.get("$ref").and_then(Json::as_str));
                    members.values().for_each(|value| references(value, found));
                }
                Json::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema = schema();
        let mut found = Vec::new();
        references(schema.as_json(), &mut found);
        assert!(found.contains(&"#/$defs/engine-acme-Tree"), "{found:?}");
        for reference in found {
            assert!(schema.as_json().pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn own_keys_and_those_of_plugins_are_in_it() {
        let schema = schema();
        let at = |path: &str| schema.at(&key(path)).unwrap_or_else(|| panic!("no {path}"));
        assert_eq!(at("watch_config")["type"], "boolean");
        assert_eq!(at("limits.engines")["minimum"], 1);
        assert_eq!(at("projects.anything.chat_id")["type"], json!(["integer", "string"]));
        assert_eq!(at("bare.pass_env")["items"]["type"], "string");
        assert_eq!(at("acme.pass_env")["type"], "array");
        assert_eq!(at("acme.words.capital")["type"], "boolean");
        assert_eq!(at("acme.tree.inner.inner.flag")["type"], "boolean");
        assert_eq!(at("acme.voice")["description"], "A secret that is not called one.");
        assert_eq!(at("plugins.ping.words.capital")["type"], "boolean");
        assert_eq!(at("plugins.ping.projects.anything.words.capital")["type"], "boolean");
        assert!(at("plugins.ping").get("required").is_some(), "what must be there is said once");
        assert!(at("plugins.ping.projects.anything").get("required").is_none());
        for unknown in [
            "plugins.ping.projects.a.projects",
            "projects.a.x",
            "limits.x",
            "acme.x",
            "acme.quiet.x",
            "unknown.x",
        ] {
            assert!(schema.at(&key(unknown)).is_none(), "{unknown}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_plugin_or_by_their_name() {
        let schema = schema();
        for secret in ["acme.voice", "acme.bot_token", "transports.x.token", "unknown.api_key"] {
            assert!(schema.is_secret(&key(secret)), "{secret}");
        }
        for open in ["acme.quiet", "acme.voice.env", "transports.x.bot_token.env", "default_engine"] {
            assert!(!schema.is_secret(&key(open)), "{open}");
        }
    }

    #[test]
    fn values_are_normalized() {
        let check = |path: &str, typed: &str, shown: &str| {
            let normalized = schema().normalized(&key(path), Setting::typed(typed));
            assert_eq!(normalized.to_string(), shown, "{path}");
        };
        for flag in ["watch_config", "plugins.auto_install", "acme.quiet", "acme.loud", "acme.words.capital"]
        {
            check(flag, "yes", "true");
            check(flag, "0", "false");
            check(flag, "maybe", r#""maybe""#);
        }
        for no_flag in ["acme.either", "acme.other", "default_engine", "unknown.key"] {
            check(no_flag, "yes", r#""yes""#);
        }
        check("projects.a.chat_id", "'-100123'", "-100123");
        check("transports.x.chat_id", r#"" 5 ""#, "5");
        check("transports.x.chat_id", "@name", r#""@name""#);
        check("default_engine", "' codex '", r#""codex""#);
        check("acme.text", "' as it is '", r#"" as it is ""#);
        check("default_engine", "3", "3");
    }
}
