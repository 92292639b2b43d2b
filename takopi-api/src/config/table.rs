//! A table of a configuration file that remembers where each of its keys stands.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Location};
use crate::error::closest;
use crate::plugin::Distribution;

/// A table of a configuration file, or the whole file. Cheap to clone.
///
/// It keeps the file's text and parses it anew at each look: such files are small, looks are few, and a parsed document
/// that remembers its spans can not outlive its text.
#[derive(Debug, Clone, Default)]
pub struct ConfigTable {
    source: Arc<Source>,
    /// The keys from the file's root to this table, which may be absent.
    path: Vec<String>,
    /// Which of its own tables is laid over a table on the way.
    case: Option<Case>,
    /// Whose table it is, for errors about it.
    plugin: Option<&'static Distribution>,
}

/// A table whose settings win in one case: `[plugins.ping.projects.website]` over `[plugins.ping]`.
#[derive(Debug, Clone)]
struct Case {
    /// How many keys lead from the file's root to the table that it is laid over.
    depth: usize,
    /// The key of all cases, which is not seen any more.
    group: String,
    /// The key of this one.
    name: String,
}

#[derive(Clone, Default)]
struct Source {
    path: PathBuf,
    text: String,
    overrides: Vec<Override>,
}

/// The text may hold secrets, so only its origin is shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.overrides.iter().map(|one| &one.variable).collect();
        f.debug_struct("Source")
            .field("path", &self.path)
            .field("overrides", &variables)
            .finish_non_exhaustive()
    }
}

/// Settings of a variable, which win over the file.
#[derive(Clone)]
struct Override {
    variable: String,
    /// TOML, after as many line breaks as there are bytes in what comes before it: so no span of it is one of the file
    /// or of another variable.
    text: String,
    start: usize,
}

/// A key that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownKey {
    /// Where it stands.
    pub location: Location,
    /// Its path.
    pub key: String,
    /// The known key that was most likely meant.
    pub closest: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: unknown key `{}`", self.location, self.key)?;
        match &self.closest {
            Some(closest) => write!(f, "; did you mean `{closest}`?"),
            None => Ok(()),
        }
    }
}

impl ConfigTable {
    /// A table without keys that stands in no file.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not TOML.
    pub fn from_toml(path: &Path, text: impl Into<String>) -> Result<Self, ConfigError> {
        let source = Source { path: path.to_owned(), text: text.into(), overrides: Vec::new() };
        if let Err(error) = DeTable::parse(&source.text) {
            return Err(source.not_toml(&error));
        }
        Ok(Self { source: Arc::new(source), ..Self::default() })
    }

    /// This table as that of a plugin: errors about it, and about tables in it, name the plugin's distribution.
    #[must_use]
    pub fn of_plugin(self, plugin: Option<&'static Distribution>) -> Self {
        Self { plugin, ..self }
    }

    /// The distribution of the plugin whose table it is.
    #[must_use]
    pub const fn plugin(&self) -> Option<&'static Distribution> {
        self.plugin
    }

    /// This file with the settings of a variable of the environment laid over it: tables are merged, and of every other
    /// value the variable's is taken. Errors about these settings name the variable.
    ///
    /// # Errors
    /// [`ConfigError`] if `text` is not TOML.
    pub fn overridden(mut self, variable: &str, text: &str) -> Result<Self, ConfigError> {
        let source = Arc::make_mut(&mut self.source);
        let start = source.overrides.last().map_or(source.text.len(), |last| last.text.len()) + 1;
        let text = "\n".repeat(start) + text;
        source.overrides.push(Override { variable: variable.to_owned(), text, start });
        match source.parse() {
            Ok(_) => Ok(self),
            Err(error) => Err(source.not_toml(&error)),
        }
    }

    /// The file that the table stands in; empty for [`Self::empty`].
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.source.path
    }

    /// The keys of the table, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.look(|table| table.get_ref().keys().map(|key| key.get_ref().to_string()).collect())
            .unwrap_or_default()
    }

    /// Whether the table has a key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.look(|table| table.get_ref().contains_key(key)).unwrap_or_default()
    }

    /// The table under a key; an empty one if there is none.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn table(&self, key: &str) -> Result<Self, ConfigError> {
        let other = self.look(|table| match table.get_ref().get(key).map(Spanned::get_ref) {
            None | Some(DeValue::Table(_)) => None,
            Some(other) => Some(other.type_str()),
        });
        if let Some(other) = other.flatten() {
            return Err(self.error_at(key, format!("expected a table, found a value of type {other}")));
        }
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Ok(Self { path, ..self.clone() })
    }

    /// This table as it is in one case: what its own table `<group>.<name>` says wins, and other cases are not seen. Tables
    /// in it are merged, and of every other value the case's is taken. Errors name the place where a value stands.
    ///
    /// # Errors
    /// [`ConfigError`] if there is something else than a table.
    pub fn in_case(&self, group: &str, name: &str) -> Result<Self, ConfigError> {
        self.table(group)?.table(name)?;
        let case = Case { depth: self.path.len(), group: group.to_owned(), name: name.to_owned() };
        Ok(Self { case: Some(case), ..self.clone() })
    }

    /// Reads the whole table into a type. Unknown keys are no error, see [`Self::unknown_keys`].
    ///
    /// # Errors
    /// [`ConfigError`] that names the file, the line, the key, and what was expected.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.look(|table| {
            T::deserialize(toml::de::Deserializer::from(table.clone()))
                .map_err(|error| self.typed_error(table, &error, &table.span()))
        })
        .unwrap_or_else(|| {
            T::deserialize(toml::de::Deserializer::from(Spanned::new(0..0, DeTable::default())))
                .map_err(|error| self.error("", error.message()))
        })
    }

    /// Reads the value of one key into a type; `None` if the table has no such key.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        self.look(|table| {
            let Some(value) = table.get_ref().get(key) else { return Ok(None) };
            T::deserialize(toml::de::ValueDeserializer::from(value.clone()))
                .map(Some)
                .map_err(|error| self.typed_error(table, &error, &value.span()))
        })
        .unwrap_or(Ok(None))
    }

    /// An error about a key of this table, or about the table if the key is empty, with the place where it stands.
    #[must_use]
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let span = self.look(|table| table.get_ref().get(key).map_or_else(|| table.span(), Spanned::span));
        ConfigError { location: span.map(|span| self.source.locate(&span)), ..self.error(key, message) }
    }

    /// An error about a key of this table that stands nowhere.
    fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::new(self.key_path(key), message).of_plugin(self.plugin)
    }

    /// The keys of this table, and of the tables in it, that a schema does not know. `also` are further known keys.
    #[must_use]
    pub fn unknown_keys(&self, schema: &Schema, also: &[&str]) -> Vec<UnknownKey> {
        let mut unknown = Vec::new();
        let root = schema.as_value();
        self.collect_unknown(root, root, also, &mut unknown);
        unknown
    }

    /// The keys of this table that are not among the known ones.
    #[must_use]
    pub fn keys_other_than(&self, known: &[&str]) -> Vec<UnknownKey> {
        let other = self.look(|table| {
            let other = table.get_ref().keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
            other
                .map(|key| UnknownKey {
                    location: self.source.locate(&key.span()),
                    key: self.key_path(key.get_ref()),
                    closest: closest(key.get_ref(), known.iter().copied()).map(str::to_owned),
                })
                .collect()
        });
        other.unwrap_or_default()
    }

    fn collect_unknown(&self, schema: &Json, root: &Json, also: &[&str], unknown: &mut Vec<UnknownKey>) {
        let Some(properties) = resolve(schema, root).get("properties").and_then(Json::as_object) else {
            return; // A table of free keys.
        };
        let mut known: Vec<&str> = properties.keys().map(String::as_str).collect();
        known.extend(also);
        unknown.extend(self.keys_other_than(&known));
        for key in self.keys() {
            if let (Some(schema), Ok(table)) = (properties.get(&key), self.table(&key)) {
                table.collect_unknown(schema, root, &[], unknown);
            }
        }
    }

    /// Looks at this table in its file; `None` if it is absent.
    fn look<R>(&self, look: impl FnOnce(&Spanned<DeTable<'_>>) -> R) -> Option<R> {
        // Whoever made this table parsed its source, so it parses again; an empty source is an empty document.
        let mut table = self.source.parse().ok()?;
        for (depth, key) in self.path.iter().enumerate() {
            self.lay_over(depth, table.get_mut());
            let value = table.get_mut().remove(key.as_str())?;
            let span = value.span();
            let DeValue::Table(inner) = value.into_inner() else { return None };
            table = Spanned::new(span, inner);
        }
        self.lay_over(self.path.len(), table.get_mut());
        Some(look(&table))
    }

    /// Lays the case over the table that it belongs to.
    fn lay_over(&self, depth: usize, table: &mut DeTable<'_>) {
        let Some(case) = self.case.as_ref().filter(|case| case.depth == depth) else { return };
        let Some(group) = table.remove(case.group.as_str()) else { return };
        let DeValue::Table(mut group) = group.into_inner() else { return };
        if let Some(own) = group.remove(case.name.as_str())
            && let DeValue::Table(own) = own.into_inner()
        {
            merge(table, own);
        }
    }

    fn key_path(&self, key: &str) -> String {
        let mut path = self.path.join(".");
        if !path.is_empty() && !key.is_empty() {
            path.push('.');
        }
        path + key
    }

    fn typed_error(
        &self,
        table: &Spanned<DeTable<'_>>,
        error: &toml::de::Error,
        within: &Range<usize>,
    ) -> ConfigError {
        let span = error.span().unwrap_or_else(|| within.clone());
        // What a case says stands under another key than the one by which it is read.
        let of_case = || key_at(self.source.parse().ok()?.get_ref(), &span);
        let key = self.case.as_ref().and_then(|_| of_case());
        let key = key.unwrap_or_else(|| self.key_path(&key_at(table.get_ref(), &span).unwrap_or_default()));
        let error = ConfigError::new(key, error.message()).of_plugin(self.plugin);
        ConfigError { location: Some(self.source.locate(&span)), ..error }
    }
}

impl Source {
    /// The file with what the variables say.
    fn parse(&self) -> Result<Spanned<DeTable<'_>>, toml::de::Error> {
        let mut table = DeTable::parse(&self.text)?;
        for Override { text, .. } in &self.overrides {
            merge(table.get_mut(), DeTable::parse(text)?.into_inner());
        }
        Ok(table)
    }

    fn locate(&self, span: &Range<usize>) -> Location {
        match self.overrides.iter().rfind(|one| one.start <= span.start) {
            Some(one) => Location::Variable(one.variable.clone()),
            None => Location::in_file(self.path.clone(), &self.text, span.start),
        }
    }

    fn not_toml(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError {
            location: error.span().map(|span| self.locate(&span)),
            ..ConfigError::new("", format!("this is not TOML: {}", error.message()))
        }
    }
}

fn merge<'a>(table: &mut DeTable<'a>, over: DeTable<'a>) {
    for (key, mut value) in over {
        if let DeValue::Table(over) = value.get_mut()
            && let Some(DeValue::Table(table)) = table.get_mut(&**key.get_ref()).map(Spanned::get_mut)
        {
            merge(table, std::mem::take(over));
        } else {
            // The key goes too: it knows where it stands.
            table.remove(&**key.get_ref());
            table.insert(key, value);
        }
    }
}

/// The path of the innermost key whose value holds the span. A table may hold what stands elsewhere.
fn key_at(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    table.iter().find_map(|(key, value)| {
        let deeper = match value.get_ref() {
            DeValue::Table(inner) => key_at(inner, span),
            _ => None,
        };
        let here = || (holds(key.span()) || holds(value.span())).then(|| key.get_ref().to_string());
        deeper.map(|deeper| format!("{}.{deeper}", key.get_ref())).or_else(here)
    })
}

/// Follows a reference into the schema's definitions, and looks through the `anyOf` of an optional value.
fn resolve<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    if let Some(name) =
        schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
    {
        return root.get("$defs").and_then(|defs| defs.get(name)).unwrap_or(schema);
    }
    schema
        .get("anyOf")
        .and_then(Json::as_array)
        .and_then(|choices| {
            choices
                .iter()
                .map(|choice| resolve(choice, root))
                .find(|choice| choice.get("properties").is_some())
        })
        .unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, schema_for};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Acme {
        #[serde(default)]
        slow: bool,
        #[serde(default)]
        words: Vec<String>,
        #[serde(default)]
        limits: Option<Limits>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Limits {
        lines: u32,
    }

    fn table(text: &str) -> ConfigTable {
        ConfigTable::from_toml(Path::new("takopi.toml"), text).unwrap()
    }

    fn error(text: &str) -> String {
        table(text).table("acme").and_then(|table| table.parse::<Acme>()).unwrap_err().to_string()
    }

    #[test]
    fn values_are_read() {
        let config = table("[acme]\nslow = true\nwords = ['a']\nlimits.lines = 3\n[other]\n");
        let acme: Acme = config.table("acme").unwrap().parse().unwrap();
        assert!(acme.slow && acme.words == ["a"] && acme.limits.unwrap().lines == 3);
        assert_eq!(config.keys(), ["acme", "other"]);
        assert!(!config.table("absent").unwrap().parse::<Acme>().unwrap().slow);
        assert_eq!(config.get::<String>("absent").unwrap(), None);
    }

    #[test]
    fn errors_name_the_file_the_line_the_column_and_the_key() {
        assert_eq!(
            error("# a comment\n[acme]\nslow = 'yes'\n"),
            "takopi.toml:3:8: `acme.slow`: invalid type: string \"yes\", expected a boolean"
        );
        assert_eq!(
            error("[acme]\nlimits = { lines = -1 }\n"),
            "takopi.toml:2:20: `acme.limits.lines`: invalid value: integer `-1`, expected u32"
        );
        assert_eq!(
            error("acme = 3\n"),
            "takopi.toml:1:8: `acme`: expected a table, found a value of type integer"
        );
        assert!(error("[acme]\nlimits = {}\n").starts_with("takopi.toml:2:10: `acme.limits`: missing field"));
    }

    #[test]
    fn errors_about_the_table_of_a_plugin_name_its_distribution() {
        static ACME: Distribution = Distribution::new("takopi-engine-acme", "1.2.3", "");
        let acme = table("[acme]\nslow = 'yes'\nlimits.lines = 'x'\nwords = 3\n").table("acme").unwrap();
        let acme = acme.of_plugin(Some(&ACME));
        assert_eq!(
            acme.get::<bool>("slow").unwrap_err().to_string(),
            "takopi.toml:2:8: `acme.slow`: invalid type: string \"yes\", expected a boolean (takopi-engine-acme 1.2.3)"
        );
        for said in [
            acme.parse::<Acme>().unwrap_err().to_string(),
            acme.error_at("slow", "no").to_string(),
            acme.table("words").unwrap_err().to_string(),
            acme.table("limits").unwrap().get::<u32>("lines").unwrap_err().to_string(),
            acme.in_case("projects", "x").unwrap().get::<String>("words").unwrap_err().to_string(),
        ] {
            assert!(said.ends_with(" (takopi-engine-acme 1.2.3)"), "{said}");
        }
    }

    #[test]
    fn broken_toml_names_its_place() {
        let error =
            ConfigTable::from_toml(Path::new("takopi.toml"), "a = 1\nb = = 2\n").unwrap_err().to_string();
        assert!(error.starts_with("takopi.toml:2:5: this is not TOML: "), "{error}");
    }

    #[test]
    fn variables_win_over_the_file_and_are_named_in_errors() {
        let file = table("# a comment\n[acme]\nslow = false\nwords = ['file']\n");
        let over = |texts: &[&str]| {
            texts
                .iter()
                .enumerate()
                .try_fold(file.clone(), |table, (n, text)| table.overridden(&format!("V{n}"), text))
        };
        let acme: Acme = over(&["acme.slow = true", "acme.limits.lines = 3"])
            .unwrap()
            .table("acme")
            .unwrap()
            .parse()
            .unwrap();
        assert!(acme.slow && acme.words == ["file"] && acme.limits.unwrap().lines == 3);
        let error = |texts: &[&str]| {
            over(texts).and_then(|table| table.table("acme")?.parse::<Acme>()).unwrap_err().to_string()
        };
        assert_eq!(
            error(&["acme.slow = true", "acme.limits.lines = -3", "acme.words = []"]),
            "the variable V1: `acme.limits.lines`: invalid value: integer `-3`, expected u32"
        );
        assert_eq!(
            error(&["acme = 3"]),
            "the variable V0: `acme`: expected a table, found a value of type integer"
        );
        assert!(error(&["= 3"]).starts_with("the variable V0: this is not TOML"), "{}", error(&["= 3"]));
        let unknown =
            over(&["acme.slwo = 1"]).unwrap().table("acme").unwrap().unknown_keys(&schema_for!(Acme), &[]);
        assert_eq!(unknown[0].to_string(), "the variable V0: unknown key `acme.slwo`; did you mean `slow`?");
        assert!(!format!("{:?}", over(&["acme.words = ['hunter2']"])).contains("hunter2"));
        // What the file says wrong is still told with its place there.
        let wrong = table("[acme]\nslow = 3\n").overridden("V0", "acme.words = []").unwrap();
        let error = wrong.table("acme").unwrap().parse::<Acme>().unwrap_err().to_string();
        assert!(error.starts_with("takopi.toml:2:8: `acme.slow`"), "{error}");
    }

    #[test]
    fn a_case_wins_over_the_table_that_it_belongs_to() {
        let file = "[acme]\nslow = true\nwords = ['all']\nlimits = { lines = 1 }\n\n[acme.projects.z80]\n\
                    words = ['z80']\nlimits.lines = 2\n\n[acme.projects.other]\nslow = 'no'\n";
        let acme = table(file).table("acme").unwrap();
        let z80 = acme.in_case("projects", "z80").unwrap();
        let read: Acme = z80.parse().unwrap();
        assert!(read.slow && read.words == ["z80"] && read.limits.unwrap().lines == 2);
        assert_eq!(z80.keys(), ["limits", "slow", "words"]);
        assert_eq!(z80.table("limits").unwrap().get("lines").unwrap(), Some(2));
        let absent: Acme = acme.in_case("projects", "absent").unwrap().parse().unwrap();
        assert_eq!(absent.words, ["all"]);
        let error = acme.in_case("projects", "other").unwrap().parse::<Acme>().unwrap_err().to_string();
        assert!(error.starts_with("takopi.toml:11:8: `acme.projects.other.slow`: invalid type"), "{error}");
        let wrong = table("[acme]\nprojects = { z80 = 3 }\n").table("acme").unwrap();
        assert_eq!(
            wrong.in_case("projects", "z80").unwrap_err().to_string(),
            "takopi.toml:2:20: `acme.projects.z80`: expected a table, found a value of type integer"
        );
        assert!(table("").in_case("projects", "z80").unwrap().keys().is_empty());
    }

    #[test]
    fn unknown_keys_come_with_the_closest_known_one() {
        let config = table("[acme]\nslwo = true\nenv = []\nlimits = { lines = 1, line = 2 }\n");
        let unknown = config.table("acme").unwrap().unknown_keys(&schema_for!(Acme), &["env"]);
        let texts: Vec<_> = unknown.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "takopi.toml:2:1: unknown key `acme.slwo`; did you mean `slow`?",
                "takopi.toml:4:23: unknown key `acme.limits.line`; did you mean `lines`?"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(text in "[\\[\\]a-c=.'\"{}\n0-9# é]{0,80}") {
            if let Ok(config) = ConfigTable::from_toml(Path::new("f"), text) {
                let _ = config.parse::<Acme>();
                let _ = config.unknown_keys(&schema_for!(Acme), &[]);
            }
        }
    }
}
