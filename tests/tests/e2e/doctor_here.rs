//! `takopi doctor` without `--engines`: everything that costs nothing.

use std::fs;

use serde_json::Value;
use takopi_tests::{Sandbox, Scene, Script};

use crate::sandbox;

/// What it says of each thing, and its exit code.
fn findings(sandbox: &Sandbox) -> (Vec<(String, String, String)>, Option<i32>) {
    let ended = sandbox.run(&["doctor", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = rows.iter().map(|row| {
        assert!(row["next"].is_array());
        (text(row, "check"), text(row, "status"), text(row, "detail"))
    });
    (rows.collect(), ended.code)
}

#[track_caller]
fn says(sandbox: &Sandbox, check: &str, status: &str, detail: &str) {
    let (rows, code) = findings(sandbox);
    let is_meant =
        |row: &&(String, String, String)| row.0 == check && row.1 == status && row.2.contains(detail);
    assert!(rows.iter().any(|row| is_meant(&row)), "{check}: {status} ({detail}) is not among {rows:#?}");
    let is_error = rows.iter().any(|row| row.1 == "error");
    assert_eq!(code, Some(i32::from(is_error)));
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(sandbox.home().join(".takopi"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // SQLite needs them to read, and keeps nothing in them.
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_machine_is_looked_at_and_nothing_is_made() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "takopi doctor\n- configuration: ok (there is no ~/.takopi/takopi.toml yet, and need not be; ",
        "- state: ok (there is none yet: the first chat makes it)\n",
        "- lock: ok (free: ",
        "- git: ok (/",
        "- transport: ok (none is configured; ",
        "- engine acme: ok (embedded)\n",
        "- engine codex: warning (not installed; npm install -g @openai/codex)\n",
    ] {
        assert!(ended.stdout.contains(line), "{line:?} is not in {}", ended.stdout);
    }
    assert_eq!(names(&sandbox), [""; 0]);
}

#[test]
fn what_is_wrong_is_one_line_with_what_to_do() {
    let sandbox = sandbox();
    sandbox.config("default_enigne = 'codex'\n");
    says(&sandbox, "configuration", "warning", "takopi.toml:1:1: unknown key `default_enigne`; did you mean");
    sandbox.config("[codex]\nmodle = 'x'\n");
    says(&sandbox, "configuration", "warning", "takopi.toml:2:1: unknown key `codex.modle`");
    sandbox.config("default_engine = 3\n");
    says(&sandbox, "configuration", "error", "takopi.toml:1:18: `default_engine`");
    says(&sandbox, "git", "ok", "");
    sandbox.config("default_engine = 'codex'\ntransport = 'telegramm'\n");
    says(&sandbox, "engine codex", "error", "not installed");
    says(&sandbox, "transport telegramm", "error", "telegramm");
    sandbox.config("transport = 'terminal'\n");
    says(&sandbox, "transport terminal", "ok", "set up");
    let ended = sandbox.run(&["--config", "/nowhere/takopi.toml", "doctor"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("there is no file"), "{ended:?}");
    assert_eq!(names(&sandbox), ["takopi.toml"]);
}

#[test]
fn projects_must_be_there() {
    let sandbox = sandbox();
    let site = sandbox.home().join("site");
    let projects = format!("[projects.site]\npath = {site:?}\n");
    sandbox.config(&projects);
    says(&sandbox, "project site", "error", "is no folder");
    fs::create_dir(&site).unwrap();
    says(&sandbox, "project site", "warning", "is in no git repository");
    assert!(sandbox.shell("git init -q \"$HOME/site\"").status().unwrap().success());
    says(&sandbox, "project site", "ok", "worktrees");
    fs::write(site.join(".worktrees"), "mine").unwrap();
    says(&sandbox, "project site", "error", ".worktrees is no folder");
}

#[test]
fn the_state_is_looked_at_and_left_alone() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([Scene::Exit(0)]));
    sandbox.config("transport = 'terminal'\ndefault_engine = 'acme'\n");
    // Standard input is at its end, so it begins and ends.
    assert_eq!(sandbox.run(&[]).code, Some(0));
    let before = names(&sandbox);
    assert!(before.contains(&"takopi.db".to_owned()), "{before:?}");
    let content = fs::read(sandbox.home().join(".takopi/takopi.db")).unwrap();
    says(&sandbox, "state", "ok", "takopi.db is whole");
    says(&sandbox, "lock", "ok", "free");
    assert_eq!(names(&sandbox), before);
    assert!(fs::read(sandbox.home().join(".takopi/takopi.db")).unwrap() == content, "it was changed");
    fs::write(sandbox.home().join(".takopi/takopi.db"), "no database ".repeat(1000)).unwrap();
    says(&sandbox, "state", "error", "takopi.db");
    let left = fs::read_to_string(sandbox.home().join(".takopi/takopi.db")).unwrap();
    assert!(left.starts_with("no database "));
}
