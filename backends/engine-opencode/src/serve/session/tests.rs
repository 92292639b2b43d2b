use proptest::prelude::*;
use serde_json::json;
use takopi_api::event::{Completed, Decision, Event, RequestId};
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
        any::<bool>().prop_map(Happens::CaughtUp),
    ]
}

fn session() -> (Session, EventFactory) {
    let processes: std::sync::Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
    let spec = RunSpec::new("hi", "/repo", processes, ThreadLocks::default());
    let prompt = Prompt::new(&Settings::default(), &spec).unwrap();
    let thread = ResumeToken::new(ENGINE, "ses_1").unwrap();
    (Session::new(thread, "/repo".to_owned(), "opencode".to_owned(), prompt), EventFactory::new(ENGINE, None))
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
