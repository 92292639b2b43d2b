//! The little that acme reads of a git repository: the branch, and what was done last. It reads files of `.git` and
//! starts no git.
//!
//! The layout is that of gitrepository-layout(5); `.git` may be a file that names the folder (a linked worktree, a
//! submodule).

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::reading;

/// `HEAD` and `.git` files hold one line.
const LINE_LIMIT: u64 = 4 * 1024;

/// How much of the end of the log is looked at.
const LOG_LIMIT: u64 = 64 * 1024;

/// The folder in which git keeps what it knows about a checkout.
#[derive(Debug)]
pub(crate) struct GitFolder(PathBuf);

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Head {
    Branch(String),
    /// A commit and no branch.
    Detached(String),
    /// It can not be told from files that acme understands.
    Unknown,
}

/// One entry of the log of `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) who: String,
    pub(crate) when: Option<SystemTime>,
    pub(crate) what: String,
}

impl GitFolder {
    /// The repository in which a folder lies, if it lies in one.
    pub(crate) fn of(root: &Path) -> Option<Self> {
        root.ancestors().find_map(|folder| {
            let git = folder.join(".git");
            if is_repository(&git) {
                return Some(Self(git));
            }
            let start = reading::start_of(&git, LINE_LIMIT).ok()?;
            let named = start.text().trim().strip_prefix("gitdir:")?.trim().to_owned();
            let git = folder.join(named);
            is_repository(&git).then_some(Self(git))
        })
    }

    pub(crate) fn head(&self) -> Head {
        match reading::start_of(&self.0.join("HEAD"), LINE_LIMIT) {
            Ok(start) => parse_head(&start.text()),
            Err(_) => Head::Unknown,
        }
    }

    /// The last entries of the log of `HEAD`, newest first; empty if there is no log.
    pub(crate) fn log(&self, most: usize) -> Vec<LogEntry> {
        let end = reading::end_of(&self.0.join("logs/HEAD"), LOG_LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&end).lines().rev().filter_map(parse_entry).take(most).collect()
    }
}

/// A folder of that name alone is none: sandboxes make empty ones, so that nothing else can be put there.
fn is_repository(git: &Path) -> bool {
    git.join("HEAD").is_file()
}

fn parse_head(text: &str) -> Head {
    let line = text.trim();
    if let Some(reference) = line.strip_prefix("ref:").map(str::trim) {
        return match reference.strip_prefix("refs/heads/") {
            // What git writes where the real HEAD is in a reftable.
            Some(".invalid") => Head::Unknown,
            Some(branch) => Head::Branch(branch.to_owned()),
            None => Head::Branch(reference.to_owned()),
        };
    }
    if line.len() >= 40 && line.chars().all(|c| c.is_ascii_hexdigit()) {
        return Head::Detached(line[..12].to_owned());
    }
    Head::Unknown
}

/// `<old> <new> <name> <<email>> <seconds> <zone>\t<what>`; a first line that was cut has no such form.
fn parse_entry(line: &str) -> Option<LogEntry> {
    let (head, what) = line.split_once('\t').unwrap_or((line, ""));
    let mut words = head.splitn(3, ' ');
    let is_hash = |word: &str| word.len() >= 40 && word.chars().all(|c| c.is_ascii_hexdigit());
    if !(is_hash(words.next()?) && is_hash(words.next()?)) {
        return None;
    }
    let (who, when) = words.next()?.rsplit_once('>')?;
    let who = who.rsplit_once('<').map_or(who, |(name, _)| name).trim().to_owned();
    let seconds = when.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    let when = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    Some(LogEntry { who, when, what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_head_is_a_branch_or_a_commit() {
        assert_eq!(parse_head("ref: refs/heads/feat/x\n"), Head::Branch("feat/x".into()));
        assert_eq!(parse_head(&format!("{HASH}\n")), Head::Detached("0123456789ab".into()));
        for text in ["", "ref: refs/heads/.invalid", "nonsense", "ä"] {
            assert_eq!(parse_head(text), Head::Unknown, "{text:?}");
        }
    }

    #[test]
    fn an_entry_says_who_when_and_what() {
        let entry =
            parse_entry(&format!("{HASH} {HASH} Ada L. <a@b.c> 1700000000 +0100\tcommit: Fix it")).unwrap();
        assert_eq!((entry.who.as_str(), entry.what.as_str()), ("Ada L.", "commit: Fix it"));
        assert_eq!(entry.when, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
        assert_eq!(parse_entry(&format!("{HASH} {HASH} <> x\t")).unwrap().when, None);
        let huge = format!("{HASH} {HASH} A <> {} +0000\tx", u64::MAX);
        assert_eq!(parse_entry(&huge).unwrap().when, None);
        for line in ["", "half a line", "cdef Ada <a> 1 +0\tx"] {
            assert_eq!(parse_entry(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_linked_worktree_and_a_sub_folder_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("main/.git/worktrees/w")).unwrap();
        fs::create_dir_all(root.join("w/sub")).unwrap();
        fs::write(root.join("main/.git/worktrees/w/HEAD"), "ref: refs/heads/w\n").unwrap();
        fs::write(root.join("w/.git"), "gitdir: ../main/.git/worktrees/w\n").unwrap();
        let git = GitFolder::of(&root.join("w/sub")).unwrap();
        assert_eq!(git.head(), Head::Branch("w".into()));
        assert_eq!(git.log(5), []);
        fs::write(root.join("w/.git"), "gitdir: /no/such\n").unwrap();
        assert!(GitFolder::of(&root.join("w")).is_none());
    }
}
