//! What a person always allows is not asked again, until it is taken back.

use rustix::process::Signal;
use takopi_api::message::MessageId;

use super::talk::{Seen, Talk};

fn request(talk: &Talk, id: &MessageId) -> Seen {
    talk.wait("the request", |_| {
        talk.replies_to(id).into_iter().find(|seen| seen.labels().contains(&"allow once"))
    })
}

fn prints(talk: &Talk, args: &[&str]) -> String {
    let output = talk.sandbox.command(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_always_allowed_is_listed_and_taken_back() {
    let mut talk = Talk::begun("acme", "", "");
    assert_eq!(talk.ask("/rules").text, "nothing is allowed here without asking");
    let id = talk.say("write hello to ONE.md");
    let asked = request(&talk, &id);
    talk.press(&asked, "always allow");
    talk.reads(&id, "done · acme");
    // It is known to the next takopi too.
    assert!(talk.stop(Signal::TERM).success());
    talk.start();
    let id = talk.say("write hello to TWO.md");
    talk.reads(&id, "done · acme");
    assert!(talk.replies_to(&id).iter().all(|seen| !seen.labels().contains(&"allow once")));
    for name in ["ONE.md", "TWO.md"] {
        assert!(talk.sandbox.work().join(name).exists(), "{name}");
    }

    let list = talk.ask("/rules");
    assert!(list.text.contains("1 · `write` of files in "), "{}", list.text);
    assert!(list.text.contains(" · acme · Mia, "), "{}", list.text);
    assert_eq!(list.labels(), ["revoke 1"]);
    let refused = talk.press_as("you", &list, "revoke 1");
    assert_eq!(refused.as_deref(), Some("only who made it, or an approver, may take it back"));
    assert_eq!(talk.press_data("me", &list, "takopi:rule:2").as_deref(), Some("there is no such rule here"));
    assert!(talk.ask("/rules revoke 2").text.contains("there is no such rule here"));
    let told = talk.press(&list, "revoke 1");
    assert_eq!(told.as_deref(), Some("rule 1 is revoked: its like is asked again"));
    assert!(talk.becomes(&list, "nothing is allowed here without asking").labels().is_empty());

    let id = talk.say("write hello to THREE.md");
    let asked = request(&talk, &id);
    talk.press(&asked, "deny");
    talk.reads(&id, "done · acme");
    assert!(!talk.sandbox.work().join("THREE.md").exists());

    let audit = prints(&talk, &["audit", "list"]);
    let said: Vec<&str> = audit
        .lines()
        .filter_map(|line| line.split_once(" ago  ").or(line.split_once(" now  ")))
        .map(|line| line.1)
        .collect();
    assert_eq!(said.len(), 8, "{audit}");
    assert_eq!(said[1], "request 1: always allowed by Mia (me)");
    assert!(said[2].starts_with("rule 1: write of files in "), "{audit}");
    assert_eq!(said[4], "request 2: allowed once by rule 1");
    assert_eq!(said[5], "rule 1: revoked by Mia (me)");
    assert_eq!(said[7], "request 3: denied by Mia (me)");
    assert!(prints(&talk, &["audit", "verify"]).starts_with("the audit is as it was written: 8 rows"));
}

#[test]
fn a_rule_is_for_runs_of_those_who_could_decide_themselves() {
    let mut talk = Talk::begun("acme", "", "");
    let id = talk.say("write hello to ONE.md");
    let asked = request(&talk, &id);
    talk.press(&asked, "always allow");
    talk.reads(&id, "done · acme");
    let mut of_another = talk.message("c", "write hello to TWO.md");
    of_another.sender = Some(takopi_api::message::Sender::new("you"));
    let id = talk.send(of_another);
    request(&talk, &id);
    assert!(!talk.sandbox.work().join("TWO.md").exists());
}
