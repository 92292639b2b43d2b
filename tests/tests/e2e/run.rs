//! What goes where: the answer to standard output, everything else to standard error.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use takopi_tests::{Scene, Script};

use crate::sandbox;

const LINES: &str = r#"{"type":"thread.started","thread_id":"t1"}
{"type":"turn.started"}
{"type":"item.started","item":{"id":"i1","type":"command_execution","command":"bash -lc 'cargo test'","status":"in_progress"}}
{"type":"item.completed","item":{"id":"i1","type":"command_execution","command":"bash -lc 'cargo test'","exit_code":101,"status":"failed"}}
{"type":"item.completed","item":{"id":"i2","type":"agent_message","text":"It fails.\n\nIn **two** places."}}
{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":2}}
"#;

#[test]
fn lines_on_standard_error_and_the_answer_on_standard_output() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([Scene::Out(LINES.into())]));
    let ended = sandbox.run(&["run", "--model", "m", "--reasoning", "high", "why?"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, "It fails.\n\nIn **two** places.\n");
    assert_eq!(
        ended.stderr,
        "▸ cargo test\n✗ cargo test (exit 101)\ndone · codex · 0s · step 1\ncodex resume t1\n"
    );
    let args = sandbox.args_of("codex").replace('\n', " ");
    assert!(args.starts_with("-c notify=[] --model m -c model_reasoning_effort=high exec --json"), "{args}");
}

#[test]
fn json_is_the_only_thing_on_standard_output() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([Scene::Out(LINES.into())]));
    let ended = sandbox.run(&["run", "--json", "why?"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"type":"started","engine":"codex","resume":{"engine":"codex","value":"t1"},"title":"Codex"}"#
    );
    assert_eq!(
        lines[3],
        r#"{"type":"action","engine":"codex","action":{"id":"i1","kind":"command","title":"cargo test","detail":{"exit_code":101}},"phase":"completed","ok":false}"#
    );
    assert_eq!(
        lines.last().copied(),
        Some(
            r#"{"type":"completed","engine":"codex","ok":true,"answer":"It fails.\n\nIn **two** places.","resume":{"engine":"codex","value":"t1"},"error":null,"usage":{"input_tokens":10,"output_tokens":2}}"#
        )
    );
}

#[test]
fn the_prompt_may_come_from_standard_input_and_look_like_an_option() {
    let sandbox = sandbox();
    sandbox.engine("codex", &Script::new([Scene::Out(LINES.into())]));
    let mut child = sandbox.command(&["run", "-"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"--help me\nplease").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(sandbox.prompt_of("codex"), "--help me\nplease");
    assert_eq!(sandbox.run(&["run", "--", "--help me"]).code, Some(0));
    assert_eq!(sandbox.prompt_of("codex"), "--help me");
}

#[test]
fn an_engine_sees_its_own_variables_and_no_others() {
    let sandbox = sandbox();
    sandbox.config("[codex]\npass_env = ['EXTRA_*']\n");
    let env = sandbox.work().join("env");
    let show = Scene::Exec(format!("env > {}; cat <<'END'\n{LINES}END", env.display()));
    sandbox.engine("codex", &Script::new([show]));
    let mut command = sandbox.command(&["run", "x"]);
    for name in ["OPENAI_API_KEY", "CODEX_HOME", "EXTRA_ONE", "TAKOPI_CONFIG", "TELEGRAM_TOKEN", "LC_ALL"] {
        command.env(name, "");
    }
    assert!(command.status().unwrap().success());
    let seen = std::fs::read_to_string(env).unwrap();
    let sees = |name: &str| seen.lines().any(|line| line.starts_with(&format!("{name}=")));
    for name in ["OPENAI_API_KEY", "CODEX_HOME", "EXTRA_ONE", "LC_ALL", "HOME", "PATH", "TAKOPI_RUN_ID"] {
        assert!(sees(name), "{name} is not in:\n{seen}");
    }
    assert!(!sees("TELEGRAM_TOKEN") && !sees("TAKOPI_CONFIG"), "{seen}");
    assert!(seen.contains(&format!("PWD={}", sandbox.work().canonicalize().unwrap().display())), "{seen}");
}

#[test]
fn a_run_that_waits_for_memory_says_so_and_can_be_interrupted() {
    let sandbox = sandbox();
    sandbox.config("[limits]\nfree_memory_mb = 4000000\n");
    sandbox.engine("codex", &Script::new([Scene::Out(LINES.into())]));
    let started = sandbox.start(&["run", "--engine", "codex", "why?"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    started.signal(rustix::process::Signal::INT);
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(
        ended.stderr.contains("MB of memory are free, an engine starts at 4000000 MB"),
        "{}",
        ended.stderr
    );
}

#[test]
fn permissions_are_denied_where_nobody_can_be_asked() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["run", "--engine", "acme", "write hello to NOTES.md"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("denied, there is no terminal to ask on"), "{}", ended.stderr);
    assert!(!sandbox.work().join("NOTES.md").exists());
}

#[test]
fn a_thread_of_the_embedded_engine_goes_on() {
    let sandbox = sandbox();
    std::fs::write(sandbox.work().join("big.txt"), "x".repeat(5000)).unwrap();
    let first = sandbox.run(&["run", "which files are largest?"]);
    assert!(first.stdout.contains("big.txt"), "{first:?}");
    let line = first.stderr.lines().last().unwrap().to_owned();
    assert!(line.starts_with("acme resume "), "{line}");
    let second = sandbox.run(&["run", "--resume", &line, "what did I ask?"]);
    assert!(second.stdout.contains("which files are largest?"), "{second:?}");
    let files = files_below(&sandbox.home().join(".takopi/engines/acme"));
    assert!(!files.is_empty());
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
