//! An engine asks, and people answer.

use takopi_api::message::MessageId;

use super::talk::{Seen, Talk};

const WRITE: &str = "write hello to NOTES.md";

fn asked(talk: &mut Talk) -> (MessageId, Seen) {
    let id = talk.say(WRITE);
    let request = talk.wait("the request", |_| {
        talk.replies_to(&id).into_iter().find(|seen| seen.labels().contains(&"allow once"))
    });
    (id, request)
}

#[test]
fn a_permission_is_given_by_who_asked_and_by_nobody_else() {
    let mut talk = Talk::begun("acme", "", "");
    let file = talk.sandbox.work().join("NOTES.md");
    let (id, request) = asked(&mut talk);
    assert!(request.text.contains("NOTES.md"), "{}", request.text);
    assert_eq!(
        request.labels(),
        ["allow once", "deny", "allow for this session", "always allow", "deny, and say why"]
    );
    let told = talk.press_as("you", &request, "allow once");
    assert_eq!(told.as_deref(), Some("only who asked, or an approver, may decide this"));
    assert_eq!(talk.press_as("eve", &request, "allow once"), None, "a stranger is told nothing");
    assert!(!file.exists(), "nothing is written before the answer");
    assert_eq!(talk.press(&request, "allow once"), None);
    assert!(talk.becomes(&request, "allowed once by Mia").labels().is_empty());
    talk.reads(&id, "done · acme");
    assert!(file.exists());
    assert_eq!(
        talk.press(&request, "deny").as_deref(),
        Some("this was decided already: allowed once by Mia")
    );
}

#[test]
fn a_permission_is_denied() {
    let mut talk = Talk::begun("acme", "approvers = [\"you\"]", "");
    let (id, request) = asked(&mut talk);
    assert_eq!(talk.press_as("you", &request, "deny"), None, "approvers may decide too");
    talk.becomes(&request, "denied by Mia");
    talk.reads(&id, "done · acme");
    assert!(!talk.sandbox.work().join("NOTES.md").exists());
}

#[test]
fn nobody_in_time_is_a_no() {
    let mut talk = Talk::begun("acme", "request_timeout_s = 1", "");
    let (id, request) = asked(&mut talk);
    talk.becomes(&request, "denied: nobody answered within 1s");
    talk.reads(&id, "done · acme");
    assert!(!talk.sandbox.work().join("NOTES.md").exists());
}

#[test]
fn what_a_cancelled_run_asked_is_not_asked_any_more() {
    let mut talk = Talk::begun("acme", "", "");
    let (_, request) = asked(&mut talk);
    talk.say("/cancel");
    assert!(talk.becomes(&request, "not asked any more").labels().is_empty());
    assert!(!talk.sandbox.work().join("NOTES.md").exists());
}
