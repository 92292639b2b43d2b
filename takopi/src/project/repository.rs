//! What is asked of a repository: where its parts are, what it has checked out, from what new branches start.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::git::{Git, GitError};

/// Why git locks a worktree while it makes it. A worktree with this lock that nobody is making is a half-made one: its
/// git was killed.
pub(super) const BEING_MADE: &str = "initializing";

/// Where in a repository a folder is.
#[derive(Debug)]
pub(super) struct Place {
    /// The top of the checkout or worktree; `None` in a bare repository, or inside of `.git`.
    pub(super) root: Option<PathBuf>,
    /// What git keeps of this checkout or worktree.
    pub(super) git_dir: PathBuf,
    /// What git keeps of the repository: its worktrees share it.
    pub(super) common_dir: PathBuf,
}

impl Place {
    /// The place of a folder that exists; `None` outside of repositories.
    pub(super) async fn of(git: &Git, folder: &Path) -> Result<Option<Self>, GitError> {
        let questions =
            ["rev-parse", "--is-inside-work-tree", "--git-dir", "--git-common-dir", "--show-cdup"];
        let answer = match git.at(folder).args(questions).tell().await {
            Ok(answer) => answer,
            Err(GitError::Failed { said, .. }) if said.contains("not a git repository") => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lines = answer.split(|byte| *byte == b'\n');
        let unreadable = |what: String| GitError::Unreadable { command: "git rev-parse".to_owned(), what };
        // Its paths are absolute, or relative to the folder.
        let resolve = |line: Option<&[u8]>| {
            let path = folder.join(OsStr::from_bytes(line.unwrap_or_default()));
            fs::canonicalize(&path).map_err(|error| unreadable(format!("{}: {error}", path.display())))
        };
        let is_inside = lines.next() == Some(b"true");
        Ok(Some(Self {
            git_dir: resolve(lines.next())?,
            common_dir: resolve(lines.next())?,
            root: if is_inside { Some(resolve(lines.next())?) } else { None },
        }))
    }

    /// The branch that is checked out here; `None` without one. During a rebase or a bisection HEAD is detached, but it is
    /// still the branch that is worked on.
    pub(super) async fn branch(&self, git: &Git) -> Result<Option<String>, GitError> {
        let Some(root) = &self.root else { return Ok(None) };
        let head = git.at(root).args(["symbolic-ref", "--quiet", "HEAD"]).ask().await?;
        let head = head.map(|head| String::from_utf8_lossy(&head).into_owned());
        if let Some(head) = head.or_else(|| self.kept(&["rebase-merge/head-name", "rebase-apply/head-name"]))
        {
            return Ok(head.trim().strip_prefix("refs/heads/").map(str::to_owned));
        }
        // A bisection may also have begun where no branch was.
        match self.kept(&["BISECT_START"]).map(|start| start.trim().to_owned()) {
            Some(start) if has_ref(git, root, &format!("refs/heads/{start}")).await? => Ok(Some(start)),
            _ => Ok(None),
        }
    }

    /// What stands in the first of these files that there is.
    fn kept(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| fs::read_to_string(self.git_dir.join(name)).ok())
    }
}

/// What git knows of a worktree, which need not exist any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) path: PathBuf,
    pub(super) head: Option<String>,
    /// Absent in a detached or bare one.
    pub(super) branch: Option<String>,
    /// Why it is locked, if it is.
    pub(super) lock: Option<String>,
}

impl Record {
    /// All worktrees of a repository; the first is the main one.
    pub(super) async fn all(git: &Git, folder: &Path) -> Result<Vec<Self>, GitError> {
        // With `-z` names with line breaks in them could be read as well, but gits that are still around lack it.
        Ok(records(&git.at(folder).args(["worktree", "list", "--porcelain"]).tell().await?))
    }

    pub(super) fn is_half_made(&self) -> bool {
        self.lock.as_deref() == Some(BEING_MADE)
    }
}

fn records(list: &[u8]) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in list.split(|byte| *byte == b'\n') {
        let (key, value) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let text = || String::from_utf8_lossy(value).into_owned();
        match (key, records.last_mut()) {
            (b"worktree", _) => {
                records.push(Record { path: OsStr::from_bytes(value).into(), ..Record::default() });
            }
            (b"HEAD", Some(record)) => record.head = Some(text()),
            (b"branch", Some(record)) => {
                record.branch = text().strip_prefix("refs/heads/").map(str::to_owned);
            }
            (b"locked", Some(record)) => record.lock = Some(text()),
            _ => {}
        }
    }
    records
}

/// A path with its symbolic links resolved, of which the end need not exist yet.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        // A link to nowhere exists, and whatever is made through it comes to lie elsewhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) if parent != Path::new("") => Ok(real_path(parent)?.join(name)),
                (Some(_), Some(name)) => Ok(std::env::current_dir()?.join(name)),
                _ => Err(error),
            }
        }
        result => result,
    }
}

/// The commit that a name stands for, if it stands for one.
pub(super) async fn commit_of(git: &Git, folder: &Path, name: &str) -> Result<Option<String>, GitError> {
    if name.starts_with('-') {
        return Ok(None);
    }
    let commit = format!("{name}^{{commit}}");
    let answer = git.at(folder).args(["rev-parse", "--verify", "--quiet"]).arg(commit).ask().await?;
    Ok(answer.map(|commit| String::from_utf8_lossy(&commit).trim().to_owned()))
}

/// Whether there is this ref, by its full name.
pub(super) async fn has_ref(git: &Git, folder: &Path, reference: &str) -> Result<bool, GitError> {
    let answer = git.at(folder).args(["show-ref", "--verify", "--quiet", reference]).ask().await?;
    Ok(answer.is_some())
}

/// From what new branches of a repository start where nothing is configured: the remote's default branch, else the branch
/// that is checked out, else `master` or `main`. `None` if there is no such, as in a repository without commits.
///
/// # Errors
/// [`GitError`] if git can not say.
pub async fn default_base(git: &Git, path: &Path) -> Result<Option<String>, GitError> {
    let Some(place) = Place::of(git, path).await? else { return Ok(None) };
    let origin = git.at(path).args(["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"]).ask().await?;
    let origin = origin.map(|name| String::from_utf8_lossy(&name).trim().to_owned());
    let origin = origin.and_then(|name| name.strip_prefix("refs/remotes/").map(str::to_owned));
    let candidates = [origin, place.branch(git).await?, Some("master".to_owned()), Some("main".to_owned())];
    for candidate in candidates.into_iter().flatten() {
        // The name alone may also be one of a tag, or of a branch that the remote has no longer.
        if commit_of(git, path, &candidate).await?.is_some() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// The top of the main checkout of the repository that a folder is in, also from inside of a linked worktree. The folder
/// itself in a bare repository, and outside of repositories.
///
/// # Errors
/// [`GitError`] if git can not say.
pub async fn main_checkout(git: &Git, folder: &Path) -> Result<PathBuf, GitError> {
    let Some(place) = Place::of(git, folder).await? else { return Ok(folder.to_owned()) };
    let is_linked = place.git_dir != place.common_dir;
    if is_linked && place.common_dir.file_name() == Some(OsStr::new(".git")) {
        return Ok(place.common_dir.parent().unwrap_or(folder).to_owned());
    }
    // A worktree of a bare repository has no main checkout; it is a checkout itself.
    Ok(place.root.unwrap_or_else(|| folder.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Repository;
    use super::*;

    #[test]
    fn records_are_read_with_what_is_unknown_in_them() {
        let list = b"worktree /r\nHEAD 12\nbranch refs/heads/main\n\nworktree /r/a b\nHEAD 34\ndetached\n\
                     locked two words\nnew thing\n\nworktree /x\nbare\nlocked\n\n";
        let record = |path: &str| Record { path: path.into(), ..Record::default() };
        assert_eq!(
            records(list),
            [
                Record { head: Some("12".into()), branch: Some("main".into()), ..record("/r") },
                Record { head: Some("34".into()), lock: Some("two words".into()), ..record("/r/a b") },
                Record { lock: Some(String::new()), ..record("/x") },
            ]
        );
        assert_eq!(records(b""), []);
        assert_eq!(records(b"HEAD 12\nlocked\n"), []);
    }

    #[test]
    fn the_end_of_a_real_path_need_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("dangling")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("here")).unwrap();
        assert_eq!(real_path(&root.join("here/a/b")).unwrap(), root.join("a/b"));
        assert!(real_path(&root.join("dangling/b")).is_err());
        assert!(real_path(&root.join("dangling")).is_err());
    }

    #[tokio::test]
    async fn the_main_checkout_is_found_from_everywhere() {
        let repository = Repository::new();
        repository.git(&["worktree", "add", "-q", "-b", "x", "linked"]);
        repository.write("linked/deep/file", "");
        let (git, root) = (repository.asked(), repository.path());
        for folder in ["", "linked", "linked/deep"] {
            assert_eq!(main_checkout(&git, &root.join(folder)).await.unwrap(), root, "from {folder:?}");
        }
        let outside = tempfile::tempdir().unwrap();
        assert_eq!(main_checkout(&git, outside.path()).await.unwrap(), outside.path());
        let bare = repository.bare_clone();
        assert_eq!(main_checkout(&git, &bare).await.unwrap(), bare);
        repository.git_at(&bare, &["worktree", "add", "-q", "-b", "y", "../of-bare"]);
        let of_bare = fs::canonicalize(bare.join("../of-bare")).unwrap();
        assert_eq!(main_checkout(&git, &of_bare).await.unwrap(), of_bare);
    }

    #[tokio::test]
    async fn the_base_is_the_remotes_default_then_what_is_checked_out() {
        let repository = Repository::new();
        let git = repository.asked();
        let base = async || default_base(&git, repository.path()).await.unwrap();
        assert_eq!(base().await.as_deref(), Some("main"));
        repository.git(&["switch", "-q", "-c", "topic"]);
        assert_eq!(base().await.as_deref(), Some("topic"));
        repository.git(&["switch", "-q", "--detach"]);
        assert_eq!(base().await.as_deref(), Some("main"));
        repository.git(&["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
        repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
        assert_eq!(base().await.as_deref(), Some("origin/trunk"));
        repository.git(&["update-ref", "-d", "refs/remotes/origin/trunk"]);
        assert_eq!(base().await.as_deref(), Some("main"), "what the remote has no longer is no base");
        let empty = tempfile::tempdir().unwrap();
        repository.git_at(empty.path(), &["init", "-q"]);
        assert_eq!(default_base(&git, empty.path()).await.unwrap(), None);
        let outside = tempfile::tempdir().unwrap();
        assert_eq!(default_base(&git, outside.path()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_branch_that_is_being_rebased_is_still_checked_out() {
        let repository = Repository::new();
        let git = repository.asked();
        let branch = async || {
            let place = Place::of(&git, repository.path()).await.unwrap().unwrap();
            place.branch(&git).await.unwrap()
        };
        assert_eq!(branch().await.as_deref(), Some("main"));
        repository.git(&["switch", "-q", "-c", "topic"]);
        repository.commit("file", "one");
        repository.git(&["switch", "-q", "main"]);
        repository.commit("file", "other");
        repository.git(&["switch", "-q", "topic"]);
        assert!(!repository.try_git(&["rebase", "-q", "main"]), "it should stop at a conflict");
        assert_eq!(branch().await.as_deref(), Some("topic"));
        repository.git(&["rebase", "--abort"]);
        repository.git(&["bisect", "start", "-q", "HEAD", "HEAD~1"]);
        repository.git(&["switch", "-q", "--detach"]);
        assert_eq!(branch().await.as_deref(), Some("topic"));
        repository.git(&["bisect", "reset"]);
        repository.git(&["switch", "-q", "--detach"]);
        assert_eq!(branch().await, None);
    }
}
