//! What an agent asks, what a person is shown of it, and what the agent is told.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use takopi_api::event::{
    ActionOutcome, Choice, Decision, Event, Lasting, Outcome, Permission, Phase, Question, RequestSubject,
    Resolution,
};
use takopi_api::runner::ControlError;
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

/// What the agent is told when a person decides so and it can not take that, and what the person is told.
async fn refused(options: &Value, decision: Decision) -> (String, String) {
    let mut run = runner().run(spec(&asking(permission(options))));
    let (mut told, mut refusal, mut resolution) = (String::new(), None, None);
    while let Some(event) = run.events.next().await {
        match event {
            Event::Request(event) => {
                refusal = run.control.answer(&event.request.id, decision.clone()).await.err();
            }
            Event::RequestResolved(event) => resolution = Some(event.resolution),
            Event::Completed(completed) => told = completed.answer,
            _ => {}
        }
    }
    let Some(ControlError::Refused(why)) = refusal else { panic!("no refusal: {refusal:?}") };
    let no = Decision::Deny { reason: why.strip_suffix("; it was told no").map(str::to_owned) };
    assert_eq!(resolution, Some(Resolution::Decided(no)));
    (told, why)
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
    let why = "the agent takes no such permission; it was told no".to_owned();
    assert_eq!(refused(&always, Decision::AllowOnce).await, (selected("r"), why));
    let nothing_to_refuse = json!([{ "optionId": "o", "name": "Once", "kind": "allow_once" }]);
    assert_eq!(told(&nothing_to_refuse, Decision::Deny { reason: None }).await.0, CANCELLED);
    // An answer to a question is no permission.
    let answers = Decision::Answer { answers: [("option".to_owned(), vec!["Once".to_owned()])].into() };
    assert_eq!(told(&usual_options(), answers).await.0, selected("r"));
}

#[tokio::test]
async fn a_yes_for_more_than_once_is_shown_in_the_words_of_the_agent() {
    let always = json!([
        { "optionId": "a", "name": "Yes, allow all edits during this session", "kind": "allow_always" },
        { "optionId": "r", "name": "No", "kind": "reject_once" },
    ]);
    let (_, events) = told(&always, Decision::AllowSession).await;
    let words =
        "the only yes that the agent takes, not just for this once: Yes, allow all edits during this session";
    let shown = Permission::default().command("rm x").cwd("/work/repo").lasting(Lasting::Engine);
    // What has an input and no tool is like nothing else: no rule can be made of it.
    assert_eq!(permission_of(events), shown.input(format!("{words}\ntool: execute")));
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
    let question = question(events);
    let labels: Vec<&str> = question.options.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["Red", "Blue"]);
    let why = "the agent takes only one of its own answers; it was told no".to_owned();
    assert_eq!(refused(&options, said("green")).await, (CANCELLED.to_owned(), why));
    assert_eq!(told(&options, Decision::AllowAlways).await.0, CANCELLED);
    assert_eq!(told(&options, Decision::Deny { reason: None }).await.0, CANCELLED);
    for nothing in [json!("odd"), json!([]), json!([{ "name": "Red" }])] {
        let (answer, events) = told(&nothing, Decision::AllowOnce).await;
        assert_eq!((&*answer, warnings(&events).len()), (CANCELLED, 1), "{nothing}");
    }
}

/// The one question that a person was asked.
fn question(events: Vec<Event>) -> Question {
    let question = events.into_iter().find_map(|event| match event {
        Event::Request(asked) => match asked.request.subject {
            RequestSubject::Question { mut questions } => questions.pop(),
            _ => None,
        },
        _ => None,
    });
    question.unwrap()
}

#[tokio::test]
async fn an_option_of_another_kind_hides_nothing() {
    let call = json!({
        "toolCallId": "t", "title": "sh", "kind": "execute", "locations": [{ "path": "/work/repo/a" }],
        "rawInput": { "command": "echo hi\nrm -rf ~", "cwd": "/work/repo/b", "timeout": 5 },
        "content": [{ "type": "diff", "path": "/work/repo/a", "oldText": "a", "newText": "b" }],
    });
    let edit = json!({ "optionId": "e", "name": "With edit", "kind": "allow_with_edit" });
    let once = json!({ "optionId": "o", "name": "Yes", "kind": "allow_once" });
    let reject = json!({ "optionId": "r", "name": "No", "kind": "reject_once" });

    let agent = asking(ask(7, &call, &json!([once, edit, reject])));
    let (completed, events) = play(&agent, |_| Some(Decision::AllowOnce)).await;
    assert_eq!(completed.answer, selected("o"));
    let asked = permission_of(events);
    assert_eq!(asked.command.as_deref(), Some("echo hi\nrm -rf ~"));
    let further = "the agent also takes answers that takopi does not know: With edit";
    assert_eq!(asked.reason.as_deref(), Some(further));

    let agent = asking(ask(7, &call, &json!([edit, reject])));
    let (_, events) = play(&agent, |_| Some(Decision::Deny { reason: None })).await;
    let shown = "tool: execute\nfolder: /work/repo/b\nfiles: /work/repo/a\ncommand:\necho hi\nrm -rf ~\nchange:\n\
                 --- /work/repo/a\n+++ /work/repo/a\n@@ -1,1 +1,1 @@\n-a\n+b\ninput:\n{\n  \"timeout\": 5\n}";
    assert_eq!(question(events).text, shown);

    let plan = json!({ "toolCallId": "p", "title": "Go?", "kind": "switch_mode", "rawInput": { "plan": "1. do it" } });
    let agent = asking(ask(7, &plan, &json!([edit, reject])));
    let (_, events) = play(&agent, |_| Some(Decision::Deny { reason: None })).await;
    assert_eq!(question(events).text, "1. do it");
}

#[tokio::test]
async fn a_question_of_qwen_is_answered_with_words() {
    let colours = json!([{ "label": "Red", "description": "The red one" }, { "label": "Blue" }]);
    let questions = json!([
        { "question": "Which colour?", "header": "Colour", "options": colours },
        { "question": "Which sizes?", "options": [{ "label": "S" }, { "label": "L" }], "multiSelect": true },
    ]);
    let call = json!({
        "toolCallId": "t", "title": "Ask user 2 questions", "kind": "think",
        "_meta": { "toolName": "ask_user_question", "qwenInteractionKind": "user_question", "qwenQuestions": questions },
    });
    let options = json!([
        { "optionId": "proceed_once", "name": "Submit", "kind": "allow_once" },
        { "optionId": "cancel", "name": "Cancel", "kind": "reject_once" },
    ]);
    let agent = Agent::new(move |message| match message["method"].as_str() {
        Some("session/prompt") => vec![ask(7, &call, &options)],
        None if message["id"] == 7 => {
            vec![say(&message["result"].to_string()), answer(3, &json!({ "stopReason": "end_turn" }))]
        }
        _ => fake::usual(message),
    });
    let said = [("0".to_owned(), vec!["Blue".to_owned()]), ("1".to_owned(), vec!["S".into(), "L".into()])];
    let decision = Decision::Answer { answers: said.into() };
    let (completed, events) = play(&agent, |_| Some(decision.clone())).await;
    let told: Value = serde_json::from_str(&completed.answer).unwrap();
    assert_eq!(
        told,
        json!({
            "outcome": { "outcome": "selected", "optionId": "proceed_once" },
            "answers": { "0": "Blue", "1": "S, L" },
        })
    );
    let asked = events.iter().find_map(|event| match event {
        Event::Request(asked) => Some(&asked.request),
        _ => None,
    });
    let colours = [Choice::new("Red").description("The red one"), Choice::new("Blue")];
    let sizes = [Choice::new("S"), Choice::new("L")];
    let questions = vec![
        Question::new("0", "Which colour?").header("Colour").options(colours),
        Question::new("1", "Which sizes?").options(sizes).multiple(),
    ];
    let asked = asked.unwrap();
    assert_eq!((&*asked.title, &asked.subject), ("Which colour?", &RequestSubject::Question { questions }));
    let (completed, _) = play(&agent, |_| Some(Decision::Deny { reason: None })).await;
    assert_eq!(
        completed.answer,
        json!({ "outcome": { "outcome": "selected", "optionId": "cancel" } }).to_string()
    );
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
    assert_eq!(asked[1].input.as_deref(), Some("deploy\n{\n  \"to\": \"production\"\n}"));
}

/// What a person is asked when the agent tells this of its step and then asks.
async fn asked_after(told: &[Value], call: Value) -> Permission {
    let mut replies: Vec<Reply> = told.iter().map(update).collect();
    replies.push(ask(7, &call, &usual_options()));
    let agent = Agent::new(move |message| match message["method"].as_str() {
        Some("session/prompt") => replies.clone(),
        None if message["id"] == 7 => vec![answer(3, &json!({ "stopReason": "end_turn" }))],
        _ => fake::usual(message),
    });
    let (_, events) = play(&agent, |_| Some(Decision::AllowOnce)).await;
    permission_of(events)
}

/// The permission that a person was asked for.
fn permission_of(events: Vec<Event>) -> Permission {
    let permission = events.into_iter().find_map(|event| match event {
        Event::Request(asked) => match asked.request.subject {
            RequestSubject::Permission(permission) => Some(permission),
            _ => None,
        },
        _ => None,
    });
    permission.unwrap()
}

fn input(fields: &Value) -> String {
    serde_json::to_string_pretty(fields).unwrap()
}

#[tokio::test]
async fn what_is_not_shown_in_a_way_of_its_own_is_shown_as_it_stands() {
    let work = || Permission::default().cwd("/work/repo");
    let restart = json!({ "host": "prod", "command": "restart" });
    let call = json!({ "toolCallId": "m", "title": "ops", "kind": "other", "name": "mcp__ops", "rawInput": restart });
    assert_eq!(asked_after(&[], call).await, work().tool("mcp__ops").input(input(&restart)));

    let call = json!({
        "toolCallId": "t", "title": "ls", "kind": "execute",
        "rawInput": { "command": "ls", "workdir": "/work/repo/a", "description": "look", "timeout": 5, "is_background": false },
    });
    let shown = Permission::default().tool("execute").command("ls").cwd("/work/repo/a").reason("look");
    assert_eq!(asked_after(&[], call).await, shown.input(input(&json!({ "timeout": 5 }))));

    let change =
        json!({ "file_path": "/work/repo/x", "old_string": "a", "new_string": "b", "replace_all": false });
    let mut call = json!({
        "toolCallId": "e", "title": "Edit x", "kind": "edit", "rawInput": change,
        "content": [{ "type": "diff", "path": "/work/repo/x", "oldText": "a", "newText": "b" }],
    });
    let diff = "--- /work/repo/x\n+++ /work/repo/x\n@@ -1,1 +1,1 @@\n-a\n+b\n";
    let shown = work().tool("edit").paths(["/work/repo/x".to_owned()]).diff(diff);
    assert_eq!(asked_after(&[], call.clone()).await, shown);
    call["rawInput"]["replace_all"] = json!(true);
    call["rawInput"]["file_path"] = json!("/etc/passwd");
    let rest = input(&json!({ "file_path": "/etc/passwd", "replace_all": true }));
    assert_eq!(asked_after(&[], call).await, shown.input(rest));
}

#[tokio::test]
async fn an_input_is_shown_to_its_end_however_long_it_is() {
    let fields = json!({ "path": "/work/repo/a", "content": format!("{}\nrm -rf ~", "ä\n".repeat(500_000)) });
    let call = json!({ "toolCallId": "w", "title": "write", "name": "write", "rawInput": fields });
    let asked = asked_after(&[], call).await;
    assert!(asked.input == Some(input(&fields)), "it is cut");
}

#[tokio::test]
async fn what_was_told_of_the_input_before_still_counts() {
    let step = json!({
        "sessionUpdate": "tool_call", "toolCallId": "t", "title": "bash", "kind": "execute",
        "rawInput": { "cwd": "/work/repo/a" },
    });
    for told in [json!({ "command": "ls" }), json!({ "command": "ls", "cwd": "/work/repo/a" })] {
        let call = json!({ "toolCallId": "t", "rawInput": told });
        let shown = Permission::default().tool("execute").command("ls").cwd("/work/repo/a");
        assert_eq!(asked_after(std::slice::from_ref(&step), call).await, shown);
    }
    let named = json!({
        "sessionUpdate": "tool_call", "toolCallId": "t", "title": "ops", "rawInput": { "host": "prod" },
        "_meta": { "toolName": "restart" },
    });
    let call = json!({ "toolCallId": "t", "rawInput": {}, "_meta": { "phase": "asking" } });
    let shown = Permission::default().cwd("/work/repo").tool("restart");
    assert_eq!(asked_after(&[named], call).await, shown.input(input(&json!({ "host": "prod" }))));
}

#[tokio::test]
async fn a_request_of_another_session_is_asked_and_opens_no_step() {
    let call =
        json!({ "toolCallId": "t", "title": "ls", "kind": "execute", "rawInput": { "command": "ls" } });
    let params = json!({ "sessionId": "inner", "toolCall": call, "options": usual_options() });
    let agent = asking(Reply::Say(
        json!({ "jsonrpc": "2.0", "id": 7, "method": "session/request_permission", "params": params }),
    ));
    for (decision, told) in [(Decision::AllowOnce, "o"), (Decision::Deny { reason: None }, "r")] {
        let (completed, events) = play(&agent, |_| Some(decision.clone())).await;
        assert_eq!(completed.answer, selected(told));
        let shown = Permission::default().tool("execute").command("ls").cwd("/work/repo");
        assert!(events.iter().any(|event| matches!(event, Event::Request(asked)
            if asked.request.subject == RequestSubject::Permission(shown.clone()))));
        assert!(steps(&events).is_empty(), "{events:?}");
    }
}

/// A kind is no name: tools of one kind would share their rules.
#[tokio::test]
async fn what_has_no_name_is_no_tool() {
    let fields = json!({ "id": 1 });
    for kind in ["other", "fetch", "delete", "execute", "edit"] {
        let call = json!({ "toolCallId": "m", "title": "drop table", "kind": kind, "rawInput": fields });
        let shown = Permission::default().cwd("/work/repo").input(format!("drop table\n{}", input(&fields)));
        assert_eq!(asked_after(&[], call).await, shown, "{kind}");
    }
}

/// A rule of takopi's is for a tool or for a command: what an agent only gives a name to must be neither.
#[tokio::test]
async fn a_name_is_no_command() {
    let named = json!({
        "toolCallId": "t", "title": "make all\nrm -rf /", "kind": "execute", "locations": [{ "path": "/repo" }],
    });
    let named = asked_after(&[], named).await;
    assert_eq!((named.tool, named.command, named.input.as_deref()), (None, None, Some("make all\nrm -rf /")));
    let words = json!({
        "toolCallId": "t", "title": "sh", "kind": "execute", "rawInput": { "command": ["sh", "-c", "rm 'a' b"] },
    });
    let words = asked_after(&[], words).await;
    assert_eq!(words.command.as_deref(), Some("sh -c 'rm '\\''a'\\'' b'"));
}

/// An agent never waits for an answer that nobody can give.
#[tokio::test]
async fn what_can_not_be_asked_is_refused_and_told() {
    let call = json!({ "toolCallId": "t", "title": "rm x" });
    let good = json!({ "sessionId": "s", "toolCall": call, "options": usual_options() });
    let with = |field: &str, value: Value| {
        let mut params = good.clone();
        params[field] = value;
        params
    };
    let unreadable = [
        json!(null),
        json!([]),
        json!({}),
        with("toolCall", json!(null)),
        with("toolCall", json!("t")),
        with("toolCall", json!({ "title": "rm x" })),
        with("toolCall", json!({ "toolCallId": 7 })),
        with("options", json!(null)),
        with("options", json!({ "optionId": "o" })),
        with("options", json!([7, { "optionId": 7, "name": "Yes", "kind": "allow_once" }])),
    ];
    for params in unreadable {
        let agent = asking(Reply::Say(
            json!({ "jsonrpc": "2.0", "id": 7, "method": "session/request_permission", "params": params }),
        ));
        let (completed, events) = play(&agent, |_| Some(Decision::AllowOnce)).await;
        assert!(["null", CANCELLED].contains(&&*completed.answer), "{params}: {}", completed.answer);
        assert_eq!(warnings(&events).len(), 1, "{params}");
    }
    let odd = json!({
        "toolCallId": "t", "title": 7, "kind": 7, "status": 7, "content": [{ "type": 7 }], "locations": 7,
        "rawInput": { "command": "rm x" },
    });
    let (completed, events) =
        play(&asking(ask(7, &odd, &usual_options())), |_| Some(Decision::AllowOnce)).await;
    assert_eq!(completed.answer, selected("o"));
    let shown = input(&json!({ "command": "rm x" }));
    assert!(permission_of(events).input.is_some_and(|input| input.ends_with(&shown)));
}

#[tokio::test]
async fn a_number_and_a_text_are_not_one_request() {
    let agent = Agent::new(|message| match message["method"].as_str() {
        Some("session/prompt") => {
            let params =
                json!({ "sessionId": "s", "toolCall": { "toolCallId": "u" }, "options": usual_options() });
            let method = "session/request_permission";
            let text = json!({ "jsonrpc": "2.0", "id": "7", "method": method, "params": params });
            vec![permission(&usual_options()), Reply::Say(text), say("both asked")]
        }
        None if message["id"] == 7 => vec![answer(3, &json!({ "stopReason": "end_turn" }))],
        _ => fake::usual(message),
    });
    let mut run = runner().run(spec(&agent));
    let mut asked = Vec::new();
    while let Some(event) = run.events.next().await {
        match event {
            Event::Request(event) => asked.push(event.request.id),
            Event::Text(_) => run.control.answer(&asked[0], Decision::AllowOnce).await.unwrap(),
            _ => {}
        }
    }
    let told = agent.heard().into_iter().find(|message| message["id"] == "7").unwrap();
    assert_eq!(told["result"]["outcome"]["outcome"], "cancelled");
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
