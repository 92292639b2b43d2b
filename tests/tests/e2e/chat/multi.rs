//! `/multi`: several engines answer one prompt.

use rustix::process::Signal;
use takopi_api::message::MessageId;
use takopi_tests::{Scene, Script};

use super::talk::{Seen, Talk};

const BOTH: &str = "[plugins.multi]\nengines = [\"codex\", \"acme\"]\n";

/// Waits for the combined answer, after which nothing else is left.
fn combined(talk: &Talk, id: &MessageId) -> Seen {
    let answer = talk.answer(id);
    assert!(answer.text.starts_with("multi · "), "{}", answer.text);
    answer
}

/// The part of an engine, without its heading.
fn part<'a>(answer: &'a Seen, engine: &str) -> &'a str {
    let after = answer.text.split(&format!("## {engine}\n\n")).nth(1);
    let after = after.unwrap_or_else(|| panic!("{engine} is not in {}", answer.text));
    after.split("\n\n## ").next().unwrap()
}

#[test]
fn every_engine_answers_in_one_message() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/multi largest files");
    let answer = combined(&talk, &id);
    assert!(talk.ever("asking · acme, codex"), "nothing was shown meanwhile");
    assert!(answer.text.starts_with("multi · 2 answered\n\n## acme\n\n"), "{}", answer.text);
    assert!(part(&answer, "codex").starts_with("largest files\n\n`codex resume "), "{}", answer.text);
    assert!(part(&answer, "acme").contains("`acme resume "), "{}", answer.text);
    assert_eq!(talk.ask("/multi").text, "usage: /multi <prompt>\nasks acme, codex at once");
    assert_eq!(talk.seen().len(), 2);
}

#[test]
fn a_reply_goes_on_with_the_engine_that_it_names() {
    let mut talk = Talk::begun("acme", "", BOTH);
    let id = talk.say("/multi largest files");
    let answer = combined(&talk, &id);
    let thread = part(&answer, "codex").split("`codex resume ").nth(1).unwrap().split('`').next().unwrap();
    let reply = talk.reply(&answer, "/codex and now?");
    assert!(talk.answer(&reply).text.contains(thread));
    let starts = talk.sandbox.starts_of("codex");
    assert_eq!(starts[1].thread(), Some(thread));
    let reply = talk.reply(&answer, "/acme more");
    assert!(talk.answer(&reply).text.starts_with("done · acme"));
}

#[test]
fn an_engine_that_fails_costs_nothing_but_its_part() {
    let mut talk = Talk::new("codex", "", "");
    talk.sandbox.engine("claude", &Script::new([Scene::Err("no money\n".into()), Scene::Exit(3)]));
    talk.configure("codex", "", "[plugins.multi]\nengines = [\"claude\", \"codex\", \"codx\", \"gemini\"]\n");
    talk.start();
    let id = talk.say("/multi hello");
    let answer = combined(&talk, &id);
    assert!(answer.text.starts_with("multi · 1 answered, 3 failed\n\n"), "{}", answer.text);
    assert!(part(&answer, "claude").contains("error: "), "{}", answer.text);
    assert!(part(&answer, "claude").contains("no money"), "{}", answer.text);
    assert!(part(&answer, "codex").starts_with("hello\n\n"), "{}", answer.text);
    assert!(part(&answer, "codx").contains("did you mean"), "{}", answer.text);
    assert!(part(&answer, "gemini").contains("not installed"), "{}", answer.text);
}

#[test]
fn a_cancel_ends_all_engines_and_keeps_what_was_answered() {
    let mut talk = Talk::begun("codex", "", BOTH);
    for by_button in [true, false] {
        let before = talk.prompts().len();
        let id = talk.say("/multi largest files wait:600000");
        let asking = talk.reads(&id, "asking · codex, acme");
        talk.wait("the run", |_| (talk.prompts().len() > before).then_some(()));
        if by_button {
            assert_eq!(talk.press(&asking, "cancel").as_deref(), Some("cancelling…"));
        } else {
            talk.say("/cancel");
        }
        let answer = combined(&talk, &id);
        assert!(part(&answer, "codex").contains("`cancelled`"), "{}", answer.text);
        assert!(answer.text.contains("cancelled\n\n## codex"), "{}", answer.text);
    }
    assert_eq!(talk.sandbox.left_behind(), Vec::<String>::new());
}

#[test]
fn what_a_kill_cut_off_is_told_and_not_begun_again() {
    let mut talk = Talk::begun("codex", "", BOTH);
    let id = talk.say("/multi largest files wait:600000");
    talk.reads(&id, "asking · codex, acme");
    talk.wait("the run", |_| (talk.prompts().len() == 1).then_some(()));
    talk.ask("/multi");
    talk.stop(Signal::KILL);
    talk.start();
    talk.reads(&id, "interrupted · /multi");
    assert_eq!((talk.seen().len(), talk.prompts().len()), (2, 1));
    // It is told once.
    talk.stop(Signal::TERM);
    talk.start();
    let id = talk.say("/multi largest files");
    combined(&talk, &id);
    assert_eq!(talk.seen().len(), 3);
}

#[test]
fn engines_work_at_the_same_time_each_with_its_own_model() {
    let mut talk = Talk::new("codex", "", "");
    // Each waits until the other one has begun, and says by its exit code whether it did.
    let wait = |other: &str| {
        Scene::Exec(format!(
            "i=0; while [ ! -e \"$(dirname \"$(command -v codex)\")/{other}.args\" ]; do \
             i=$((i+1)); [ $i -gt 600 ] && exit 99; sleep 0.05; done; exit 77"
        ))
    };
    talk.sandbox.engine("codex", &Script::new([wait("claude")]));
    talk.sandbox.engine("claude", &Script::new([wait("codex")]));
    talk.configure("codex", "", "[plugins.multi]\nengines = [\"codex\", \"claude\"]\n");
    talk.start();
    talk.ask("/model set codex gpt-9");
    let id = talk.say("/multi hello");
    let answer = combined(&talk, &id);
    for engine in ["codex", "claude"] {
        assert!(part(&answer, engine).contains("77"), "{}", answer.text);
    }
    assert!(talk.sandbox.args_of("codex").contains("gpt-9"));
    assert!(!talk.sandbox.args_of("claude").contains("gpt-9"));
}
