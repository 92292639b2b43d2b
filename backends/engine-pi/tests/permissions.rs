//! The extension that asks, in node. Without node there is nothing to test it with, and no pi either.
#![expect(clippy::disallowed_methods, reason = "no engine is started here, and no host is there")]

use std::fs;
use std::process::Command;

use takopi_engine_pi as _;

#[test]
fn the_extension_asks_and_fails_closed() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: there is no node");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Node takes a file for a module by its name; pi takes this one for a module by its text.
    let extension = folder.path().join("permissions.mjs");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rpc/permissions.js");
    fs::copy(source, &extension).unwrap();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/permissions.mjs");
    let output = Command::new("node").arg(tests).arg(&extension).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
