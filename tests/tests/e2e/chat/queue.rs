//! What happens to messages while something of their thread runs.

use super::talk::{Seen, Talk};

/// Longer than any test.
const LONG: &str = "wait:600000";

/// A run that goes on, and the message that shows it once its thread is known.
fn running(talk: &mut Talk) -> (takopi_api::message::MessageId, Seen) {
    let id = talk.say(&format!("one {LONG}"));
    let progress = talk.reads(&id, "codex resume ");
    assert!(progress.is_open() && progress.labels() == ["cancel"], "{progress:?}");
    (id, progress)
}

#[test]
fn messages_wait_for_what_runs_and_can_be_taken_back() {
    let mut talk = Talk::begun("codex", "", "");
    let (first, progress) = running(&mut talk);
    let second = talk.reply(&progress, "two");
    let queued = talk.reads(&second, "queued · codex · next");
    let third = talk.reply(&progress, "three");
    let behind = talk.reads(&third, "queued · codex · 2 before it");
    assert_eq!(queued.labels(), ["cancel"], "codex can not be steered");
    assert_eq!(talk.press(&queued, "cancel").as_deref(), Some("dropped from the queue"));
    talk.becomes(&queued, "`cancelled` · codex");
    assert_eq!(talk.press_data("me", &queued, "takopi:cancel").as_deref(), Some("nothing is running"));
    talk.reply(&behind, "/cancel");
    talk.becomes(&behind, "`cancelled` · codex");
    // A message means its run too.
    let fourth = talk.reply(&progress, "four");
    let queued = talk.reads(&fourth, "queued · codex · next");
    talk.reply_to_own(&fourth, "/cancel");
    talk.becomes(&queued, "`cancelled` · codex");
    talk.reply_to_own(&first, "/cancel");
    let ended = talk.answer(&first);
    assert!(ended.text.starts_with("`cancelled` · codex"), "{}", ended.text);
    let said = talk.ask("/cancel");
    assert_eq!(said.text, "nothing is running here");
    assert_eq!(talk.prompts(), [format!("one {LONG}")], "what was taken back did not run");
}

#[test]
fn messages_that_waited_run_in_order_and_in_the_thread() {
    let mut talk = Talk::begun("codex", "", "");
    let (first, progress) = running(&mut talk);
    let second = talk.reply(&progress, "two");
    talk.reads(&second, "queued · codex · next");
    let third = talk.reply(&progress, "three");
    talk.reads(&third, "queued");
    assert_eq!(talk.press(&progress, "cancel").as_deref(), Some("cancelling…"));
    assert!(talk.answer(&first).text.starts_with("`cancelled`"));
    assert!(talk.answer(&second).text.contains("two"));
    assert!(talk.answer(&third).text.contains("three"));
    let starts = talk.sandbox.starts_of("codex");
    assert_eq!(talk.prompts()[1..], ["two", "three"]);
    assert!(starts[1].thread().is_some() && starts[1].thread() == starts[2].thread());
}

#[test]
fn a_message_that_begins_at_once_is_shown_by_one_message() {
    let mut talk = Talk::begun("codex", "session_mode = \"chat\"", "");
    // Each waits for the one before it, which is over before that could be said.
    let ids: Vec<_> = (0..20).map(|number| talk.say(&format!("{number}"))).collect();
    for id in &ids {
        assert!(talk.answer(id).text.starts_with("done · codex"));
    }
    assert_eq!(talk.seen().len(), ids.len(), "nothing is left over");
    assert_eq!(talk.prompts(), (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_message_can_be_sent_into_the_running_turn() {
    let mut talk = Talk::begun("acme", "", "[acme]\nstep_delay_ms = 60000\n");
    let first = talk.say("which files are largest?");
    let progress = talk.reads(&first, "acme resume ");
    let second = talk.reply(&progress, "lines by language");
    let queued = talk.reads(&second, "queued · acme · next");
    assert_eq!(queued.labels(), ["steer", "cancel"]);
    assert_eq!(talk.press(&queued, "steer").as_deref(), Some("sent into the running turn"));
    talk.becomes(&queued, "sent into the running turn · acme");
    assert!(talk.ask("/queue steer").text.contains("queue mode: steer"));
    let third = talk.reply(&progress, "find x");
    assert!(talk.answer(&third).text.starts_with("sent into the running turn · acme"));
    assert_eq!(talk.press(&progress, "cancel").as_deref(), Some("cancelling…"));
    assert!(talk.answer(&first).text.starts_with("`cancelled` · acme"));
}

#[test]
fn a_message_can_interrupt_what_runs() {
    let mut talk = Talk::begun("codex", "queue = \"interrupt\"", "");
    let (first, progress) = running(&mut talk);
    let second = talk.reply(&progress, "two");
    assert!(talk.answer(&first).text.starts_with("`cancelled` · codex"));
    assert!(talk.answer(&second).text.contains("two"));
}

#[test]
fn messages_can_be_collected_into_one_run() {
    let mut talk = Talk::begun("codex", "", "");
    assert!(talk.ask("/queue collect").text.contains("queue mode: collect"));
    let (first, progress) = running(&mut talk);
    let second = talk.reply(&progress, "two");
    talk.reads(&second, "queued");
    talk.reply(&progress, "three");
    // Whatever is answered after it was taken after it.
    talk.ask("/status");
    talk.press(&progress, "cancel");
    talk.answer(&first);
    talk.answer(&second);
    assert_eq!(talk.prompts()[1..], ["two\n\nthree"]);
}

#[test]
fn a_run_is_cancelled_before_its_engine_begins() {
    let mut talk = Talk::new("codex", "", "");
    let site = talk.sandbox.repository("site");
    let setup = format!("setup = [\"sleep\", \"{}\"]", talk.sandbox.mark());
    talk.configure("codex", "", &format!("[projects.site]\npath = {site:?}\n{setup}\n"));
    talk.start();
    let id = talk.say("/site @slow hello");
    talk.sandbox.wait_for_marked(1);
    let progress = talk.reads(&id, "starting · codex");
    assert_eq!(talk.press(&progress, "cancel").as_deref(), Some("cancelling…"));
    assert!(talk.answer(&id).text.starts_with("`cancelled` · codex"));
    assert_eq!(talk.prompts(), [""; 0]);
    talk.stop(rustix::process::Signal::TERM);
    assert_eq!(talk.sandbox.left_behind(), [""; 0]);
}
