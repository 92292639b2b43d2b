//! Resume lines, `pi --session <value>`: the value is an id, or a path, which may hold blanks and then stands in quotes.

use takopi_api::resume::{ResumeError, ResumeLines, ResumeToken};

use crate::backend::ENGINE;

/// The form of pi's resume lines.
pub(crate) struct SessionLine;

impl ResumeLines for SessionLine {
    fn format(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        if *token.engine() != ENGINE {
            return Err(ResumeError::OtherEngine { expected: ENGINE, found: token.engine().clone() });
        }
        Ok(format!("pi --session {}", quoted(token.value())))
    }

    /// What stands around the line is skipped, as in [`takopi_api::resume::ResumeSyntax`].
    fn parse_line(&self, line: &str) -> Option<ResumeToken> {
        let line = line
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '*'));
        let rest = after_word(after_word(line, "pi")?, "--session")?;
        let value = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => unquoted(&rest[1..], quote)?,
            _ => rest.trim_end_matches(['"', '\'', '”', '’']).to_owned(),
        };
        // Prose goes on after the thread; a path with blanks ends as pi's files do.
        let is_one_word = !value.contains(char::is_whitespace);
        let is_value = is_one_word || rest.starts_with(['"', '\'']) || value.ends_with(".jsonl");
        if is_value && !value.contains('`') { ResumeToken::new(ENGINE, value).ok() } else { None }
    }
}

/// The value as the line has it. Quotes are for what chat apps and people put around lines, too.
fn quoted(value: &str) -> String {
    if value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '*' | '”' | '’')) {
        format!("\"{}\"", value.replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

/// What follows the word and the blanks after it.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

/// The text up to the closing quote, if nothing but decoration follows it.
fn unquoted(text: &str, quote: char) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.as_str().starts_with(quote) {
            value.push(quote);
            chars.next();
        } else if c == quote {
            let is_end = chars.as_str().trim_end_matches(['"', '\'', '”', '’']).is_empty();
            return is_end.then_some(value);
        } else {
            value.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let found = SessionLine.parse_line(line);
        assert_eq!(found.as_ref().map(ResumeToken::value), expected, "in {line:?}");
    }

    #[test]
    fn ids_and_paths_are_read_with_and_without_quotes() {
        check(
            "pi --session 01a20336-121b-7037-8664-af6f68bb4b3a",
            Some("01a20336-121b-7037-8664-af6f68bb4b3a"),
        );
        check("  Pi\t--SESSION  01a20338 ", Some("01a20338"));
        check("`pi --session 01a20338`", Some("01a20338"));
        check("🐙 **pi --session 01a20338**", Some("01a20338"));
        check("\"pi --session 01a20338\"", Some("01a20338"));
        check("> $ pi --session '/a b/c.jsonl'", Some("/a b/c.jsonl"));
        check("pi --session /a b/c.jsonl", Some("/a b/c.jsonl"));
        check(r#"pi --session "/say \"hi\"/c""#, Some(r#"/say "hi"/c"#));
        check(r"pi --session C:\pi\c.jsonl", Some(r"C:\pi\c.jsonl"));
    }

    #[test]
    fn prose_and_options_are_no_threads() {
        check("pi --session", None);
        check("pi --session 01a20338 did not work", None);
        check("pi --session \"01a20338\" did not work", None);
        check("pi --session \"01a20338", None);
        check("use pi --session 01a20338", None);
        check("pi --session --help", None);
        check("pi --session=01a20338", None);
        check("pip --session 01a20338", None);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for value in ["01a20338", "/a b/c.jsonl", "say \"hi\"", "it's", "*", r"C:\a b\c", "'x'", "/tmp/ä”"]
        {
            check(&format!("`pi --session {}`", quoted(value)), Some(value));
        }
    }
}
