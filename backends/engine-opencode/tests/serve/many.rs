//! What is about the server itself, over several runs.

use super::*;

/// What the person configured is known only once the server runs: the first guess is for somebody who configured nothing.
#[tokio::test]
async fn a_server_is_started_again_if_it_asks_for_what_the_person_allowed() {
    let puppet = Puppet::start(json!({"permission": {"bash": {"git *": "allow"}, "edit": "allow"}}));
    let runner = runner();
    for starts in [2, 3] {
        let course = follow_by(&runner, puppet.spec("hi"), nothing).await;
        assert!(course.completed.is_done());
        // The second run knows.
        assert_eq!(puppet.contents().len(), starts);
    }
    let permission = &puppet.contents()[1]["permission"];
    assert_eq!(*permission, json!({"bas?": {"*": "ask", "git *": "allow"}, "webfetc?": {"*": "ask"}}));
}

#[tokio::test]
async fn a_server_that_does_not_ask_is_not_used() {
    let puppet = Puppet::start_deaf();
    let course = follow(puppet.spec("hi"), nothing).await;
    assert!(course.error().contains("does not take the permissions"), "{}", course.error());
    assert_eq!(puppet.prompts(), 0);
}

#[tokio::test]
async fn a_person_who_wants_no_more_than_they_configured_is_asked_no_more() {
    let puppet = Puppet::start(json!({}));
    let runner = configured("[opencode]\npermissions = 'configured'\n").unwrap();
    assert!(follow_by(&runner, puppet.spec("hi"), nothing).await.completed.is_done());
    assert_eq!(
        (&puppet.contents()[0]["permission"], &puppet.contents()[0]["agent"]),
        (&json!({}), &json!({}))
    );
    let error = configured("[opencode]\nmode = 'run'\npermissions = 'ask'\n").err().unwrap();
    assert!(error.contains("`opencode.permissions`") && error.contains("mode = \"serve\""), "{error}");
}

#[tokio::test]
async fn the_server_is_the_run_s_own() {
    let puppet = Puppet::start(json!({}));
    for _ in 0..2 {
        assert!(follow(puppet.spec("hi"), nothing).await.completed.is_done());
    }
    let commands = puppet.commands();
    assert_eq!(commands[0].args, ["serve", "--hostname", "127.0.0.1", "--port", "0"]);
    assert_eq!(commands[0].cwd, Path::new("/repo"));
    assert!(commands.iter().all(|command| command.run_id.is_some()));
    let password = |at: usize| {
        let set = commands[at].environment.select([]);
        set.into_iter().find(|(name, _)| name == "OPENCODE_SERVER_PASSWORD").unwrap().1
    };
    assert_eq!(password(0).len(), 64);
    assert_ne!(password(0), password(1));
}

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let puppet = Puppet::start(json!({}));
    let contract = RunnerContract { runner, spec: || puppet.spec("hi"), slow: || puppet.spec("slow") };
    contract.check().await;
}

#[test]
fn what_it_can_do_depends_on_how_it_is_run() {
    let backend = engine("opencode");
    let can = &backend.capabilities;
    assert!(can.permissions && can.questions && can.steer && can.live_text && can.model && !can.plans);
    assert_eq!(can.modes, Modes::Named(&["build", "plan"]));
    assert!(runner().capabilities().is_none());
    let table = takopi_api::config::ConfigTable::from_toml(Path::new("t.toml"), "[opencode]\nmode = 'run'\n")
        .unwrap();
    let run =
        (backend.build_runner)(&EngineConfig::new(table.table("opencode").unwrap(), "/nowhere")).unwrap();
    let can = run.capabilities().unwrap();
    assert!(!can.asks() && !can.steer && !can.live_text && can.model);
}
