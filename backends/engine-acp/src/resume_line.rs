//! Resume lines. Agents have no command line that continues a session, but takopi has:
//! `takopi run --engine claude_acp --resume <id>`.

use takopi_api::engine::EngineId;
use takopi_api::resume::{ResumeError, ResumeLines, ResumeToken};

/// The form of an engine's resume lines.
#[derive(Debug)]
pub(crate) struct TakopiLine {
    engine: EngineId,
}

impl TakopiLine {
    pub(crate) const fn new(engine: EngineId) -> Self {
        Self { engine }
    }
}

impl ResumeLines for TakopiLine {
    fn format(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        if *token.engine() != self.engine {
            return Err(ResumeError::OtherEngine {
                expected: self.engine.clone(),
                found: token.engine().clone(),
            });
        }
        Ok(format!("takopi run --engine {} --resume {}", self.engine, token.value()))
    }

    fn parse_line(&self, line: &str) -> Option<ResumeToken> {
        let line = line
            .trim_start_matches(|c: char| !c.is_alphanumeric())
            .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'' | '*' | '”' | '’'));
        let words: Vec<&str> = line.split_whitespace().take(7).collect();
        // The short form is for those engines that are commands of takopi.
        let (engine, option, value) = match words[..] {
            [takopi, engine, option, value] if is(takopi, "takopi") => (engine, option, value),
            [takopi, run, "--engine" | "-e", engine, option, value]
                if is(takopi, "takopi") && is(run, "run") =>
            {
                (engine, option, value)
            }
            _ => return None,
        };
        let is_line =
            is(engine, self.engine.as_str()) && matches!(option, "--resume" | "-r") && !value.contains('`');
        if is_line { ResumeToken::new(self.engine.clone(), value).ok() } else { None }
    }
}

fn is(word: &str, expected: &str) -> bool {
    word.eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_takopi_and_of_this_engine() {
        let lines = TakopiLine::new(EngineId::from_static("claude_acp"));
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(lines.extract(line).as_ref().map(ResumeToken::value), expected, "{line}");
        };
        check("takopi claude_acp --resume 1-a", Some("1-a"));
        check("> `Takopi claude_acp -r 1-a`", Some("1-a"));
        check("takopi run --engine claude_acp --resume 1-a", Some("1-a"));
        check("takopi run --engine claude_acp --resume 1-a now", None);
        check("takopi codex_acp --resume 1-a", None);
        check("claude_acp --resume 1-a", None);
        check("takopi claude_acp --resume --last", None);
        check("takopi claude_acp --resume", None);
    }
}
