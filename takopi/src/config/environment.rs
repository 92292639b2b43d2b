//! Settings that variables of the environment lay over the file: `TAKOPI__LIMITS__ENGINES=2` for `limits.engines`.

use std::ffi::OsString;

use takopi_api::config::{ConfigError, ConfigTable, Location};

use super::key_path::KeyPath;
use super::setting::Setting;

/// What the names of these variables begin with, and what stands between the parts of their keys: in names of variables
/// there are no dots, and one `_` stands in many keys.
const PREFIX: &str = "TAKOPI__";
const SEPARATOR: &str = "__";

/// The settings of the environment, in the order of their variables' names.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<Override>);

#[derive(Debug, Clone)]
struct Override {
    variable: String,
    /// The key as it stands in the variable's name.
    key: Vec<String>,
    setting: Setting,
}

impl Overrides {
    /// The settings of this process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] that names a variable whose name holds no key or whose value is no text.
    pub fn of_environment() -> Result<Self, ConfigError> {
        Self::new(std::env::vars_os())
    }

    /// The settings of these variables.
    ///
    /// # Errors
    /// As [`Self::of_environment`].
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut overrides = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let is_ours = name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
                is_ours.then(|| Override::new(&name.to_string_lossy(), value))
            })
            .collect::<Result<Vec<_>, _>>()?;
        overrides.sort_by(|a, b| a.variable.cmp(&b.variable));
        Ok(Self(overrides))
    }

    /// Lays the settings over the table of a whole file.
    pub(super) fn over(&self, mut table: ConfigTable) -> Result<ConfigTable, ConfigError> {
        for one in &self.0 {
            let key = one.key_in(&table);
            table = table.overridden(&one.variable, &format!("{key} = {}\n", one.setting))?;
        }
        Ok(table)
    }
}

impl Override {
    fn new(variable: &str, value: OsString) -> Result<Self, ConfigError> {
        let error = |message: &str| {
            let mut error = ConfigError::new("", message);
            error.location = Some(Location::Variable(variable.to_owned()));
            Err(error)
        };
        let key: Vec<String> =
            variable.strip_prefix(PREFIX).unwrap_or_default().split(SEPARATOR).map(str::to_owned).collect();
        if key.iter().any(String::is_empty) {
            return error("expected TAKOPI__ and the parts of a key, joined by __");
        }
        let Ok(value) = value.into_string() else { return error("the value is no UTF-8") };
        Ok(Self { variable: variable.to_owned(), key, setting: Setting::of_variable(&value) })
    }

    /// The key that is meant. Names of variables are written in capitals: a part is the key of the table that it equals
    /// but for the case, else it is taken in small letters, as all known keys are.
    fn key_in(&self, table: &ConfigTable) -> String {
        let mut table = Some(table.clone());
        let parts = self.key.iter().map(|part| {
            let keys = table.as_ref().map(ConfigTable::keys).unwrap_or_default();
            let key = keys.into_iter().find(|key| key.eq_ignore_ascii_case(part));
            let key = key.unwrap_or_else(|| part.to_ascii_lowercase());
            table = table.as_ref().and_then(|table| table.table(&key).ok());
            key
        });
        KeyPath::of_parts(parts.collect::<Vec<_>>()).map(|key| key.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::path::Path;

    use super::*;

    fn overrides(variables: &[(&str, &str)]) -> Result<Overrides, String> {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
        Overrides::new(variables).map_err(|error| error.to_string())
    }

    fn over(text: &str, variables: &[(&str, &str)]) -> ConfigTable {
        let table = ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap();
        overrides(variables).unwrap().over(table).unwrap()
    }

    #[test]
    fn variables_set_keys_in_small_letters_or_as_the_file_has_them() {
        let table = over(
            "[projects.Z80]\npath = '/old'\nchat_id = 1\n",
            &[
                ("TAKOPI__PROJECTS__Z80__PATH", "/new"),
                ("TAKOPI__PROJECTS__WEB__PATH", "/web"),
                ("TAKOPI__LIMITS__FREE_MEMORY_MB", "7"),
                ("TAKOPI__CODEX__EXTRA_ARGS", r#"["-c","x=1"]"#),
                ("TAKOPI_CONFIG", "not one of them"),
                ("OTHER__A", "nor this"),
            ],
        );
        let projects = table.table("projects").unwrap();
        assert_eq!(projects.keys(), ["Z80", "web"]);
        let z80 = projects.table("Z80").unwrap();
        assert_eq!(z80.get::<String>("path").unwrap().as_deref(), Some("/new"));
        assert_eq!(z80.get("chat_id").unwrap(), Some(1));
        assert_eq!(table.table("limits").unwrap().get("free_memory_mb").unwrap(), Some(7));
        let args: Option<Vec<String>> = table.table("codex").unwrap().get("extra_args").unwrap();
        assert_eq!(args.unwrap(), ["-c", "x=1"]);
        assert_eq!(table.keys(), ["codex", "limits", "projects"]);
    }

    #[test]
    fn a_table_of_a_variable_is_merged_and_the_longer_name_wins() {
        let table = over(
            "[codex]\nprofile = 'file'\nmode = 'exec'\n",
            &[("TAKOPI__CODEX__PROFILE", "longer"), ("TAKOPI__CODEX", r#"{"profile": "shorter", "n": 1}"#)],
        );
        let codex = table.table("codex").unwrap();
        assert_eq!(codex.get::<String>("profile").unwrap().as_deref(), Some("longer"));
        assert_eq!(codex.keys(), ["mode", "n", "profile"]);
    }

    #[test]
    fn errors_name_the_variable() {
        for name in ["TAKOPI__", "TAKOPI__A____B", "TAKOPI__A__"] {
            assert_eq!(
                overrides(&[(name, "x")]).unwrap_err(),
                format!("the variable {name}: expected TAKOPI__ and the parts of a key, joined by __")
            );
        }
        let no_text = [("TAKOPI__A".into(), OsString::from_vec(vec![0xff]))];
        assert_eq!(
            Overrides::new(no_text).unwrap_err().to_string(),
            "the variable TAKOPI__A: the value is no UTF-8"
        );
        let table = over("", &[("TAKOPI__LIMITS__ENGINES", "many")]).table("limits").unwrap();
        assert_eq!(
            table.get::<u32>("engines").unwrap_err().to_string(),
            "the variable TAKOPI__LIMITS__ENGINES: `limits.engines`: invalid type: string \"many\", expected u32"
        );
    }

    #[test]
    fn what_a_variable_holds_is_not_shown() {
        let overrides = overrides(&[("TAKOPI__X__TOKEN", "hunter2")]).unwrap();
        assert!(!format!("{overrides:?}").contains("hunter2"));
    }
}
