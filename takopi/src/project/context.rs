//! Which project and branch a run belongs to, and the line that says so below an answer: `ctx: website @fix`.

use std::fmt;

use super::alias::Alias;
use super::branch::{Branch, BranchError};
use super::registry::UnknownProject;

/// What stands at the beginning of the line, in any case.
const KEYWORD: &str = "ctx:";

/// Which project and branch a run belongs to. A run without a project has no context, so that no branch can be without
/// a project either.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context {
    /// The project.
    pub project: Alias,
    /// The branch, if one was named.
    pub branch: Option<Branch>,
}

/// Why there is no such context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A branch of nothing.
    #[error("a branch needs a project: there is none to look for `@{branch}` in")]
    BranchWithoutProject {
        /// The branch.
        branch: Branch,
    },
    /// The project is not, or no longer, configured.
    #[error(transparent)]
    Project(#[from] UnknownProject),
    /// The branch can not be one.
    #[error(transparent)]
    Branch(#[from] BranchError),
}

impl ContextError {
    /// What to do next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::BranchWithoutProject { branch } => {
                vec![format!("name one before it, as in `/website @{branch}`, or set `default_project`")]
            }
            Self::Project(error) => error.hints(),
            Self::Branch(_) => Vec::new(),
        }
    }
}

impl Context {
    /// A context of what was named; `None` if nothing was.
    ///
    /// # Errors
    /// [`ContextError::BranchWithoutProject`].
    pub fn new(project: Option<Alias>, branch: Option<Branch>) -> Result<Option<Self>, ContextError> {
        match (project, branch) {
            (Some(project), branch) => Ok(Some(Self { project, branch })),
            (None, None) => Ok(None),
            (None, Some(branch)) => Err(ContextError::BranchWithoutProject { branch }),
        }
    }

    /// The line that stands below an answer, in back-ticks.
    #[must_use]
    pub fn line(&self) -> String {
        format!("`{KEYWORD} {self}`")
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.branch {
            Some(branch) => write!(f, "{} @{branch}", self.project),
            None => self.project.fmt(f),
        }
    }
}

/// A `ctx:` line as somebody wrote it. Whether there is such a project, and can be such a branch, is another question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) project: &'a str,
    pub(super) branch: Option<&'a str>,
}

/// The `ctx:` lines of a text, the last first.
pub(super) fn lines_from_the_end(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().rev().filter_map(parse)
}

fn parse(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    let line = line.strip_prefix('`').unwrap_or(line);
    let line = line.strip_suffix('`').unwrap_or(line).trim();
    let keyword = line.get(..KEYWORD.len())?;
    if !keyword.eq_ignore_ascii_case(KEYWORD) {
        return None;
    }
    let rest = line[KEYWORD.len()..].trim();
    let (project, branch) = match last_word_with_at(rest) {
        Some(at) => (rest[..at].trim_end(), Some(rest[at + 1..].trim_start())),
        None => (rest, None),
    };
    (!rest.is_empty()).then_some(Line { project, branch })
}

/// Where the last word begins that starts with `@`; the branch may also follow after white space.
fn last_word_with_at(text: &str) -> Option<usize> {
    let begins_a_word = |at: usize| text[..at].chars().next_back().is_none_or(char::is_whitespace);
    text.rmatch_indices('@').map(|(at, _)| at).find(|at| begins_a_word(*at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn last(text: &str) -> Option<(&str, Option<&str>)> {
        lines_from_the_end(text).next().map(|line| (line.project, line.branch))
    }

    #[test]
    fn lines_are_read_as_people_and_chats_leave_them() {
        let check = |text: &str, expected| assert_eq!(last(text), expected, "{text:?}");
        check("`ctx: website`", Some(("website", None)));
        check("`ctx: website @feature/x`", Some(("website", Some("feature/x"))));
        check("  CTX:website   @ feature/x  ", Some(("website", Some("feature/x"))));
        check("ctx: website @a`", Some(("website", Some("a"))));
        check("`ctx: website @@a`", Some(("website", Some("@a"))));
        check("ctx: me@home @a@b", Some(("me@home", Some("a@b"))));
        check("ctx: my app @a", Some(("my app", Some("a"))));
        check("ctx: @a", Some(("", Some("a"))));
        check("answer\nctx: one\nmore\n`ctx: two @b`\n", Some(("two", Some("b"))));
        check("ctx:", None);
        check("``", None);
        check("see ctx: website", None);
        check("ctx", None);
        check("", None);
        check("äöüß", None);
    }

    #[test]
    fn a_branch_needs_a_project() {
        let branch = Branch::new("fix").unwrap();
        let error = Context::new(None, Some(branch)).unwrap_err();
        assert_eq!(error.to_string(), "a branch needs a project: there is none to look for `@fix` in");
        assert_eq!(Context::new(None, None), Ok(None));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(alias in "\\PC{1,12}", branch in "[^`]{0,12}", before in "\\PC{0,20}") {
            let Ok(project) = Alias::new(&alias) else { return Ok(()) };
            let context = Context { project, branch: Branch::new(&branch).ok() };
            let text = format!("{before}\n\n{}\n", context.line());
            let Some((project, branch)) = last(&text) else { panic!("{text:?} has no context") };
            prop_assert_eq!(project, context.project.as_str());
            prop_assert_eq!(branch, context.branch.as_ref().map(Branch::as_str));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            lines_from_the_end(&text).count();
            lines_from_the_end(&format!("ctx:{text}")).count();
        }
    }
}
