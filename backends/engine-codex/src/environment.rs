//! Which variables codex sees: its own, and those that its own configuration names.

use std::path::{Path, PathBuf};

use takopi_api::process::Environment;

/// Keys of codex's configuration whose value names a variable, or a list or table of names: providers and MCP servers
/// keep their credentials so.
const NAMING_KEYS: &[&str] = &["env_key", "bearer_token_env_var", "env_http_headers", "env_vars"];

pub(crate) fn for_codex(profile: Option<&str>) -> Environment {
    let named = codex_home().map(|folder| named_in_configuration(&folder, profile)).unwrap_or_default();
    Environment::base().pass(["CODEX_*", "OPENAI_*", "RUST_LOG"]).pass(named)
}

/// A person who told codex to take a key from a variable need not tell takopi as well. Without a readable file there
/// are no names; codex itself reports what is wrong with it.
fn named_in_configuration(folder: &Path, profile: Option<&str>) -> Vec<String> {
    let files = std::iter::once("config.toml".to_owned()).chain(profile.map(profile_file));
    files
        .filter_map(|file| std::fs::read_to_string(folder.join(file)).ok())
        .flat_map(|text| names(&text))
        .collect()
}

/// The file of a profile, in the folder of the configuration.
pub(crate) fn profile_file(name: &str) -> String {
    format!("{name}.config.toml")
}

/// The folder that codex keeps its configuration in.
pub(crate) fn codex_home() -> Option<PathBuf> {
    let folder = std::env::var_os("CODEX_HOME").map(PathBuf::from);
    folder.or_else(|| std::env::home_dir().map(|home| home.join(".codex")))
}

fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        collect(&table, &mut names);
    }
    names
}

fn collect(table: &toml::Table, names: &mut Vec<String>) {
    for (key, value) in table {
        if NAMING_KEYS.contains(&key.as_str()) {
            strings(value, names);
        } else if let toml::Value::Table(inner) = value {
            collect(inner, names);
        }
    }
}

fn strings(value: &toml::Value, names: &mut Vec<String>) {
    match value {
        toml::Value::String(name) => names.push(name.clone()),
        toml::Value::Array(values) => values.iter().for_each(|value| strings(value, names)),
        toml::Value::Table(table) => table.values().for_each(|value| strings(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_variables_too() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, key: &str| {
            let text = format!("[model_providers.x]\nenv_key = \"{key}\"\n");
            std::fs::write(folder.path().join(file), text).unwrap();
        };
        assert!(named_in_configuration(folder.path(), Some("work")).is_empty());
        write("config.toml", "MINE");
        write("work.config.toml", "OF_WORK");
        assert_eq!(named_in_configuration(folder.path(), None), ["MINE"]);
        assert_eq!(named_in_configuration(folder.path(), Some("work")), ["MINE", "OF_WORK"]);
    }

    #[test]
    fn names_are_found_wherever_codex_has_them() {
        let text = r#"
            model = "m"
            [model_providers.one]
            env_key = "ONE_KEY"
            env_http_headers = { "x-org" = "ONE_ORG" }
            [mcp_servers.two]
            bearer_token_env_var = "TWO_TOKEN"
            env_vars = ["TWO_A", "TWO_B"]
            env = { "PLAIN" = "no name but a value" }
        "#;
        assert_eq!(names(text), ["TWO_TOKEN", "TWO_A", "TWO_B", "ONE_ORG", "ONE_KEY"]);
        assert!(names("not = = toml").is_empty());
    }
}
