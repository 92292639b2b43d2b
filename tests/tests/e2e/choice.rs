//! Which engine a run has.

use takopi_tests::{Sandbox, Scene, Script};

use crate::sandbox;

fn with_codex() -> Sandbox {
    let sandbox = sandbox();
    let lines = [
        r#"{"type":"thread.started","thread_id":"t1"}"#,
        r#"{"type":"item.completed","item":{"id":"i1","type":"agent_message","text":"from codex"}}"#,
        r#"{"type":"turn.completed"}"#,
    ];
    sandbox.engine("codex", &Script::new([Scene::Out(lines.map(|line| format!("{line}\n")).concat())]));
    sandbox
}

#[track_caller]
fn answers(sandbox: &Sandbox, args: &[&str], part: &str) {
    let ended = sandbox.run(args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(part), "{part:?} is not in {:?}", ended.stdout);
}

const FROM_ACME: &str = "demonstration agent";

#[test]
fn the_first_that_is_installed_and_else_the_embedded_one() {
    let sandbox = with_codex();
    answers(&sandbox, &["run", "hello"], "from codex");
    // It is the first choice wherever it is; the others come in the order of their ids.
    sandbox.engine("claude", &Script::default());
    answers(&sandbox, &["run", "hello"], "from codex");
    answers(&crate::sandbox(), &["run", "hello"], FROM_ACME);
}

#[test]
fn the_default_of_the_configuration_and_the_typed_one() {
    let sandbox = with_codex();
    sandbox.config("default_engine = 'acme'\n");
    answers(&sandbox, &["run", "hello"], FROM_ACME);
    answers(&sandbox, &["run", "--engine", "codex", "hello"], "from codex");
    answers(&sandbox, &["codex", "hello"], "from codex");
    answers(&sandbox, &["run", "--resume", "codex resume t1", "hello"], "from codex");
}

#[test]
fn the_enabled_list_rules_the_choice_and_the_commands() {
    let sandbox = with_codex();
    sandbox.config("[plugins]\nenabled = ['takopi-engine-acme']\n");
    answers(&sandbox, &["run", "hello"], FROM_ACME);
    let help = sandbox.run(&["--help"]).stdout;
    assert!(help.contains("\n  acme ") && !help.contains("\n  codex "), "{help}");
    sandbox.config("[plugins]\nenabled = ['takopi']\n");
    let help = sandbox.run(&["--help"]).stdout;
    assert!(help.contains("\n  acme ") && help.contains("\n  codex "), "{help}");
}

#[test]
fn without_any_engine_each_is_listed_with_its_install_command() {
    let sandbox = sandbox();
    sandbox.config("[plugins]\nenabled = ['takopi-engine-codex']\n");
    let ended = sandbox.run(&["run", "hello"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("error: no engine is installed\nhint: codex: npm install -g @openai/codex")
    );
}

#[test]
fn another_configuration_file_is_named_by_option_or_variable() {
    let sandbox = with_codex();
    std::fs::write(sandbox.work().join("other.toml"), "default_engine = 'acme'\n").unwrap();
    answers(&sandbox, &["run", "--config", "other.toml", "hello"], FROM_ACME);
    let output = sandbox.command(&["run", "hello"]).env("TAKOPI_CONFIG", "other.toml").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(FROM_ACME));
}
