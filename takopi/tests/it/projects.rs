//! `takopi init` and `takopi worktrees`, by the shipped binary on real repositories.
#![expect(clippy::disallowed_methods, reason = "the program under test, and git as a person uses it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A home with a configuration, and a repository with one commit on `main`.
struct Machine {
    _folder: TempDir,
    root: PathBuf,
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("home")).unwrap();
        let machine = Self { _folder: folder, root };
        fs::create_dir(machine.site()).unwrap();
        machine.git(&["init", "-q"]);
        fs::write(machine.site().join("README"), "hello").unwrap();
        machine.git(&["add", "."]);
        machine.git(&["commit", "-q", "-m", "first"]);
        machine
    }

    fn site(&self) -> PathBuf {
        self.root.join("home/site")
    }

    fn config_file(&self) -> PathBuf {
        self.root.join("home/.takopi/takopi.toml")
    }

    fn config(&self) -> String {
        fs::read_to_string(self.config_file()).unwrap()
    }

    fn git(&self, args: &[&str]) {
        self.git_at(&self.site(), args);
    }

    fn git_at(&self, folder: &Path, args: &[&str]) {
        let mut command = self.command("git", folder);
        let names = ["-c", "init.defaultBranch=main", "-c", "user.name=A", "-c", "user.email=a@example.org"];
        let output = command.args(names).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
    }

    /// The repository as a project with this worktree, which nobody has worked in.
    fn worktree(&self, branch: &str) -> PathBuf {
        let path = self.site().join(".worktrees").join(branch);
        self.git(&["worktree", "add", "-q", "-b", branch, path.to_str().unwrap()]);
        path
    }

    fn takopi(&self, args: &[&str]) -> Ended {
        self.takopi_at(&self.site(), args)
    }

    fn takopi_at(&self, folder: &Path, args: &[&str]) -> Ended {
        let output = self.command(env!("CARGO_BIN_EXE_takopi"), folder).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// A program with nothing of the machine's own but its tools.
    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("HOME", self.root.join("home"))
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(std::process::Stdio::null());
        command
    }
}

impl Ended {
    #[track_caller]
    fn is(&self, code: i32, stdout: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{}", self.stderr);
    }

    #[track_caller]
    fn says(&self, code: i32, what: &str) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(self.stderr.contains(what), "{}", self.stderr);
    }
}

#[test]
fn init_adds_a_project_from_anywhere_in_its_repository() {
    let machine = Machine::new();
    let worktree = machine.worktree("x");
    let file = machine.config_file();
    machine
        .takopi_at(&worktree, &["init", "Site"])
        .is(0, &format!("saved project 'Site' to {}\n", file.display()));
    let expected = format!(
        "\n[projects.Site]\npath = \"{}\"\nworktrees_dir = \".worktrees\"\nworktree_base = \"main\"\n",
        machine.site().display()
    );
    assert_eq!(machine.config().trim_start(), expected.trim_start());
    fs::create_dir(machine.site().join("deep")).unwrap();
    // The same place again is no question, and the name stays as it was written.
    let again = machine.takopi_at(&machine.site().join("deep"), &["init", "site", "--default"]);
    again.is(0, &format!("saved project 'Site' to {}\n", file.display()));
    assert!(machine.config().starts_with("default_project = \"Site\"\n"), "{}", machine.config());
    machine.takopi(&["worktrees", "list", "SITE"]).says(0, "");
}

#[test]
fn init_moves_nothing_without_a_yes_and_loses_nothing_with_one() {
    let machine = Machine::new();
    let elsewhere = machine.root.join("home/elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(machine.root.join("home/.takopi")).unwrap();
    let before = format!("# mine\n[projects.site]\npath = {elsewhere:?} # here\nchat_id = -100\n");
    fs::write(machine.config_file(), &before).unwrap();
    machine.takopi(&["init", "SITE"]).says(1, "error: `site` is another folder: ~/elsewhere\nhint: choose");
    assert_eq!(machine.config(), before);
    machine.takopi(&["init", "SITE", "--yes"]).says(0, "");
    let expected = format!(
        "# mine\n[projects.site]\npath = {:?} # here\nchat_id = -100\nworktrees_dir = \".worktrees\"\n\
         worktree_base = \"main\"\n",
        machine.site()
    );
    assert_eq!(machine.config(), expected);
}

#[test]
fn init_refuses_names_that_mean_something_else() {
    let machine = Machine::new();
    let check = |name: &str, what: &str| machine.takopi(&["init", name]).says(2, what);
    check("cancel", "error: `cancel`: an alias can not be the name of an engine or a command");
    check("Worktrees", "error: `Worktrees`: an alias can not be the name of an engine or a command");
    check("Acme", "error: `Acme`: an alias can not be the name of an engine or a command");
    check(" ", "error: an alias can not be blank");
    check("/x", "error: an alias can not begin with `/`");
    machine.takopi(&["init"]).says(1, "hint: `takopi init site`");
    assert!(!machine.config_file().exists());
}

#[test]
fn init_writes_the_file_that_is_named_and_no_broken_one() {
    let machine = Machine::new();
    let file = machine.root.join("new/folder/t.toml");
    let named = ["--config", file.to_str().unwrap(), "init", "site"];
    machine.takopi(&named).says(0, "");
    assert!(fs::read_to_string(&file).unwrap().contains("[projects.site]"));
    fs::write(&file, "projects = 3\n").unwrap();
    machine.takopi(&named).says(1, "expected a table");
    assert_eq!(fs::read_to_string(&file).unwrap(), "projects = 3\n");
}

#[test]
fn init_needs_neither_a_repository_nor_git() {
    let machine = Machine::new();
    let plain = machine.root.join("home/plain");
    fs::create_dir(&plain).unwrap();
    machine.takopi_at(&plain, &["init", "plain"]).says(0, "");
    assert!(!machine.config().contains("worktree_base"));
    let output = machine
        .command(env!("CARGO_BIN_EXE_takopi"), &machine.site())
        .args(["init", "site"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("warning: git is not installed"));
    machine.takopi(&["worktrees", "list", "plain"]).says(1, "the project `plain` has no branches");
    // One of several projects is no reason to fail.
    machine.takopi(&["worktrees", "list"]).says(0, "there are no worktrees");
}

#[test]
fn worktrees_are_listed_for_people_and_for_programs() {
    let machine = Machine::new();
    machine.takopi(&["worktrees", "list"]).says(0, "there are no worktrees");
    machine.takopi(&["init", "site"]).says(0, "");
    machine.worktree("done");
    let spike = machine.worktree("feature/spike");
    fs::write(spike.join("new"), "").unwrap();
    machine.takopi(&["worktrees", "list"]).is(
        0,
        "site  @done           clean, in main           just now  ~/site/.worktrees/done\n\
         site  @feature/spike  1 changed file, in main  just now  ~/site/.worktrees/feature/spike\n",
    );
    let json = machine.takopi(&["worktrees", "list", "site", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let row = &rows[1];
    assert_eq!(row["project"], "site");
    assert_eq!(row["branch"], "feature/spike");
    assert_eq!(row["path"], spike.to_str().unwrap());
    assert_eq!((&row["changed_files"], &row["merged"]), (&1.into(), &true.into()));
    assert_eq!((&row["prunable"], &rows[0]["prunable"]), (&false.into(), &true.into()));
    assert!(row["last_commit"].is_u64() && row["last_change"].is_u64());
    machine
        .takopi(&["worktrees", "list", "sit"])
        .says(2, "error: there is no project `sit`\nhint: did you mean `site`?");
}

#[test]
fn prune_names_what_it_removes_and_keeps_what_would_be_missed() {
    let machine = Machine::new();
    machine.takopi(&["init", "site"]).says(0, "");
    let done = machine.worktree("done");
    let gone = machine.worktree("gone");
    fs::remove_dir_all(&gone).unwrap();
    let dirty = machine.worktree("dirty");
    fs::write(dirty.join("new"), "").unwrap();
    let ahead = machine.worktree("ahead");
    fs::write(ahead.join("new"), "").unwrap();
    machine.git_at(&ahead, &["add", "."]);
    machine.git_at(&ahead, &["commit", "-q", "-m", "work"]);
    let text = |verb: &str| {
        format!(
            "keeping site @ahead: 1 commit not in main (~/site/.worktrees/ahead)\n\
             keeping site @dirty: 1 changed file (~/site/.worktrees/dirty)\n\
             {verb} site @done: clean, and in main (~/site/.worktrees/done)\n\
             {verb} site @gone: its folder is gone (~/site/.worktrees/gone)\n"
        )
    };
    machine.takopi(&["worktrees", "prune", "--dry-run"]).is(0, &text("would remove"));
    assert!(done.exists());
    machine.takopi(&["worktrees", "prune"]).is(0, &text("removing"));
    assert!(!done.exists() && dirty.join("new").exists() && ahead.join("new").exists());
    machine.takopi(&["worktrees", "prune", "site"]).is(
        0,
        "keeping site @ahead: 1 commit not in main (~/site/.worktrees/ahead)\n\
         keeping site @dirty: 1 changed file (~/site/.worktrees/dirty)\n",
    );
    machine.git(&["rev-parse", "--verify", "-q", "refs/heads/done"]);
}

#[test]
fn force_removes_the_named_worktree_and_no_other() {
    let machine = Machine::new();
    machine.takopi(&["init", "site"]).says(0, "");
    let done = machine.worktree("done");
    let dirty = machine.worktree("dirty");
    fs::write(dirty.join("new"), "").unwrap();
    let locked = machine.worktree("locked");
    machine.git(&["worktree", "lock", locked.to_str().unwrap()]);
    machine.takopi(&["worktrees", "prune", "--force", "dirty"]).says(2, "PROJECT");
    let force = |branches: &[&str]| {
        let mut args = vec!["worktrees", "prune", "site"];
        branches.iter().for_each(|branch| args.extend(["--force", branch]));
        machine.takopi(&args)
    };
    force(&["dirty", "nothing"]).says(2, "error: `site` has no worktree of `nothing`");
    force(&["--help"]).says(2, "a value is required");
    assert!(dirty.exists());
    force(&["locked"]).is(1, "keeping site @locked: locked (~/site/.worktrees/locked)\n");
    assert!(locked.exists());
    let expected = "removing site @dirty: by force, 1 changed file, in main (~/site/.worktrees/dirty)\n";
    force(&["dirty"]).is(0, expected);
    assert!(!dirty.exists() && done.exists());
}

#[test]
fn the_help_says_what_is_removed() {
    let machine = Machine::new();
    let help = machine.takopi(&["worktrees", "prune", "--help"]).stdout;
    for words in ["the branches stay", "--dry-run", "--force <BRANCH>", "whose folder is gone"] {
        assert!(help.contains(words), "{words:?} is not in\n{help}");
    }
    assert!(machine.takopi(&["--help"]).stdout.contains("worktrees"));
}
