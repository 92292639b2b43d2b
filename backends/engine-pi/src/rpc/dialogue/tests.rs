use serde_json::{Value, json};
use takopi_api::event::{Completed, Event, Outcome};
use takopi_api::jsonl::Receipt;
use takopi_api::process::ExitStatus;
use takopi_api::runner::ControlError;

use super::*;

struct Talk {
    pi: Dialogue,
    out: EventFactory,
    says: Says,
}

impl Talk {
    fn new(asking: Asking) -> Self {
        let prompt = Prompt { message: "hi".into(), images: Vec::new() };
        let mut talk = Self {
            pi: Dialogue::new(None, false, asking, prompt),
            out: EventFactory::new(ENGINE, None),
            says: Says::default(),
        };
        talk.pi.open(&mut talk.says);
        talk
    }

    /// One that has its prompt.
    fn prompted() -> Self {
        let mut talk = Self::new(Asking::NotWanted);
        talk.answers("state", &json!({"sessionId": "t1"}));
        assert_eq!(talk.said(), ["state", "prompt"]);
        talk
    }

    /// One that works.
    fn working() -> Self {
        let mut talk = Self::prompted();
        talk.hears(&json!({"id": "prompt", "type": "response", "success": true}));
        talk.hears(&json!({"type": "agent_start"}));
        assert_eq!(talk.said(), ["turn"]);
        talk
    }

    fn hears(&mut self, line: &Value) -> Recognition {
        self.hears_text(&line.to_string())
    }

    fn hears_text(&mut self, line: &str) -> Recognition {
        self.pi.hear(line, Instant::now(), &mut self.out, &mut self.says)
    }

    fn answers(&mut self, id: &str, data: &Value) {
        self.hears(&json!({"id": id, "type": "response", "success": true, "data": data}));
    }

    fn fails(&mut self, id: &str, error: &str) {
        self.hears(&json!({"id": id, "type": "response", "success": false, "error": error}));
    }

    fn speaks(&mut self, text: &str) {
        let content = json!([{"type": "text", "text": text}]);
        let message = json!({"role": "assistant", "content": content, "stopReason": "stop"});
        self.hears(&json!({"type": "message_end", "message": message}));
    }

    /// The names of the commands that were said.
    fn said(&mut self) -> Vec<String> {
        let lines = self.says.take();
        let read =
            |line: String| serde_json::from_str::<Value>(&line).unwrap()["id"].as_str().unwrap().to_owned();
        lines.into_iter().map(read).collect()
    }

    fn titles(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.out.pop())
            .filter_map(|event| match event {
                Event::Action(event) => Some(event.action.title),
                _ => None,
            })
            .collect()
    }

    fn completed(&mut self) -> Option<Completed> {
        std::iter::from_fn(|| self.out.pop()).find_map(|event| match event {
            Event::Completed(completed) => Some(completed),
            _ => None,
        })
    }

    fn exits(&mut self) -> Unfinished {
        let exit = Exit { status: ExitStatus::Code(0), stderr_tail: String::new() };
        self.pi.unfinished(&exit, &mut self.out)
    }
}

fn settled() -> Value {
    json!({"type": "agent_settled"})
}

#[test]
fn pi_gets_no_prompt_before_it_says_that_it_will_ask() {
    let mut talk = Talk::new(Asking::Expected);
    talk.hears(&json!({"type": "extension_ui_request", "method": "setStatus", "statusKey": "other"}));
    talk.answers("state", &json!({"sessionId": "t1"}));
    assert_eq!(talk.said(), ["state"]);
    assert!(talk.says.is_closed());
    // Whatever it does now, nobody asked it to.
    talk.hears(&json!({"type": "extension_ui_request", "method": "setStatus", "statusKey": MARK}));
    assert!(talk.said().is_empty());
    assert_eq!(talk.exits().reason.as_deref(), Some(NOT_ASKING));

    let mut talk = Talk::new(Asking::Expected);
    talk.hears(&json!({"type": "extension_ui_request", "method": "setStatus", "statusKey": MARK}));
    talk.answers("state", &json!({"sessionId": "t1"}));
    assert_eq!(talk.said(), ["state", "prompt"]);
}

#[test]
fn pi_gets_no_prompt_without_a_thread() {
    for data in [json!({}), json!({"sessionId": ""}), json!(null), json!([1])] {
        let mut talk = Talk::new(Asking::NotWanted);
        talk.answers("state", &data);
        assert_eq!(talk.said(), ["state"]);
        assert!(talk.says.is_closed());
        assert_eq!(talk.exits().reason.as_deref(), Some(NO_THREAD));
    }
    let mut talk = Talk::new(Asking::NotWanted);
    talk.fails("state", "Unknown command: get_state");
    assert_eq!(talk.exits().reason.as_deref(), Some(NO_THREAD));
}

#[test]
fn a_prompt_that_pi_does_not_take_fails_the_run() {
    let mut talk = Talk::prompted();
    talk.fails("prompt", "No model selected");
    let completed = talk.completed().unwrap();
    assert_eq!(completed.outcome, Outcome::Failed { error: "No model selected".into() });
    assert_eq!(completed.resume.unwrap().value(), "t1");
}

#[test]
fn the_end_of_an_attempt_is_not_the_end_of_the_work() {
    let mut talk = Talk::working();
    talk.speaks("one");
    talk.hears(&json!({"type": "agent_end", "willRetry": false}));
    assert!(talk.said().is_empty());
    talk.hears(&json!({"type": "agent_start"}));
    talk.speaks("two");
    talk.hears(&json!({"type": "agent_end", "willRetry": false}));
    talk.hears(&settled());
    let completed = talk.completed().unwrap();
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("two", true));
    assert_eq!(talk.hears(&settled()), Recognition::Ignored);
}

#[test]
fn a_text_that_came_too_late_for_the_turn_makes_another_one() {
    let mut talk = Talk::working();
    talk.speaks("one");
    talk.hears(&json!({"type": "queue_update", "steering": ["and", 7], "followUp": ["also"]}));
    talk.hears(&settled());
    assert_eq!(talk.said(), ["left"]);
    talk.hears(&json!({"type": "queue_update", "steering": [], "followUp": []}));
    talk.answers("left", &json!({"steering": ["and"], "followUp": ["also"]}));
    let said = talk.says.take();
    assert_eq!(said, [r#"{"id":"prompt","type":"prompt","message":"and\n\nalso"}"#]);
    talk.hears(&json!({"id": "prompt", "type": "response", "success": true}));
    talk.hears(&json!({"type": "agent_start"}));
    talk.speaks("two");
    talk.hears(&settled());
    let completed = talk.completed().unwrap();
    assert_eq!((completed.answer.as_str(), completed.is_done()), ("two", true));
}

#[test]
fn texts_that_pi_gives_back_or_not_never_hold_up_the_end() {
    for (data, success) in [(json!({"steering": []}), true), (json!(null), false)] {
        let mut talk = Talk::working();
        talk.speaks("one");
        talk.hears(&json!({"type": "queue_update", "steering": ["and"], "followUp": []}));
        talk.hears(&settled());
        talk.hears(&json!({"id": "left", "type": "response", "success": success, "data": data}));
        assert!(talk.completed().unwrap().is_done());
    }
    let mut talk = Talk::working();
    talk.speaks("one");
    talk.hears(&json!({"type": "queue_update", "steering": ["and"]}));
    talk.hears(&settled());
    talk.answers("left", &json!({"steering": ["and"]}));
    talk.fails("prompt", "No model selected");
    let expected = "pi did not take what was sent at the end of its turn: No model selected";
    let events: Vec<_> = std::iter::from_fn(|| talk.out.pop()).collect();
    assert!(
        events.iter().any(|event| matches!(event, Event::Action(event) if event.action.title == expected))
    );
    assert!(matches!(events.last(), Some(Event::Completed(completed)) if completed.is_done()));
}

/// Older ones have no such command.
#[test]
fn texts_that_pi_does_not_give_back_are_told_at_the_end() {
    let unread = ["the turn ended before pi read this: and"];
    let mut talk = Talk::working();
    talk.hears(&json!({"type": "queue_update", "steering": ["and"], "followUp": []}));
    talk.hears(&settled());
    talk.fails("left", "Unknown command: clear_queue");
    assert_eq!(talk.titles(), unread);

    let mut talk = Talk::working();
    talk.hears(&json!({"type": "queue_update", "steering": ["and", "also"], "followUp": []}));
    talk.pi.interrupt(&mut talk.says);
    talk.fails("clear", "Unknown command: clear_queue");
    // It was read all the same.
    talk.hears(&json!({"type": "queue_update", "steering": ["and"], "followUp": []}));
    talk.hears(&settled());
    assert_eq!(talk.titles(), unread);

    let mut talk = Talk::working();
    talk.hears(&json!({"type": "queue_update", "steering": ["and"], "followUp": []}));
    talk.exits();
    assert_eq!(talk.titles(), unread);
}

#[test]
fn a_text_that_comes_after_an_interruption_is_refused() {
    let mut talk = Talk::prompted();
    let send = |talk: &mut Talk| {
        let (receipt, received) = Receipt::new();
        talk.pi.steer("more".into(), receipt, &mut talk.says);
        received
    };
    let mut early = send(&mut talk);
    talk.pi.interrupt(&mut talk.says);
    assert_eq!(send(&mut talk).try_recv(), Ok(Err(ControlError::Over)));
    assert_eq!(talk.said(), ["clear", "abort"]);
    talk.hears(&json!({"type": "agent_start"}));
    assert_eq!(talk.said(), ["abort"]);
    talk.hears(&settled());
    assert!(early.try_recv().is_err(), "a dropped receipt says that the turn was over");
}

#[test]
fn an_interruption_is_said_again_once_there_is_a_turn() {
    let mut talk = Talk::prompted();
    assert_eq!(talk.pi.interrupt(&mut talk.says), Interruption::Said);
    assert_eq!(talk.said(), ["clear", "abort"]);
    talk.answers("abort", &json!(null));
    talk.hears(&json!({"type": "agent_start"}));
    assert_eq!(talk.said(), ["abort"]);
    talk.hears(&json!({"type": "queue_update", "steering": ["x"]}));
    talk.hears(&settled());
    assert!(talk.said().is_empty(), "nothing goes on after an interruption");
    assert!(talk.completed().is_some());
}

#[test]
fn nobody_is_asked_after_an_interruption() {
    let mut talk = Talk::working();
    talk.pi.interrupt(&mut talk.says);
    talk.says.take();
    talk.hears(&json!({"type": "extension_ui_request", "id": "r1", "method": "confirm", "title": "Sure?"}));
    assert_eq!(talk.says.take(), [r#"{"type":"extension_ui_response","id":"r1","confirmed":false}"#]);
}

#[test]
fn what_is_left_after_an_interruption_is_told_and_not_begun() {
    let mut talk = Talk::working();
    talk.speaks("one");
    talk.hears(&json!({"type": "queue_update", "steering": ["and"]}));
    talk.hears(&settled());
    assert_eq!(talk.said(), ["left"]);
    assert_eq!(talk.pi.interrupt(&mut talk.says), Interruption::Said);
    assert_eq!(talk.said(), ["clear", "abort"]);
    talk.answers("left", &json!({"steering": ["and"]}));
    assert!(talk.said().is_empty());
    assert_eq!(talk.titles(), ["the turn ended before pi read this: and"]);
    assert_eq!(talk.hears(&settled()), Recognition::Ignored, "it is over");
}

#[test]
fn before_the_prompt_pi_is_just_ended() {
    let mut talk = Talk::new(Asking::Expected);
    assert_eq!(talk.pi.interrupt(&mut talk.says), Interruption::Signal(Ask::Terminate));
    assert_eq!(talk.said(), ["state"]);
}

#[test]
fn receipts_come_from_pi_and_end_with_the_turn() {
    let mut talk = Talk::prompted();
    let (early, mut early_received) = Receipt::new();
    talk.pi.steers.send("early".into(), early, &mut talk.says);
    assert!(talk.said().is_empty(), "there is no turn yet");
    talk.hears(&json!({"type": "agent_start"}));
    let (refused, mut refused_received) = Receipt::new();
    talk.pi.steers.send("/hello".into(), refused, &mut talk.says);
    let (late, mut late_received) = Receipt::new();
    talk.pi.steers.send("late".into(), late, &mut talk.says);
    assert_eq!(talk.said(), ["steer.1", "steer.2", "steer.3"]);
    talk.answers("steer.1", &json!(null));
    talk.fails("steer.2", "Extension command \"/hello\" cannot be queued.");
    talk.hears(&settled());
    assert_eq!(early_received.try_recv(), Ok(Ok(())));
    let reason = "Extension command \"/hello\" cannot be queued.".to_owned();
    assert_eq!(refused_received.try_recv(), Ok(Err(ControlError::Refused(reason))));
    assert!(late_received.try_recv().is_err(), "the turn was over");
}

#[test]
fn garbage_and_what_is_new_cost_nothing_but_themselves() {
    let mut talk = Talk::working();
    for line in
        ["not json", "{\"type\":\"message_upd", "[]", "\"text_", "{\"type\":\"message_update\",\"text_"]
    {
        assert!(matches!(talk.hears_text(line), Recognition::Malformed { .. }), "{line}");
    }
    assert_eq!(talk.hears(&json!({"type": "hologram"})), Recognition::Unknown { kind: "hologram".into() });
    for line in [
        json!({"type": "response"}),
        json!({"type": "response", "id": 7, "success": "yes", "data": [1]}),
        json!({"type": "response", "id": "turn", "success": true, "data": {"isStreaming": false}}),
        json!({"type": "response", "id": "idle", "success": true, "data": {"isStreaming": false}}),
        json!({"type": "response", "id": "left", "success": true, "data": {"steering": ["x"]}}),
        json!({"type": "response", "id": "state", "success": true, "data": {"sessionId": "t2"}}),
        json!({"type": "queue_update", "steering": "x", "followUp": {"a": 1}}),
        json!({"type": "message_update", "assistantMessageEvent": "text_delta"}),
        json!({"type": "extension_ui_request", "method": ["notify"]}),
        json!({"type": "extension_ui_request", "method": "notify", "message": {"a": 1}}),
    ] {
        talk.hears(&line);
    }
    let unknown = json!({"type": "extension_ui_request", "id": "u1", "method": "hologram"});
    let kind = "extension_ui_request hologram".to_owned();
    talk.says.take();
    assert_eq!(talk.hears(&unknown), Recognition::Unknown { kind });
    assert_eq!(talk.says.take(), [r#"{"type":"extension_ui_response","id":"u1","cancelled":true}"#]);
    assert_eq!(talk.titles(), ["pi did not take a command: ", "pi did not take a command: "]);
    talk.speaks("fine");
    talk.hears(&settled());
    assert!(talk.completed().unwrap().is_done());
}

#[test]
fn what_extensions_tell_is_told() {
    let mut talk = Talk::working();
    let notify = |kind: &str, message: &str| json!({"type": "extension_ui_request", "id": "n", "method": "notify", "notifyType": kind, "message": message});
    for line in [
        notify("info", "one"),
        notify("error", "two"),
        notify("info", " "),
        json!({"type": "extension_error", "extensionPath": "/x.ts", "event": "tool_call", "error": "boom"}),
    ] {
        assert_eq!(talk.hears(&line), Recognition::Known);
    }
    assert_eq!(talk.titles(), ["one", "two", "an extension of pi failed at tool_call: boom"]);
}

#[test]
fn a_program_that_dies_says_what_it_had_said() {
    let mut talk = Talk::working();
    talk.speaks("half");
    let unfinished = talk.exits();
    assert_eq!((unfinished.answer.as_str(), unfinished.reason), ("half", None));
}
