//! Secrets in a configuration: never printed, and not necessarily in the file.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::error::Error;

/// A secret of a configuration: its text, or where it is kept. One of
///
/// ```toml
/// key = "the secret itself"
/// key = { env = "NAME_OF_A_VARIABLE" }
/// key = { file = "path/of/a/file" }
/// key = { command = ["program", "argument"] }
/// ```
///
/// Relative paths start at the configuration's folder. The command is started without a shell; its standard output is
/// the secret. Line breaks at the end of a file or an output are not part of the secret.
#[derive(Clone)]
pub struct Secret(Source);

#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a string, or one of { env = \"…\" }, { file = \"…\" }, { command = [\"…\"] }"
)]
enum Source {
    Text(String),
    Kept(Kept),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
}

/// The text of a secret. It is printed as `[secret]`; only [`Self::expose`] gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// The text itself, for the one place that sends it where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// A secret that a person typed.
    #[must_use]
    pub fn typed(text: impl Into<String>) -> Self {
        Self(Source::Text(text.into()))
    }

    /// Gets the secret from where it is kept. This may start a program.
    ///
    /// # Errors
    /// [`Error`] if it is not there or empty; never with the secret in it.
    pub fn resolve(&self, config_dir: &Path) -> Result<SecretValue, Error> {
        let text = match &self.0 {
            Source::Text(text) => text.clone(),
            Source::Kept(Kept::Env(name)) => std::env::var(name)
                .map_err(|_| Error::new(format!("the variable {name}, which holds a secret, is not set")))?,
            Source::Kept(Kept::File(path)) => {
                let path = config_dir.join(path);
                std::fs::read_to_string(&path).map_err(|error| {
                    Error::new(format!("the secret in {} can not be read: {error}", path.display()))
                })?
            }
            Source::Kept(Kept::Command(command)) => output_of(command, config_dir)?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(Error::new(format!("the secret from {self:?} is empty")));
        }
        Ok(SecretValue(text.to_owned()))
    }
}

fn output_of(command: &[String], config_dir: &Path) -> Result<String, Error> {
    let Some((program, args)) = command.split_first() else {
        return Err(Error::new("the command of a secret is empty"));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "no engine: a program that the configuration names, without a shell"
    )]
    let output = std::process::Command::new(program)
        .args(args)
        .current_dir(config_dir)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| Error::new(format!("`{program}`, which prints a secret, did not start: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("`{program}`, which prints a secret, failed: {}", said.trim())));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::new(format!("`{program}` printed a secret that is no UTF-8")))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(_) => f.write_str("[secret]"),
            Source::Kept(Kept::Env(name)) => write!(f, "the variable {name}"),
            Source::Kept(Kept::File(path)) => write!(f, "the file {}", path.display()),
            Source::Kept(Kept::Command(command)) => {
                write!(f, "the command {}", command.first().map_or("", String::as_str))
            }
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Source::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A secret: its text, or where it is kept.",
            "writeOnly": true,
            "anyOf": [
                { "type": "string" },
                { "type": "object", "required": ["env"], "properties": { "env": { "type": "string" } } },
                { "type": "object", "required": ["file"], "properties": { "file": { "type": "string" } } },
                { "type": "object", "required": ["command"],
                  "properties": { "command": { "type": "array", "items": { "type": "string" } } } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigTable;

    fn secret(value: &str) -> Result<Secret, String> {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), format!("token = {value}\n")).unwrap();
        table.get("token").map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_found_where_it_is_kept_and_never_printed() {
        let folder = std::env::temp_dir();
        let plain = secret("'hunter2'").unwrap();
        let value = plain.resolve(&folder).unwrap();
        assert_eq!(value.expose(), "hunter2");
        assert_eq!(format!("{plain:?} {value:?}"), "[secret] [secret]");
        assert_eq!(secret("{ command = ['echo', 'x'] }").unwrap().resolve(&folder).unwrap().expose(), "x");
        assert_eq!(
            secret("{ env = 'PATH' }").unwrap().resolve(&folder).unwrap().expose(),
            std::env::var("PATH").unwrap()
        );
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_made_up() {
        let folder = std::env::temp_dir();
        let missing = |value: &str| secret(value).unwrap().resolve(&folder).unwrap_err().to_string();
        assert!(missing("{ env = 'TAKOPI_NO_SUCH' }").contains("TAKOPI_NO_SUCH"));
        assert!(missing("{ file = 'no/such/file' }").contains("no/such/file"));
        assert!(missing("{ command = ['false'] }").contains("false"));
        assert!(missing("''").contains("empty"));
        assert!(secret("3").unwrap_err().contains("expected a string, or one of { env"));
    }
}
