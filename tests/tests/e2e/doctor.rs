//! `takopi doctor --engines`.

use takopi_tests::{Scene, Script};

use crate::sandbox;

fn says_version(version: &str) -> Script {
    Script { reads_prompt: false, scenes: vec![Scene::Out(format!("codex-cli {version}\n"))] }
}

#[test]
fn each_engine_has_its_path_its_version_and_a_judgement() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["doctor", "--engines"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("takopi doctor\n- acme: ok (embedded)\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("- codex: warning (not installed; npm install -g @openai/codex)\n"));

    sandbox.engine("codex", &says_version("0.169.0"));
    assert!(sandbox.run(&["doctor", "--engines"]).stdout.contains("/bin/codex, 0.169.0, tested)\n"));
    sandbox.engine("codex", &says_version("0.170.1"));
    assert!(
        sandbox.run(&["doctor", "--engines"]).stdout.contains("0.170.1, newer than the tested 0.169.0)\n")
    );
    sandbox.engine("codex", &Script { reads_prompt: false, scenes: vec![Scene::Exit(1)] });
    assert!(sandbox.run(&["doctor", "--engines"]).stdout.contains("which does not say its version)\n"));
}

#[test]
fn what_is_chosen_by_default_must_be_there_and_configured() {
    let sandbox = sandbox();
    sandbox.config("default_engine = 'codex'\n");
    let ended = sandbox.run(&["doctor", "--engines"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("- codex: error (not installed"), "{ended:?}");
    sandbox.config("[codex]\nprofile = ' '\n");
    let ended = sandbox.run(&["doctor", "--engines"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("takopi.toml:2:11: `codex.profile`"), "{ended:?}");
}
