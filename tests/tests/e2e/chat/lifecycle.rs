//! Plugins that are started with takopi, and what becomes of those that do it badly: takopi goes on, and names them.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::reload::change;
use super::talk::Talk;

/// How faults name the command of the tests.
const WHOSE: &str = "the command /probe (takopi-tests ";

/// Waits until the log says this.
#[track_caller]
pub(super) fn logged(talk: &Talk, parts: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_there = |line: &str| parts.iter().all(|part| line.contains(part));
    while !talk.log().lines().any(is_there) {
        assert!(Instant::now() < deadline, "no line with {parts:?} is in the log:\n{}", talk.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_plugin_is_started_told_of_changes_and_stopped() {
    let mut talk = Talk::begun("codex", "", "[plugins]\nenabled = []\n[plugins.probe]\nword = \"one\"\n");
    logged(&talk, &["plugin.started", WHOSE]);
    assert_eq!(talk.ask("/probe life").text, "probe word \"one\" changes 0 stops 0");
    change(&talk, "word = \"one\"", "word = \"two\"", "change=plugins.probe.word changed");
    assert_eq!(talk.ask("/probe life").text, "probe word \"two\" changes 1 stops 0");
    let (all, takopi) = ("enabled = []", "enabled = [\"takopi\"]");
    let both = "enabled = [\"takopi\", \"takopi-tests\"]";
    // The transport of the tests is of the same distribution, so it is what runs that stays.
    change(&talk, all, both, "change=plugins.enabled changed");
    assert_eq!(talk.ask("/probe life").text, "probe word \"two\" changes 1 stops 0", "it was not let be");
    change(&talk, both, takopi, "plugin.stopping: it is not enabled any more");
    change(&talk, takopi, both, "plugin.started");
    assert_eq!(talk.ask("/probe life").text, "probe word \"two\" changes 0 stops 1");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
    talk.start();
    assert_eq!(talk.ask("/probe life").text, "probe word \"two\" changes 0 stops 2");
}

#[test]
fn one_that_does_not_start_is_named_and_tried_again_when_its_table_changes() {
    let mut talk = Talk::begun("codex", "", "[plugins.probe]\nstart = \"fails\"\n");
    logged(
        &talk,
        &["plugin.start.failed", WHOSE, "it does not want to", "ask it nicely", "`[plugins.probe]`"],
    );
    assert_eq!(talk.ask("/probe life").text, "error: it was not started");
    change(&talk, "\"fails\"", "\"panics\"", "change=plugins.probe.start changed");
    logged(&talk, &["plugin.call.failed", WHOSE, "it panicked: it panics at its start on purpose"]);
    assert!(talk.ask("hello").text.starts_with("done"));
    change(&talk, "\"panics\"", "\"well\"", "plugin.started");
    assert!(talk.ask("/probe life").text.starts_with("probe word"));
}

#[test]
fn one_that_blocks_at_its_start_or_hangs_at_its_stop_holds_nobody_up() {
    let mut talk = Talk::begun("codex", "", "[plugins.probe]\nstart = \"blocks\"\n");
    assert!(talk.ask("hello").text.starts_with("done"));
    logged(&talk, &["plugin.call.failed", WHOSE, "it blocks its thread"]);
    change(&talk, "\"blocks\"", "\"well\"\nhangs_at_stop = true", "plugin.started");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
    assert!(talk.log().contains("plugin.call.overdue"), "{}", talk.log());
}

#[test]
fn tasks_that_panic_or_never_end_are_named() {
    let mut talk = Talk::begun("codex", "", "[plugins.probe]\nstart = \"bad_tasks\"\n");
    logged(&talk, &["plugin.task.failed", WHOSE, "task=\"bad\"", "this task panics on purpose"]);
    let id = talk.say("/probe bad_task");
    talk.reads(&id, "begun");
    let told = talk.reads(&id, "error: ").text;
    assert!(
        told.starts_with(&format!("error: {WHOSE}")) && told.ends_with("failed in its task `bad`"),
        "{told}"
    );
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
    assert!(talk.log().contains("plugin.tasks.dropped"), "{}", talk.log());
}

#[test]
fn a_command_that_blocks_costs_its_thread_and_nothing_else() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/probe block");
    assert!(talk.ask("hello").text.starts_with("done"));
    talk.say("/cancel");
    // Twice is at once.
    talk.say("/cancel");
    let told = talk.reads(&id, "was cancelled, but blocks").text;
    assert!(told.starts_with(&format!("error: {WHOSE}")), "{told}");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn ten_thousand_messages_stand_in_nobodys_way_and_end_by_cancel() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/probe flood 10000");
    let first = talk.wait("the flood", |_| talk.seen().into_iter().find(|seen| seen.text == "flood 0"));
    let elsewhere = talk.say_in("d", "hello");
    let here = talk.say("hello");
    talk.reads(&elsewhere, "done");
    talk.reads(&here, "done");
    talk.hang(true);
    let told = talk.press(&first, "cancel");
    talk.hang(false);
    let flooded = talk.reads(&id, "flooded: ").text;
    if told.as_deref() == Some("cancelling…") {
        assert!(flooded.ends_with("Some(\"cancelled\")"), "{flooded}");
    }
    assert!(talk.ask("and now?").text.starts_with("done"));
}

#[test]
fn a_plugin_acts_for_a_person_only_while_that_person_is_heard() {
    let mut talk = Talk::begun("codex", "", "");
    let told = talk.ask("/probe tell spool d hi").text;
    assert!(told.starts_with("told Ok(()), ran Err(\"a run answers a message"), "{told}");
    talk.wait("it", |_| {
        talk.seen().into_iter().find(|seen| seen.text == "hi" && seen.lying.to.channel.as_str() == "d")
    });
    let nowhere = talk.ask("/probe tell terminal d hi").text;
    assert!(nowhere.contains("terminal is not connected"), "{nowhere}");
    let id = talk.say("/probe act /codex hello there");
    talk.reads(&id, "done · codex");
    assert_eq!(talk.prompts(), ["hello there"]);
    // The run is under way when nobody listens to its person any more; what comes next is not.
    change(&talk, "people = [\"me\", \"you\"]", "people = [\"you\"]", "it is started anew");
    let refused = talk.say("hello?");
    change(&talk, "people = [\"you\"]", "people = [\"me\"]", "it is started anew");
    assert!(talk.ask("still there?").text.starts_with("done"));
    assert!(talk.replies_to(&refused).is_empty());
}
