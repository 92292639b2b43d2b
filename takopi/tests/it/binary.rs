//! The shipped binary, with whatever features this build has.
#![expect(clippy::disallowed_methods, reason = "the program under test")]

use std::collections::BTreeSet;
use std::process::{Command, Output};

fn takopi(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_takopi"))
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/nowhere")
        .output()
        .unwrap()
}

#[test]
fn the_three_lists_of_the_shipped_binary_fit() {
    let output = takopi(&["plugins", "--check"]);
    assert!(output.status.success(), "{output:?}");
    assert!(takopi(&["plugins", "--load"]).status.success());
}

#[test]
fn the_binary_has_what_its_features_promise() {
    let output = takopi(&["plugins", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let groups = report["groups"].as_array().unwrap();
    let rows = || groups.iter().flat_map(|group| group["backends"].as_array().unwrap());
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let listed: BTreeSet<(String, String)> = rows().map(|row| (text(row, "kind"), text(row, "id"))).collect();
    let promised: BTreeSet<(String, String)> = takopi::bundled::BUNDLED
        .iter()
        .map(|(known, _)| (known.kind().to_owned(), known.id().to_owned()))
        .collect();
    assert!(listed.is_superset(&promised), "{promised:?} is not all in {listed:?}");
    // A plugin may have further rows besides the one that is named as it is.
    let of: BTreeSet<String> = rows().map(|row| text(row, "distribution")).collect();
    let packages = takopi::bundled::BUNDLED.iter().map(|(known, _)| known.package()).collect();
    assert_eq!(of, packages);
    assert_eq!(
        report["not_compiled_in"].as_array().unwrap().len(),
        takopi::bundled::KNOWN.len() - promised.len()
    );
}

#[test]
fn the_version_is_printed() {
    let output = takopi(&["--version"]);
    assert_eq!(output.stdout, format!("{}\n", env!("CARGO_PKG_VERSION")).into_bytes());
}

#[test]
fn without_a_chat_to_start_it_says_how_to_get_one() {
    let output = takopi(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no chat is configured") && said.contains("takopi chat"), "{said}");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let script = format!("{} plugins --json | head -n 1", env!("CARGO_BIN_EXE_takopi"));
    let output = Command::new("bash").args(["-o", "pipefail", "-c", &script]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
