//! From the greeting to the running turn.

use super::*;

#[test]
fn a_run_waits_for_the_greeting_and_is_cleared_away() {
    let mut talk = Talk::greeting();
    let key = talk.add(wish());
    assert_eq!(talk.sent.len(), 1);
    assert_eq!(talk.sent[0]["params"]["capabilities"]["experimentalApi"], true);
    talk.reply("initialize", json!({}));
    assert_eq!(talk.sent[1], json!({ "method": "initialized" }));
    talk.reply("config/read", json!({ "config": { "sandbox_mode": null } }));
    assert_eq!(talk.call("thread/start")["params"]["sandbox"], "read-only");
    talk.reply("thread/start", json!({ "thread": { "id": "t" }, "model": "m" }));
    assert_eq!(talk.call("turn/start")["params"]["sandboxPolicy"]["type"], "workspaceWrite");
    talk.reply("turn/start", json!({ "turn": { "id": "u" } }));
    talk.notice(
        "item/completed",
        json!({ "threadId": "t", "turnId": "u", "item": { "type": "agentMessage", "id": "i", "text": "yes" } }),
    );
    talk.turn_completed("t", "u", "completed");
    assert_eq!(talk.completed(key).unwrap().answer, "yes");
    assert_eq!(talk.call("thread/backgroundTerminals/clean")["params"]["threadId"], "t");
    assert_eq!((talk.calls("thread/unsubscribe"), talk.closed.len()), (0, 0));
    talk.fail("thread/backgroundTerminals/clean", "unknown method");
    talk.reply("thread/unsubscribe", json!({}));
    assert_eq!(talk.closed, [key]);
    assert!(talk.connection.is_idle() && talk.connection.threads.is_empty());
}

#[test]
fn a_server_that_can_not_say_how_it_is_configured_keeps_its_own_sandbox() {
    let mut talk = Talk::new();
    talk.add(wish());
    talk.fail("config/read", "unknown variant");
    assert_eq!(talk.call("thread/start")["params"], json!({ "cwd": "/repo" }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" }, "approvalPolicy": "on-request" }));
    let turn = json!({ "threadId": "t", "input": [{ "type": "text", "text": "hi" }] });
    assert_eq!(talk.call("turn/start")["params"], turn);
}

#[test]
fn a_greeting_that_is_refused_is_the_error_of_every_run() {
    let mut talk = Talk::greeting();
    let key = talk.add(wish());
    talk.fail("initialize", "too old");
    assert_eq!(talk.error(key), "codex app-server did not begin: too old");
    let next = talk.add(wish());
    assert_eq!(talk.error(next), "codex app-server did not begin: too old");
}

#[test]
fn what_a_person_chose_is_said_with_thread_and_turn() {
    let mut talk = Talk::new();
    let variables = BTreeMap::from([("TAKOPI_OUTBOX".to_owned(), "/out".to_owned())]);
    talk.add(Wish {
        model: Some("big".into()),
        reasoning: Some("high".into()),
        outbox: Some("/out".into()),
        variables,
        ..wish()
    });
    talk.reply("config/read", json!({ "config": {} }));
    let thread = &talk.call("thread/start")["params"];
    assert_eq!(thread["model"], "big");
    assert_eq!(thread["config"], json!({ "shell_environment_policy.set.TAKOPI_OUTBOX": "/out" }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" }, "model": "big" }));
    let turn = &talk.call("turn/start")["params"];
    assert_eq!(turn["effort"], "high");
    assert_eq!(turn["sandboxPolicy"]["writableRoots"], json!(["/out"]));
    assert_eq!(turn.get("collaborationMode"), None);
}

#[test]
fn a_mode_keeps_model_and_reasoning() {
    let mut talk = Talk::new();
    let plan = Wish { mode: Some("plan".into()), ..wish() };
    talk.add(plan);
    talk.reply("config/read", json!({ "config": {} }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" }, "model": "m", "reasoningEffort": "low" }));
    assert_eq!(
        talk.call("turn/start")["params"]["collaborationMode"],
        json!({ "mode": "plan", "settings": {
            "model": "m", "reasoning_effort": "low", "developer_instructions": null,
        }})
    );
    let unknown = talk.add(Wish { mode: Some("zen".into()), ..wish() });
    assert_eq!(talk.error(unknown), "codex has no mode `zen`; there are: default, plan");
}

#[test]
fn a_thread_that_planned_does_not_plan_on_by_itself() {
    let mut talk = Talk::new();
    talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    let opened = json!({ "thread": { "id": "t" }, "model": "m", "collaborationMode": { "mode": "plan" } });
    talk.reply("thread/resume", opened);
    assert_eq!(talk.call("turn/start")["params"]["collaborationMode"]["mode"], "default");
}

#[test]
fn a_thread_that_never_asked_asks_now() {
    let mut talk = Talk::new();
    talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": { "approval_policy": null } }));
    talk.reply("thread/resume", json!({ "thread": { "id": "t" }, "approvalPolicy": "never" }));
    assert_eq!(talk.call("turn/start")["params"]["approvalPolicy"], "on-request");
}

#[test]
fn only_a_thread_that_had_a_turn_is_told() {
    let mut talk = Talk::new();
    let key = talk.add(wish());
    talk.reply("config/read", json!({ "config": {} }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" } }));
    talk.fail("turn/start", "no model");
    assert_eq!(talk.error(key), "codex did not begin the turn: no model");
    assert_eq!(talk.completed(key).unwrap().resume, None);
    assert!(talk.json(key, "started").is_empty());
    talk.clear();
    assert_eq!(talk.closed, [key]);
}

#[test]
fn a_thread_that_is_not_there_is_said_clearly() {
    for error in ["no rollout found for thread id t", "thread not found: t", "invalid session id: x"] {
        let mut talk = Talk::new();
        let key = talk.add(resuming("t"));
        talk.reply("config/read", json!({ "config": {} }));
        talk.fail("thread/resume", error);
        let expected =
            format!("codex has no thread t; leave out the resume line to start a new one\n{error}");
        assert_eq!(talk.error(key), expected);
        assert_eq!(talk.closed, [key]);
    }
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    talk.fail("thread/resume", "model provider `one` not found");
    assert_eq!(talk.error(key), "codex could not continue thread t: model provider `one` not found");
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    talk.reply("thread/resume", json!({ "thread": { "id": "other" } }));
    assert_eq!(talk.error(key), "codex was asked for thread t and opened other");
}

#[test]
fn two_runs_of_one_thread_follow_each_other() {
    let mut talk = Talk::new();
    let first = talk.running(resuming("t"), "t", "u");
    let second = talk.add(resuming("t"));
    assert_eq!(talk.calls("config/read"), 1);
    talk.stop(first);
    talk.turn_completed("t", "u", "interrupted");
    assert_eq!(talk.calls("config/read"), 1, "the first is not cleared away yet");
    talk.clear();
    assert!(talk.closed.contains(&first) && talk.calls("config/read") == 2);
    let third = talk.add(resuming("t"));
    talk.stop(third);
    assert!(talk.closed.contains(&third) && !talk.closed.contains(&second));
}

#[test]
fn what_codex_tells_while_it_opens_a_thread_is_nobodys() {
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    talk.notice("thread/started", json!({ "thread": { "id": "t" } }));
    talk.notice("turn/started", json!({ "threadId": "t", "turn": { "id": "older" } }));
    talk.reply("thread/resume", json!({ "thread": { "id": "t" } }));
    talk.reply("turn/start", json!({ "turn": { "id": "u" } }));
    talk.turn_completed("t", "u", "completed");
    talk.clear();
    assert_eq!((talk.calls("turn/interrupt"), talk.calls("thread/unsubscribe")), (0, 1));
    assert_eq!(talk.closed, [key]);
}

#[test]
fn a_thread_that_is_still_let_go_is_asked_for_again() {
    const CLOSING: &str = "thread t is closing; retry thread/resume after the thread is closed";
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    talk.fail("thread/resume", CLOSING);
    assert_eq!((talk.calls("thread/resume"), talk.later.as_slice()), (1, [key].as_slice()));
    talk.ask_again(key);
    assert_eq!(talk.calls("thread/resume"), 2);
    talk.reply("thread/resume", json!({ "thread": { "id": "t" } }));
    assert_eq!(talk.calls("turn/start"), 1);
    talk.ask_again(key);
    assert_eq!(talk.calls("thread/resume"), 2, "it is open");
    // Whoever ended the run meanwhile does not wait for it.
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    talk.fail("thread/resume", CLOSING);
    talk.stop(key);
    talk.ask_again(key);
    assert_eq!((talk.calls("thread/resume"), talk.closed.as_slice()), (1, [key].as_slice()));
    // It is not asked for for ever.
    let mut talk = Talk::new();
    let key = talk.add(resuming("t"));
    talk.reply("config/read", json!({ "config": {} }));
    for _ in 0..50 {
        talk.fail("thread/resume", CLOSING);
        talk.ask_again(key);
    }
    talk.fail("thread/resume", CLOSING);
    assert_eq!(talk.error(key), format!("codex could not continue thread t: {CLOSING}"));
}

#[test]
fn a_thread_that_keeps_other_settings_is_told() {
    let check = |wish: Wish, opened: Value, expected: &[&str]| {
        let mut talk = Talk::new();
        let resumes = wish.resume.is_some();
        let key = talk.add(wish);
        talk.reply("config/read", json!({ "config": {} }));
        talk.reply(if resumes { "thread/resume" } else { "thread/start" }, opened);
        assert_eq!(talk.titles(key), expected);
        assert_eq!(talk.calls("turn/start"), 1);
    };
    let opened = |model: &str, cwd: &str| json!({ "thread": { "id": "t" }, "model": model, "cwd": cwd });
    let big = || Wish { model: Some("big".into()), ..resuming("t") };
    check(resuming("t"), opened("m", "/repo"), &[]);
    check(big(), opened("big", "/repo/"), &[]);
    check(big(), json!({ "thread": { "id": "t" } }), &[]);
    check(big(), opened("m", "/repo"), &["codex goes on with m and not with big"]);
    check(resuming("t"), opened("m", "/other"), &["codex goes on in /other and not in /repo"]);
    check(wish(), opened("m", "/other"), &[]);
}
