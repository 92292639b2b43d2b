//! `takopi plugins`, of the whole build and of one whose plugins break every rule.

use takopi_api::plugin::BackendKind;
use takopi_tests::{Ended, Sandbox};

use crate::sandbox;

fn broken() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-broken"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn hostile() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-hostile"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn thousand() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_takopi-thousand"), env!("CARGO_BIN_EXE_fake-engine"))
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[track_caller]
fn prints(ended: &Ended, code: i32, expected: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, expected.replace("VERSION", version()));
}

/// The backends of this project's plugins besides those that their features name: the kind, the package, and the ids.
const FURTHER: [(&str, &str, &[&str]); 2] = [
    ("command", "takopi-command-schedule", &["at", "cron"]),
    (
        "engine",
        "takopi-engine-acp",
        &["claude_acp", "codex_acp", "gemini_acp", "goose_acp", "opencode_acp", "qwen_acp"],
    ),
];

/// The lines of this project's plugins with the kind of each, and this at their end.
fn lines(end: impl Fn(&str) -> &'static str) -> Vec<(&'static str, String)> {
    let line =
        |kind, package: &str, id: &str| (kind, format!("  {id} ({package} {}){}\n", version(), end(id)));
    let known = takopi::bundled::KNOWN.iter().map(|known| line(known.kind(), &known.package(), known.id()));
    let further =
        FURTHER.iter().flat_map(|(kind, package, ids)| ids.iter().map(move |id| line(kind, package, id)));
    known.chain(further).collect()
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
    BackendKind::ALL.map(|kind| group(kind.as_str())).concat()
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
    let further: usize = FURTHER.iter().map(|(_, _, ids)| ids.len()).sum();
    let expected = format!("ok: {count} bundled, {count} linked, {} backends\n", count + further);
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

const WARNINGS_AND_ERRORS: &str = "\
warnings:
  command acme (takopi-tests VERSION): nobody reaches it in chats, where `/acme` is the engine of that id
errors:
  engine orphan (no distribution): registered without a distribution; hidden whenever `plugins.enabled` is set
  engine codex (takopi-engine-codex VERSION): offered more than once; none is used until `plugins.enabled` leaves only one
  engine Bad Id! (takopi-tests VERSION): the id must be 1 to 32 of the characters a-z, 0-9 and _; skipped
  engine cancel (takopi-tests VERSION): the id is reserved for a command of takopi; skipped
  engine codex (takopi-tests VERSION): offered more than once; none is used until `plugins.enabled` leaves only one
  engine projects (takopi-tests VERSION): the id is a key of takopi's own where its table would stand in the configuration; skipped
  command help (takopi-tests VERSION): the id is reserved for a command of takopi; skipped
";

#[test]
fn broken_plugins_are_listed_and_none_of_their_code_runs() {
    let ended = broken().run(&["plugins"]);
    let mut listed = lines(|_| "");
    let own = [
        ("engine", &["codex", "good", "liar", "panics", "picky", "trips"][..]),
        ("transport", &["picky_chat", "spool", "trips_chat"]),
        ("command", &["acme", "counts", "site"]),
    ];
    for (kind, ids) in own {
        listed.extend(ids.iter().map(|id| (kind, format!("  {id} (takopi-tests {})\n", version()))));
    }
    listed.push(("engine", "  orphan (no distribution)\n".to_owned()));
    prints(&ended, 0, &format!("{}{WARNINGS_AND_ERRORS}", listing(&listed)));
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
    let both = format!("takopi-engine-codex {0} and takopi-tests {0} offer it", version());
    assert!(error("codex").contains(&format!("the engine `codex` can not be used: {both}")));
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
    assert_eq!(errors.len(), 9, "{errors:#?}");
    assert_eq!(report["not_compiled_in"].as_array().unwrap().len(), 0);
}

#[test]
fn help_version_and_the_list_construct_nothing() {
    for args in [&["--help"][..], &["--version"], &["plugins"], &["plugins", "--check"], &["run", "--help"]] {
        let ended = broken().run(args);
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
    }
}

/// What is wrong with engines by their ids, of `plugins --load`.
fn faults(ended: &Ended) -> Vec<(String, String)> {
    let (_, errors) = ended.stdout.split_once("errors:\n").unwrap();
    let fault = |line: &str| {
        let (name, fault) = line.trim().split_once(": ").unwrap();
        (name.to_owned(), fault.to_owned())
    };
    errors.lines().map(fault).collect()
}

#[test]
fn a_constructor_that_ends_the_process_or_holds_it_up_is_a_row_like_any_other() {
    let ended = hostile().run(&["plugins", "--load"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    let faults = faults(&ended);
    let fault = |id: &str| {
        let name = format!("engine {id} (takopi-tests {})", version());
        &faults.iter().find(|(of, _)| *of == name).unwrap_or_else(|| panic!("no {name} in {faults:?}")).1
    };
    assert!(
        fault("aborts").starts_with("constructing it ended the process: signal: 6"),
        "{}",
        fault("aborts")
    );
    assert_eq!(fault("exits"), "constructing it ended the process: exit status: 0");
    assert_eq!(fault("hangs"), "its constructor did not end within 5 seconds");
    assert!(fault("overflows").starts_with("constructing it ended the process: signal: 6"));
    assert_eq!(fault("panics"), "its constructor panicked: this constructor panics on purpose");
    assert_eq!(faults.len(), 5, "what it prints is no fault: {faults:?}");
}

#[test]
fn a_thousand_plugins_are_listed_and_load() {
    let sandbox = thousand();
    for args in [&["plugins"][..], &["plugins", "--load"]] {
        let ended = sandbox.run(args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        let own = ended.stdout.lines().filter(|line| line.contains("(somebodys-plugin-"));
        assert_eq!(own.count(), 1000, "{args:?}");
        assert!(ended.stdout.contains("\n  plugin_420 (somebodys-plugin-420 1.0.0)\n"), "{}", ended.stdout);
    }
    let ended = sandbox.run(&["plugins", "--check"]);
    assert!(ended.stdout.starts_with("ok: "), "{ended:?}");
}

#[test]
fn the_help_shows_some_of_a_thousand_and_each_is_a_command() {
    let sandbox = thousand();
    let ended = sandbox.run(&["--help"]);
    assert!(
        ended.stdout.contains("more engines are commands too; `takopi plugins` lists them."),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.lines().count() < 100, "{}", ended.stdout);
    let ended = sandbox.run(&["plugin_999", "--help"]);
    assert!(ended.stdout.contains("Run plugin_999 once"), "{ended:?}");
    let ended = sandbox.run(&["plugin_999", "hello"]);
    assert!(ended.stderr.contains("this engine is never run (somebodys-plugin-999 1.0.0)"), "{ended:?}");
}

#[test]
fn all_there_is_to_know_of_one_is_shown() {
    let sandbox = sandbox();
    sandbox.config("[codex]\nprofile = 'hunter2'\nprofil = 'y'\n\n[plugins]\nenabled = ['takopi']\n");
    let ended = sandbox.run(&["plugins", "info", "codex"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = |what: &str, expected: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = format!("{what} {expected}");
        assert!(ended.stdout.lines().any(|line| words(line) == expected), "{expected}: {}", ended.stdout);
    };
    assert!(ended.stdout.starts_with("engine codex\n"), "{}", ended.stdout);
    said("from", &format!("takopi-engine-codex {}", version()));
    said("license", env!("CARGO_PKG_LICENSE"));
    said("state", "enabled by `plugins.enabled` in ~/.takopi/takopi.toml");
    said("table", "[codex] in ~/.takopi/takopi.toml sets mode, profil, profile");
    assert!(ended.stdout.contains("did you mean `profile`?"), "{}", ended.stdout);
    assert!(ended.stdout.contains("keys of [codex]:\n"), "{}", ended.stdout);
    said(
        "pass_env",
        "list of text Variables that the engine's programs see besides those that it names itself.",
    );
    assert!(!ended.stdout.contains("hunter2"), "a value: {}", ended.stdout);

    let ended = sandbox.run(&["plugins", "info", "codex", "engine", "--json"]);
    let infos: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(infos.as_array().unwrap().len(), 1);
    let info = &infos[0];
    assert_eq!((&info["kind"], &info["distribution"]), (&"engine".into(), &"takopi-engine-codex".into()));
    assert_eq!(info["state"]["name"], "usable");
    assert_eq!(info["about"]["engine"]["model"], true);
    assert_eq!(info["about"]["engine"]["needs"]["program"]["path"], serde_json::Value::Null);
    assert_eq!(info["configuration"]["table"], "codex");
    assert_eq!(info["configuration"]["set"], serde_json::json!(["mode", "profil", "profile"]));

    let starts = |command: &str| {
        let ended = sandbox.run(&["plugins", "info", command, "--json"]);
        let infos: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        infos[0]["about"]["command"]["starts"].clone()
    };
    assert_eq!([starts("schedule"), starts("at")], [true, false]);
    let ended = sandbox.run(&["plugins", "info", "schedule"]);
    assert!(ended.stdout.contains("with takopi, and goes on until takopi ends\n"), "{}", ended.stdout);
}

#[test]
fn what_can_not_be_used_is_shown_with_the_reason() {
    let check = |sandbox: &Sandbox, args: &[&str], expected: &[&str]| {
        let args = [&["plugins", "info"], args].concat();
        let ended = sandbox.run(&args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        for part in expected {
            assert!(ended.stdout.contains(part), "{args:?}: {part} not in {}", ended.stdout);
        }
    };
    let broken = broken();
    check(
        &broken,
        &["codex"],
        &["engine codex\n", "takopi-engine-codex", "takopi-tests", "offered more than once"],
    );
    check(&broken, &["panics"], &["can not be loaded: its constructor panicked"]);
    check(&broken, &["cancel"], &["reserved for a command of takopi"]);
    check(&broken, &["projects"], &["a key of takopi's own"]);
    check(&broken, &["Bad Id!"], &["engine Bad Id!", "must be 1 to 32"]);
    check(&broken, &["orphan"], &["no distribution"]);
    check(&broken, &["acme"], &["engine acme\n", "command acme\n", "where `/acme` is the engine of that id"]);
    check(&broken, &["trips"], &["the plugin of trips panicked while it read this: no table is good enough"]);
    check(&broken, &["trips_chat"], &["its check of the setup panicked: "]);
    broken.config("[picky]\ncount = 'three'\n[transports]\npicky_chat = 3\n[plugins]\ncounts = 1\n");
    let of = |fault: &str| format!("{fault} (takopi-tests {})", version());
    let typed = of("takopi.toml:2:9: `picky.count`: invalid type: string \"three\", expected u32");
    let [chat, command] =
        [("4:14", "transports.picky_chat"), ("6:10", "plugins.counts")].map(|(place, key)| {
            of(&format!("takopi.toml:{place}: `{key}`: expected a table, found a value of type integer"))
        });
    check(&broken, &["picky", "engine"], &[&typed, "keys of [picky]:\n  count "]);
    check(&broken, &["counts"], &[&command]);
    check(&broken, &["picky_chat"], &[&chat]);
    broken.config("[plugins]\nenabled = ['takopi']\n");
    check(&broken, &["good"], &["disabled: `plugins.enabled` in ~/.takopi/takopi.toml does not name it"]);
}

#[test]
fn an_unknown_id_is_answered_with_the_closest_one() {
    let ended = sandbox().run(&["plugins", "info", "codx"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.stderr,
        "error: there is no plugin `codx`\nhint: did you mean `codex`?\nhint: `takopi plugins` lists all of them\n"
    );
    let ended = sandbox().run(&["plugins", "info", "codex", "command"]);
    assert!(ended.stderr.starts_with("error: there is no command `codex`\n"), "{}", ended.stderr);
    let ended = sandbox().run(&["plugins", "info", "codex", "commnd"]);
    assert!(ended.stderr.contains("a plugin is one of: engine, transport, command"), "{}", ended.stderr);
}

#[test]
fn a_table_of_the_wrong_type_is_named_with_its_plugin_by_whoever_uses_it() {
    let broken = broken();
    let of = |fault: &str| format!("{fault} (takopi-tests {})", version());
    broken.config("picky = 3\n");
    let fault = of("takopi.toml:1:9: `picky`: expected a table, found a value of type integer");
    let ended = broken.run(&["run", "--engine", "picky", "x"]);
    assert!(ended.stderr.contains(&fault), "{}", ended.stderr);
    // Nobody else minds.
    assert_eq!(broken.run(&["run", "--engine", "acme", "x"]).code, Some(0));
    broken.config("[transports.picky_chat]\ncount = 'x'\n");
    let ended = broken.run(&["--transport", "picky_chat"]);
    let fault =
        of("takopi.toml:2:9: `transports.picky_chat.count`: invalid type: string \"x\", expected u32");
    assert!(ended.stderr.contains(&fault), "{}", ended.stderr);
    let ended = broken.run(&["--transport", "trips_chat"]);
    let fault = of("error: trips_chat") + ": reading its table panicked: ";
    assert!(ended.stderr.starts_with(&fault) && !ended.stderr.contains("backtrace"), "{}", ended.stderr);
    broken.config("[projects.picky]\npath = '/'\n");
    let ended = broken.run(&["plugins"]);
    let fault =
        of("takopi.toml:1:1: `projects.picky`: an alias can not be the name of an engine or a command");
    assert!(ended.stderr.contains(&fault), "{}", ended.stderr);
}
