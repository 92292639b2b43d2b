//! Real repositories in folders that go away with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::git::Git;
use super::{Alias, Branch, Project, Worktrees};
use crate::config::Reader;
use crate::process::{Limits, LocalProcesses};

/// A repository with one commit on `main`.
pub(super) struct Repository {
    folder: TempDir,
    path: PathBuf,
}

impl Repository {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap().join("repository");
        fs::create_dir(&path).unwrap();
        let repository = Self { folder, path };
        repository.git(&["init", "-q"]);
        repository.commit("README", "hello");
        repository
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder around the repository.
    pub(super) fn outside(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    /// As the tested code asks git.
    pub(super) fn asked(&self) -> Git {
        Git::new(LocalProcesses::new(Limits::default()))
    }

    pub(super) fn worktrees(&self) -> Arc<Worktrees> {
        Arc::new(Worktrees::new(LocalProcesses::new(Limits::default())))
    }

    /// The project with these lines in its table, besides its path.
    pub(super) fn project(&self, settings: &str) -> Project {
        let file = self.outside().join("takopi.toml");
        let text = format!("[projects.site]\npath = {:?}\n{settings}\n", self.path);
        let config = Reader::new(file, <_>::default(), <_>::default()).parse(&text).unwrap();
        let (alias, settings) = config.projects.into_iter().next().unwrap();
        assert_eq!(alias, Alias::new("site").unwrap());
        Project { alias, settings }
    }

    pub(super) fn git(&self, args: &[&str]) {
        self.git_at(&self.path, args);
    }

    pub(super) fn git_at(&self, folder: &Path, args: &[&str]) {
        let output = run(folder, args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn try_git(&self, args: &[&str]) -> bool {
        self.try_git_at(&self.path, args)
    }

    pub(super) fn try_git_at(&self, folder: &Path, args: &[&str]) -> bool {
        run(folder, args).status.success()
    }

    /// What git says, without the line break at its end.
    pub(super) fn answer(&self, folder: &Path, args: &[&str]) -> String {
        String::from_utf8(run(folder, args).stdout).unwrap().trim_end().to_owned()
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn commit(&self, file: &str, text: &str) {
        self.commit_at(&self.path, file, text);
    }

    pub(super) fn commit_at(&self, folder: &Path, file: &str, text: &str) {
        fs::write(folder.join(file), text).unwrap();
        self.git_at(folder, &["add", file]);
        self.git_at(folder, &["commit", "-q", "-m", file]);
    }

    /// A bare clone beside the repository.
    pub(super) fn bare_clone(&self) -> PathBuf {
        self.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
        self.outside().join("bare.git")
    }
}

pub(super) fn branch(name: &str) -> Branch {
    Branch::new(name).unwrap()
}

/// git with nothing of the machine's own configuration.
#[expect(clippy::disallowed_methods, reason = "git as a person would use it beside takopi")]
fn run(folder: &Path, args: &[&str]) -> std::process::Output {
    let mut git = std::process::Command::new("git");
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.org"),
    ] {
        git.env(name, value);
    }
    git.args(["-c", "init.defaultBranch=main"]).args(args).current_dir(folder).output().unwrap()
}
