//! The name of a branch: what reaches git, and the file system, from a chat message.

use std::fmt;

use super::shown;

/// How long a name may be: it is a file's name for git, with something added, and stands on one line for people.
const MAX_BYTES: usize = 240;

/// The name of a branch that git would accept.
///
/// It never begins with `-`, so no program takes it for an option, and it never leads out of a folder that it is joined
/// to. The rules are those of git-check-ref-format(1) with `--branch`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(String);

/// A text that can not be the name of a branch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` can not be a branch: {fault}", shown(name))]
pub struct BranchError {
    /// The text.
    pub name: String,
    /// What is wrong with it.
    pub fault: BranchFault,
}

/// What is wrong with the name of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BranchFault {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It would be an option.
    #[error("it begins with `-`")]
    LeadingDash,
    /// It would be an absolute path, or git takes a part of it for empty.
    #[error("it begins or ends with `/`, or has `//` in it")]
    EmptyPart,
    /// It could lead out of its folder; git uses `..` for ranges.
    #[error("it has `..` in it")]
    DoubleDot,
    /// A part of it is hidden.
    #[error("a part of it begins with `.`")]
    LeadingDot,
    /// git reserves the end.
    #[error("a part of it ends with `.lock`, or all of it with `.`")]
    Ending,
    /// git has another use for the character.
    #[error("it has {0:?} in it")]
    Character(char),
    /// It could be no file's name.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// git has another use for the word.
    #[error("git uses this word for something else")]
    Reserved,
}

impl Branch {
    /// A branch from what somebody wrote. White space around it does not count.
    ///
    /// # Errors
    /// [`BranchError`] with the name and what is wrong with it.
    pub fn new(name: &str) -> Result<Self, BranchError> {
        let name = name.trim();
        match fault(name) {
            Some(fault) => Err(BranchError { name: name.to_owned(), fault }),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full name of its ref.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{self}")
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fault(name: &str) -> Option<BranchFault> {
    let is_foreign = |c: char| {
        // Unicode's white space is git's business no more than other letters, but it ends a word in a message.
        c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\' | '`')
    };
    if name.is_empty() {
        return Some(BranchFault::Empty);
    }
    if name.len() > MAX_BYTES {
        return Some(BranchFault::TooLong);
    }
    if name.starts_with('-') {
        return Some(BranchFault::LeadingDash);
    }
    if let Some(c) = name.chars().find(|c| is_foreign(*c)) {
        return Some(BranchFault::Character(c));
    }
    if name.contains("..") {
        return Some(BranchFault::DoubleDot);
    }
    if name.split('/').any(str::is_empty) {
        return Some(BranchFault::EmptyPart);
    }
    if name.split('/').any(|part| part.starts_with('.')) {
        return Some(BranchFault::LeadingDot);
    }
    if name.ends_with('.') || name.split('/').any(|part| part.ends_with(".lock")) {
        return Some(BranchFault::Ending);
    }
    if name == "@" || name == "HEAD" || name.contains("@{") {
        return Some(BranchFault::Reserved);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_people_use_are_taken() {
        for name in ["main", "feature/x", "fix-1.2", "ärger", "a@b", "@a", "v1.lockx", "a.b/c.d", " trimmed "]
        {
            assert_eq!(Branch::new(name).map(|branch| branch.to_string()), Ok(name.trim().to_owned()));
        }
    }

    #[test]
    fn the_error_says_what_is_wrong_with_which_name() {
        let check = |name: &str, expected: &str| {
            assert_eq!(Branch::new(name).unwrap_err().to_string(), expected);
        };
        check("", "`` can not be a branch: it is empty");
        check("  ", "`` can not be a branch: it is empty");
        check("--force", "`--force` can not be a branch: it begins with `-`");
        check("/etc", "`/etc` can not be a branch: it begins or ends with `/`, or has `//` in it");
        check("a//b", "`a//b` can not be a branch: it begins or ends with `/`, or has `//` in it");
        check("a/", "`a/` can not be a branch: it begins or ends with `/`, or has `//` in it");
        check("../x", "`../x` can not be a branch: it has `..` in it");
        check("a/../b", "`a/../b` can not be a branch: it has `..` in it");
        check(".git", "`.git` can not be a branch: a part of it begins with `.`");
        check("a/.b", "`a/.b` can not be a branch: a part of it begins with `.`");
        check(
            "a.lock/b",
            "`a.lock/b` can not be a branch: a part of it ends with `.lock`, or all of it with `.`",
        );
        check("a.", "`a.` can not be a branch: a part of it ends with `.lock`, or all of it with `.`");
        check("a b", "`a b` can not be a branch: it has ' ' in it");
        check("a\nb", "`a\\nb` can not be a branch: it has '\\n' in it");
        check("a:b", "`a:b` can not be a branch: it has ':' in it");
        check("@", "`@` can not be a branch: git uses this word for something else");
        check("HEAD", "`HEAD` can not be a branch: git uses this word for something else");
        check("a@{1}", "`a@{1}` can not be a branch: git uses this word for something else");
    }

    #[test]
    fn a_huge_name_gives_a_short_error() {
        let error = Branch::new(&"a/".repeat(500_000)).unwrap_err();
        assert_eq!(error.fault, BranchFault::TooLong);
        assert!(error.to_string().len() < 200);
        assert!(Branch::new(&"a".repeat(MAX_BYTES)).is_ok());
    }

    /// What git itself says of a name.
    #[expect(clippy::disallowed_methods, reason = "git is what the rules are compared with")]
    fn git_takes(name: &str) -> bool {
        let output = std::process::Command::new("git").args(["check-ref-format", "--branch", name]).output();
        output.unwrap().status.success()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_is_taken_is_taken_by_git_too(name in "[-./@{}a~^ HEADlock]{1,8}") {
            if let Ok(branch) = Branch::new(&name) {
                prop_assert!(git_takes(branch.as_str()), "git refuses {branch}");
            } else if name.trim() == name && !name.starts_with('@') {
                // With an `@` git may take it for the branch that is, or was, checked out.
                prop_assert!(!git_takes(&name), "git takes {name}");
            }
        }

        #[test]
        fn no_branch_leads_out_of_a_folder(name in any::<String>()) {
            if let Ok(branch) = Branch::new(&name) {
                let path = std::path::Path::new(branch.as_str());
                let is_plain = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(path.components().all(is_plain));
                prop_assert!(!branch.as_str().starts_with('-'));
            }
        }
    }
}
