//! The path of a key, as it is typed and shown: parts joined by dots.

use std::fmt;
use std::str::FromStr;

/// The path of a key in the file, e.g. `projects.website.path`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath {
    tables: Vec<String>,
    name: String,
}

/// A text that is no path of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey(String);

impl KeyPath {
    /// The path of a key in a table, which is named from the outermost one.
    pub fn new(tables: impl IntoIterator<Item = impl Into<String>>, name: impl Into<String>) -> Self {
        Self { tables: tables.into_iter().map(Into::into).collect(), name: name.into() }
    }

    /// A path of all of these parts; `None` if there are none.
    pub fn of_parts(parts: impl IntoIterator<Item = impl Into<String>>) -> Option<Self> {
        let mut tables: Vec<String> = parts.into_iter().map(Into::into).collect();
        let name = tables.pop()?;
        Some(Self { tables, name })
    }

    /// The tables above the key, the outermost first.
    #[must_use]
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// The key itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tables and the key.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().chain([&self.name]).map(String::as_str)
    }

    /// The path of a key in the table that this path leads to.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self::new(self.parts(), name)
    }
}

fn is_bare(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

impl FromStr for KeyPath {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidKey(text.to_owned());
        if text.contains(['"', '\'']) {
            let keys = toml_edit::Key::parse(text).map_err(|_| invalid())?;
            return Self::of_parts(keys.iter().map(toml_edit::Key::get)).ok_or_else(invalid);
        }
        let parts = text.split('.').all(is_bare).then(|| text.split('.'));
        parts.and_then(Self::of_parts).ok_or_else(invalid)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            if is_bare(part) {
                f.write_str(part)?;
            } else {
                f.write_str(&super::setting::quoted(part))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no key: expected parts of A-Z, a-z, 0-9, _ and -, joined by dots", self.0)
    }
}

impl std::error::Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_shown_alike() {
        for text in ["a", "a.b-c.D_9", r#"projects."my site".path"#, "0.-"] {
            assert_eq!(text.parse::<KeyPath>().unwrap().to_string(), text);
        }
        let quoted: KeyPath = "a.'b.c'".parse().unwrap();
        assert_eq!(
            (quoted.tables(), quoted.name(), quoted.to_string()),
            (&["a".to_owned()][..], "b.c", r#"a."b.c""#.to_owned())
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a b", "a . b", "ä", "a=b", "a.'b", "a.[b]", "a\n"] {
            let error = text.parse::<KeyPath>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no key")), "{error}");
        }
    }
}
