//! What is said to the server and to people for what the server says, message by message.

mod beginnings;
mod requests;

use std::path::PathBuf;

use takopi_api::event::{Completed, Decision, Lasting, Outcome, RequestId, RequestSubject};
use takopi_api::resume::ResumeToken;
use takopi_api::runner::ControlError;
use tokio::sync::oneshot;

use super::*;
use crate::app_server::profile::Overrides;
use crate::app_server::session::Wish;
use crate::backend::ENGINE;

/// A talk, and what was said in it so far.
struct Talk {
    connection: Connection,
    sent: Vec<Value>,
    events: Vec<(RunKey, Event)>,
    later: Vec<RunKey>,
    closed: Vec<RunKey>,
}

fn wish() -> Wish {
    Wish {
        title: "Codex".into(),
        input: vec![json!({ "type": "text", "text": "hi" })],
        cwd: PathBuf::from("/repo"),
        resume: None,
        model: None,
        reasoning: None,
        mode: None,
        outbox: None,
        profile: Overrides::default(),
        variables: BTreeMap::new(),
    }
}

fn resuming(thread: &str) -> Wish {
    Wish { resume: Some(ResumeToken::new(ENGINE, thread).unwrap()), ..wish() }
}

impl Talk {
    fn greeting() -> Self {
        let mut talk = Self {
            connection: Connection::new(),
            sent: Vec::new(),
            events: Vec::new(),
            later: Vec::new(),
            closed: Vec::new(),
        };
        talk.take();
        talk
    }

    fn new() -> Self {
        let mut talk = Self::greeting();
        talk.reply("initialize", json!({}));
        talk
    }

    fn take(&mut self) {
        let changes = self.connection.take();
        self.sent.extend(changes.lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        self.events.extend(changes.events);
        self.later.extend(changes.later);
        self.closed.extend(changes.closed);
    }

    fn add(&mut self, wish: Wish) -> RunKey {
        let key = self.connection.add(Session::new(wish));
        self.take();
        key
    }

    fn hear(&mut self, message: &Value) {
        self.line(&message.to_string());
    }

    fn line(&mut self, line: &str) {
        self.connection.hear(line);
        self.take();
    }

    fn notice(&mut self, method: &str, params: impl Into<Value>) {
        self.hear(&json!({ "method": method, "params": params.into() }));
    }

    /// The last call of this method.
    fn call(&self, method: &str) -> &Value {
        let call = self.sent.iter().rev().find(|message| message["method"] == method);
        call.unwrap_or_else(|| panic!("nobody called {method}: {:#?}", self.sent))
    }

    fn calls(&self, method: &str) -> usize {
        self.sent.iter().filter(|message| message["method"] == method).count()
    }

    fn reply(&mut self, method: &str, result: impl Into<Value>) {
        let id = self.call(method)["id"].clone();
        self.hear(&json!({ "id": id, "result": result.into() }));
    }

    fn fail(&mut self, method: &str, error: &str) {
        let id = self.call(method)["id"].clone();
        self.hear(&json!({ "id": id, "error": { "code": -32600, "message": error } }));
    }

    /// A run whose turn goes on.
    fn running(&mut self, wish: Wish, thread: &str, turn: &str) -> RunKey {
        let resumes = wish.resume.is_some();
        let key = self.add(wish);
        self.reply("config/read", json!({ "config": {} }));
        let opened = json!({ "thread": { "id": thread }, "model": "m", "approvalPolicy": "on-request" });
        self.reply(if resumes { "thread/resume" } else { "thread/start" }, opened);
        self.reply("turn/start", json!({ "turn": { "id": turn } }));
        key
    }

    fn ask(&mut self, id: u64, method: &str, thread: &str, more: impl Into<Value>) {
        let mut params = json!({ "threadId": thread, "turnId": "u", "itemId": "i" });
        params.as_object_mut().unwrap().extend(more.into().as_object().unwrap().clone());
        self.hear(&json!({ "id": id, "method": method, "params": params }));
    }

    fn answer(&mut self, key: RunKey, id: &str, decision: Decision) -> Result<(), ControlError> {
        let answered = self
            .connection
            .tell(key, |session, says| session.answer(&RequestId::new(id), decision, says))
            .unwrap();
        self.take();
        answered
    }

    fn stop(&mut self, key: RunKey) {
        self.connection.tell(key, Session::stop);
        self.take();
    }

    fn ask_again(&mut self, key: RunKey) {
        self.connection.tell(key, Session::ask_again);
        self.take();
    }

    fn turn_completed(&mut self, thread: &str, turn: &str, status: &str) {
        self.notice(
            "turn/completed",
            json!({ "threadId": thread, "turn": { "id": turn, "status": status, "error": null } }),
        );
    }

    /// Answers whatever is called for in order to clear a run away.
    fn clear(&mut self) {
        for _ in 0..20 {
            let calls = self.connection.calls.iter();
            let is_clearing = |caller: &Caller| matches!(caller, Caller::Run(_, Call::Clearing));
            let answered: Vec<u64> =
                calls.filter(|(_, caller)| is_clearing(caller)).map(|(id, _)| *id).collect();
            for id in answered {
                self.hear(&json!({ "id": id, "result": {} }));
            }
        }
    }

    fn completed(&self, key: RunKey) -> Option<&Completed> {
        self.of(key).find_map(|event| match event {
            Event::Completed(completed) => Some(completed),
            _ => None,
        })
    }

    fn of(&self, key: RunKey) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |(of, _)| *of == key).map(|(_, event)| event)
    }

    fn titles(&self, key: RunKey) -> Vec<String> {
        self.of(key)
            .filter_map(|event| match event {
                Event::Action(event) => Some(event.action.title.clone()),
                _ => None,
            })
            .collect()
    }

    fn json(&self, key: RunKey, kind: &str) -> Vec<Value> {
        let events = self.of(key).map(|event| serde_json::to_value(event).unwrap());
        events.filter(|event| event["type"] == kind).collect()
    }

    fn error(&self, key: RunKey) -> &str {
        match &self.completed(key).unwrap().outcome {
            Outcome::Failed { error } => error,
            other => panic!("not failed: {other:?}"),
        }
    }
}

#[test]
fn a_plan_is_the_answer() {
    let mut talk = Talk::new();
    let key = talk.running(Wish { mode: Some("plan".into()), ..wish() }, "t", "u");
    let item = |method: &str, kind: &str, text: &str| {
        let item = json!({ "type": kind, "id": kind, "text": text });
        json!({ "method": method, "params": { "threadId": "t", "turnId": "u", "item": item } })
    };
    talk.hear(&item("item/started", "plan", ""));
    talk.notice(
        "item/plan/delta",
        json!({ "threadId": "t", "turnId": "u", "itemId": "plan", "delta": "1. Do it." }),
    );
    talk.hear(&item("item/completed", "plan", "1. Do it."));
    talk.hear(&item("item/completed", "agentMessage", "That was the plan."));
    talk.turn_completed("t", "u", "completed");
    assert_eq!(talk.completed(key).unwrap().answer, "1. Do it.");
    assert_eq!(talk.json(key, "text").len(), 1);
    assert_eq!(talk.titles(key), ["That was the plan."]);
}

#[test]
fn messages_are_the_run_s_whose_thread_and_turn_they_name() {
    let mut talk = Talk::new();
    let one = talk.running(wish(), "t1", "u1");
    let two = talk.running(wish(), "t2", "u2");
    let command = |thread: &str, turn: &str, id: &str| {
        let item = json!({ "type": "commandExecution", "id": id, "command": id, "status": "inProgress" });
        json!({ "threadId": thread, "turnId": turn, "item": item })
    };
    talk.notice("item/started", command("t1", "u1", "a"));
    talk.notice("item/started", command("t2", "u2", "b"));
    talk.notice("item/started", command("t1", "older", "c"));
    talk.notice("item/started", command("t3", "u1", "d"));
    talk.turn_completed("t1", "older", "failed");
    talk.turn_completed("t3", "u1", "failed");
    assert_eq!((talk.titles(one), talk.titles(two)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    talk.turn_completed("t2", "u2", "completed");
    assert!(talk.completed(two).is_some() && talk.completed(one).is_none());
}

#[test]
fn sub_agents_are_steps_of_their_run_and_end_with_it() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let activity = |kind: &str| {
        let item = json!({ "type": "subAgentActivity", "id": format!("x-{kind}"), "kind": kind,
            "agentThreadId": "a", "agentPath": "/root/helper" });
        json!({ "threadId": "t", "turnId": "u", "item": item })
    };
    talk.notice("item/started", activity("started"));
    talk.notice("item/completed", activity("started"));
    talk.notice("turn/started", json!({ "threadId": "a", "turn": { "id": "ua", "rootTurnId": "u" } }));
    let item = json!({ "type": "commandExecution", "id": "c", "command": "ls", "status": "inProgress" });
    talk.notice("item/started", json!({ "threadId": "a", "turnId": "ua", "item": item }));
    talk.notice("item/agentMessage/delta", json!({ "threadId": "a", "turnId": "ua", "delta": "not mine" }));
    talk.ask(3, "item/commandExecution/requestApproval", "a", json!({ "command": "rm x" }));
    assert_eq!(talk.titles(key), ["helper", "ls"]);
    assert_eq!(talk.json(key, "action")[1]["action"]["detail"]["parent"], "a");
    assert!(talk.json(key, "text").is_empty());
    assert_eq!(talk.json(key, "request").len(), 1);
    talk.turn_completed("a", "other", "completed");
    talk.notice("turn/started", json!({ "threadId": "a", "turn": { "id": "ub", "rootTurnId": "u" } }));
    talk.turn_completed("t", "u", "completed");
    assert_eq!(talk.call("turn/interrupt")["params"], json!({ "threadId": "a", "turnId": "ub" }));
    assert_eq!(talk.calls("thread/backgroundTerminals/clean"), 2);
    // Another one that begins only now, known by nothing but the thread of its parent.
    talk.notice("thread/started", json!({ "thread": { "id": "b", "parentThreadId": "a" } }));
    talk.notice("turn/started", json!({ "threadId": "b", "turn": { "id": "uc" } }));
    assert_eq!(talk.call("turn/interrupt")["params"], json!({ "threadId": "b", "turnId": "uc" }));
    talk.clear();
    assert_eq!(talk.calls("thread/unsubscribe"), 3);
    assert_eq!(talk.closed, [key]);
}

#[test]
fn a_turn_that_codex_begins_by_itself_after_the_run_is_ended() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.turn_completed("t", "u", "completed");
    talk.notice("turn/started", json!({ "threadId": "t", "turn": { "id": "by-itself" } }));
    assert_eq!(talk.call("turn/interrupt")["params"], json!({ "threadId": "t", "turnId": "by-itself" }));
    assert_eq!(talk.calls("thread/backgroundTerminals/clean"), 2);
    talk.ask(1, "item/commandExecution/requestApproval", "t", json!({ "command": "x" }));
    assert!(talk.sent.last().unwrap()["error"].is_object());
    assert!(talk.closed.is_empty());
    talk.clear();
    assert_eq!((talk.calls("thread/unsubscribe"), talk.closed.as_slice()), (1, [key].as_slice()));
}

#[test]
fn an_interrupted_turn_is_interrupted_whenever_it_begins() {
    // Before anything was asked for.
    let mut talk = Talk::greeting();
    let key = talk.add(wish());
    talk.stop(key);
    assert_eq!(talk.closed, [key]);
    // While the thread is opened: it is let go when it is there.
    let mut talk = Talk::new();
    let key = talk.add(wish());
    talk.reply("config/read", json!({ "config": {} }));
    talk.stop(key);
    assert!(talk.completed(key).is_some() && talk.closed.is_empty());
    talk.reply("thread/start", json!({ "thread": { "id": "t" } }));
    assert_eq!(talk.calls("turn/start"), 0);
    talk.clear();
    assert_eq!((talk.calls("thread/unsubscribe"), talk.closed.len()), (1, 1));
    // While the turn is asked for.
    let mut talk = Talk::new();
    let key = talk.add(wish());
    talk.reply("config/read", json!({ "config": {} }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" } }));
    talk.stop(key);
    talk.stop(key);
    assert_eq!(talk.calls("turn/interrupt"), 0);
    talk.notice("turn/started", json!({ "threadId": "t", "turn": { "id": "u" } }));
    assert_eq!(talk.call("turn/interrupt")["params"], json!({ "threadId": "t", "turnId": "u" }));
    talk.reply("turn/start", json!({ "turn": { "id": "u" } }));
    assert_eq!(talk.calls("turn/interrupt"), 1);
    // While it goes on, and codex believes that there is none.
    talk.fail("turn/interrupt", "no active turn to interrupt");
    assert!(talk.error(key).ends_with("no active turn to interrupt"));
    talk.turn_completed("t", "u", "interrupted");
    talk.clear();
    assert_eq!(talk.closed, [key]);
}

#[test]
fn a_killed_run_says_its_last_words_before_its_turn_ends() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let delta = |text: &str| json!({ "threadId": "t", "turnId": "u", "itemId": "m", "delta": text });
    talk.notice("item/agentMessage/delta", delta("so far"));
    talk.connection.tell(key, Session::kill);
    talk.take();
    let completed = talk.completed(key).unwrap();
    assert_eq!((completed.answer.as_str(), &completed.outcome), ("so far", &Outcome::Interrupted));
    assert_eq!((talk.calls("turn/interrupt"), talk.calls("thread/backgroundTerminals/clean")), (1, 0));
    talk.notice("item/agentMessage/delta", delta("more"));
    talk.ask(1, "item/commandExecution/requestApproval", "t", json!({ "command": "x" }));
    assert!(talk.sent.last().unwrap()["error"].is_object());
    talk.turn_completed("t", "u", "interrupted");
    talk.clear();
    assert!(matches!(talk.of(key).last(), Some(Event::Completed(_))));
    assert_eq!(talk.closed, [key]);
}

#[test]
fn what_was_written_when_the_turn_was_cut_off_is_kept() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    for delta in ["one ", "two"] {
        talk.notice(
            "item/agentMessage/delta",
            json!({ "threadId": "t", "turnId": "u", "itemId": "m", "delta": delta }),
        );
    }
    talk.stop(key);
    talk.turn_completed("t", "u", "interrupted");
    assert_eq!(talk.completed(key).unwrap().answer, "one two");
}

#[test]
fn a_steered_text_is_taken_refused_or_too_late() {
    let mut talk = Talk::new();
    let key = talk.add(wish());
    let steer = |talk: &mut Talk, text: &str| {
        let (receipt, taken) = oneshot::channel();
        let text = text.to_owned();
        talk.connection.tell(key, |session, says| session.steer(text, receipt, says));
        talk.take();
        taken
    };
    let mut early = steer(&mut talk, "early");
    talk.reply("config/read", json!({ "config": {} }));
    talk.reply("thread/start", json!({ "thread": { "id": "t" } }));
    assert_eq!(talk.calls("turn/steer"), 0);
    talk.reply("turn/start", json!({ "turn": { "id": "u" } }));
    let expected = json!({
        "threadId": "t", "expectedTurnId": "u", "input": [{ "type": "text", "text": "early" }],
    });
    assert_eq!(talk.call("turn/steer")["params"], expected);
    talk.reply("turn/steer", json!({ "turnId": "u" }));
    assert_eq!(early.try_recv(), Ok(Ok(())));
    let mut late = steer(&mut talk, "late");
    talk.fail("turn/steer", "no active turn to steer");
    assert_eq!(late.try_recv(), Ok(Err(ControlError::Over)));
    let mut refused = steer(&mut talk, "refused");
    talk.fail("turn/steer", "not in a review");
    assert_eq!(refused.try_recv(), Ok(Err(ControlError::Refused("not in a review".into()))));
    talk.turn_completed("t", "u", "completed");
    assert!(steer(&mut talk, "over").try_recv().is_err());
    assert_eq!(talk.calls("turn/steer"), 3);
}

#[test]
fn errors_are_told_once_and_reconnects_are_one_step() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let error = |message: &str, will_retry: bool| {
        let error = json!({ "message": message, "additionalDetails": will_retry.then_some("busy") });
        json!({ "threadId": "t", "turnId": "u", "error": error, "willRetry": will_retry })
    };
    talk.notice("error", error("Reconnecting... 1/5", true));
    talk.notice("error", error("Reconnecting... 2/5", true));
    talk.notice("error", error("too much", false));
    let failed = json!({ "id": "u", "status": "failed", "error": { "message": "too much" } });
    talk.notice("turn/completed", json!({ "threadId": "t", "turn": failed }));
    assert_eq!(
        talk.titles(key),
        ["reconnecting 1/5 (busy)", "reconnecting 2/5 (busy)", "reconnecting 2/5 (busy)"]
    );
    assert_eq!(talk.error(key), "too much");
}

#[test]
fn a_slow_clearing_does_not_cost_the_runs_of_others_at_once() {
    let (once, long) = (Duration::from_secs(10), CLEARING);
    let mut talk = Talk::new();
    let one = talk.running(wish(), "t1", "u1");
    let two = talk.running(wish(), "t2", "u2");
    assert!(!talk.connection.may_outlast(one, true, once), "its turn goes on");
    talk.turn_completed("t1", "u1", "completed");
    assert!(talk.connection.may_outlast(one, true, once));
    assert!(!talk.connection.may_outlast(one, false, once), "the server says nothing more");
    assert!(!talk.connection.may_outlast(one, true, long));
    // The next run of the thread waits for nothing but this.
    talk.turn_completed("t2", "u2", "completed");
    talk.add(resuming("t1"));
    assert!(!talk.connection.may_outlast(one, true, once) && !talk.connection.may_outlast(two, true, once));
}

#[test]
fn the_end_of_the_server_is_the_end_of_every_run() {
    let mut talk = Talk::new();
    let one = talk.running(wish(), "t1", "u1");
    let two = talk.running(wish(), "t2", "u2");
    talk.ask(1, "item/commandExecution/requestApproval", "t1", json!({ "command": "x", "turnId": "u1" }));
    let over = talk.running(wish(), "t3", "u3");
    talk.turn_completed("t3", "u3", "completed");
    talk.connection.end("it broke");
    talk.take();
    assert_eq!((talk.error(one), talk.error(two)), ("it broke", "it broke"));
    assert_eq!(talk.json(one, "request_resolved").len(), 1);
    assert!(talk.completed(over).unwrap().is_done());
    assert_eq!(talk.closed.len(), 3);
    let next = talk.add(wish());
    assert_eq!(talk.error(next), "it broke");
}

#[test]
fn lines_that_can_not_be_read_cost_nothing_but_themselves() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    for line in
        ["", "{", "[]", "7", "\u{1b}[0m", r#"{"id":1}"#, r#"{"id":"x"}"#, r#"{"params":{}}"#, "{\"a\":1}}"]
    {
        talk.line(line);
    }
    talk.notice("moon/risen", json!({}));
    talk.notice("moon/risen", json!({ "threadId": "t", "turnId": "u" }));
    talk.notice("item/completed", json!({ "threadId": "t", "turnId": "u" }));
    let hologram = json!({ "type": "hologram", "id": "h" });
    talk.notice("item/completed", json!({ "threadId": "t", "turnId": "u", "item": hologram }));
    assert_eq!(talk.connection.unknown.get("moon/risen"), Some(&2));
    assert_eq!(talk.connection.unknown.get("item hologram"), Some(&1));
    assert_eq!(talk.titles(key).len(), 2);
    talk.turn_completed("t", "u", "completed");
    assert!(talk.completed(key).unwrap().is_done());
}

#[test]
fn what_stands_in_a_line_is_shown_only_to_a_run_that_is_alone() {
    const WHAT: &str = "codex printed a line that takopi can not read";
    let mut talk = Talk::new();
    let one = talk.running(wish(), "t1", "u1");
    let two = talk.running(wish(), "t2", "u2");
    talk.notice("item/completed", json!({ "threadId": "t2", "turnId": "u2" }));
    assert_eq!((talk.titles(one).len(), talk.titles(two).len()), (0, 1));
    talk.line("a secret");
    assert_eq!(talk.titles(one), [WHAT]);
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.line("its own");
    assert_eq!(talk.titles(key), [format!("{WHAT}: its own")]);
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_panic(lines in proptest::collection::vec("\\PC{0,80}", 0..20)) {
        let mut talk = Talk::new();
        talk.running(wish(), "t", "u");
        lines.iter().for_each(|line| talk.line(line));
    }

    #[test]
    fn no_message_makes_it_panic_and_each_run_ends_once(
        picks in proptest::collection::vec((0_usize..14, 0_usize..6, 0_usize..7, 0_usize..4), 0..60),
    ) {
        const METHODS: [&str; 14] = [
            "turn/started", "turn/completed", "item/started", "item/completed", "item/agentMessage/delta",
            "error", "thread/started", "serverRequest/resolved", "thread/tokenUsage/updated",
            "item/fileChange/requestApproval", "item/permissions/requestApproval",
            "item/tool/requestUserInput", "mcpServer/elicitation/request", "turn/plan/updated",
        ];
        let values = |pick: usize| match pick {
            0 => json!(null),
            1 => json!(7),
            2 => json!("completed"),
            3 => json!([{ "id": "q", "question": 7, "type": "plan", "text": [] }]),
            4 => json!({ "id": "u", "status": "completed", "type": "agentMessage", "text": "x", "inputTokens": -1 }),
            5 => json!({ "id": "a", "rootTurnId": "u", "parentThreadId": "t", "type": "fileChange", "changes": 7 }),
            _ => json!({ "type": "subAgentActivity", "kind": "started", "agentThreadId": "a", "id": "s" }),
        };
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        for (number, (method, thread, value, id)) in picks.into_iter().enumerate() {
            let thread = ["t", "a", "t", "b", "t", ""][thread];
            let value = values(value);
            let params = json!({
                "threadId": thread, "turnId": if number % 3 == 0 { json!("u") } else { json!(null) },
                "itemId": value, "item": value, "turn": value, "thread": value, "error": value,
                "delta": value, "questions": value, "permissions": value, "changes": value,
                "tokenUsage": { "total": value, "last": value }, "requestId": id, "plan": value,
                "mode": "form", "requestedSchema": value, "_meta": value,
            });
            let message = match id {
                0 => json!({ "method": METHODS[method], "params": params }),
                1 => json!({ "id": number, "method": METHODS[method], "params": params }),
                2 => json!({ "id": number, "result": params }),
                _ => json!({ "id": number, "error": value }),
            };
            talk.hear(&message);
        }
        talk.connection.end("over");
        talk.take();
        let ends = talk.of(key).filter(|event| matches!(event, Event::Completed(_))).count();
        proptest::prop_assert_eq!(ends, 1);
        let asked = talk.json(key, "request").len();
        proptest::prop_assert_eq!(talk.json(key, "request_resolved").len(), asked);
    }
}
