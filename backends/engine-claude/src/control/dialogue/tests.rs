use std::sync::Arc;

use serde_json::{Value, json};
use takopi_api::event::{Event, Outcome, RequestSubject};
use takopi_api::process::{ExitStatus, ProcessHost};
use takopi_api::runner::ThreadLocks;
use takopi_api::testing::{Script, ScriptedProcesses};

use super::*;
use crate::backend::{ENGINE, Settings};

/// Both sides of a dialogue, without a program.
struct Talk {
    dialogue: Dialogue,
    out: EventFactory,
    says: Says,
    uuid: String,
}

impl Talk {
    /// Claude has not said anything yet.
    fn silent() -> Self {
        let processes: Arc<dyn ProcessHost> = ScriptedProcesses::new(Script::new(""));
        let spec = RunSpec::new("hi", "/repo", processes, ThreadLocks::default());
        let uuid = spec.id.to_string();
        let dialogue = Dialogue::new(Settings::default().translation(&spec), &spec, Slot::default());
        let mut says = Says::default();
        greet(&mut says);
        Self { dialogue, out: EventFactory::new(ENGINE, None), says, uuid }
    }

    /// Claude has the prompt and works.
    fn new() -> Self {
        let mut talk = Self::silent();
        talk.hears(
            &json!({"type":"control_response","response":{"subtype":"success","request_id":GREETING}}),
        );
        talk.hears(&json!({"type":"system","subtype":"init","session_id":"s1","model":"opus","capabilities":["msg_lifecycle_v1"]}));
        talk.events();
        talk.said();
        talk
    }

    fn hears(&mut self, line: &Value) -> Recognition {
        self.hears_line(&line.to_string())
    }

    fn hears_line(&mut self, line: &str) -> Recognition {
        self.dialogue.hear(line, &mut self.out, &mut self.says)
    }

    fn asks(&mut self, id: &str, request: &Value) -> Recognition {
        self.hears(&json!({"type":"control_request","request_id":id,"request":request}))
    }

    fn asks_for(&mut self, id: &str, command: &str) -> Recognition {
        let input = json!({"command":command});
        self.asks(id, &json!({"subtype":"can_use_tool","tool_name":"Bash","input":input,"tool_use_id":id}))
    }

    fn answer(&mut self, id: &str, decision: Decision) -> Result<(), ControlError> {
        self.dialogue.answer(&RequestId::new(id), decision, &mut self.out, &mut self.says)
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.out.pop()).collect()
    }

    fn said(&mut self) -> Vec<Value> {
        self.says.take().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The verdict that was said last, and for what.
    #[track_caller]
    fn verdict(&mut self) -> (String, Value) {
        let said = self.said();
        let [said] = &said[..] else { panic!("not one thing was said: {said:?}") };
        let response = &said["response"];
        (response["request_id"].as_str().unwrap().to_owned(), response["response"].clone())
    }

    /// What is told of where a command would run.
    fn cwd(&mut self, id: &str, command: &str) -> Option<String> {
        self.asks_for(id, command);
        let asked = self.events().into_iter().find_map(|event| match event {
            Event::Request(event) => Some(event.request.subject),
            _ => None,
        });
        match asked {
            Some(RequestSubject::Permission(permission)) => permission.cwd.or(permission.input),
            other => panic!("no permission: {other:?}"),
        }
    }

    #[track_caller]
    fn completed(&mut self) -> takopi_api::event::Completed {
        match self.events().pop() {
            Some(Event::Completed(completed)) => completed,
            other => panic!("not completed: {other:?}"),
        }
    }
}

const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false,"result":"fine","session_id":"s1","queued_turn_count":0}"#;

#[test]
fn the_prompt_follows_the_greeting() {
    let mut talk = Talk::silent();
    let said = talk.said();
    assert_eq!(said[0]["request"]["subtype"], "initialize");
    assert_eq!(said.len(), 1);
    // An answer to something else is none.
    talk.hears(&json!({"type":"control_response","response":{"subtype":"success","request_id":"other"}}));
    assert!(talk.said().is_empty());
    let greeted = json!({"type":"control_response","response":{"subtype":"success","request_id":GREETING}});
    talk.hears(&greeted);
    let said = talk.said();
    assert_eq!((&said[0]["message"]["content"], &said[0]["uuid"]), (&json!("hi"), &json!(talk.uuid)));
    // It is said once.
    talk.hears(&greeted);
    assert!(talk.said().is_empty());
}

#[test]
fn a_claude_that_does_not_talk_ends_the_run() {
    let mut talk = Talk::silent();
    talk.hears(&json!({"type":"control_response","response":{"subtype":"error","request_id":GREETING,"error":"no such thing"}}));
    let Outcome::Failed { error } = talk.completed().outcome else { panic!("not failed") };
    assert!(error.starts_with("claude does not talk with takopi: no such thing;"), "{error}");
}

#[test]
fn what_is_no_line_of_the_dialogue_costs_nothing_but_itself() {
    let mut talk = Talk::new();
    for line in [
        "not json",
        "[1,2]",
        r#"{"type":"control_request","request_id":"r1","request":{"subty"#,
        r#"{"type":"control_request","request":{"subtype":"can_use_tool","tool_name":"Bash"}}"#,
        "{}",
    ] {
        assert!(matches!(talk.hears_line(line), Recognition::Malformed { .. }), "{line}");
    }
    for line in [
        r#"{"type":"control_cancel_request"}"#,
        r#"{"type":"control_cancel_request","request_id":7}"#,
        r#"{"type":"control_response","response":"yes"}"#,
        r#"{"type":"control_response","response":{"request_id":["takopi-interrupt"]}}"#,
        r#"{"type":"stream_event","event":7}"#,
        r#"{"type":"command_lifecycle","command_uuid":null,"state":{}}"#,
    ] {
        assert_eq!(talk.hears_line(line), Recognition::Ignored, "{line}");
    }
    talk.hears_line(r#"{"type":"stream_event","event":{"type":"content_block_delta","delta":[]}}"#);
    assert!(talk.events().is_empty());
    assert!(talk.said().is_empty());
    talk.hears_line(RESULT);
    assert_eq!(talk.completed().answer, "fine");
}

#[test]
fn whatever_else_claude_wants_is_refused() {
    let mut talk = Talk::new();
    for what in ["hook_callback", "mcp_message", "elicitation", "request_user_dialog", "", "can_use_tools"] {
        let recognition = talk.asks("r1", &json!({"subtype":what,"tool_name":"Bash","input":{}}));
        assert!(matches!(recognition, Recognition::Unknown { .. }), "{what}");
        let said = talk.said();
        assert_eq!(said[0]["response"]["subtype"], "error", "{what}");
        assert_eq!(said[0]["response"]["request_id"], "r1");
        assert!(talk.events().is_empty());
    }
    // Without a form there is nothing to say yes to either.
    talk.hears_line(r#"{"type":"control_request","request_id":"r2","request":"can_use_tool"}"#);
    assert_eq!(talk.said()[0]["response"]["subtype"], "error");
}

#[test]
fn what_can_not_be_shown_is_denied_and_told() {
    let mut talk = Talk::new();
    talk.asks(
        "r1",
        &json!({"subtype":"can_use_tool","tool_name":"AskUserQuestion","input":{"questions":[]}}),
    );
    let (id, verdict) = talk.verdict();
    assert_eq!((id.as_str(), &verdict["behavior"]), ("r1", &json!("deny")));
    let events = talk.events();
    assert!(
        matches!(&events[..], [Event::Action(event)] if event.action.title == "takopi can not read the question")
    );
}

/// The second was not shown to anybody: a yes to the first must not be one to it.
#[test]
fn a_second_question_of_one_id_does_not_replace_the_first() {
    let mut talk = Talk::new();
    talk.asks_for("r1", "ls");
    assert_eq!(talk.asks_for("r1", "rm -rf /"), Recognition::Ignored);
    assert_eq!(talk.events().len(), 1);
    talk.answer("r1", Decision::AllowOnce).unwrap();
    assert_eq!(talk.verdict().1["updatedInput"], json!({"command":"ls"}));
    assert_eq!(
        talk.answer("r1", Decision::AllowOnce),
        Err(ControlError::NoSuchRequest(RequestId::new("r1")))
    );
    assert!(talk.said().is_empty());
}

#[test]
fn what_is_withdrawn_can_not_be_allowed_any_more() {
    let mut talk = Talk::new();
    talk.asks_for("r1", "ls");
    talk.asks_for("r2", "rm -rf /");
    talk.events();
    talk.hears(&json!({"type":"control_cancel_request","request_id":"r2"}));
    let events = talk.events();
    let [Event::RequestResolved(resolved)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&resolved.request_id, &resolved.resolution), (&RequestId::new("r2"), &Resolution::Withdrawn));
    assert_eq!(
        talk.answer("r2", Decision::AllowOnce),
        Err(ControlError::NoSuchRequest(RequestId::new("r2")))
    );
    assert!(talk.said().is_empty());
    // It may be asked anew, and the other one waits still.
    talk.asks_for("r2", "rm -rf /");
    talk.answer("r2", Decision::Deny { reason: None }).unwrap();
    assert_eq!(talk.verdict().0, "r2");
    talk.answer("r1", Decision::AllowOnce).unwrap();
    assert_eq!(talk.verdict().0, "r1");
}

#[test]
fn nothing_is_allowed_after_an_interrupt() {
    let mut talk = Talk::new();
    talk.asks_for("r1", "rm -rf /");
    talk.events();
    assert_eq!(talk.dialogue.interrupt(&mut talk.says), Interruption::Said);
    assert_eq!(talk.said()[0]["request"], json!({"subtype":"interrupt","cancel_queued":true}));
    assert!(talk.answer("r1", Decision::AllowOnce).is_err());
    assert!(talk.said().is_empty());
    // One that was under way.
    talk.asks_for("r2", "rm -rf /");
    let (id, verdict) = talk.verdict();
    assert_eq!((id.as_str(), &verdict["behavior"]), ("r2", &json!("deny")));
    assert!(talk.events().is_empty());
    assert_eq!(talk.dialogue.interrupt(&mut talk.says), Interruption::Signal(Ask::Terminate));
}

#[test]
fn before_the_prompt_is_said_an_interrupt_is_a_signal() {
    let mut talk = Talk::silent();
    talk.said();
    assert_eq!(talk.dialogue.interrupt(&mut talk.says), Interruption::Signal(Ask::Interrupt));
    // The prompt is not said any more.
    talk.hears(&json!({"type":"control_response","response":{"subtype":"success","request_id":GREETING}}));
    assert!(talk.said().is_empty());
}

#[test]
fn between_two_turns_an_interrupt_is_a_signal_and_nothing_is_allowed_any_more() {
    let mut talk = Talk::new();
    talk.hears(&json!({"type":"system","subtype":"task_started","task_id":"b1","tool_use_id":"t1","is_backgrounded":true}));
    talk.hears_line(RESULT);
    talk.asks_for("r1", "rm -rf /");
    talk.events();
    assert_eq!(talk.dialogue.interrupt(&mut talk.says), Interruption::Signal(Ask::Interrupt));
    assert!(talk.answer("r1", Decision::AllowOnce).is_err());
    assert!(talk.said().is_empty());
    let exit = Exit { status: ExitStatus::Code(0), stderr_tail: String::new() };
    talk.dialogue.exited(&exit, &mut talk.out);
    assert_eq!(talk.completed().answer, "fine");
}

#[test]
fn an_input_of_a_megabyte_is_allowed_as_it_was() {
    let mut talk = Talk::new();
    let content = "ä\n\"".repeat(300_000);
    let input = json!({"file_path":"/repo/a","content":content});
    talk.asks("r1", &json!({"subtype":"can_use_tool","tool_name":"Write","input":input}));
    assert_eq!(talk.events().len(), 1);
    talk.answer("r1", Decision::AllowOnce).unwrap();
    assert_eq!(talk.verdict().1["updatedInput"], input);
}

#[test]
fn the_folder_of_a_command_is_told_as_long_as_it_is_known() {
    let mut talk = Talk::new();
    assert_eq!(talk.cwd("t1", "ls").as_deref(), Some("/repo"));
    let call = |id: &str, command: &str| json!({"type":"assistant","message":{"content":[{"type":"tool_use","id":id,"name":"Bash","input":{"command":command}}]}});
    talk.hears(&call("t2", "ls ./cd.txt; ./eval.sh"));
    assert_eq!(talk.cwd("t2", "ls ./cd.txt").as_deref(), Some("/repo"));
    // What moves the shell begins where it was before.
    talk.hears(&call("t3", "cd sub && rm x"));
    assert_eq!(talk.cwd("t3", "cd sub && rm x").as_deref(), Some("/repo"));
    let unknown = "{\n  \"cwd\": \"not known: an earlier step may have led elsewhere\"\n}";
    assert_eq!(talk.cwd("t4", "rm x").as_deref(), Some(unknown));

    // Nobody is asked about these.
    for tool in ["EnterWorktree", "ExitWorktree"] {
        let mut talk = Talk::new();
        talk.hears(&json!({"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":tool,"input":{}}]}}));
        assert_eq!(talk.cwd("t2", "rm x").as_deref(), Some(unknown), "{tool}");
    }

    // Each turn says where it begins.
    let mut talk = Talk::new();
    talk.hears(&json!({"type":"system","subtype":"init","session_id":"s1","cwd":"/other"}));
    assert_eq!(talk.cwd("t1", "ls").as_deref(), Some("/other"));
    talk.hears(&json!({"type":"system","subtype":"init","session_id":"s1"}));
    assert_eq!(talk.cwd("t2", "ls").as_deref(), Some("/other"));
}

#[test]
fn a_plan_is_what_claude_wrote_for_this_question() {
    let mut talk = Talk::new();
    let plan_of = |talk: &mut Talk, id: &str, input: Value| {
        talk.asks(
            id,
            &json!({"subtype":"can_use_tool","tool_name":"ExitPlanMode","input":input,"tool_use_id":id}),
        );
        match talk.events().pop() {
            Some(Event::Request(event)) => match event.request.subject {
                RequestSubject::Plan { text } => text,
                other => panic!("no plan: {other:?}"),
            },
            other => panic!("no request: {other:?}"),
        }
    };
    talk.hears(&json!({"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"ExitPlanMode","input":{"plan":"one"}}]}}));
    talk.events();
    assert_eq!(plan_of(&mut talk, "t1", json!({})), "one");
    assert_eq!(plan_of(&mut talk, "t2", json!({})), "claude does not say what it plans");
    assert_eq!(plan_of(&mut talk, "t3", json!({"plan":"two"})), "two");
}

#[test]
fn a_message_that_is_not_acknowledged_holds_the_run() {
    let mut talk = Talk::new();
    let (receipt, mut received) = Receipt::new();
    talk.dialogue.steer("and this".into(), receipt, &mut talk.says);
    let uuid = talk.said()[0]["uuid"].clone();
    talk.hears_line(RESULT);
    assert!(talk.events().is_empty());
    let told = |state: &str| json!({"type":"command_lifecycle","command_uuid":uuid,"state":state});
    talk.hears(&told("queued"));
    assert_eq!(received.try_recv(), Ok(Ok(())));
    talk.hears(&told("started"));
    assert!(talk.events().is_empty());
    talk.hears(&json!({"type":"system","subtype":"init","session_id":"s1"}));
    talk.hears_line(&RESULT.replace("fine", "that too"));
    assert_eq!(talk.completed().answer, "that too");
}

#[test]
fn a_message_that_is_dropped_lets_the_run_go() {
    let mut talk = Talk::new();
    let (receipt, mut received) = Receipt::new();
    talk.dialogue.steer("and this".into(), receipt, &mut talk.says);
    let uuid = talk.said()[0]["uuid"].clone();
    talk.hears_line(RESULT);
    talk.hears(&json!({"type":"command_lifecycle","command_uuid":uuid,"state":"refused"}));
    assert_eq!(received.try_recv(), Ok(Err(ControlError::Over)));
    assert_eq!(talk.completed().answer, "fine");
}

/// The turn that began last ends as interrupted, and not with the answer of the one before.
#[test]
fn an_interrupted_second_turn_is_waited_for() {
    let mut talk = Talk::new();
    let uuids: Vec<Value> = ["one", "two"]
        .into_iter()
        .map(|text| {
            talk.dialogue.steer(text.to_owned(), Receipt::new().0, &mut talk.says);
            talk.said()[0]["uuid"].clone()
        })
        .collect();
    let told =
        |uuid: &Value, state: &str| json!({"type":"command_lifecycle","command_uuid":uuid,"state":state});
    talk.hears_line(RESULT);
    talk.hears(&told(&uuids[0], "queued"));
    talk.hears(&told(&uuids[1], "queued"));
    talk.hears(&told(&uuids[0], "started"));
    talk.hears(
        &json!({"type":"system","subtype":"init","session_id":"s1","capabilities":["msg_lifecycle_v1"]}),
    );
    assert_eq!(talk.dialogue.interrupt(&mut talk.says), Interruption::Said);
    talk.hears(&told(&uuids[1], "cancelled"));
    assert!(!talk.events().iter().any(|event| matches!(event, Event::Completed(_))));
    talk.hears_line(r#"{"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_streaming"}"#);
    let completed = talk.completed();
    assert_eq!(completed.outcome, Outcome::Failed { error: INTERRUPTED.to_owned() });
    assert_eq!(completed.answer, "fine");
}

#[test]
fn a_message_that_is_done_with_announces_no_turn() {
    let mut talk = Talk::new();
    talk.dialogue.steer("and this".into(), Receipt::new().0, &mut talk.says);
    let uuid = talk.said()[0]["uuid"].clone();
    talk.hears_line(RESULT);
    talk.hears(&json!({"type":"command_lifecycle","command_uuid":uuid,"state":"completed"}));
    assert_eq!(talk.completed().answer, "fine");
}

#[test]
fn a_message_that_claude_took_to_its_grave_is_told() {
    let mut talk = Talk::new();
    let (receipt, _received) = Receipt::new();
    talk.dialogue.steer("and\n this".into(), receipt, &mut talk.says);
    let uuid = talk.said()[0]["uuid"].clone();
    talk.hears(&json!({"type":"command_lifecycle","command_uuid":uuid,"state":"queued"}));
    let exit = Exit { status: ExitStatus::Signal(9), stderr_tail: String::new() };
    assert_eq!(talk.dialogue.exited(&exit, &mut talk.out), Unfinished::default());
    let events = talk.events();
    let [Event::Action(event)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.action.title, "claude ended before it read this: and this");
}

#[test]
fn pieces_of_sub_agents_are_not_the_answer() {
    let mut talk = Talk::new();
    let piece = |parent: Value, event: &Value| json!({"type":"stream_event","event":event,"parent_tool_use_id":parent});
    let text = |text: &str| json!({"type":"content_block_delta","delta":{"type":"text_delta","text":text}});
    let start = |kind: &str| json!({"type":"content_block_start","content_block":{"type":kind}});
    talk.hears(&piece(json!("t1"), &text("of a sub-agent")));
    assert!(talk.events().is_empty());
    for event in [
        start("text"),
        text("one"),
        json!({"type":"message_start"}),
        start("text"),
        text("two"),
        json!({"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}),
        start("tool_use"),
        json!({"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}}),
        start("text"),
        text("three"),
    ] {
        talk.hears(&piece(Value::Null, &event));
    }
    let pieces = talk.events().into_iter().map(|event| match event {
        Event::Text(text) => format!("{:?} {}", text.kind, text.delta),
        other => panic!("no text: {other:?}"),
    });
    assert_eq!(
        pieces.collect::<Vec<_>>(),
        ["Answer one", "Answer \n\n", "Answer two", "Thinking hm", "Answer three"]
    );
}

#[test]
fn what_is_too_long_to_be_shown_is_denied() {
    let mut talk = Talk::new();
    let mut hears = |head: &str| {
        too_long(head, &mut talk.out, &mut talk.says);
        talk.says.take()
    };
    let said =
        hears(r#"{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_"#);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains(r#""request_id":"r1""#) && said[0].contains(r#""behavior":"deny""#), "{said:?}");
    assert!(hears(r#"{"type":"user","message":{"content":"xx"#).is_empty());
}
