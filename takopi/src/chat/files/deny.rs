//! Which paths are kept back: patterns over the paths of a project, as `.gitignore` has them.

use std::path::Path;

use fast_glob::{glob_match, validate};

/// What usually holds secrets.
const USUAL: &[&str] = &[".git/**", ".env", ".env.*", ".envrc", "*.pem", ".ssh/**"];

/// Said of what no list can allow: what is in there decides what git runs.
const ALWAYS: &str = ".git/**";

/// The patterns of a list. Each counts at any depth, unless it begins with a slash, and for all that is below what it
/// names. Case does not count: some file systems have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenyRules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// As it was written.
    said: String,
    /// What is matched.
    glob: String,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no pattern: {why}")]
pub struct InvalidPattern {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Default for DenyRules {
    fn default() -> Self {
        Self(USUAL.iter().map(|said| Rule::of(said)).collect())
    }
}

impl DenyRules {
    /// The rules of a list.
    ///
    /// # Errors
    /// [`InvalidPattern`]: a rule that matches nothing would keep nothing back.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Result<Self, InvalidPattern> {
        let rules = patterns.into_iter().map(|pattern| {
            let rule = Rule::of(&pattern);
            let why = match validate(&rule.glob) {
                Err(error) => error.to_string(),
                Ok(()) if pattern.trim_matches(['/', ' ']).is_empty() => "it is empty".to_owned(),
                Ok(()) if pattern.starts_with('!') => "takopi has no patterns that allow".to_owned(),
                Ok(()) => return Ok(rule),
            };
            Err(InvalidPattern { pattern, why })
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// The rule that keeps a path of the project back.
    #[must_use]
    pub fn denies(&self, path: &Path) -> Option<&str> {
        if path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            return Some(ALWAYS);
        }
        // Names that are no text can match as they are shown.
        let path = path.to_string_lossy().to_lowercase();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        // A folder that is kept back takes all in it along.
        let above: Vec<&str> = ends.map(|end| &path[..end]).collect();
        let rule = self.0.iter().find(|rule| above.iter().any(|path| glob_match(&rule.glob, path)));
        rule.map(|rule| rule.said.as_str())
    }
}

impl Rule {
    fn of(said: &str) -> Self {
        let pattern = said.trim_end_matches('/').to_lowercase();
        let glob = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None => format!("**/{pattern}"),
        };
        Self { said: said.to_owned(), glob }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], denied: &[&str], others: &[&str]) {
        let rules = DenyRules::new(patterns.iter().map(|&pattern| pattern.to_owned())).unwrap();
        for path in denied {
            assert!(rules.denies(Path::new(path)).is_some(), "{path}");
        }
        for path in others {
            assert_eq!(rules.denies(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn what_usually_holds_secrets_is_kept_back_at_any_depth() {
        let usual = DenyRules::default();
        let named = |path: &str| usual.denies(Path::new(path));
        assert_eq!(named(".env"), Some(".env"));
        assert_eq!(named("a/b/.env.local"), Some(".env.*"));
        assert_eq!(named("x/.ssh/a/b"), Some(".ssh/**"));
        assert_eq!(named("certs/key.PEM"), Some("*.pem"));
        assert_eq!(named("a/.Git/config"), Some(".git/**"));
        assert_eq!((named("env"), named("a.pem.txt"), named(".gitignore")), (None, None, None));
    }

    #[test]
    fn a_list_counts_in_place_of_the_usual_one_but_for_git() {
        check(&[], &[".git/config"], &[".env", "a.pem"]);
        check(&["secrets/"], &["secrets", "a/secrets/b/c"], &["secrets.txt"]);
        check(
            &["/top", "docs/*.md"],
            &["top", "top/x", "docs/a.md", "x/docs/a.md"],
            &["x/top", "docs/x/a.md"],
        );
        check(&["a/**/z", "*.{key,p12}"], &["a/z", "a/b/c/z", "x/y.p12"], &["a/b", "key"]);
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error() {
        let error = |pattern: &str| DenyRules::new([pattern.to_owned()]).unwrap_err().to_string();
        assert!(error("*.{pem").starts_with("`*.{pem` is no pattern: "));
        assert_eq!(error("!a"), "`!a` is no pattern: takopi has no patterns that allow");
        assert_eq!(error("/"), "`/` is no pattern: it is empty");
    }
}
