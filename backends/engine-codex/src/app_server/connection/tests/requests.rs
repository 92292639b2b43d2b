//! What codex asks, and what it is told.

use super::*;

#[test]
fn what_is_asked_is_shown_in_full() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let more = json!({
        "command": "/bin/bash -lc 'curl x'", "cwd": "/repo", "reason": "why",
        "networkApprovalContext": { "host": "example.org", "protocol": "https" },
        "additionalPermissions": { "network": { "enabled": true } }, "environmentId": "local", "new": 7,
    });
    talk.ask(0, "item/commandExecution/requestApproval", "t", more);
    let request = &talk.json(key, "request")[0]["request"];
    assert_eq!(request["title"], "use the network: example.org");
    assert_eq!((&request["command"], &request["reason"]), (&json!("curl x"), &json!("why")));
    let input: Value = serde_json::from_str(request["input"].as_str().unwrap()).unwrap();
    let keys: Vec<&String> = input.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["networkApprovalContext", "additionalPermissions", "new"]);
}

#[test]
fn a_shell_of_the_workspace_is_shown_as_it_will_be_run() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let command = "/repo/bash -lc 'git status'";
    talk.ask(0, "item/commandExecution/requestApproval", "t", json!({ "command": command }));
    assert_eq!(talk.json(key, "request")[0]["request"]["command"], command);
}

#[test]
fn a_yes_lasts_where_codex_can_remember_it() {
    let check = |more: Value, expected: Value| {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        talk.ask(0, "item/commandExecution/requestApproval", "t", more);
        assert_eq!(talk.json(key, "request")[0]["request"]["lasting"], expected);
    };
    check(json!({ "command": "x" }), json!("engine"));
    check(json!({ "command": "x", "availableDecisions": ["accept", "acceptForSession"] }), json!("engine"));
    check(json!({ "command": "x", "availableDecisions": ["accept", "cancel"] }), Value::Null);
    // It would keep the host for any command.
    check(json!({ "command": "x", "networkApprovalContext": { "host": "example.org" } }), Value::Null);
    check(json!({ "command": "x", "networkApprovalContext": { "hosts": ["a", "b"] } }), Value::Null);
    check(json!({ "command": "x", "networkApprovalContext": "any" }), Value::Null);
    check(json!({ "command": "x", "kind": "newer" }), Value::Null);
    check(json!({}), Value::Null);
    // What is typed is an answer to whatever asks.
    check(json!({ "command": "y", "kind": "writeStdin" }), json!("nothing"));
}

#[test]
fn a_change_is_asked_with_its_diff() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let change = |diff: &str| json!([{ "path": "/repo/a", "kind": { "type": "update" }, "diff": diff }]);
    let item =
        json!({ "type": "fileChange", "id": "i", "status": "inProgress", "changes": change("@@ old\n") });
    talk.notice("item/started", json!({ "threadId": "t", "turnId": "u", "item": item }));
    talk.notice(
        "item/fileChange/patchUpdated",
        json!({ "threadId": "t", "turnId": "u", "itemId": "i", "changes": change("@@ new\n") }),
    );
    talk.ask(0, "item/fileChange/requestApproval", "t", json!({ "grantRoot": "/repo" }));
    let request = &talk.json(key, "request")[0]["request"];
    assert_eq!(request["title"], "change /repo/a");
    assert_eq!(request["diff"], "--- /repo/a\n+++ /repo/a\n@@ new\n");
    assert!(request["input"].as_str().unwrap().contains("grantRoot"));
}

fn changing(thread: &str, turn: &str, diff: &str) -> Value {
    let changes = json!([{ "path": "/repo/a", "kind": { "type": "update" }, "diff": diff }]);
    let item = json!({ "type": "fileChange", "id": "i", "status": "inProgress", "changes": changes });
    json!({ "threadId": thread, "turnId": turn, "itemId": "i", "item": item, "changes": changes })
}

#[test]
fn a_change_is_that_of_the_thread_that_asks() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.notice("turn/started", json!({ "threadId": "a", "turn": { "id": "ua", "rootTurnId": "u" } }));
    talk.notice("item/started", changing("t", "u", "@@ main\n"));
    talk.notice("item/started", changing("a", "ua", "@@ begun\n"));
    talk.notice("item/fileChange/patchUpdated", changing("a", "ua", "@@ agent\n"));
    talk.ask(1, "item/fileChange/requestApproval", "t", json!({}));
    talk.notice("item/completed", changing("t", "u", "@@ main\n"));
    talk.ask(2, "item/fileChange/requestApproval", "a", json!({ "turnId": "ua" }));
    let diffs: Vec<Value> =
        talk.json(key, "request").iter().map(|event| event["request"]["diff"].clone()).collect();
    assert_eq!(diffs, ["main", "agent"].map(|name| json!(format!("--- /repo/a\n+++ /repo/a\n@@ {name}\n"))));
}

#[test]
fn a_change_that_was_not_seen_is_refused() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    // Its beginning was lost, and this may be a piece of it.
    talk.notice("item/fileChange/patchUpdated", changing("t", "u", "@@ piece\n"));
    talk.ask(1, "item/fileChange/requestApproval", "t", json!({}));
    let nothing = json!({ "type": "fileChange", "id": "i", "status": "inProgress", "changes": [] });
    talk.notice("item/started", json!({ "threadId": "t", "turnId": "u", "item": nothing }));
    talk.ask(2, "item/fileChange/requestApproval", "t", json!({}));
    for id in 1..=2 {
        let refused = talk.sent.iter().find(|message| message["id"] == id && message["error"].is_object());
        assert!(refused.is_some(), "{id} is not refused: {:?}", talk.sent);
    }
    assert!(talk.json(key, "request").is_empty());
    let told = "codex asked to change files, and takopi has not seen how; it was told no";
    assert_eq!(talk.titles(key).iter().filter(|title| *title == told).count(), 2);
}

#[test]
fn decisions_are_those_that_codex_offers() {
    let check = |offered: Value, decision: Decision, expected: &str| {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        let more = json!({ "command": "x", "availableDecisions": offered });
        talk.ask(5, "item/commandExecution/requestApproval", "t", more);
        let _ = talk.answer(key, "5", decision);
        assert_eq!(
            talk.sent.last(),
            Some(&json!({ "id": 5, "result": { "decision": expected } })),
            "{offered}"
        );
    };
    let amendment = json!(["accept", { "acceptWithExecpolicyAmendment": {} }, "cancel"]);
    check(json!(null), Decision::AllowSession, "acceptForSession");
    check(json!(["accept", "acceptForSession", "decline"]), Decision::AllowSession, "acceptForSession");
    check(amendment.clone(), Decision::AllowSession, "accept");
    check(amendment.clone(), Decision::AllowOnce, "accept");
    check(amendment.clone(), Decision::AllowAlways, "accept");
    check(amendment, Decision::Deny { reason: None }, "decline");
    check(json!(["cancel"]), Decision::AllowOnce, "decline");
}

/// A yes is for what was shown. Codex would keep one for more: for the host, for the files, for whatever is typed.
#[test]
fn codex_hears_no_yes_for_the_session_that_it_would_keep_for_more() {
    let check = |method: &str, more: Value| {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        talk.notice("item/started", changing("t", "u", "@@ x\n"));
        talk.ask(5, method, "t", more);
        let lasting = talk.json(key, "request")[0]["request"]["lasting"].clone();
        assert_ne!(lasting, "engine", "{method}");
        talk.answer(key, "5", Decision::AllowSession).unwrap();
        assert_eq!(talk.sent.last().unwrap()["result"]["decision"], "accept", "{method}");
    };
    let offered = json!(["accept", "acceptForSession", "cancel"]);
    let network = json!({ "host": "example.org", "protocol": "https" });
    const COMMAND: &str = "item/commandExecution/requestApproval";
    check(
        COMMAND,
        json!({ "command": "x", "networkApprovalContext": network, "availableDecisions": offered }),
    );
    check(COMMAND, json!({ "command": "y", "kind": "writeStdin" }));
    check("item/fileChange/requestApproval", json!({ "grantRoot": null }));
}

#[test]
fn a_denial_with_a_reason_reaches_the_turn() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.ask(5, "item/commandExecution/requestApproval", "t", json!({ "command": "x" }));
    talk.answer(key, "5", Decision::Deny { reason: Some("use y".into()) }).unwrap();
    let last: Vec<&Value> = talk.sent.iter().rev().take(2).collect();
    assert_eq!(last[1], &json!({ "id": 5, "result": { "decision": "decline" } }));
    assert_eq!(last[0]["method"], "turn/steer");
    assert_eq!(last[0]["params"]["expectedTurnId"], "u");
    assert_eq!(last[0]["params"]["input"], json!([{ "type": "text", "text": "use y" }]));
    talk.fail("turn/steer", "busy");
    assert_eq!(talk.titles(key), ["codex did not hear why that was denied: busy"]);
}

#[test]
fn a_denial_with_a_reason_reaches_whoever_asked() {
    let deny = || Decision::Deny { reason: Some("use y".into()) };
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.notice("turn/started", json!({ "threadId": "a", "turn": { "id": "ua", "rootTurnId": "u" } }));
    talk.ask(5, "item/commandExecution/requestApproval", "a", json!({ "command": "x", "turnId": "ua" }));
    talk.answer(key, "5", deny()).unwrap();
    let steer = &talk.call("turn/steer")["params"];
    assert_eq!((&steer["threadId"], &steer["expectedTurnId"]), (&json!("a"), &json!("ua")));
    // One that does not say of which turn it is.
    talk.ask(6, "item/commandExecution/requestApproval", "a", json!({ "command": "x", "turnId": null }));
    talk.answer(key, "6", deny()).unwrap();
    let steer = &talk.call("turn/steer")["params"];
    assert_eq!((&steer["threadId"], &steer["expectedTurnId"]), (&json!("a"), &json!("ua")));
    // One of an agent that has no turn.
    talk.notice("turn/completed", json!({ "threadId": "a", "turn": { "id": "ua" } }));
    talk.ask(7, "item/commandExecution/requestApproval", "a", json!({ "command": "x", "turnId": null }));
    talk.answer(key, "7", deny()).unwrap();
    assert_eq!(talk.calls("turn/steer"), 2);
    assert_eq!(talk.titles(key), ["codex did not hear why that was denied: no turn asked"]);
}

#[test]
fn permissions_are_granted_as_asked_and_for_as_long_as_decided() {
    let wanted = json!({ "network": { "enabled": true }, "fileSystem": null });
    let granted = json!({ "network": { "enabled": true } });
    for (decision, permissions, scope) in [
        (Decision::AllowOnce, &granted, "turn"),
        (Decision::AllowAlways, &granted, "turn"),
        (Decision::AllowSession, &granted, "session"),
        (Decision::Deny { reason: None }, &json!({}), "turn"),
    ] {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        talk.ask(1, "item/permissions/requestApproval", "t", json!({ "permissions": wanted }));
        talk.answer(key, "1", decision).unwrap();
        let expected = json!({ "id": 1, "result": { "permissions": permissions, "scope": scope } });
        assert_eq!(talk.sent.last(), Some(&expected));
    }
}

#[test]
fn what_is_no_answer_is_a_no() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let questions = json!({ "questions": [{ "id": "q", "question": "Which?" }] });
    talk.ask(1, "item/tool/requestUserInput", "t", questions);
    let refused = talk.answer(key, "1", Decision::AllowOnce).unwrap_err();
    assert_eq!(refused.to_string(), "that is no answer to what codex asks; codex was told no");
    assert_eq!(talk.sent.last(), Some(&json!({ "id": 1, "result": { "answers": {} } })));
    assert_eq!(talk.json(key, "request_resolved")[0]["decision"], "deny");
    let again = talk.answer(key, "1", Decision::AllowOnce).unwrap_err();
    assert_eq!(again, ControlError::NoSuchRequest(RequestId::new("1")));
}

#[test]
fn servers_of_tools_ask_through_codex() {
    let elicit = |params: Value, decision: Decision| {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        talk.ask(1, "mcpServer/elicitation/request", "t", params);
        talk.answer(key, "1", decision).unwrap();
        let Some(Event::Request(event)) = talk.of(key).find(|event| matches!(event, Event::Request(_)))
        else {
            panic!("nothing is asked")
        };
        (event.request.clone(), talk.sent.last().unwrap()["result"].clone())
    };
    let call = json!({
        "serverName": "docs", "mode": "form", "message": "Allow docs to run open?",
        "requestedSchema": { "type": "object", "properties": {} },
        "_meta": { "codex_approval_kind": "mcp_tool_call", "persist": ["session", "always"],
            "tool_params": { "page": 7 } },
    });
    let (request, said) = elicit(call.clone(), Decision::AllowSession);
    // Codex would keep it for every call of the tool.
    assert_eq!(said, json!({ "action": "accept", "content": {}, "_meta": null }));
    let RequestSubject::Permission(permission) = request.subject else { panic!("no permission") };
    assert_eq!((permission.tool.as_deref(), permission.lasting), (Some("docs"), Lasting::Rules));
    assert!(permission.input.unwrap().contains("\"page\": 7"));
    let (_, said) = elicit(call.clone(), Decision::AllowAlways);
    assert_eq!(said, json!({ "action": "accept", "content": {}, "_meta": null }));
    let (_, said) = elicit(call, Decision::Deny { reason: None });
    assert_eq!(said["action"], "decline");
    let form = json!({ "serverName": "docs", "mode": "form", "message": "Who?",
        "requestedSchema": { "properties": { "age": { "type": "integer" } } } });
    let answers = BTreeMap::from([("age".to_owned(), vec!["7".to_owned()])]);
    let (request, said) = elicit(form, Decision::Answer { answers });
    assert_eq!(said, json!({ "action": "accept", "content": { "age": 7 }, "_meta": null }));
    assert_eq!(request.title, "answer docs");
    let RequestSubject::Question { questions } = request.subject else { panic!("no question") };
    assert_eq!(
        (questions[0].header.as_deref(), questions[0].text.as_str()),
        (Some("docs: age"), "Who?\n\nage")
    );
    let link =
        json!({ "serverName": "docs", "mode": "url", "message": "Log in", "url": "https://example.org" });
    let (request, said) = elicit(link, Decision::AllowOnce);
    assert_eq!(
        (request.title.as_str(), &said["action"]),
        ("open a link of docs: https://example.org", &json!("accept"))
    );
}

/// A rule is for what is in the input. What a server says about it may be all that there is.
#[test]
fn what_a_server_says_is_part_of_what_it_asks() {
    let input = |params: Value| {
        let mut talk = Talk::new();
        let key = talk.running(wish(), "t", "u");
        talk.ask(1, "mcpServer/elicitation/request", "t", params);
        talk.json(key, "request")[0]["request"]["input"].as_str().unwrap().to_owned()
    };
    let agree = |message: &str| {
        input(json!({ "serverName": "docs", "mode": "form", "message": message, "_meta": { "x": 1 },
            "requestedSchema": { "type": "object", "properties": {} } }))
    };
    let shown: Value = serde_json::from_str(&agree("May I read?")).unwrap();
    assert_eq!(shown, json!({ "serverName": "docs", "message": "May I read?", "_meta": { "x": 1 } }));
    assert_ne!(agree("May I read?"), agree("May I delete?"));
    let call = |tool: &str| {
        input(json!({ "serverName": "docs", "mode": "form", "message": format!("Allow docs to run {tool}?"),
            "_meta": { "codex_approval_kind": "mcp_tool_call" } }))
    };
    assert_ne!(call("open"), call("close"));
}

#[test]
fn all_that_comes_with_permissions_is_shown() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    let permissions = json!({ "network": { "enabled": true }, "fileSystem": null });
    let more = json!({ "permissions": permissions, "cwd": "/repo", "environmentId": "far", "new": 7 });
    talk.ask(1, "item/permissions/requestApproval", "t", more);
    let input = talk.json(key, "request")[0]["request"]["input"].clone();
    let input: Value = serde_json::from_str(input.as_str().unwrap()).unwrap();
    let expected =
        json!({ "environmentId": "far", "new": 7, "permissions": { "network": { "enabled": true } } });
    assert_eq!(input, expected);
}

#[test]
fn what_is_not_understood_is_refused_and_told() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.ask(1, "item/moon/requestLanding", "t", json!({}));
    talk.ask(2, "mcpServer/elicitation/request", "t", json!({ "mode": "openai/userVerification" }));
    talk.ask(3, "item/tool/requestUserInput", "t", json!({ "questions": [] }));
    talk.ask(4, "item/commandExecution/requestApproval", "elsewhere", json!({ "command": "x" }));
    talk.hear(&json!({ "id": 5, "method": "account/chatgptAuthTokens/refresh", "params": {} }));
    talk.ask(6, "item/commandExecution/requestApproval", "t", json!({ "command": "x", "turnId": "older" }));
    for id in 1..=6 {
        let refused = talk.sent.iter().find(|message| message["id"] == id && message["error"].is_object());
        assert!(refused.is_some(), "{id} is not refused: {:?}", talk.sent);
    }
    assert!(talk.json(key, "request").is_empty());
    assert_eq!(talk.titles(key).len(), 3);
    assert!(talk.titles(key)[0].contains("item/moon/requestLanding; it was told no"));
}

#[test]
fn a_request_is_withdrawn_once_and_an_answered_one_is_not() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    for id in 1..=3 {
        talk.ask(id, "item/commandExecution/requestApproval", "t", json!({ "command": "x" }));
    }
    talk.ask(3, "item/commandExecution/requestApproval", "t", json!({ "command": "another" }));
    assert!(talk.sent.last().unwrap()["error"].is_object());
    talk.answer(key, "1", Decision::AllowOnce).unwrap();
    for id in [1, 2, 2, 9] {
        talk.notice("serverRequest/resolved", json!({ "threadId": "t", "requestId": id }));
    }
    talk.turn_completed("t", "u", "interrupted");
    let resolved: Vec<_> = talk
        .json(key, "request_resolved")
        .iter()
        .map(|event| (event["request_id"].clone(), event["resolution"].clone()))
        .collect();
    let expected = [("1", "decided"), ("2", "withdrawn"), ("3", "withdrawn")];
    assert_eq!(resolved, expected.map(|(id, resolution)| (json!(id), json!(resolution))));
}

#[test]
fn nobody_decides_about_a_run_that_is_to_end() {
    let mut talk = Talk::new();
    let key = talk.running(wish(), "t", "u");
    talk.ask(1, "item/commandExecution/requestApproval", "t", json!({ "command": "x" }));
    talk.stop(key);
    assert_eq!(talk.json(key, "request_resolved")[0]["resolution"], "withdrawn");
    let late = talk.answer(key, "1", Decision::AllowOnce).unwrap_err();
    assert_eq!(late, ControlError::NoSuchRequest(RequestId::new("1")));
    talk.ask(2, "item/commandExecution/requestApproval", "t", json!({ "command": "y" }));
    assert!(talk.sent.last().unwrap()["error"].is_object());
}

#[test]
fn what_is_too_long_to_be_shown_is_refused() {
    let mut talk = Talk::new();
    talk.running(wish(), "t", "u");
    talk.connection
        .too_long(r#"{"method":"item/fileChange/requestApproval","id":7,"params":{"changes":"xxx"#);
    talk.take();
    let said = talk.sent.last().unwrap();
    assert!(said["id"] == 7 && said["error"].is_object(), "{said}");
    let count = talk.sent.len();
    talk.connection.too_long(r#"{"method":"item/completed","params":{"item":"xxx"#);
    talk.connection.too_long(r#"{"id":7,"result":{"data":"xxx"#);
    talk.take();
    assert_eq!(talk.sent.len(), count);
}
