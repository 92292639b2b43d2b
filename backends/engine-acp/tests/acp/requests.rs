//! What an agent asks, what a person is shown of it, and what the agent is told.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use takopi_api::event::{ActionOutcome, Decision, Event, Outcome, Phase, RequestSubject, Resolution};
use takopi_api::testing::check_events;

use crate::fake::{self, Agent, Reply, answer, ask, say, update};
use crate::play::{play, runner, spec, steps, warnings};

fn permission(options: &Value) -> Reply {
    ask(
        7,
        &json!({ "toolCallId": "t", "title": "rm x", "kind": "execute", "rawInput": { "command": "rm x" } }),
        options,
    )
}

fn usual_options() -> Value {
    json!([
        { "optionId": "a", "name": "Always", "kind": "allow_always" },
        { "optionId": "o", "name": "Once", "kind": "allow_once" },
        { "optionId": "r", "name": "No", "kind": "reject_once" },
    ])
}

/// An agent that asks at its prompt and says what it was told.
fn asking(request: Reply) -> Agent {
    Agent::new(move |message| match message["method"].as_str() {
        Some("session/prompt") => vec![request.clone()],
        None if message["id"] == 7 => {
            let told = message["result"]["outcome"].to_string();
            vec![say(&told), answer(3, &json!({ "stopReason": "end_turn" }))]
        }
        _ => fake::usual(message),
    })
}

/// What the agent is told when a person decides so.
async fn told(options: &Value, decision: Decision) -> (String, Vec<Event>) {
    let agent = asking(permission(options));
    let (completed, events) = play(&agent, |_| Some(decision.clone())).await;
    (completed.answer, events)
}

fn selected(id: &str) -> String {
    json!({ "outcome": "selected", "optionId": id }).to_string()
}

const CANCELLED: &str = r#"{"outcome":"cancelled"}"#;

#[tokio::test]
async fn an_answer_is_told_by_the_kind_of_the_option() {
    for decision in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
        // Rules are takopi's own: the agent is never told `always` where it takes `once`.
        assert_eq!(told(&usual_options(), decision).await.0, selected("o"));
    }
    let (answer, events) = told(&usual_options(), Decision::Deny { reason: None }).await;
    assert_eq!((answer, warnings(&events).len()), (selected("r"), 0));
    assert!(
        steps(&events).iter().any(|(step, phase)| {
            step.title == "rm x" && *phase == Phase::Completed(ActionOutcome::Failed)
        })
    );
    let (answer, events) =
        told(&usual_options(), Decision::Deny { reason: Some("not now".to_owned()) }).await;
    assert_eq!((answer, warnings(&events).len()), (selected("r"), 1));
}

#[tokio::test]
async fn nobody_allows_more_than_was_allowed() {
    let always = json!([
        { "optionId": "a", "name": "Always", "kind": "allow_always" },
        { "optionId": "r", "name": "Never", "kind": "reject_always" },
    ]);
    assert_eq!(told(&always, Decision::AllowAlways).await.0, selected("a"));
    assert_eq!(told(&always, Decision::AllowSession).await.0, selected("a"));
    let (answer, events) = told(&always, Decision::AllowOnce).await;
    assert_eq!((answer, warnings(&events).len()), (selected("r"), 1));
    let nothing_to_refuse = json!([{ "optionId": "o", "name": "Once", "kind": "allow_once" }]);
    assert_eq!(told(&nothing_to_refuse, Decision::Deny { reason: None }).await.0, CANCELLED);
    // An answer to a question is no permission.
    let answers = Decision::Answer { answers: [("option".to_owned(), vec!["Once".to_owned()])].into() };
    assert_eq!(told(&usual_options(), answers).await.0, selected("r"));
}

#[tokio::test]
async fn options_of_another_kind_are_a_question() {
    let options = json!([
        { "optionId": "red", "name": "Red", "kind": "colour" },
        { "optionId": "blue", "name": "Blue", "kind": "colour" },
    ]);
    let said =
        |said: &str| Decision::Answer { answers: [("option".to_owned(), vec![said.to_owned()])].into() };
    let (answer, events) = told(&options, said("blue")).await;
    assert_eq!(answer, selected("blue"));
    let questions = events.iter().find_map(|event| match event {
        Event::Request(asked) => match &asked.request.subject {
            RequestSubject::Question { questions } => Some(questions),
            _ => None,
        },
        _ => None,
    });
    let labels: Vec<&str> =
        questions.unwrap()[0].options.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["Red", "Blue"]);
    let (answer, events) = told(&options, said("green")).await;
    assert_eq!((answer.as_str(), warnings(&events).len()), (CANCELLED, 1));
    assert_eq!(told(&options, Decision::AllowAlways).await.0, CANCELLED);
    assert_eq!(told(&options, Decision::Deny { reason: None }).await.0, CANCELLED);
    assert_eq!(told(&json!("odd"), Decision::AllowOnce).await.0, CANCELLED);
}

#[tokio::test]
async fn leaving_off_planning_is_a_plan() {
    let call = json!({ "toolCallId": "p", "title": "Ready to code?", "kind": "switch_mode", "rawInput": { "plan": "1. do it" } });
    let agent = asking(ask(7, &call, &usual_options()));
    let (completed, events) = play(&agent, |_| Some(Decision::AllowOnce)).await;
    assert_eq!(completed.answer, selected("o"));
    assert!(events.iter().any(|event| matches!(event, Event::Request(asked)
        if asked.request.subject == RequestSubject::Plan { text: "1. do it".to_owned() })));
}

#[tokio::test]
async fn what_is_asked_is_shown_whole() {
    let old: String = (1..=40).map(|n| format!("{n}\n")).collect();
    let call = json!({
        "toolCallId": "e", "title": "Edit a", "kind": "edit", "name": "Edit", "locations": [{ "path": "/a" }],
        "content": [{ "type": "diff", "path": "/a", "oldText": old, "newText": old.replace("20\n", "twenty\n") }],
    });
    let (_, events) = play(&asking(ask(7, &call, &usual_options())), |_| Some(Decision::AllowOnce)).await;
    let call = json!({ "toolCallId": "m", "title": "deploy", "rawInput": { "to": "production" } });
    let (_, more) = play(&asking(ask(7, &call, &usual_options())), |_| Some(Decision::AllowOnce)).await;
    let asked: Vec<_> = events
        .iter()
        .chain(&more)
        .filter_map(|event| match event {
            Event::Request(asked) => match &asked.request.subject {
                RequestSubject::Permission(permission) => Some(permission),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!((asked[0].tool.as_deref(), &asked[0].paths[..]), (Some("Edit"), &["/a".to_owned()][..]));
    assert!(asked[0].diff.as_ref().unwrap().contains("\n-20\n+twenty\n"));
    assert_eq!(asked[1].input.as_deref(), Some("{\n  \"to\": \"production\"\n}"));
}

/// A rule of takopi's is for a tool or for a command: what an agent only gives a name to must be neither.
#[tokio::test]
async fn a_name_is_no_command() {
    let asked = async |call: Value| {
        let agent = asking(ask(7, &call, &usual_options()));
        let (_, events) = play(&agent, |_| Some(Decision::AllowOnce)).await;
        let asked = events.into_iter().find_map(|event| match event {
            Event::Request(asked) => match asked.request.subject {
                RequestSubject::Permission(permission) => Some(permission),
                _ => None,
            },
            _ => None,
        });
        asked.unwrap()
    };
    let named = asked(json!({
        "toolCallId": "t", "title": "make all\nrm -rf /", "kind": "execute", "locations": [{ "path": "/repo" }],
    }))
    .await;
    assert_eq!((named.tool, named.command, named.input.as_deref()), (None, None, Some("make all\nrm -rf /")));
    let words = asked(json!({
        "toolCallId": "t", "title": "sh", "kind": "execute", "rawInput": { "command": ["sh", "-c", "rm 'a' b"] },
    }))
    .await;
    assert_eq!(words.command.as_deref(), Some("sh -c 'rm '\\''a'\\'' b'"));
}

#[tokio::test]
async fn a_request_that_is_withdrawn_is_answered_by_nobody() {
    let withdraw = |how: Reply| {
        Agent::new(move |message| match message["method"].as_str() {
            Some("session/prompt") => vec![permission(&usual_options()), how.clone()],
            None if message["id"] == 7 => {
                assert_eq!(message["result"]["outcome"]["outcome"], "cancelled");
                vec![answer(3, &json!({ "stopReason": "end_turn" }))]
            }
            _ => fake::usual(message),
        })
    };
    let cancelled =
        Reply::Say(json!({ "jsonrpc": "2.0", "method": "$/cancel_request", "params": { "requestId": 7 } }));
    let ended =
        update(&json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "failed" }));
    for how in [cancelled, ended] {
        let mut run = runner().run(spec(&withdraw(how)));
        let mut resolved = None;
        while let Some(event) = run.events.next().await {
            if let Event::RequestResolved(event) = event {
                let late = run.control.answer(&event.request_id, Decision::AllowOnce).await;
                assert!(late.is_err());
                resolved = Some(event.resolution);
            }
        }
        assert_eq!(resolved, Some(Resolution::Withdrawn));
    }
}

#[tokio::test]
async fn an_interrupt_cancels_what_is_asked() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => vec![permission(&usual_options())],
        None if message["id"] == 7 => {
            assert_eq!(message["result"]["outcome"]["outcome"], "cancelled");
            // Nobody is asked any more.
            vec![ask(8, &json!({ "toolCallId": "u" }), &usual_options())]
        }
        None if message["id"] == 8 => {
            assert_eq!(message["result"]["outcome"]["outcome"], "cancelled");
            vec![answer(3, &json!({ "stopReason": "cancelled" }))]
        }
        _ => fake::usual(message),
    });
    let mut run = runner().run(spec(&agent));
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        if matches!(event, Event::Request(_)) {
            run.control.interrupt().await.unwrap();
        }
        events.push(event);
    }
    assert_eq!(check_events(runner().engine(), &events).outcome, Outcome::Interrupted);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Request(_))).count(), 1);
    assert!(agent.heard().iter().any(|message| message["method"] == "session/cancel"));
}

#[tokio::test]
async fn a_second_request_of_one_id_is_not_shown() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => {
            vec![permission(&usual_options()), permission(&json!([])), say("both asked")]
        }
        None if message["id"] == 7 => vec![answer(3, &json!({ "stopReason": "end_turn" }))],
        _ => fake::usual(message),
    });
    let mut run = runner().run(spec(&agent));
    let (mut asked, mut is_done) = (Vec::new(), false);
    while let Some(event) = run.events.next().await {
        match event {
            Event::Request(event) => asked.push(event.request.id),
            Event::Text(_) => run.control.answer(&asked[0], Decision::AllowOnce).await.unwrap(),
            Event::Completed(completed) => is_done = completed.is_done(),
            _ => {}
        }
    }
    assert_eq!((asked.len(), is_done), (1, true));
}
