use proptest::prelude::*;
use serde_json::json;
use takopi_api::event::{Completed, Decision, Event, Lasting, Permission, RequestSubject};
use takopi_api::process::ProcessHost;
use takopi_api::runner::{RunSpec, ThreadLocks};
use takopi_api::testing::{Script, ScriptedProcesses, check_events};

use super::*;
use crate::backend::{ENGINE, Settings};

/// Anything that can happen to a session.
#[derive(Debug, Clone)]
enum Happens {
    Told(String),
    Prompted(bool),
    Steer,
    Steered(bool),
    Answer(u8, bool),
    Answered(u8, u8),
    Interrupt,
    Aborted,
    Looked(bool),
    Waited(u8),
    CaughtUp(bool),
}

fn told(kind: &str, properties: &Value) -> Happens {
    Happens::Told(json!({"type": kind, "properties": properties}).to_string())
}

fn happens() -> impl Strategy<Value = Happens> {
    let session = prop_oneof![4 => Just("ses_1"), 1 => Just("ses_2"), 1 => Just("ses_3")];
    let message = (session.clone(), "msg_[0-3]", "msg_[0-3]", prop_oneof![Just("user"), Just("assistant")])
        .prop_map(|(session, id, parent, role)| {
            told(
                "message.updated",
                &json!({"sessionID": session, "info": {"id": id, "role": role, "parentID": parent}}),
            )
        });
    let kind = prop_oneof![Just("text"), Just("reasoning"), Just("tool"), Just("step-finish"), Just("patch")];
    let status = prop_oneof![Just("pending"), Just("running"), Just("completed"), Just("error")];
    let part =
        (session.clone(), "msg_[0-3]", "[a-d]", kind, status, prop_oneof![Just("stop"), Just("tool-calls")]);
    let part = part.prop_map(|(session, message, id, kind, status, reason)| {
        told(
            "message.part.updated",
            &json!({"part": {"id": format!("{kind}{id}"), "sessionID": session, "messageID": message,
            "type": kind, "text": id, "tool": "task", "callID": id, "reason": reason,
            "state": {"status": status, "input": {"description": id}, "metadata": {"sessionId": "ses_3"}}}}),
        )
    });
    let delta = (session.clone(), "[a-d]").prop_map(|(session, id)| {
        told(
            "message.part.delta",
            &json!({"sessionID": session, "partID": format!("text{id}"), "field": "text", "delta": id}),
        )
    });
    let status = (session.clone(), prop_oneof![Just("busy"), Just("idle"), Just("retry")]).prop_map(
        |(session, kind)| {
            told(
                "session.status",
                &json!({"sessionID": session, "status": {"type": kind, "message": "busy"}}),
            )
        },
    );
    let error = (session.clone(), "[ab]").prop_map(|(session, text)| {
        told("session.error", &json!({"sessionID": session, "error": {"data": {"message": text}}}))
    });
    let asked = (session, "[a-c]", "[a-d]", any::<bool>()).prop_map(|(session, id, call, is_question)| {
        let kind = if is_question { "question.asked" } else { "permission.asked" };
        told(kind, &json!({"id": id, "sessionID": session, "permission": "bash", "questions": [{"question": "?"}], "tool": {"callID": call}}))
    });
    let replied = "[a-c]".prop_map(|id| told("permission.replied", &json!({"requestID": id})));
    let created = Just(told("session.created", &json!({"info": {"id": "ses_2", "parentID": "ses_1"}})));
    prop_oneof![
        message,
        part,
        delta,
        status,
        error,
        asked,
        replied,
        created,
        "\\PC{0,20}".prop_map(Happens::Told),
        any::<bool>().prop_map(Happens::Prompted),
        Just(Happens::Steer),
        any::<bool>().prop_map(Happens::Steered),
        (0u8..3, any::<bool>()).prop_map(|(id, yes)| Happens::Answer(id, yes)),
        (0u8..3, 0u8..3).prop_map(|(id, how)| Happens::Answered(id, how)),
        Just(Happens::Interrupt),
        Just(Happens::Aborted),
        any::<bool>().prop_map(Happens::Looked),
        (0u8..3).prop_map(Happens::Waited),
        any::<bool>().prop_map(Happens::CaughtUp),
    ]
}

fn session() -> (Session, EventFactory) {
    session_of(false)
}

fn session_of(is_resumed: bool) -> (Session, EventFactory) {
    let processes: std::sync::Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
    let spec = RunSpec::new("hi", "/repo", processes, ThreadLocks::default());
    let prompt = Prompt::new(&Settings::default(), &spec).unwrap();
    let thread = ResumeToken::new(ENGINE, "ses_1").unwrap();
    (
        Session::new(thread, is_resumed, "/repo".to_owned(), "opencode".to_owned(), prompt),
        EventFactory::new(ENGINE, None),
    )
}

/// What a person or the server does reaches a session that is over no more, as in the loop around it.
fn happen(session: &mut Session, event: &Happens, out: &mut EventFactory, calls: &mut Vec<Call>) {
    let request = |id: u8| RequestId::new(char::from(b'a' + id).to_string());
    if session.is_over() {
        return;
    }
    match event {
        Happens::Told(data) => session.hear(data, out, calls),
        Happens::Prompted(true) => session.prompted(Ok(()), out),
        Happens::Prompted(false) => session.prompted(Err("no".to_owned()), out),
        Happens::Steer => drop(session.steer("more")),
        Happens::Steered(is_taken) if session.steering > 0 => session.steered(*is_taken, calls),
        Happens::Steered(_) => {}
        Happens::Answer(id, yes) => {
            let decision = if *yes { Decision::AllowOnce } else { Decision::Deny { reason: None } };
            drop(session.answer(&request(*id), decision));
        }
        Happens::Answered(id, how) => {
            let delivery = match how {
                0 => Delivery::Taken,
                1 => Delivery::Gone,
                _ => Delivery::Lost("no".to_owned()),
            };
            session.answered(&request(*id), &delivery, out);
        }
        Happens::Interrupt => session.interrupt(calls),
        Happens::Aborted => session.aborted(calls),
        Happens::Looked(is_busy) => session.looked(*is_busy, out, calls),
        Happens::Waited(id) => session.waited(&request(*id), out),
        Happens::CaughtUp(is_busy) => {
            let present = Present {
                messages: r#"[{"info":{"id":"msg_1","role":"user"},"parts":[{"id":"x","type":"text"}]},7]"#
                    .to_owned(),
                permissions: r#"[{"id":"b","permission":"edit"}]"#.to_owned(),
                questions: "[]".to_owned(),
                is_busy: *is_busy,
            };
            drop(session.catch_up(&present, out, calls));
        }
    }
}

fn play(course: &[Happens]) -> (Completed, Vec<Event>) {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    course.iter().for_each(|event| happen(&mut session, event, &mut out, &mut calls));
    // A session that is asked what it does, and does nothing, is over; the rest is over with its server.
    if calls.contains(&Call::Look) && !session.is_over() {
        session.looked(false, &mut out, &mut calls);
    }
    session.fail("the server ended".to_owned(), &mut out);
    let events: Vec<Event> = std::iter::from_fn(|| out.pop()).collect();
    (check_events(&ENGINE, &events), events)
}

/// What people are asked.
fn asked(out: &mut EventFactory) -> Vec<Permission> {
    let permission = |event| match event {
        Event::Request(event) => match event.request.subject {
            RequestSubject::Permission(permission) => Some(permission),
            _ => None,
        },
        _ => None,
    };
    std::iter::from_fn(|| out.pop()).filter_map(permission).collect()
}

const ASKS: &str = r#"{"type":"permission.asked","properties":{"id":"per_1","sessionID":"ses_1","permission":"mail","patterns":["*"],"metadata":{},"tool":{"callID":"call_1"}}}"#;

fn tool_call(status: &str, input: &str) -> String {
    format!(
        r#"{{"type":"message.part.updated","properties":{{"part":{{"id":"p","sessionID":"ses_1","type":"tool","tool":"mail","callID":"call_1","state":{{"status":"{status}","input":{input}}}}}}}}}"#
    )
}

/// Tools of servers ask before the session tells what they are given.
#[test]
fn a_call_is_asked_about_once_it_is_known() {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    session.hear(&tool_call("pending", "{}"), &mut out, &mut calls);
    session.hear(ASKS, &mut out, &mut calls);
    session.hear(ASKS, &mut out, &mut calls);
    assert_eq!(asked(&mut out), []);
    assert_eq!(calls[1..], [Call::Wait(RequestId::new("per_1"))]);
    session.hear(&tool_call("running", r#"{"to":"ada"}"#), &mut out, &mut calls);
    let shown = Permission::default().tool("mail").input("{\n  \"to\": \"ada\"\n}");
    assert_eq!(asked(&mut out), [shown]);
    session.waited(&RequestId::new("per_1"), &mut out);
    assert_eq!(asked(&mut out), []);
    assert!(session.answer(&RequestId::new("per_1"), Decision::AllowOnce).is_ok());
}

#[test]
fn a_call_that_is_not_told_is_asked_about_all_the_same_and_for_this_once() {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    session.hear(ASKS, &mut out, &mut calls);
    session.waited(&RequestId::new("per_1"), &mut out);
    let permission = asked(&mut out).pop().unwrap();
    assert_eq!((permission.tool.as_deref(), permission.lasting), (Some("mail"), Lasting::Nothing));

    // One that is over wants nothing any more.
    let (mut session, mut out) = self::session();
    session.hear(ASKS, &mut out, &mut calls);
    session.hear(&tool_call("error", "{}"), &mut out, &mut calls);
    session.waited(&RequestId::new("per_1"), &mut out);
    assert_eq!(asked(&mut out), []);
}

/// Two sub-agents count their calls from the same number on.
#[test]
fn calls_of_sub_agents_are_told_apart() {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    for inner in ["ses_a", "ses_b"] {
        let created =
            json!({"type": "session.created", "properties": {"info": {"id": inner, "parentID": "ses_1"}}});
        session.hear(&created.to_string(), &mut out, &mut calls);
    }
    let call = |inner: &str, status: &str, folder: &str| {
        let state = json!({"status": status, "input": {"command": "ls", "workdir": folder}});
        let part = json!({"id": inner, "sessionID": inner, "type": "tool", "tool": "bash", "callID": "functions.bash:0", "state": state});
        json!({"type": "message.part.updated", "properties": {"part": part}}).to_string()
    };
    let ask = |id: &str, inner: &str| {
        let asked = json!({"id": id, "sessionID": inner, "permission": "bash", "patterns": ["ls"],
            "metadata": {"command": "ls"}, "tool": {"callID": "functions.bash:0"}});
        json!({"type": "permission.asked", "properties": asked}).to_string()
    };
    session.hear(&call("ses_a", "running", "/a"), &mut out, &mut calls);
    session.hear(&ask("per_b", "ses_b"), &mut out, &mut calls);
    assert_eq!(asked(&mut out), [], "what the call of the other is given says nothing about this one");
    session.hear(&call("ses_b", "running", "/b"), &mut out, &mut calls);
    let folders: Vec<_> = asked(&mut out).into_iter().map(|permission| permission.cwd).collect();
    assert_eq!(folders, [Some("/b".to_owned())]);

    // The end of one call is not that of the other, nor does it hide the next one.
    session.hear(&call("ses_a", "completed", "/a"), &mut out, &mut calls);
    let events: Vec<Event> = std::iter::from_fn(|| out.pop()).collect();
    assert!(!events.iter().any(|event| matches!(event, Event::RequestResolved(_))), "{events:?}");
    assert!(session.answer(&RequestId::new("per_b"), Decision::AllowOnce).is_ok());
    session.hear(&call("ses_b", "completed", "/b"), &mut out, &mut calls);
    let steps: Vec<_> = std::iter::from_fn(|| out.pop())
        .filter_map(|event| match event {
            Event::Action(event) => Some(event.action.id.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(steps, ["ses_b.functions.bash:0"]);
}

/// The messages of a thread that was continued, which was answered before.
fn present(is_busy: bool) -> Present {
    let messages = json!([
        {"info": {"id": "msg_1", "role": "user"}},
        {"info": {"id": "msg_2", "role": "assistant", "parentID": "msg_1"}, "parts": [
            {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_2", "type": "text", "text": "old"},
            {"id": "prt_2", "sessionID": "ses_1", "messageID": "msg_2", "type": "step-finish", "reason": "stop"}]},
    ]);
    let none = || "[]".to_owned();
    Present { messages: messages.to_string(), permissions: none(), questions: none(), is_busy }
}

#[test]
fn an_answer_of_an_earlier_run_is_none_of_this_one() {
    let (mut session, mut out) = session_of(true);
    let mut calls = vec![session.begin(&mut out)];
    session.catch_up(&present(false), &mut out, &mut calls).unwrap();
    assert_eq!(calls.pop(), Some(Call::Look));
    session.looked(false, &mut out, &mut calls);
    assert_eq!(calls.pop(), Some(Call::Look), "it may begin yet");
    session.looked(true, &mut out, &mut calls);
    assert!(!session.is_over() && calls.len() == 1);

    // Nor does anybody look for it for ever.
    let (mut session, mut out) = session_of(true);
    session.begin(&mut out);
    session.catch_up(&present(false), &mut out, &mut calls).unwrap();
    for _ in 0..=SEARCHES {
        assert!(!session.is_over());
        session.looked(false, &mut out, &mut calls);
    }
    let completed = std::iter::from_fn(|| out.pop()).last();
    let Some(Event::Completed(completed)) = completed else { panic!("{completed:?}") };
    assert!(!completed.is_done() && completed.answer.is_empty());
}

#[test]
fn a_text_that_comes_before_the_turn_begins_does_not_end_it() {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    session.steer("more").unwrap();
    session.steered(true, &mut calls);
    assert!(!calls.contains(&Call::Look), "it does nothing yet");
    let status = |kind: &str| {
        format!(
            r#"{{"type":"session.status","properties":{{"sessionID":"ses_1","status":{{"type":"{kind}"}}}}}}"#
        )
    };
    session.hear(&status("busy"), &mut out, &mut calls);
    session.hear(&status("idle"), &mut out, &mut calls);
    assert!(calls.contains(&Call::Look) && !session.is_over());
}

#[test]
fn a_turn_that_is_to_end_takes_nothing_and_asks_nothing() {
    let (mut session, mut out) = session();
    let mut calls = vec![session.begin(&mut out)];
    let ask = |id: &str| {
        format!(
            r#"{{"type":"permission.asked","properties":{{"id":"{id}","sessionID":"ses_1","permission":"bash"}}}}"#
        )
    };
    session.hear(ASKS, &mut out, &mut calls);
    session.hear(&ask("per_2"), &mut out, &mut calls);
    assert_eq!(asked(&mut out).len(), 1);
    session.interrupt(&mut calls);
    assert_eq!(session.steer("more"), Err(ControlError::Over));
    let shown = RequestId::new("per_2");
    assert_eq!(session.answer(&shown, Decision::AllowOnce), Err(ControlError::NoSuchRequest(shown.clone())));
    session.hear(&ask("per_3"), &mut out, &mut calls);
    session.waited(&RequestId::new("per_1"), &mut out);
    assert_eq!(asked(&mut out), []);
}

#[test]
fn a_question_that_is_too_long_ends_the_run() {
    let (mut session, mut out) = session();
    session.begin(&mut out);
    session.too_long(r#"data: {"type":"message.part.updated","properties":{"part":"xx"#, &mut out);
    assert!(!session.is_over());
    session.too_long(r#"data: {"type":"permission.asked","properties":{"id":"per_1"#, &mut out);
    assert!(session.is_over());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_a_turn_ends_once_and_every_request_has_an_end(course in proptest::collection::vec(happens(), 0..60)) {
        let (_, events) = play(&course);
        let mut open = HashSet::new();
        for event in &events {
            match event {
                Event::Request(event) => prop_assert!(open.insert(event.request.id.clone()), "asked twice"),
                Event::RequestResolved(event) => {
                    prop_assert!(open.remove(&event.request_id), "resolved, but not open: {:?}", event);
                }
                _ => {}
            }
        }
        prop_assert!(open.is_empty(), "left open: {:?}", open);
    }
}
