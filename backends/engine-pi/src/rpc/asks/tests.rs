use serde_json::{Value, json};
use takopi_api::event::Event;
use takopi_api::jsonl::Wire;

use super::*;
use crate::backend::ENGINE;

struct Talk {
    asks: Asks,
    out: EventFactory,
    says: Says,
    now: Instant,
}

impl Talk {
    fn new() -> Self {
        let out = EventFactory::new(ENGINE, None);
        Self { asks: Asks::default(), out, says: Says::default(), now: Instant::now() }
    }

    fn opens(&mut self, line: &Value) -> bool {
        let text = line.to_string();
        let line = Line::read(&text).unwrap();
        self.asks.opened(&line, self.now, |call| call == "c1", &mut self.out, &mut self.says)
    }

    fn answers(&mut self, id: &str, decision: Decision) -> Result<(), ControlError> {
        self.asks.answer(&RequestId::new(id), decision, self.now, &mut self.out, &mut self.says)
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.out.pop()).collect()
    }

    /// The only thing that was said.
    fn said(&mut self) -> Value {
        let mut said = self.says.take();
        assert_eq!(said.len(), 1, "{said:?}");
        serde_json::from_str(&said.remove(0)).unwrap()
    }
}

fn permission(id: &str, call: &str) -> Value {
    let question =
        json!({"call": call, "tool": "bash", "input": {"command": "ls"}, "builtin": true}).to_string();
    json!({"id": id, "method": "input", "title": MARK, "placeholder": question})
}

fn answer(text: &str) -> Decision {
    Decision::Answer { answers: [(QUESTION.to_owned(), vec![text.to_owned()])].into() }
}

const DENY: Decision = Decision::Deny { reason: None };

fn withdrawn(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::RequestResolved(event) if event.resolution == Resolution::Withdrawn => {
                Some(event.request_id.as_str())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn only_a_clear_yes_allows_a_call() {
    let deny = |reason: &str| Decision::Deny { reason: Some(reason.to_owned()) };
    for (decision, value) in [
        (Decision::AllowOnce, json!({"allow": "c1"})),
        (Decision::AllowSession, json!({"allow": "c1"})),
        (Decision::AllowAlways, json!({"allow": "c1"})),
        (deny(" use \"git mv\" "), json!({"deny": "use \"git mv\""})),
        (deny(" "), json!({"deny": "the person did not allow this"})),
        (DENY, json!({"deny": "the person did not allow this"})),
        (answer("yes"), json!({"deny": "the person did not allow this"})),
    ] {
        let mut talk = Talk::new();
        assert!(talk.opens(&permission("r1", "c1")));
        assert_eq!(talk.answers("r1", decision), Ok(()));
        let said = talk.said();
        assert_eq!((&said["type"], &said["id"]), (&json!("extension_ui_response"), &json!("r1")));
        let told: Value = serde_json::from_str(said["value"].as_str().unwrap()).unwrap();
        assert_eq!(told, value);
    }
}

#[test]
fn a_question_that_nobody_can_read_is_denied() {
    let unreadable =
        json!({"id": "r1", "method": "input", "title": MARK, "placeholder": "{\"tool\":\"bash\"}"});
    for line in [unreadable, permission("r1", "a call that is not going on")] {
        let mut talk = Talk::new();
        assert!(talk.opens(&line));
        assert_eq!(talk.said()["value"], r#"{"deny":"takopi could not read what was asked"}"#);
        assert!(matches!(&talk.events()[..], [Event::Action(_)]));
        assert!(talk.answers("r1", Decision::AllowOnce).is_err());
    }
}

#[test]
fn answers_to_dialogs_have_the_form_that_pi_takes() {
    let confirm = json!({"id": "r1", "method": "confirm", "title": "Sure?", "message": "All is lost."});
    let select = json!({"id": "r1", "method": "select", "title": "Which?", "options": ["One ", 2, "Two"]});
    let input = json!({"id": "r1", "method": "input", "title": "Name"});
    let editor = json!({"id": "r1", "method": "editor", "title": "Text", "prefill": "a"});
    for (line, decision, said) in [
        (&confirm, answer("YES"), json!({"confirmed": true})),
        (&confirm, Decision::AllowOnce, json!({"confirmed": true})),
        (&confirm, answer("well"), json!({"confirmed": false})),
        (&confirm, DENY, json!({"confirmed": false})),
        (&select, answer("One"), json!({"value": "One "})),
        (&select, answer("Three"), json!({"cancelled": true})),
        (&select, Decision::AllowOnce, json!({"cancelled": true})),
        (&input, answer(" Ada"), json!({"value": " Ada"})),
        (&input, DENY, json!({"cancelled": true})),
        (&editor, answer("a\nb"), json!({"value": "a\nb"})),
        (&editor, Decision::Answer { answers: [].into() }, json!({"cancelled": true})),
    ] {
        let mut talk = Talk::new();
        assert!(talk.opens(line));
        assert_eq!(talk.answers("r1", decision.clone()), Ok(()));
        let mut expected = said;
        expected["type"] = json!("extension_ui_response");
        expected["id"] = json!("r1");
        assert_eq!(talk.said(), expected, "{line} {decision:?}");
    }
}

#[test]
fn what_is_no_dialog_is_none() {
    let mut talk = Talk::new();
    assert!(!talk.opens(&json!({"id": "r1", "method": "hologram", "title": "?"})));
    assert!(!talk.opens(&json!({"id": "r1"})));
    assert!(!talk.opens(&json!({"method": "confirm", "title": "Sure?"})));
    assert!(talk.events().is_empty() && talk.says.take().is_empty());
}

#[test]
fn a_second_question_of_an_id_is_not_asked() {
    let mut talk = Talk::new();
    assert!(talk.opens(&permission("r1", "c1")));
    assert!(talk.opens(&json!({"id": "r1", "method": "confirm", "title": "Sure?"})));
    assert_eq!(talk.events().len(), 1);
    assert_eq!(talk.answers("r1", Decision::AllowOnce), Ok(()));
    assert_eq!(talk.said()["value"], r#"{"allow":"c1"}"#);
    let missing = ControlError::NoSuchRequest(RequestId::new("r1"));
    assert_eq!(talk.answers("r1", Decision::AllowOnce), Err(missing));
    assert!(talk.says.take().is_empty());
}

#[test]
fn what_pi_does_not_wait_for_any_more_is_withdrawn() {
    let mut talk = Talk::new();
    let with_timeout = |id: &str, timeout: Value| json!({"id": id, "method": "confirm", "timeout": timeout});
    for (id, timeout) in [("short", json!(1500.5)), ("long", json!(1e300)), ("odd", json!("soon"))] {
        assert!(talk.opens(&with_timeout(id, timeout)));
    }
    let Event::Request(short) = &talk.events()[0] else { panic!() };
    let RequestSubject::Question { questions } = &short.request.subject else { panic!() };
    assert!(questions[0].text.ends_with("(pi waits 2 s for the answer)"), "{}", questions[0].text);
    talk.now += Duration::from_secs(1);
    talk.asks.expire(talk.now, &mut talk.out);
    assert!(talk.events().is_empty());
    talk.now += Duration::from_secs(1);
    assert!(talk.answers("short", answer("yes")).is_err());
    assert_eq!(withdrawn(&talk.events()), ["short"]);
    assert!(talk.says.take().is_empty());

    assert!(talk.opens(&permission("r1", "c1")));
    talk.events();
    talk.asks.call_ended("c2", &mut talk.out);
    talk.asks.call_ended("c1", &mut talk.out);
    assert_eq!(withdrawn(&talk.events()), ["r1"]);
    talk.asks.turn_ended(&mut talk.out);
    assert_eq!(withdrawn(&talk.events()), ["long", "odd"]);
}

#[test]
fn an_interruption_says_no_to_all_and_tells_of_it_later() {
    let mut talk = Talk::new();
    assert!(talk.opens(&permission("r1", "c1")));
    assert!(talk.opens(&json!({"id": "r2", "method": "select", "title": "Which?", "options": ["a"]})));
    talk.events();
    talk.asks.close(&mut talk.says);
    assert_eq!(
        talk.says.take(),
        [
            r#"{"type":"extension_ui_response","id":"r1","value":"{\"deny\":\"the person did not allow this\"}"}"#,
            r#"{"type":"extension_ui_response","id":"r2","cancelled":true}"#,
        ]
    );
    assert!(talk.answers("r1", Decision::AllowOnce).is_err());
    assert_eq!(withdrawn(&talk.events()), ["r1", "r2"]);
}
