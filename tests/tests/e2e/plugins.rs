//! `takopi plugins`, of the whole build and of one whose plugins break every rule.

use takopi_tests::{Ended, Sandbox};

use crate::sandbox;

fn broken() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-broken"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[track_caller]
fn prints(ended: &Ended, code: i32, expected: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, expected.replace("VERSION", version()));
}

/// The backends of this project's plugins besides those that their features name: the package, and the id.
const FURTHER: [(&str, &str); 2] = [("takopi-command-schedule", "at"), ("takopi-command-schedule", "cron")];

/// The lines of this project's plugins with the kind of each, and this at their end.
fn lines(end: impl Fn(&str) -> &'static str) -> Vec<(&'static str, String)> {
    let line =
        |kind, package: &str, id: &str| (kind, format!("  {id} ({package} {}){}\n", version(), end(id)));
    let known = takopi::bundled::KNOWN.iter().map(|known| line(known.kind(), &known.package(), known.id()));
    known.chain(FURTHER.iter().map(|(package, id)| line("command", package, id))).collect()
}

/// A listing of these lines.
fn listing(lines: &[(&str, String)]) -> String {
    let group = |kind: &str| {
        let mut lines: Vec<_> =
            lines.iter().filter(|line| line.0 == kind).map(|line| line.1.as_str()).collect();
        lines.sort_unstable();
        let lines = if lines.is_empty() { "  (none)\n".to_owned() } else { lines.concat() };
        format!("{kind} backends:\n{lines}")
    };
    ["engine", "transport", "command"].map(group).concat()
}

#[test]
fn everything_is_listed_and_loads() {
    let expected = listing(&lines(|_| ""));
    prints(&sandbox().run(&["plugins"]), 0, &expected);
    prints(&sandbox().run(&["plugins", "--load"]), 0, &expected);
}

#[test]
fn the_three_lists_fit() {
    let count = takopi::bundled::KNOWN.len();
    let expected = format!("ok: {count} bundled, {count} linked, {} backends\n", count + FURTHER.len());
    prints(&sandbox().run(&["plugins", "--check"]), 0, &expected);
    let ended = broken().run(&["plugins", "--check"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("engine orphan: registered without a distribution"), "{}", ended.stderr);
}

#[test]
fn an_enabled_list_marks_and_warns() {
    let sandbox = sandbox();
    sandbox.config("[plugins]\nenabled = ['Takopi.Engine_Codex', 'takopi-engine-acm']\n");
    let marked = lines(|id| if id == "codex" { " enabled" } else { " disabled" });
    let warning = "`takopi-engine-acm` in `plugins.enabled` matches no plugin of this build; did you mean `takopi-engine-acme`?";
    prints(&sandbox.run(&["plugins"]), 0, &format!("{}warnings:\n  {warning}\n", listing(&marked)));
}

const ERRORS: &str = "\
errors:
  engine orphan (no distribution): registered without a distribution; hidden whenever `plugins.enabled` is set
  engine codex (takopi-engine-codex VERSION): offered more than once; none is used until `plugins.enabled` leaves only one
  engine Bad Id! (takopi-tests VERSION): the id must be 1 to 32 of the characters a-z, 0-9 and _; skipped
  engine cancel (takopi-tests VERSION): the id is reserved for a command of takopi; skipped
  engine codex (takopi-tests VERSION): offered more than once; none is used until `plugins.enabled` leaves only one
";

#[test]
fn broken_plugins_are_listed_and_none_of_their_code_runs() {
    let ended = broken().run(&["plugins"]);
    let mut listed = lines(|_| "");
    for id in ["codex", "good", "liar", "panics"] {
        listed.push(("engine", format!("  {id} (takopi-tests {})\n", version())));
    }
    listed.push(("engine", "  orphan (no distribution)\n".to_owned()));
    prints(&ended, 0, &format!("{}{ERRORS}", listing(&listed)));
    assert_eq!(ended.stderr, "", "a constructor ran");
}

#[test]
fn loading_reports_what_panics_and_what_lies_and_fails() {
    let ended = broken().run(&["plugins", "--load"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    let liar =
        format!("  engine liar (takopi-tests {}): the backend calls itself `somebody_else`\n", version());
    let panics = "its constructor panicked: this constructor panics on purpose\n";
    assert!(ended.stdout.contains(&liar) && ended.stdout.contains(panics), "{}", ended.stdout);
}

#[test]
fn an_enabled_list_that_leaves_one_of_two_makes_it_usable() {
    let sandbox = broken();
    sandbox.config("[plugins]\nenabled = ['takopi']\n");
    let ended = sandbox.run(&["plugins"]);
    assert!(
        ended.stdout.contains(&format!("codex (takopi-engine-codex {}) enabled", version())),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("orphan (no distribution) disabled"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("offered more than once"), "{}", ended.stdout);
    let ended = sandbox.run(&["run", "--engine", "codex", "x"]);
    assert!(ended.stderr.contains("codex is not installed"), "{}", ended.stderr);
}

#[test]
fn a_broken_engine_is_an_error_only_for_who_names_it() {
    let sandbox = broken();
    let error = |engine: &str| sandbox.run(&["run", "--engine", engine, "x"]).stderr;
    assert!(
        error("panics").contains("error: the engine `panics` can not be loaded: its constructor panicked")
    );
    assert!(error("liar").contains("calls itself `somebody_else`"));
    assert!(error("codex").contains("the engine `codex` can not be used: offered more than once"));
    let ended = sandbox.run(&["run", "hello"]);
    assert!(ended.stdout.contains("demonstration agent"), "{ended:?}");
    assert!(ended.stderr.contains("warning: the engine `panics` can not be loaded"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("backtrace"), "{}", ended.stderr);
}

#[test]
fn json_has_the_same() {
    let ended = broken().run(&["plugins", "--load", "--json"]);
    assert_eq!(ended.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["groups"][0]["kind"], "engine");
    assert_eq!(report["groups"][0]["backends"][0]["id"], "acme");
    assert_eq!(report["groups"][0]["backends"][0]["distribution"], "takopi-engine-acme");
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 7, "{errors:#?}");
    assert_eq!(report["not_compiled_in"].as_array().unwrap().len(), 0);
}

#[test]
fn help_version_and_the_list_construct_nothing() {
    for args in [&["--help"][..], &["--version"], &["plugins"], &["plugins", "--check"], &["run", "--help"]] {
        let ended = broken().run(args);
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
    }
}
