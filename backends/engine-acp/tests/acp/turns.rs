//! How turns end, whatever the agent does.

use serde_json::json;
use takopi_api::event::{Event, Outcome, RequestId, Resolution};
use takopi_api::process::ExitStatus;
use takopi_api::runner::Attachment;
use takopi_api::testing::RunnerContract;

use crate::fake::{self, Agent, Reply, answer, ask, error, say, update};
use crate::play::{failure_of, finish, play, runner, spec, steps, warnings};

#[tokio::test]
async fn the_runner_keeps_the_contract() {
    let slow = || {
        spec(&Agent::new(|message| match message["method"].as_str() {
            Some("session/prompt") => vec![update(
                &json!({ "sessionUpdate": "tool_call", "toolCallId": "1", "title": "sleep", "kind": "execute" }),
            )],
            Some("session/cancel") => vec![answer(3, &json!({ "stopReason": "cancelled" }))],
            _ => fake::usual(message),
        }))
    };
    RunnerContract { runner, spec: || spec(&Agent::new(fake::usual)), slow }.check().await;
}

#[tokio::test]
async fn what_is_unreadable_or_unknown_costs_only_itself() {
    let long = "x".repeat(1024 * 1024);
    let agent = Agent::new(move |message| match message["method"].as_str() {
        Some("session/prompt") => vec![
            Reply::Line("not json".to_owned()),
            Reply::Line("[1]".to_owned()),
            Reply::Line(r#"{"jsonrpc":"2.0"}"#.to_owned()),
            update(&json!({ "sessionUpdate": "sings", "tune": 1 })),
            update(&json!({ "sessionUpdate": "tool_call" })),
            update(&json!({ "sessionUpdate": "plan", "entries": "none" })),
            update(&json!(null)),
            Reply::Say(json!({ "jsonrpc": "2.0", "id": 99, "result": {} })),
            Reply::Say(json!({ "jsonrpc": "2.0", "id": 5, "method": "fs/read_text_file", "params": {} })),
            ask(6, &json!("odd"), &json!([])),
            Reply::Line(
                r#"{"jsonrpc":"2.0","id":7,"method":"session/request_permission","params":1e999}"#.to_owned(),
            ),
            say(&long),
            answer(3, &json!({ "stopReason": "end_turn" })),
        ],
        _ => fake::usual(message),
    });
    let (completed, _) = play(&agent, |_| None).await;
    assert_eq!((completed.answer.len(), completed.is_done()), (1024 * 1024, true));
    let errors = agent.heard().iter().filter(|message| message.get("error").is_some()).count();
    assert_eq!(errors, 3, "a call that can not be answered is refused");
}

#[tokio::test]
async fn a_turn_that_ends_otherwise_says_how() {
    let ends = |reply: Reply| {
        Agent::new(move |message| match message["method"].as_str() {
            Some("session/prompt") => vec![say("so far"), reply.clone()],
            _ => fake::usual(message),
        })
    };
    let stops = |reason: &str| ends(answer(3, &json!({ "stopReason": reason })));
    for (reason, said) in [
        ("max_tokens", "Mine: its model came to its limit of tokens"),
        ("max_turn_requests", "Mine: it came to its limit of requests to the model"),
        ("refusal", "Mine: its model refused to go on; the agent forgets this prompt"),
        ("cancelled", "Mine: it ended its turn before it was done"),
    ] {
        assert_eq!(failure_of(&stops(reason)).await, said);
    }
    let (completed, events) = play(&stops("full_moon"), |_| None).await;
    assert_eq!((completed.answer.as_str(), warnings(&events).len()), ("so far", 1));
    let broken = ends(error(
        3,
        &json!({ "code": -32603, "message": "Internal error", "data": { "details": "no credit" } }),
    ));
    assert_eq!(failure_of(&broken).await, "Mine: no credit");
    let silent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => vec![answer(3, &json!({ "stopReason": "end_turn" }))],
        _ => fake::usual(message),
    });
    assert_eq!(failure_of(&silent).await, "Mine: it ended its turn without a word");
}

#[tokio::test]
async fn an_agent_that_ends_in_its_turn_is_a_failure_with_its_last_words() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => vec![
            say("so far"),
            ask(
                7,
                &json!({ "toolCallId": "t", "title": "rm x" }),
                &json!([{ "optionId": "o", "name": "Once", "kind": "allow_once" }]),
            ),
            Reply::Complain("out of memory".to_owned()),
            Reply::Exit(ExitStatus::Code(3)),
        ],
        _ => fake::usual(message),
    });
    let (completed, events) = play(&agent, |_| None).await;
    let Outcome::Failed { error } = &completed.outcome else { panic!("{completed:?}") };
    assert_eq!(error, "acp exited with code 3 before it finished its turn\nout of memory");
    assert_eq!(completed.answer, "so far");
    let withdrawn = |event: &Event| matches!(event, Event::RequestResolved(event) if event.resolution == Resolution::Withdrawn && event.request_id == RequestId::new("7"));
    assert!(events.iter().any(withdrawn));
}

#[tokio::test]
async fn plans_and_files_are_passed_on() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => vec![
            update(&json!({ "sessionUpdate": "plan", "entries": [
                { "content": "look", "priority": "high", "status": "completed" },
                { "content": "mend", "priority": "high", "status": "in_progress" },
            ] })),
            update(
                &json!({ "sessionUpdate": "agent_thought_chunk", "content": { "type": "text", "text": "hm" } }),
            ),
            answer(3, &json!({ "stopReason": "end_turn" })),
        ],
        _ => fake::usual(message),
    });
    let run = runner().run(spec(&agent).attachments([Attachment::new("/in/a b.png")]));
    let (_, events) = finish(run, |_| None).await;
    assert_eq!(steps(&events)[0].0.title, "plan: 1 of 2, now mend");
    let prompt = agent.heard().iter().find(|message| message["method"] == "session/prompt").cloned().unwrap();
    assert_eq!(
        prompt["params"]["prompt"][1],
        json!({ "type": "resource_link", "name": "a b.png", "uri": "file:///in/a%20b.png", "mimeType": "image/png" })
    );
}
