//! The name of a project.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// The name of a project: shown as it is written in the configuration, compared without case.
///
/// It can stand in a `ctx:` line and be read back: it is one line without back-ticks, and no word of it looks like a
/// branch.
#[derive(Debug, Clone)]
pub struct Alias {
    written: String,
    folded: String,
}

/// Why a text is no alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// There is nothing in it.
    #[error("an alias can not be blank")]
    Blank,
    /// It would look like a command.
    #[error("an alias can not begin with `/`")]
    Slash,
    /// It would look like a branch.
    #[error("no word of an alias can begin with `@`: that is how branches are written")]
    At,
    /// It does not fit between back-ticks on one line.
    #[error("an alias can not have back-ticks or line breaks in it, nor other control characters")]
    Control,
}

impl Alias {
    /// An alias from what somebody wrote. White space around it does not count.
    ///
    /// # Errors
    /// [`AliasError`] if it could not be told from the rest of a `ctx:` line.
    pub fn new(written: &str) -> Result<Self, AliasError> {
        let written = written.trim();
        if written.is_empty() {
            return Err(AliasError::Blank);
        }
        if written.starts_with('/') {
            return Err(AliasError::Slash);
        }
        if written.split_whitespace().any(|word| word.starts_with('@')) {
            return Err(AliasError::At);
        }
        // U+2028 and U+2029 break lines as well, and are no control characters.
        if written.contains(|c: char| c.is_control() || matches!(c, '`' | '\u{2028}' | '\u{2029}')) {
            return Err(AliasError::Control);
        }
        Ok(Self { folded: written.to_lowercase(), written: written.to_owned() })
    }

    /// The alias as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether a word means this alias.
    #[must_use]
    pub fn matches(&self, word: &str) -> bool {
        self.folded == word.trim().to_lowercase()
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for Alias {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Alias {}

impl PartialOrd for Alias {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alias {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Hash for Alias {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_shown_and_not_compared() {
        let alias = Alias::new(" Z80 ").unwrap();
        assert_eq!(alias.to_string(), "Z80");
        assert_eq!(alias, Alias::new("z80").unwrap());
        assert!(alias.matches("z80 ") && !alias.matches("z8"));
        assert!(Alias::new("ÄRGER").unwrap().matches("ärger"));
    }

    #[test]
    fn what_could_not_be_read_back_is_no_alias() {
        let check = |text: &str, expected: AliasError| assert_eq!(Alias::new(text).unwrap_err(), expected);
        check(" \t", AliasError::Blank);
        check("/x", AliasError::Slash);
        check("@x", AliasError::At);
        check("my @x", AliasError::At);
        check("a`b", AliasError::Control);
        check("a\nb", AliasError::Control);
        check("a\u{2028}b", AliasError::Control);
        assert_eq!(Alias::new("my app@2").unwrap().as_str(), "my app@2");
    }
}
