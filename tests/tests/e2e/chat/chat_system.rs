//! Chat systems that can do little, or are slow.

use rustix::process::Signal;
use takopi_tests::Script;

use super::talk::Talk;

#[test]
fn a_run_does_not_wait_for_a_chat_system_that_takes_nothing() {
    let mut talk = Talk::begun("codex", "session_mode = \"chat\"", "");
    talk.ask("zero");
    talk.hang(true);
    let ids = ["one", "two", "three"].map(|text| talk.say(text));
    talk.wait("all runs", |_| (talk.prompts().len() == 4).then_some(()));
    talk.hang(false);
    for id in &ids {
        assert!(talk.answer(id).text.starts_with("done · codex"));
    }
    assert_eq!(talk.seen().len(), 4, "nothing is left over");
}

#[test]
fn what_could_not_be_sent_before_a_kill_is_sent_after_it() {
    let mut talk = Talk::begun("codex", "", "");
    talk.hang(true);
    let first = talk.say("one");
    talk.wait("a run", |_| (talk.prompts().len() == 1).then_some(()));
    talk.stop(Signal::KILL);
    talk.hang(false);
    talk.start();
    // It was over, or it was not: nobody can see which.
    let answer = talk.answer(&first);
    assert!(answer.text.starts_with("done") || answer.text.starts_with("interrupted"), "{}", answer.text);
    assert_eq!((talk.seen().len(), talk.prompts().len()), (1, 1));
}

#[test]
fn where_nothing_can_be_edited_everything_is_a_message_of_its_own() {
    let mut talk = Talk::begun("codex", "plain = true", "");
    let first = talk.say("one");
    talk.reads(&first, "done · codex");
    let id = talk.say("two wait:600000");
    let progress = talk.reads(&id, "starting · codex");
    assert!(progress.labels().is_empty(), "no buttons where there are none");
    let waiting = talk.reply(&progress, "three");
    let queued = talk.reads(&waiting, "queued · codex · next");
    let cancel = talk.reply(&queued, "/cancel");
    talk.reads(&waiting, "`cancelled` · codex");
    assert!(talk.replies_to(&cancel).is_empty(), "it was said where it belongs");
    let waiting = talk.reply(&progress, "four");
    talk.reads(&waiting, "queued · codex · next");
    talk.stop(Signal::KILL);
    talk.sandbox.engine("codex", &Script::echo());
    talk.start();
    talk.reads(&id, "interrupted · codex");
    talk.reads(&waiting, "done · codex");
    let prompts = talk.prompts();
    assert_eq!(prompts, ["one", "two wait:600000", "four"]);
    let count = |text: &str| talk.replies_to(&id).iter().filter(|seen| seen.text.contains(text)).count();
    assert_eq!(count("interrupted · codex"), 1);
}
