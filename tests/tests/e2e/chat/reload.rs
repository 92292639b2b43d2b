//! The configuration changes while takopi runs, or between two of its lives.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use takopi_api::message::Sender;

use super::talk::Talk;

/// Changes the configuration, and waits until the log says what became of that.
#[track_caller]
pub(super) fn change(talk: &Talk, what: &str, to: &str, told: &str) {
    let file = talk.sandbox.home().join(".takopi/takopi.toml");
    let before = fs::read_to_string(file).unwrap();
    assert!(before.contains(what), "{what:?} is not in {before}");
    let told_before = talk.log().len();
    talk.sandbox.config(&before.replace(what, to));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !talk.log()[told_before..].contains(told) {
        assert!(Instant::now() < deadline, "{told:?} is not in the log:\n{}", talk.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_table_of_a_transport_takes_effect_and_a_run_keeps_its_way_out() {
    let mut talk = Talk::begun("codex", "", "");
    let goes_on = talk.say("wait:2000");
    talk.reads(&goes_on, "working");
    let eve = talk.message("d", "let me in").sender(Sender::new("eve"));
    let refused = talk.send(eve);
    talk.ask("hello");
    change(&talk, "\"you\"", "\"eve\"", "config.reload.transport: it is started anew transport=spool");
    let eve = talk.message("d", "now?").sender(Sender::new("eve"));
    let heard = talk.send(eve);
    assert!(talk.answer(&heard).text.starts_with("done"));
    assert!(talk.answer(&goes_on).text.starts_with("done"), "a run lost its way out");
    assert!(talk.replies_to(&refused).is_empty());
    // What takopi itself reads is no business of the transport's.
    change(
        &talk,
        "people",
        "progress = \"once\"\npeople",
        "config.reload.applied change=transports.spool.progress added",
    );
    assert_eq!(talk.log().matches("it is started anew").count(), 1, "{}", talk.log());
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn a_table_that_a_transport_can_not_use_leaves_it_as_it_was() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("hello");
    change(&talk, "people = [\"me\", \"you\"]", "people = 3", "it is started with what it had before");
    assert!(talk.ask("still there?").text.starts_with("done"));
    change(&talk, "people = 3", "people = [\"me\"]", "it is started anew");
    assert!(talk.ask("and now?").text.starts_with("done"));
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn another_account_counts_from_the_next_start_on_and_is_told() {
    let mut talk = Talk::begun("codex", "account = \"one\"", "");
    let message = talk.message("c", "hello");
    let id = talk.send(message.clone());
    talk.answer(&id);
    change(
        &talk,
        "account = \"one\"",
        "account = \"two\"",
        "this counts from the next start of takopi on transport=spool change=transports.spool.account changed",
    );
    talk.send(message.clone());
    talk.ask("still there?");
    assert_eq!(talk.prompts(), ["hello", "still there?"], "a second delivery was run");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
    talk.start();
    // Another account counts its messages from the start: this one only looks like the one from before.
    talk.send(message);
    talk.wait("its run", |_| (talk.prompts().len() == 3).then_some(()));
    talk.ask("what now?");
    assert_eq!(talk.prompts(), ["hello", "still there?", "hello", "what now?"]);
    let told = "warning: spool speaks for another account than the last time";
    assert_eq!(talk.log().matches(told).count(), 1, "{}", talk.log());
    talk.stop(Signal::TERM);
    talk.start();
    talk.ask("again?");
    assert_eq!(talk.log().matches(told).count(), 1, "{}", talk.log());
}

#[test]
fn transports_come_and_go() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("hello");
    let (one, both) = ("transport = \"spool\"", "transport = [\"spool\", \"terminal\"]");
    change(&talk, one, both, "it is named now, and is started transport=terminal");
    change(&talk, both, one, "it is not named any more, and ends transport=terminal");
    change(&talk, one, "transport = \"nope\"", "it is not started, and no other is ended transport=\"nope\"");
    assert!(talk.ask("still there?").text.starts_with("done"));
    change(
        &talk,
        "default_engine",
        "limits.engines = 3\ndefault_engine",
        "config.reload.applied change=limits added",
    );
    change(&talk, "default_engine", "watch_config = false\ndefault_engine", "change=watch_config added");
    assert!(talk.ask("and now?").text.starts_with("done"));
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
}
