//! `opencode serve` as it was recorded, against the client that takopi has: what is said is compared, and what is heard
//! becomes what people see.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is missing")]

#[path = "serve/puppet.rs"]
mod puppet;
#[path = "serve/replay.rs"]
mod replay;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Value, json};
use takopi_api::config::{ConfigTable, EngineConfig};
use takopi_api::engine::{EngineId, Modes};
use takopi_api::event::{
    ActionKind, Completed, Decision, Event, Outcome, Permission, Request, RequestSubject, Resolution,
    TextKind,
};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::{ControlError, RunControl, RunOptions, RunSpec, Runner, ThreadLocks};
use takopi_api::testing::{RunnerContract, check_events, engine};
use takopi_engine_opencode as _;

use puppet::Puppet;
use replay::{Replay, Step, recording};

const OPENCODE: EngineId = EngineId::from_static("opencode");

fn runner() -> Arc<dyn Runner> {
    (engine("opencode").build_runner)(&EngineConfig::empty("/nowhere")).unwrap()
}

fn configured(table: &str) -> Result<Arc<dyn Runner>, String> {
    let table = ConfigTable::from_toml(Path::new("takopi.toml"), table).unwrap();
    let config = EngineConfig::new(table.table("opencode").unwrap(), "/nowhere");
    (engine("opencode").build_runner)(&config).map_err(|error| error.to_string())
}

/// What was heard of a run.
struct Course {
    completed: Completed,
    events: Vec<Event>,
}

impl Course {
    /// The titles of what was done, with `+` for what went well and `-` for what did not.
    fn done(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Action(event) => match event.phase {
                    takopi_api::event::Phase::Completed(outcome) => {
                        let sign = if outcome == takopi_api::event::ActionOutcome::Ok { '+' } else { '-' };
                        Some(format!("{sign} {}", event.action.title))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn text(&self, kind: TextKind) -> String {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Text(text) if text.kind == kind => Some(text.delta.as_str()),
                _ => None,
            })
            .collect()
    }

    fn requests(&self) -> Vec<&Request> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Request(event) => Some(&event.request),
                _ => None,
            })
            .collect()
    }

    fn permission(&self, at: usize) -> &Permission {
        match &self.requests()[at].subject {
            RequestSubject::Permission(permission) => permission,
            other => panic!("{other:?}"),
        }
    }

    fn resolutions(&self) -> Vec<&Resolution> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::RequestResolved(event) => Some(&event.resolution),
                _ => None,
            })
            .collect()
    }

    fn error(&self) -> &str {
        match &self.completed.outcome {
            Outcome::Failed { error } => error,
            other => panic!("{other:?}"),
        }
    }
}

fn spec(replay: &Replay, prompt: &str) -> RunSpec {
    RunSpec::new(prompt, "/repo", replay.host(), ThreadLocks::default())
}

/// Plays a recording; `act` says what a person does at each event.
async fn play(name: &str, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    play_with(name, RunOptions::default(), act).await
}

async fn play_with(name: &str, options: RunOptions, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    let steps = recording(name, Path::new("/repo"));
    let prompt = steps.iter().find_map(|step| match step {
        Step::Asked(line, Some(body)) if line.ends_with("prompt_async") => body["parts"][0]["text"].as_str(),
        _ => None,
    });
    let prompt = prompt.unwrap().to_owned();
    let replay = Replay::start(steps);
    let course = follow(spec(&replay, &prompt).options(options), act).await;
    replay.finish().await;
    course
}

async fn follow(spec: RunSpec, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    follow_by(&runner(), spec, act).await
}

async fn follow_by(
    runner: &Arc<dyn Runner>,
    spec: RunSpec,
    mut act: impl AsyncFnMut(&Event, &RunControl),
) -> Course {
    let mut run = runner.run(spec);
    let mut events = Vec::new();
    while let Some(event) = run.events.next().await {
        act(&event, &run.control).await;
        events.push(event);
    }
    Course { completed: check_events(&OPENCODE, &events), events }
}

/// Answers everything that is asked in this way.
fn answering(decision: Decision) -> impl AsyncFnMut(&Event, &RunControl) {
    async move |event, control| {
        if let Event::Request(event) = event {
            control.answer(&event.request.id, decision.clone()).await.unwrap();
        }
    }
}

async fn nothing(_: &Event, _: &RunControl) {}

const NO: Decision = Decision::Deny { reason: None };

#[tokio::test]
async fn what_is_allowed_is_done() {
    for yes in [Decision::AllowOnce, Decision::AllowSession, Decision::AllowAlways] {
        let course = play("allow", answering(yes.clone())).await;
        assert_eq!(
            (course.completed.answer.as_str(), course.completed.is_done()),
            ("After the dangerous command.", true)
        );
        let permission = course.permission(0);
        assert_eq!(permission.tool.as_deref(), Some("bash"));
        assert_eq!(permission.command.as_deref(), Some("rm -rf ./scratch-dir && echo removed"));
        assert_eq!(permission.cwd.as_deref(), Some("/repo"));
        assert_eq!(course.resolutions(), [&Resolution::Decided(yes)]);
        assert_eq!(course.done(), ["+ rm -rf ./scratch-dir && echo removed"]);
        assert_eq!(course.text(TextKind::Answer), "After the dangerous command.");
        let usage = course.completed.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(200), Some(20)));
    }
}

#[tokio::test]
async fn what_is_denied_is_said_to_the_model_which_goes_on() {
    let no = Decision::Deny { reason: Some("not now".into()) };
    let course = play("deny", answering(no.clone())).await;
    assert!(course.completed.is_done());
    assert_eq!(course.done(), ["- rm -rf ./scratch-dir && echo removed"]);
    assert_eq!(course.resolutions(), [&Resolution::Decided(no)]);
}

/// Opencode denies all that a session asks with the first of it.
#[tokio::test]
async fn what_is_denied_with_something_else_is_withdrawn() {
    let mut is_first = true;
    let course = play("siblings", async |event: &Event, control: &RunControl| {
        if let Event::Request(event) = event
            && std::mem::take(&mut is_first)
        {
            control.answer(&event.request.id, NO).await.unwrap();
        }
    })
    .await;
    assert!(course.completed.is_done());
    assert_eq!(course.requests().len(), 2);
    assert_eq!(course.resolutions(), [&Resolution::Decided(NO), &Resolution::Withdrawn]);
    assert_eq!(course.done(), ["- echo one", "- echo two"]);
}

#[tokio::test]
async fn a_question_is_answered() {
    let answers = BTreeMap::from([("0".to_owned(), vec!["Blue".to_owned()])]);
    let answer = Decision::Answer { answers };
    let course = play("question", answering(answer.clone())).await;
    assert_eq!(
        (course.completed.answer.as_str(), course.completed.is_done()),
        ("Thanks for answering.", true)
    );
    let RequestSubject::Question { questions } = &course.requests()[0].subject else { panic!() };
    assert_eq!(
        (questions[0].text.as_str(), questions[0].header.as_deref()),
        ("Which colour?", Some("Colour"))
    );
    let options: Vec<_> = questions[0].options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(options, ["Red", "Blue"]);
    assert_eq!(course.resolutions(), [&Resolution::Decided(answer)]);
}

#[tokio::test]
async fn a_question_can_be_left_unanswered() {
    let course = play("dismiss", answering(NO)).await;
    assert!(course.completed.is_done());
    assert_eq!(course.resolutions(), [&Resolution::Decided(NO)]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused_and_nothing_is_said() {
    let mut is_refused = false;
    let mut run =
        runner().run(spec(&Replay::start(recording("question", Path::new("/repo"))), "please [[ask]]"));
    while let Some(event) = run.events.next().await {
        if let Event::Request(event) = &event {
            let answer = run.control.answer(&event.request.id, Decision::AllowOnce).await;
            is_refused = matches!(answer, Err(ControlError::Refused(_)));
            break;
        }
    }
    assert!(is_refused);
}

#[tokio::test]
async fn an_interrupted_turn_is_aborted_before_its_server_ends() {
    let course = play("abort", async |event: &Event, control: &RunControl| match event {
        Event::Request(event) => control.answer(&event.request.id, Decision::AllowOnce).await.unwrap(),
        Event::RequestResolved(_) => control.interrupt().await.unwrap(),
        _ => {}
    })
    .await;
    assert_eq!(course.completed.outcome, Outcome::Interrupted);
    assert!(course.completed.resume.is_some());
    assert_eq!(course.done(), ["- echo $$ > child.pid; sleep 61"]);
}

/// The server has nothing to end yet, and begins all the same.
#[tokio::test]
async fn a_turn_that_is_interrupted_before_it_begins_is_aborted_again() {
    let mut steps = begun();
    steps.truncate(8);
    for status in [json!({"ses_1": {"type": "busy"}}), json!({})] {
        steps.push(Step::Asked("POST /session/ses_1/abort".to_owned(), Some(json!({}))));
        steps.push(Step::Answered(200, json!(true)));
        steps.extend(asks("GET /session/status", status));
    }
    let course = hear(steps, async |event: &Event, control: &RunControl| {
        if let Event::Started(_) = event {
            control.interrupt().await.unwrap();
        }
    })
    .await;
    assert_eq!(course.completed.outcome, Outcome::Interrupted);
}

#[tokio::test]
async fn what_an_interrupted_turn_asked_is_withdrawn() {
    let course = play("withdrawn", async |event: &Event, control: &RunControl| {
        if let Event::Request(_) = event {
            control.interrupt().await.unwrap();
        }
    })
    .await;
    assert_eq!(course.completed.outcome, Outcome::Interrupted);
    assert_eq!(course.resolutions(), [&Resolution::Withdrawn]);
}

#[tokio::test]
async fn what_is_said_in_the_middle_of_a_turn_is_answered_in_it() {
    let course = play("steer", async |event: &Event, control: &RunControl| match event {
        Event::Request(event) => control.answer(&event.request.id, Decision::AllowOnce).await.unwrap(),
        Event::RequestResolved(_) => control.steer("and now [[plain]]").await.unwrap(),
        _ => {}
    })
    .await;
    assert_eq!(
        (course.completed.answer.as_str(), course.completed.is_done()),
        ("Hello from the fake model.", true)
    );
}

#[tokio::test]
async fn an_error_of_the_model_is_what_the_run_says() {
    let course = play("error", nothing).await;
    assert_eq!(course.error(), "Fake 401 error.");
}

/// Such a turn never begins, so it is never idle either.
#[tokio::test]
async fn a_mode_that_there_is_not_says_which_there_are() {
    let course = play_with("no-agent", RunOptions::default().mode(Some("nope".into())), nothing).await;
    assert_eq!(course.error(), "Agent not found: \"nope\". Available agents: build, explore, general, plan");
}

#[tokio::test]
async fn an_edit_is_shown_before_it_is_made() {
    let course = play("edit", answering(Decision::AllowOnce)).await;
    assert!(course.completed.is_done());
    let permission = course.permission(1);
    assert_eq!(
        (permission.tool.as_deref(), &permission.paths[..]),
        (Some("edit"), &["/repo/hello.txt".to_owned()][..])
    );
    assert!(permission.diff.as_deref().unwrap().ends_with("@@ -1,1 +1,1 @@\n-hello\n+goodbye\n"));
    assert_eq!(course.done(), ["+ /repo/hello.txt", "+ read: /repo/hello.txt", "+ /repo/hello.txt"]);
}

#[tokio::test]
async fn text_comes_as_it_is_written() {
    let course = play("think", nothing).await;
    assert_eq!(course.text(TextKind::Thinking), "Let me add two and two.");
    assert_eq!(course.text(TextKind::Answer), course.completed.answer);
    assert_eq!(course.completed.answer, "The answer is 4.");
}

#[tokio::test]
async fn what_a_sub_agent_wants_is_asked_and_shown_below_it() {
    let course = play("subagent", answering(Decision::AllowOnce)).await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("Sub-agent finished.", true));
    assert_eq!(course.permission(0).reason.as_deref(), Some("asked by a sub-agent"));
    let actions: Vec<_> = course
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Action(event) => Some(&event.action),
            _ => None,
        })
        .collect();
    let agent = actions.iter().find(|action| action.kind == ActionKind::Subagent).unwrap();
    let command = actions.iter().find(|action| action.kind == ActionKind::Command).unwrap();
    assert_eq!(command.detail.parent.as_ref(), Some(&agent.id));
    // What the sub-agent used is paid for too.
    assert_eq!(course.completed.usage.unwrap().output_tokens, Some(40));
}

#[tokio::test]
async fn the_mode_plan_changes_nothing() {
    let course = play_with("plan", RunOptions::default().mode(Some("plan".into())), nothing).await;
    assert!(course.requests().is_empty());
    assert_eq!(course.done(), ["- /repo/hello.txt"]);
}

/// What comes before the first word of a turn.
fn opening(session: &Value) -> Vec<Step> {
    let config = recording("think", Path::new("/repo")).into_iter().take(4);
    let line = match session.get("resumed").and_then(Value::as_str) {
        Some(id) => (format!("GET /session/{id}"), None),
        None => ("POST /session".to_owned(), Some(json!({}))),
    };
    let status = u16::try_from(session["status"].as_u64().unwrap_or(200)).unwrap();
    config.chain([Step::Asked(line.0, line.1), Step::Answered(status, session.clone())]).collect()
}

/// A turn of session `ses_1` that was begun by `hi`.
fn begun() -> Vec<Step> {
    let mut steps = opening(&json!({"id": "ses_1", "directory": "/repo"}));
    let prompt = json!({"parts": [{"type": "text", "text": "hi"}]});
    steps.push(Step::Asked("POST /session/ses_1/prompt_async".to_owned(), Some(prompt)));
    steps.push(Step::Answered(204, json!("")));
    steps.push(message("user", "msg_1", ""));
    steps.push(status("busy"));
    steps.push(message("assistant", "msg_2", "msg_1"));
    steps
}

fn told(kind: &str, mut properties: Value) -> Step {
    properties["sessionID"] = json!("ses_1");
    Step::Told(json!({"type": kind, "properties": properties}).to_string())
}

fn status(kind: &str) -> Step {
    told("session.status", json!({"status": {"type": kind}}))
}

fn message(role: &str, id: &str, parent: &str) -> Step {
    told("message.updated", json!({"info": {"id": id, "role": role, "parentID": parent}}))
}

fn part(mut part: Value) -> Step {
    part["sessionID"] = json!("ses_1");
    part["messageID"] = json!("msg_2");
    told("message.part.updated", json!({"part": part}))
}

fn answer(text: &str) -> [Step; 2] {
    [
        part(json!({"id": "prt_1", "type": "text", "text": text})),
        part(
            json!({"id": "prt_2", "type": "step-finish", "reason": "stop", "tokens": {"input": 1, "output": 2}}),
        ),
    ]
}

fn asks(line: &str, answer: Value) -> [Step; 2] {
    [Step::Asked(line.to_owned(), None), Step::Answered(200, answer)]
}

async fn hear(steps: Vec<Step>, act: impl AsyncFnMut(&Event, &RunControl)) -> Course {
    let replay = Replay::start(steps);
    let course = follow(spec(&replay, "hi"), act).await;
    replay.finish().await;
    course
}

#[tokio::test]
async fn what_can_not_be_read_costs_only_itself() {
    let mut steps = begun();
    let long = "x".repeat(1 << 20);
    steps.extend(
        [
            "not json",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"session.status","properties":7}"#,
            r#"{"type":"hologram"}"#,
        ]
        .map(|data| Step::Told(data.to_owned())),
    );
    steps.push(part(json!({"id": "p", "type": "tool", "callID": "c", "tool": 7, "state": []})));
    steps.push(part(json!({"id": "p", "type": "tool", "callID": "d", "tool": "bash", "state": {"status": "running", "input": {"command": long}}})));
    steps.push(status("dancing"));
    // What is of another session is nobody's business.
    steps.push(Step::Told(r#"{"type":"session.idle","properties":{"sessionID":"ses_2"}}"#.to_owned()));
    steps.push(Step::Told(r#"{"type":"session.error","properties":{"error":{"name":"Other"}}}"#.to_owned()));
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let course = hear(steps, nothing).await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("fine", true));
    assert_eq!(course.done(), ["+ opencode told something that takopi can not read: not json"]);
}

#[tokio::test]
async fn a_request_of_a_megabyte_is_shown_as_a_whole() {
    let mut steps = begun();
    let command = "x".repeat(1 << 20);
    let asked =
        json!({"id": "per_1", "permission": "bash", "patterns": ["x"], "metadata": {"command": command}});
    steps.push(told("permission.asked", asked.clone()));
    // Asked twice is asked once.
    steps.push(told("permission.asked", asked));
    steps.push(told("permission.replied", json!({"requestID": "per_1", "reply": "reject"})));
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let course = hear(steps, nothing).await;
    assert_eq!(course.requests().len(), 1);
    assert_eq!(course.permission(0).command.as_deref(), Some(command.as_str()));
    // Somebody else answered.
    assert_eq!(course.resolutions(), [&Resolution::Withdrawn]);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_told_so() {
    let mut steps = begun();
    steps.push(told("permission.asked", json!({"id": "per_1", "permission": "bash", "patterns": ["x"]})));
    steps.push(Step::Asked("POST /permission/per_1/reply".to_owned(), Some(json!({"reply": "once"}))));
    steps.push(Step::Answered(404, json!({"name": "PermissionNotFoundError"})));
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let course = hear(steps, async |event: &Event, control: &RunControl| {
        if let Event::Request(event) = event {
            let answered = control.answer(&event.request.id, Decision::AllowOnce).await;
            assert_eq!(answered, Err(ControlError::NoSuchRequest(event.request.id.clone())));
        }
    })
    .await;
    assert_eq!(course.resolutions(), [&Resolution::Withdrawn]);
    assert!(course.completed.is_done());
}

/// Nobody knows then whether the engine may go on.
#[tokio::test]
async fn an_answer_that_does_not_arrive_ends_the_run() {
    let mut steps = begun();
    steps.push(told("permission.asked", json!({"id": "per_1", "permission": "bash", "patterns": ["x"]})));
    steps.push(Step::Asked("POST /permission/per_1/reply".to_owned(), Some(json!({"reply": "reject"}))));
    steps.push(Step::Answered(500, json!({"name": "UnknownError"})));
    steps.push(Step::Asked("POST /session/ses_1/abort".to_owned(), Some(json!({}))));
    steps.push(Step::Answered(200, json!(true)));
    let course = hear(steps, async |event: &Event, control: &RunControl| {
        if let Event::Request(event) = event {
            assert!(control.answer(&event.request.id, NO).await.is_err());
        }
    })
    .await;
    assert_eq!(course.error(), "the answer to a request did not reach opencode: UnknownError (HTTP 500)");
}

#[tokio::test]
async fn a_request_that_nobody_can_answer_ends_the_run() {
    let mut steps = begun();
    steps.push(told("permission.asked", json!({"id": "../x", "permission": "bash"})));
    steps.push(Step::Asked("POST /session/ses_1/abort".to_owned(), Some(json!({}))));
    steps.push(Step::Answered(200, json!(true)));
    let course = hear(steps, nothing).await;
    assert!(course.error().contains("nobody can answer"), "{}", course.error());
}

#[tokio::test]
async fn what_was_missed_is_asked_for() {
    let mut steps = begun();
    steps.push(told("permission.asked", json!({"id": "per_1", "permission": "bash", "patterns": ["ls"]})));
    steps.push(Step::Broken);
    steps.push(Step::Asked("GET /event".to_owned(), None));
    steps.push(Step::Told(r#"{"type":"server.connected","properties":{}}"#.to_owned()));
    let tool = |id: &str, status: &str| {
        json!({"id": format!("prt_{id}"), "sessionID": "ses_1", "messageID": "msg_2", "type": "tool", "callID": id,
            "tool": "bash", "state": {"status": status, "input": {"command": id}, "metadata": {"exit": 0}}})
    };
    let old = json!({"info": {"id": "msg_0", "role": "user"}, "parts": [tool("old", "completed")]});
    let own = json!({"info": {"id": "msg_1", "role": "user"}, "parts": []});
    let reply = json!({"info": {"id": "msg_2", "role": "assistant", "parentID": "msg_1"}, "parts": [
        tool("missed", "completed"), tool("going", "running")]});
    steps.extend(asks("GET /session/ses_1/message", json!([old, own, reply])));
    steps
        .extend(asks("GET /permission", json!([{"id": "per_2", "permission": "bash", "patterns": ["pwd"]}])));
    steps.extend(asks("GET /question", json!([])));
    steps.extend(asks("GET /session/status", json!({"ses_1": {"type": "busy"}})));
    steps.push(told("permission.replied", json!({"requestID": "per_2"})));
    steps.push(part(tool("missed", "completed")));
    steps.push(part(tool("going", "completed")));
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let course = hear(steps, nothing).await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("fine", true));
    assert_eq!(course.done(), ["+ missed", "+ going"]);
    assert_eq!(course.requests().len(), 2);
    assert_eq!(course.resolutions(), [&Resolution::Withdrawn, &Resolution::Withdrawn]);
}

#[tokio::test]
async fn a_turn_that_ended_unheard_has_ended() {
    let mut steps = begun();
    steps.push(Step::Broken);
    steps.push(Step::Asked("GET /event".to_owned(), None));
    steps.push(Step::Told(r#"{"type":"server.connected","properties":{}}"#.to_owned()));
    let reply = json!({"info": {"id": "msg_2", "role": "assistant", "parentID": "msg_1"}, "parts": [
        {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_2", "type": "text", "text": "fine"},
        {"id": "prt_2", "sessionID": "ses_1", "messageID": "msg_2", "type": "step-finish", "reason": "stop"}]});
    steps.extend(asks(
        "GET /session/ses_1/message",
        json!([{"info": {"id": "msg_1", "role": "user"}}, reply]),
    ));
    steps.extend(asks("GET /permission", json!([])));
    steps.extend(asks("GET /question", json!([])));
    steps.extend(asks("GET /session/status", json!({})));
    let course = hear(steps, nothing).await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("fine", true));
}

#[tokio::test]
async fn what_was_missed_and_can_not_be_asked_for_is_a_failure() {
    let mut steps = begun();
    steps.push(Step::Broken);
    steps.push(Step::Asked("GET /event".to_owned(), None));
    steps.push(Step::Told(r#"{"type":"server.connected","properties":{}}"#.to_owned()));
    steps.push(Step::Asked("GET /session/ses_1/message".to_owned(), None));
    steps.push(Step::Answered(500, json!({"name": "UnknownError"})));
    steps.push(Step::Asked("POST /session/ses_1/abort".to_owned(), Some(json!({}))));
    steps.push(Step::Answered(200, json!(true)));
    let course = hear(steps, nothing).await;
    assert_eq!(course.error(), "takopi lost what opencode tells: UnknownError (HTTP 500)");
}

#[tokio::test]
async fn a_server_that_has_ended_says_its_last_words() {
    let replay = Replay::start_dead(opening(&json!({"id": "ses_1", "directory": "/repo"})));
    let course = follow(spec(&replay, "hi"), nothing).await;
    let error = "`opencode serve` exited with code 3 in the middle of its turn\nthe last words of opencode";
    assert_eq!(course.error(), error);
    replay.finish().await;
}

/// Opencode says that it does nothing, and then begins to answer what came in the very last moment.
#[tokio::test]
async fn what_is_said_in_the_last_moment_is_answered_too() {
    let mut steps = begun();
    steps.push(part(
        json!({"id": "t", "type": "tool", "callID": "c", "tool": "bash", "state": {"status": "running"}}),
    ));
    let more = json!({"parts": [{"type": "text", "text": "more"}]});
    steps.push(Step::Asked("POST /session/ses_1/prompt_async".to_owned(), Some(more)));
    steps.extend(answer("first"));
    steps.push(status("idle"));
    steps.push(Step::Answered(204, json!("")));
    steps.extend(asks("GET /session/status", json!({"ses_1": {"type": "busy"}})));
    steps.push(message("user", "msg_3", ""));
    steps.push(message("assistant", "msg_4", "msg_3"));
    let of_msg_4 = |mut part: Value| {
        part["sessionID"] = json!("ses_1");
        part["messageID"] = json!("msg_4");
        told("message.part.updated", json!({"part": part}))
    };
    steps.push(of_msg_4(json!({"id": "prt_3", "type": "text", "text": "second"})));
    steps.push(of_msg_4(json!({"id": "prt_4", "type": "step-finish", "reason": "stop"})));
    steps.push(status("idle"));
    let course = hear(steps, async |event: &Event, control: &RunControl| {
        if let Event::Action(event) = event
            && event.action.kind == ActionKind::Command
        {
            control.steer("more").await.unwrap();
        }
    })
    .await;
    assert_eq!((course.completed.answer.as_str(), course.completed.is_done()), ("second", true));
    assert_eq!(course.done(), ["+ first"]);
}

#[tokio::test]
async fn an_overloaded_model_is_asked_again_and_people_see_it() {
    let mut steps = begun();
    for attempt in [1, 1, 2] {
        let status = json!({"status": {"type": "retry", "attempt": attempt, "message": "busy", "next": 1}});
        steps.push(told("session.status", status));
    }
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let course = hear(steps, nothing).await;
    assert_eq!(course.done(), ["+ opencode tries again: busy", "+ opencode tries again: busy"]);
}

#[tokio::test]
async fn a_turn_without_an_end_of_its_own_is_no_success() {
    let mut steps = begun();
    steps.push(part(json!({"id": "p", "type": "step-finish", "reason": "content-filter"})));
    steps.push(status("idle"));
    let course = hear(steps, nothing).await;
    assert_eq!(course.error(), "opencode ended its turn without an answer (`content-filter`)");
}

#[tokio::test]
async fn a_prompt_that_is_not_taken_is_a_failure() {
    let mut steps = opening(&json!({"id": "ses_1", "directory": "/repo"}));
    let prompt = json!({"parts": [{"type": "text", "text": "hi"}]});
    steps.push(Step::Asked("POST /session/ses_1/prompt_async".to_owned(), Some(prompt)));
    steps.push(Step::Answered(400, json!({"name": "BadRequest", "data": {"message": "no such form"}})));
    let course = hear(steps, nothing).await;
    assert_eq!(course.error(), "opencode did not take the prompt: no such form (HTTP 400)");
}

async fn continued(session: Value, thread: &str) -> String {
    let replay = Replay::start(opening(&session));
    let resume = ResumeToken::new(OPENCODE, thread).unwrap();
    let course = follow(spec(&replay, "hi").resume(Some(resume.clone())), nothing).await;
    replay.finish().await;
    assert_eq!(course.completed.resume, Some(resume));
    course.error().to_owned()
}

#[tokio::test]
async fn a_thread_is_continued_only_where_it_belongs() {
    let error = continued(json!({"resumed": "ses_1", "id": "ses_1", "directory": "/other"}), "ses_1").await;
    assert!(
        error.starts_with("thread ses_1 belongs to /other, and opencode can continue it only there"),
        "{error}"
    );
    let error = continued(json!({"resumed": "ses_1", "status": 404, "name": "NotFoundError"}), "ses_1").await;
    assert_eq!(error, "opencode has no thread ses_1; leave out the resume line to start a new one");
    let error = continued(json!({"resumed": "ses_1", "id": "ses_2", "directory": "/repo"}), "ses_1").await;
    assert_eq!(error, "opencode opened another session than the one that is continued");
    let error = continued(json!({"resumed": "ses_1", "status": 500, "name": "UnknownError"}), "ses_1").await;
    assert_eq!(error, "opencode opens no session: UnknownError (HTTP 500)");
}

#[tokio::test]
async fn a_thread_that_is_continued_is_asked_for_and_keeps_its_name() {
    let mut steps = opening(&json!({"resumed": "ses_1", "id": "ses_1", "directory": "/repo"}));
    steps.extend(begun().into_iter().skip(6));
    steps.extend(answer("fine"));
    steps.push(status("idle"));
    let replay = Replay::start(steps);
    let resume = ResumeToken::new(OPENCODE, "ses_1").unwrap();
    let course = follow(spec(&replay, "hi").resume(Some(resume.clone())), nothing).await;
    replay.finish().await;
    assert!(course.completed.is_done());
    assert_eq!(course.completed.resume, Some(resume));
}

#[tokio::test]
async fn a_server_that_does_not_listen_says_why() {
    let script = takopi_api::testing::Script::new("something else\n").stderr("port in use\n");
    let processes =
        takopi_api::testing::ScriptedProcesses::new(script.status(takopi_api::process::ExitStatus::Code(1)));
    let course = follow(RunSpec::new("hi", "/repo", processes, ThreadLocks::default()), nothing).await;
    assert_eq!(course.error(), "`opencode serve` exited with code 1 before it listened\nport in use");
}

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
