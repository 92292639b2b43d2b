//! Worktrees of real repositories.

use std::os::unix::fs::symlink;

use super::super::fixture::{Repository, branch};
use super::*;

/// Resolves a branch of the project with these settings.
async fn resolve(repository: &Repository, settings: &str, name: &str) -> Result<PathBuf, WorktreeError> {
    let project = repository.project(settings);
    repository.worktrees().resolve(&project, Some(&branch(name))).await
}

async fn fails(repository: &Repository, settings: &str, name: &str) -> String {
    let error = resolve(repository, settings, name).await.unwrap_err().to_string();
    error.replace(&format!("{}/", repository.path().display()), "")
}

fn head(repository: &Repository, folder: &Path) -> String {
    repository.answer(folder, &["symbolic-ref", "--short", "HEAD"])
}

#[tokio::test]
async fn the_project_itself_is_taken_without_a_branch_and_for_its_own() {
    let repository = Repository::new();
    let (worktrees, project) = (repository.worktrees(), repository.project(""));
    assert_eq!(worktrees.resolve(&project, None).await.unwrap(), repository.path());
    let main = worktrees.resolve(&project, Some(&branch("main"))).await.unwrap();
    assert_eq!(main, repository.path());
    assert!(!repository.path().join(".worktrees").exists());
}

#[tokio::test]
async fn a_new_branch_starts_from_the_base_and_is_found_again() {
    let repository = Repository::new();
    repository.git(&["switch", "-q", "-c", "develop"]);
    repository.commit("new", "1");
    repository.git(&["switch", "-q", "main"]);
    let made = resolve(&repository, "worktree_base = 'develop'", "feature/x").await.unwrap();
    assert_eq!(made, repository.path().join(".worktrees/feature/x"));
    assert_eq!(head(&repository, &made), "feature/x");
    assert!(made.join("new").exists(), "it does not start from the base");
    let plain = resolve(&repository, "", "other").await.unwrap();
    assert!(!plain.join("new").exists(), "it does not start from what is checked out");
    repository.write(".worktrees/feature/x/mine", "");
    assert_eq!(resolve(&repository, "", "feature/x").await.unwrap(), made);
    assert!(made.join("mine").exists());
}

#[tokio::test]
async fn local_branches_come_before_those_of_origin_and_those_before_new_ones() {
    let repository = Repository::new();
    repository.git(&["switch", "-q", "-c", "both"]);
    repository.commit("local", "1");
    repository.git(&["switch", "-q", "-c", "remote", "main"]);
    repository.commit("remote", "1");
    repository.git(&["switch", "-q", "main"]);
    repository.git(&["remote", "add", "origin", "."]);
    repository.git(&["update-ref", "refs/remotes/origin/theirs", "remote"]);
    repository.git(&["update-ref", "refs/remotes/origin/both", "remote"]);
    let theirs = resolve(&repository, "", "theirs").await.unwrap();
    assert!(theirs.join("remote").exists());
    assert_eq!(repository.answer(&theirs, &["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/theirs");
    let both = resolve(&repository, "", "both").await.unwrap();
    assert!(both.join("local").exists() && !both.join("remote").exists());
    // A new branch does not push to what it came from.
    let new = resolve(&repository, "worktree_base = 'theirs'", "new").await.unwrap();
    assert!(new.join("remote").exists());
    assert!(!repository.try_git_at(&new, &["rev-parse", "--verify", "-q", "@{upstream}"]));
    let only_remote = resolve(&repository, "worktree_base = 'origin/both'", "newer").await.unwrap();
    assert!(only_remote.join("remote").exists());
    assert!(!repository.try_git_at(&only_remote, &["rev-parse", "--verify", "-q", "@{upstream}"]));
}

#[tokio::test]
async fn a_base_that_is_not_there_is_said_by_its_key() {
    let repository = Repository::new();
    for base in ["gone", "--help", "a b"] {
        assert_eq!(
            fails(&repository, &format!("worktree_base = '{base}'"), "x").await,
            format!("`projects.site.worktree_base` is `{base}`, which the repository does not have")
        );
    }
    repository.git(&["update-ref", "refs/remotes/origin/far", "HEAD"]);
    resolve(&repository, "worktree_base = 'far'", "x").await.unwrap();
    let empty = Repository::new();
    empty.git(&["switch", "-q", "--orphan", "fresh"]);
    empty.git(&["branch", "-q", "-D", "main"]);
    assert!(fails(&empty, "", "x").await.starts_with("there is nothing to start `x` from"));
}

#[tokio::test]
async fn something_else_in_its_place_is_named_and_left_alone() {
    let repository = Repository::new();
    repository.write(".worktrees/file", "");
    repository.write(".worktrees/folder/mine", "");
    repository.write(".worktrees/feature/deep/mine", "");
    repository.git(&["init", "-q", ".worktrees/foreign"]);
    repository.git(&["worktree", "add", "-q", "-b", "there", ".worktrees/here"]);
    repository.git(&["worktree", "add", "-q", "--detach", ".worktrees/detached"]);
    let check = async |name: &str, expected: &str| {
        assert_eq!(fails(&repository, "", name).await, expected);
    };
    check("file", ".worktrees/file is a file, where the worktree of `file` belongs").await;
    check("folder", ".worktrees/folder is a folder and no worktree, where the worktree of `folder` belongs")
        .await;
    check(
        "feature",
        ".worktrees/feature is a folder and no worktree, where the worktree of `feature` belongs",
    )
    .await;
    check(
        "foreign",
        ".worktrees/foreign is a checkout of another repository (.worktrees/foreign/.git), where the worktree of \
         `foreign` belongs",
    )
    .await;
    check("here", ".worktrees/here is on the branch `there`, where the worktree of `here` belongs").await;
    check(
        "detached",
        ".worktrees/detached is on no branch (its HEAD is detached), where the worktree of `detached` belongs",
    )
    .await;
    check(
        "here/deep",
        ".worktrees/here/deep is in the worktree .worktrees/here, where the worktree of `here/deep` belongs",
    )
    .await;
    check("there", "`there` is checked out in .worktrees/here already").await;
    let below_a_file = fails(&repository, "", "file/x").await;
    assert!(below_a_file.starts_with(".worktrees/file/x can not be looked at:"), "{below_a_file}");
    for file in ["file", "folder/mine", "feature/deep/mine"] {
        assert!(repository.path().join(".worktrees").join(file).exists());
    }
}

#[tokio::test]
async fn an_empty_folder_is_no_obstacle() {
    let repository = Repository::new();
    std::fs::create_dir_all(repository.path().join(".worktrees/feature")).unwrap();
    assert!(resolve(&repository, "", "feature").await.unwrap().join("README").exists());
}

#[tokio::test]
async fn no_link_leads_out_of_the_folder_for_worktrees() {
    let repository = Repository::new();
    let outside = repository.outside().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::create_dir(repository.path().join(".worktrees")).unwrap();
    symlink(&outside, repository.path().join(".worktrees/out")).unwrap();
    symlink("../nowhere", repository.path().join(".worktrees/dangling")).unwrap();
    symlink(".", repository.path().join(".worktrees/self")).unwrap();
    for name in ["out", "out/x"] {
        let error = fails(&repository, "", name).await;
        assert!(error.starts_with(&format!("the worktree of `{name}` would be outside of")), "{error}");
        assert!(error.contains(outside.to_str().unwrap()), "{error}");
    }
    assert!(fails(&repository, "", "self").await.contains("would be outside"));
    assert!(fails(&repository, "", "dangling").await.contains("dangling can not be looked at"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    // The folder itself may be a link: that is how its owner wants it.
    let target = resolve(&repository, "worktrees_dir = '.worktrees/out'", "x").await.unwrap();
    assert_eq!(target, outside.join("x"));
}

#[tokio::test]
async fn a_repository_that_is_gone_is_named() {
    let repository = Repository::new();
    let project = repository.project("");
    let moved = repository.outside().join("moved");
    std::fs::rename(repository.path(), &moved).unwrap();
    let worktrees = repository.worktrees();
    for branch in [None, Some(&branch("main"))] {
        let error = worktrees.resolve(&project, branch).await.unwrap_err();
        let path = repository.path().display();
        assert_eq!(error.to_string(), format!("the folder of the project `site` is gone: {path}"));
        assert_eq!(error.hints(), ["bring it back, or mend `projects.site.path` in the configuration"]);
    }
    std::fs::create_dir(repository.path()).unwrap();
    let error = worktrees.resolve(&project, Some(&branch("main"))).await.unwrap_err().to_string();
    assert!(error.starts_with("the project `site` has no branches"), "{error}");
    assert!(worktrees.resolve(&project, None).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_was_deleted_by_hand_is_made_again() {
    let repository = Repository::new();
    let target = resolve(&repository, "", "x").await.unwrap();
    repository.commit_at(&target, "work", "1");
    std::fs::remove_dir_all(&target).unwrap();
    assert!(resolve(&repository, "", "x").await.unwrap().join("work").exists());
    // Unless somebody wants its place kept.
    repository.git(&["worktree", "lock", "--reason", "on a stick", ".worktrees/x"]);
    std::fs::remove_dir_all(&target).unwrap();
    assert_eq!(
        fails(&repository, "", "x").await,
        "the worktree .worktrees/x is gone, and locked (on a stick)"
    );
    // A record of another place is not ours to forget.
    repository.git(&["worktree", "add", "-q", "-b", "y", "../elsewhere"]);
    std::fs::remove_dir_all(repository.outside().join("elsewhere")).unwrap();
    let error = resolve(&repository, "", "y").await.unwrap_err();
    assert!(error.to_string().starts_with("`y` is checked out in "), "{error}");
    assert_eq!(error.hints(), ["that folder is gone: `git worktree prune` in the repository forgets it"]);
}

/// As after a takopi and its git that were killed.
#[tokio::test]
async fn a_half_made_worktree_is_made_anew() {
    let repository = Repository::new();
    let target = resolve(&repository, "", "x").await.unwrap();
    repository.git(&["worktree", "lock", "--reason", "initializing", ".worktrees/x"]);
    std::fs::remove_file(target.join("README")).unwrap();
    assert!(resolve(&repository, "", "x").await.unwrap().join("README").exists());
    repository.git(&["worktree", "lock", "--reason", "initializing", ".worktrees/x"]);
    std::fs::remove_dir_all(&target).unwrap();
    assert!(resolve(&repository, "", "x").await.unwrap().join("README").exists());
    // Somebody else's lock on what is there is no obstacle for a run, and stays.
    repository.git(&["worktree", "lock", ".worktrees/x"]);
    resolve(&repository, "", "x").await.unwrap();
    repository.git(&["worktree", "unlock", ".worktrees/x"]);
}

#[tokio::test]
async fn a_rebase_that_stopped_can_be_continued_by_a_run() {
    let repository = Repository::new();
    let target = resolve(&repository, "", "topic").await.unwrap();
    repository.commit_at(&target, "file", "one");
    repository.commit("file", "other");
    assert!(!repository.try_git_at(&target, &["rebase", "-q", "main"]));
    assert_eq!(resolve(&repository, "", "topic").await.unwrap(), target);
}

#[tokio::test]
async fn a_bare_repository_has_worktrees_and_no_checkout() {
    let repository = Repository::new();
    let bare = repository.bare_clone();
    let mut project = repository.project("");
    project.settings.path.clone_from(&bare);
    project.settings.worktrees_dir = repository.outside().join("trees");
    let main = repository.worktrees().resolve(&project, Some(&branch("main"))).await.unwrap();
    assert_eq!(main, repository.outside().join("trees/main"));
    assert!(main.join("README").exists());
}

#[tokio::test]
async fn messages_at_once_get_one_worktree_each_branch() {
    let repository = Repository::new();
    repository.git(&["remote", "add", "origin", "."]);
    for n in 0..3 {
        repository.git(&["update-ref", &format!("refs/remotes/origin/b{n}"), "HEAD"]);
    }
    let log = repository.outside().join("log");
    let setup = format!("setup = ['sh', '-c', 'echo $TAKOPI_BRANCH >> {}']", log.display());
    let (worktrees, project) = (repository.worktrees(), Arc::new(repository.project(&setup)));
    let runs = (0..12).map(|n| {
        let (worktrees, project) = (Arc::clone(&worktrees), Arc::clone(&project));
        tokio::spawn(async move { worktrees.resolve(&project, Some(&branch(&format!("b{}", n % 3)))).await })
    });
    for (n, run) in futures_util::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(run.unwrap().unwrap(), repository.path().join(format!(".worktrees/b{}", n % 3)));
    }
    let log = std::fs::read_to_string(log).unwrap();
    let mut ran: Vec<&str> = log.lines().collect();
    ran.sort_unstable();
    assert_eq!(ran, ["b0", "b1", "b2"], "each hook runs once");
    assert!(worktrees.busy.lock().unwrap().values().all(|lock| lock.strong_count() == 0));
}

#[tokio::test]
async fn a_setup_hook_that_fails_is_told_and_runs_again() {
    let repository = Repository::new();
    let setup = "setup = ['sh', '-c', 'cat \"$TAKOPI_PROJECT_PATH/.env\" > copied && echo ready; \
                 test -s copied || { echo no env >&2; exit 3; }']";
    let error = resolve(&repository, setup, "x").await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the setup hook of `site` exited with code 3:\n"), "{text}");
    assert!(text.ends_with("\nno env"), "{text}");
    assert_eq!(error.hints().len(), 1);
    let target = repository.path().join(".worktrees/x");
    assert!(target.exists(), "the worktree stays");
    repository.write(".env", "KEY=1");
    assert_eq!(resolve(&repository, setup, "x").await.unwrap(), target);
    assert_eq!(std::fs::read_to_string(target.join("copied")).unwrap(), "KEY=1");
    // Done is done, and nobody sees by what that is remembered.
    std::fs::remove_file(target.join("copied")).unwrap();
    resolve(&repository, setup, "x").await.unwrap();
    assert!(!target.join("copied").exists());
    assert_eq!(repository.answer(&target, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn a_setup_hook_that_is_not_there_is_told() {
    let repository = Repository::new();
    let error = resolve(&repository, "setup = ['no-such-program']", "x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the setup hook of `site` could not be started: `no-such-program` is not installed, or not on PATH"
    );
    // It runs in worktrees only.
    resolve(&repository, "setup = ['no-such-program']", "main").await.unwrap();
}

#[tokio::test]
async fn a_setup_hook_leaves_no_process_behind() {
    let repository = Repository::new();
    let project = repository.project("setup = ['sh', '-c', 'setsid sleep 161803 & echo $! > pid']");
    let host = crate::process::LocalProcesses::new(crate::process::Limits::default());
    let worktrees = Worktrees::new(Arc::clone(&host) as _);
    let target = worktrees.resolve(&project, Some(&branch("x"))).await.unwrap();
    host.shutdown().await;
    let pid = std::fs::read_to_string(target.join("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}
