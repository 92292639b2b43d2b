//! Lists of real worktrees, and what may be removed of them.

use super::super::fixture::{Repository, branch};
use super::*;

async fn list(repository: &Repository, settings: &str) -> Vec<Worktree> {
    repository.worktrees().list(&repository.project(settings)).await.unwrap()
}

/// Branch and verdict of each worktree.
async fn verdicts(repository: &Repository, settings: &str) -> Vec<String> {
    let line = |worktree: &Worktree| match worktree.verdict() {
        Verdict::Remove(reason) => format!("remove {}: {reason}", worktree.head),
        Verdict::Keep(obstacle) => format!("keep {}: {obstacle}", worktree.head),
    };
    list(repository, settings).await.iter().map(line).collect()
}

async fn make(repository: &Repository, name: &str) -> PathBuf {
    repository.worktrees().resolve(&repository.project(""), Some(&branch(name))).await.unwrap()
}

#[tokio::test]
async fn only_what_is_clean_and_merged_may_go() {
    let repository = Repository::new();
    make(&repository, "clean").await;
    let changed = make(&repository, "changed").await;
    fs::write(changed.join("README"), "other").unwrap();
    let untracked = make(&repository, "untracked").await;
    fs::write(untracked.join("new"), "").unwrap();
    fs::write(untracked.join("newer"), "").unwrap();
    let ahead = make(&repository, "ahead").await;
    repository.commit_at(&ahead, "work", "1");
    let both = make(&repository, "both").await;
    repository.commit_at(&both, "work", "1");
    fs::write(both.join("README"), "other").unwrap();
    let merged = make(&repository, "merged").await;
    repository.commit_at(&merged, "merged", "1");
    repository.git(&["merge", "-q", "merged"]);
    let squashed = make(&repository, "squashed").await;
    repository.commit_at(&squashed, "a", "1");
    repository.commit_at(&squashed, "b", "1");
    repository.git(&["merge", "-q", "--squash", "squashed"]);
    repository.git(&["commit", "-q", "-m", "squashed"]);
    assert_eq!(
        verdicts(&repository, "").await,
        [
            "keep @ahead: 1 commit not in main",
            "keep @both: 1 changed file",
            "keep @changed: 1 changed file",
            "remove @clean: clean, and in main",
            "remove @merged: clean, and in main",
            "remove @squashed: clean, and in main",
            "keep @untracked: 2 changed files",
        ]
    );
    let states: Vec<String> =
        list(&repository, "").await.iter().map(|found| found.state.to_string()).collect();
    assert_eq!(states[1], "1 changed file, 1 commit not in main");
    assert_eq!(states[5], "clean, in main by its changes");
    // git looks again: between a list and a removal an agent may have worked.
    let (project, worktrees) = (repository.project(""), repository.worktrees());
    let found = list(&repository, "").await;
    fs::write(found[3].path.join("late"), "").unwrap();
    worktrees.remove(&project, &found[3], Removal::IfClean).await.unwrap_err();
    assert!(found[3].path.join("late").exists());
    worktrees.remove(&project, &found[3], Removal::WithChanges).await.unwrap();
    assert!(!found[3].path.exists());
    assert!(repository.try_git(&["rev-parse", "-q", "--verify", "refs/heads/clean"]), "its branch stays");
}

#[tokio::test]
async fn what_came_back_out_of_the_base_is_not_in_it() {
    let repository = Repository::new();
    let path = make(&repository, "topic").await;
    repository.commit_at(&path, "work", "1");
    repository.git(&["merge", "-q", "--squash", "topic"]);
    repository.git(&["commit", "-q", "-m", "squashed"]);
    repository.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(verdicts(&repository, "").await, ["keep @topic: 1 commit not in main"]);
}

#[tokio::test]
async fn the_base_is_looked_for_on_both_sides() {
    let repository = Repository::new();
    let path = make(&repository, "topic").await;
    repository.commit_at(&path, "work", "1");
    repository.git(&["remote", "add", "origin", "."]);
    repository.git(&["update-ref", "refs/remotes/origin/main", "topic"]);
    assert_eq!(verdicts(&repository, "").await, ["remove @topic: clean, and in origin/main"]);
    repository.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    repository.git(&["merge", "-q", "topic"]);
    repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    assert_eq!(verdicts(&repository, "").await, ["remove @topic: clean, and in main"]);
    assert_eq!(
        verdicts(&repository, "worktree_base = 'gone'").await,
        ["keep @topic: nothing to compare it with"]
    );
}

#[tokio::test]
async fn what_is_under_way_or_locked_or_detached_stays() {
    let repository = Repository::new();
    let rebase = make(&repository, "rebase").await;
    repository.commit_at(&rebase, "file", "one");
    repository.commit("file", "other");
    repository.try_git_at(&rebase, &["rebase", "-q", "main"]);
    repository.git_at(&rebase, &["checkout", "-q", "--ours", "file"]);
    repository.git_at(&rebase, &["add", "file"]);
    make(&repository, "locked").await;
    repository.git(&["worktree", "lock", "--reason", "mine", ".worktrees/locked"]);
    make(&repository, "secret").await;
    repository.git(&["worktree", "lock", ".worktrees/secret"]);
    let detached = make(&repository, "was").await;
    repository.git_at(&detached, &["switch", "-q", "--detach"]);
    repository.commit_at(&detached, "lost", "1");
    let found = verdicts(&repository, "").await;
    assert_eq!(
        found[..3],
        ["keep @locked: locked (mine)", "keep @rebase: in the middle of a rebase", "keep @secret: locked",]
    );
    assert!(found[3].starts_with("keep (detached at "), "{found:?}");
    assert!(found[3].ends_with("): 1 commit not in main"), "{found:?}");
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "a process that works in a worktree")]
#[tokio::test]
async fn a_worktree_in_which_a_process_works_stays() {
    let repository = Repository::new();
    let path = make(&repository, "busy").await;
    fs::create_dir(path.join("deep")).unwrap();
    let mut process =
        std::process::Command::new("sleep").arg("141421").current_dir(path.join("deep")).spawn().unwrap();
    // Between fork and exec the child still works elsewhere; its name comes with the program.
    let link = format!("/proc/{}/comm", process.id());
    while fs::read_to_string(&link).unwrap().trim() != "sleep" {
        tokio::task::yield_now().await;
    }
    let found = verdicts(&repository, "").await;
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(found, [format!("keep @busy: in use by sleep ({})", process.id())]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_forgotten_unless_its_disk_may_be_away() {
    let repository = Repository::new();
    let path = make(&repository, "feature/x").await;
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(verdicts(&repository, "").await, ["remove @feature/x: its folder is gone"]);
    let (project, worktrees) = (repository.project(""), repository.worktrees());
    worktrees.remove(&project, &list(&repository, "").await[0], Removal::IfClean).await.unwrap();
    assert!(list(&repository, "").await.is_empty());
    assert!(repository.path().join(".worktrees").exists());
    assert!(!repository.path().join(".worktrees/feature").exists(), "an empty folder is left");

    let away = "worktrees_dir = '../disk/trees'";
    let project = repository.project(away);
    worktrees.resolve(&project, Some(&branch("y"))).await.unwrap();
    let disk = repository.outside().join("disk");
    fs::rename(&disk, repository.outside().join("drawer")).unwrap();
    assert_eq!(
        verdicts(&repository, away).await,
        ["keep @y: not there, as all worktrees of the project; a disk may be away"]
    );
    fs::create_dir_all(disk.join("trees")).unwrap();
    assert_eq!(verdicts(&repository, away).await, ["remove @y: its folder is gone"]);
}

#[tokio::test]
async fn worktrees_elsewhere_are_somebody_elses() {
    let repository = Repository::new();
    repository.git(&["worktree", "add", "-q", "-b", "mine", "../mine"]);
    repository.git(&["worktree", "add", "-q", "-b", "also-mine", "inner"]);
    make(&repository, "x").await;
    let heads: Vec<String> = list(&repository, "").await.iter().map(|found| found.head.to_string()).collect();
    assert_eq!(heads, ["@x"]);
    // The folder around the checkout may be the one for worktrees; the checkout itself is none.
    let mut heads: Vec<String> =
        list(&repository, "worktrees_dir = '..'").await.iter().map(|found| found.head.to_string()).collect();
    heads.sort_unstable();
    assert_eq!(heads, ["@also-mine", "@mine", "@x"]);
}

#[tokio::test]
async fn what_took_the_place_of_a_worktree_stays() {
    let repository = Repository::new();
    let path = make(&repository, "x").await;
    fs::remove_dir_all(&path).unwrap();
    repository.git(&["init", "-q", ".worktrees/x"]);
    assert_eq!(verdicts(&repository, "").await, ["keep @x: there is something else in its place"]);
    let found = list(&repository, "").await;
    for removal in [Removal::IfClean, Removal::WithChanges] {
        repository.worktrees().remove(&repository.project(""), &found[0], removal).await.unwrap_err();
    }
    assert!(path.join(".git").exists());
}

#[tokio::test]
async fn a_project_without_a_repository_has_none() {
    let repository = Repository::new();
    let project = repository.project("");
    let moved = repository.outside().join("moved");
    fs::rename(repository.path(), &moved).unwrap();
    let error = repository.worktrees().list(&project).await.unwrap_err();
    assert!(matches!(error, WorktreeError::Gone { .. }), "{error}");
    fs::create_dir(repository.path()).unwrap();
    let error = repository.worktrees().list(&project).await.unwrap_err();
    assert!(matches!(error, WorktreeError::NoRepository { .. }), "{error}");
}
