//! Resume lines: `opencode --session <id>` as the CLI prints it, and `opencode run --session <id>` as people type it.

use takopi_api::resume::{ResumeError, ResumeLines, ResumeSyntax, ResumeToken};

use crate::backend::ENGINE;

/// What the CLI prints.
const PRINTED: ResumeSyntax = ResumeSyntax::new(ENGINE, "opencode", &["--session", "-s"]);

/// The form of opencode's resume lines.
pub(crate) struct SessionLine;

impl ResumeLines for SessionLine {
    fn format(&self, token: &ResumeToken) -> Result<String, ResumeError> {
        PRINTED.format(token)
    }

    fn parse_line(&self, line: &str) -> Option<ResumeToken> {
        PRINTED.parse_line(line).or_else(|| PRINTED.parse_line(&without_run(line)?))
    }
}

fn without_run(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let (program, rest) = line.split_once(char::is_whitespace)?;
    let (word, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("run").then(|| format!("{program} {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_run_is_a_resume_line_too() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(SessionLine.parse_line(line).as_ref().map(ResumeToken::value), expected, "{line}");
        };
        check("opencode --session ses_1a", Some("ses_1a"));
        check("`opencode run --session ses_1a`", Some("ses_1a"));
        check("> OpenCode run -s ses_1a", Some("ses_1a"));
        check("opencode run --session ses_1a please", None);
        check("opencode serve --session ses_1a", None);
        check("opencode run", None);
    }
}
