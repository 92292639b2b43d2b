//! What no recording has: errors on the way, and what comes in the wrong moment.

use super::*;

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
