//! Threads and the lines that resume them: `codex resume <id>`, as the engine's own CLI prints it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::EngineId;

/// Names a thread of an engine.
///
/// The value is what the engine's own CLI takes, so it is never empty, holds no control characters and does not start
/// with `-`: a token out of a chat message can not become an option of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ResumeToken {
    pub(crate) engine: EngineId,
    value: String,
}

/// Why a text is no token, or a token fits no line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// The value can not be given to a program.
    #[error("`{0}` can not name a thread: it is empty, starts with `-` or holds control characters")]
    BadValue(String),
    /// The token belongs to another engine.
    #[error("the thread belongs to {found}, not to {expected}")]
    OtherEngine {
        /// The engine that was asked.
        expected: EngineId,
        /// The engine of the token.
        found: EngineId,
    },
}

impl ResumeToken {
    /// A token from what an engine, a message or a person gave.
    ///
    /// # Errors
    /// [`ResumeError::BadValue`] if the value can not be given to a program.
    pub fn new(engine: EngineId, value: impl Into<String>) -> Result<Self, ResumeError> {
        let value = value.into();
        if value.trim().is_empty() || value.starts_with('-') || value.chars().any(char::is_control) {
            return Err(ResumeError::BadValue(value.escape_debug().to_string()));
        }
        Ok(Self { engine, value })
    }

    /// The thread of an engine that runs another one: it is called after that one's, so that continuing it continues that.
    ///
    /// ```
    /// use takopi_api::engine::EngineId;
    /// use takopi_api::resume::ResumeToken;
    ///
    /// let inner = ResumeToken::new(EngineId::from_static("codex"), "42").unwrap();
    /// let outer = ResumeToken::around(EngineId::from_static("loop"), &inner);
    /// assert_eq!(outer.value(), "codex:42");
    /// assert_eq!(outer.within(), Some(inner));
    /// ```
    #[must_use]
    pub fn around(engine: EngineId, inner: &Self) -> Self {
        Self { engine, value: inner.to_string() }
    }

    /// The thread that [`Self::around`] was given, if it was made by that.
    #[must_use]
    pub fn within(&self) -> Option<Self> {
        let (engine, value) = self.value.split_once(':')?;
        Self::new(EngineId::parse(engine).ok()?, value).ok()
    }

    /// The engine whose thread it is.
    #[must_use]
    pub const fn engine(&self) -> &EngineId {
        &self.engine
    }

    /// What the engine calls the thread.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.engine, self.value)
    }
}

impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            engine: EngineId,
            value: String,
        }
        let wire = Wire::deserialize(deserializer)?;
        Self::new(wire.engine, wire.value).map_err(serde::de::Error::custom)
    }
}

/// The form of an engine's resume lines. [`ResumeSyntax`] is that of most engines.
pub trait ResumeLines: Send + Sync {
    /// The resume line of a token.
    ///
    /// # Errors
    /// [`ResumeError::OtherEngine`] if the token is another engine's.
    fn format(&self, token: &ResumeToken) -> Result<String, ResumeError>;

    /// The token of a line that is a resume line and nothing else.
    fn parse_line(&self, line: &str) -> Option<ResumeToken>;

    /// The token of the last resume line in a text.
    fn extract(&self, text: &str) -> Option<ResumeToken> {
        text.lines().rev().find_map(|line| self.parse_line(line))
    }
}

/// Lines of a program, one or more words, and the thread.
///
/// Reading is by words and not by characters: whatever chat apps and people put around a line (back-ticks, quotes, a
/// bullet, an emoji, a prompt sign) is skipped, but a line with anything after the thread is prose and no resume line.
///
/// ```
/// use takopi_api::engine::EngineId;
/// use takopi_api::resume::{ResumeLines, ResumeSyntax};
///
/// let syntax = ResumeSyntax::new(EngineId::from_static("acme"), "acme", &["resume"]);
/// let token = syntax.extract("some text\n> 🐙 `acme resume 42`").unwrap();
/// assert_eq!(token.value(), "42");
/// assert_eq!(syntax.format(&token).unwrap(), "acme resume 42");
/// assert!(syntax.extract("acme resume 42 did not work").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct ResumeSyntax {
    engine: EngineId,
    program: &'static str,
    printed: &'static str,
    accepted: &'static [&'static str],
}

impl ResumeSyntax {
    /// Lines of the form `<program> <word> <thread>`. Of several words the first is printed and all are accepted.
    ///
    /// # Panics
    /// If there is no word; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn new(engine: EngineId, program: &'static str, words: &'static [&'static str]) -> Self {
        assert!(!words.is_empty(), "a resume line needs a word between the program and the thread");
        Self { engine, program, printed: words[0], accepted: words }
    }
}

impl ResumeLines for ResumeSyntax {
    fn format(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        if *token.engine() != self.engine {
            return Err(ResumeError::OtherEngine {
                expected: self.engine.clone(),
                found: token.engine().clone(),
            });
        }
        Ok(format!("{} {} {}", self.program, self.printed, token.value()))
    }

    fn parse_line(&self, line: &str) -> Option<ResumeToken> {
        let mut words = line
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | '*' | '”' | '’'))
            .split_whitespace();
        let program = words.next()?;
        let word = words.next()?;
        let value = words.next()?;
        let is_line = program.eq_ignore_ascii_case(self.program)
            && self.accepted.iter().any(|accepted| word.eq_ignore_ascii_case(accepted))
            && !value.contains('`')
            && words.next().is_none();
        if is_line { ResumeToken::new(self.engine.clone(), value).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: ResumeSyntax = ResumeSyntax::new(EngineId::from_static("codex"), "codex", &["resume"]);

    fn check(text: &str, expected: Option<&str>) {
        let found = SYNTAX.extract(text);
        assert_eq!(found.as_ref().map(ResumeToken::value), expected, "in {text:?}");
    }

    #[test]
    fn lines_are_found_in_what_people_and_chat_apps_make_of_them() {
        check("codex resume abc", Some("abc"));
        check("  Codex  RESUME\tabc  ", Some("abc"));
        check("`codex resume abc`", Some("abc"));
        check("\"codex resume abc\"", Some("abc"));
        check("**codex resume abc**", Some("abc"));
        check("🐙 codex resume abc", Some("abc"));
        check("• `codex resume abc`", Some("abc"));
        check("- codex resume abc", Some("abc"));
        check("> $ codex resume abc", Some("abc"));
        check("codex resume first\nand then\ncodex resume second\n", Some("second"));
        check("done · codex\n\nanswer\n\ncodex resume abc\r\n", Some("abc"));
    }

    #[test]
    fn prose_is_no_resume_line() {
        check("codex resume", None);
        check("codex resume\nabc", None);
        check("codex resume abc please", None);
        check("please codex resume abc", None);
        check("claude resume abc", None);
        check("codex continue abc", None);
        check("codex resume --last", None);
        check("", None);
        check("`", None);
    }

    #[test]
    fn a_token_can_not_become_an_option() {
        let engine = EngineId::from_static("codex");
        for value in ["", "  ", "-c", "--last", "a\nb", "a\0b"] {
            assert!(ResumeToken::new(engine.clone(), value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_line_is_made_only_for_the_own_engine() {
        let other = ResumeToken::new(EngineId::from_static("claude"), "abc").unwrap();
        assert!(matches!(SYNTAX.format(&other), Err(ResumeError::OtherEngine { .. })));
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read_back(value in "[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,60}", before in "[ `>*\"-]{0,6}") {
            let token = ResumeToken::new(EngineId::from_static("codex"), value).unwrap();
            let line = SYNTAX.format(&token).unwrap();
            proptest::prop_assert_eq!(SYNTAX.extract(&format!("{before}{line}")), Some(token));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = SYNTAX.extract(&text);
        }
    }
}
