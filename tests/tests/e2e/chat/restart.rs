//! What people find after takopi was not there for a while.

use rustix::process::Signal;
use takopi_tests::{Scene, Script};

use super::talk::Talk;

/// From here on the engine takes no time.
fn be_quick(talk: &Talk) {
    let mut script = Script::echo();
    script.scenes.retain(|scene| !matches!(scene, Scene::Linger));
    talk.sandbox.engine("codex", &script);
}

#[test]
fn messages_that_were_written_meanwhile_are_answered() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("one");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0), "{}", talk.log());
    let id = talk.say("two");
    talk.start();
    assert!(talk.answer(&id).text.contains("two"));
}

#[test]
fn an_interrupted_run_is_resumed_once() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("first wait:600000");
    talk.reads(&id, "codex resume ");
    talk.stop(Signal::KILL);
    be_quick(&talk);
    talk.start();
    let interrupted = talk.answer(&id);
    assert!(interrupted.text.starts_with("interrupted · codex"), "{}", interrupted.text);
    assert!(interrupted.text.contains("codex resume "), "{}", interrupted.text);
    assert_eq!(talk.press(&interrupted, "resume").as_deref(), Some("resuming…"));
    talk.reads(&id, "done · codex");
    assert_eq!(talk.answer(&id).text.matches("first").count(), 1);
    assert_eq!(talk.press(&interrupted, "resume").as_deref(), Some("it was resumed already"));
    let starts = talk.sandbox.starts_of("codex");
    assert_eq!(talk.prompts(), ["first wait:600000"; 2]);
    assert!(interrupted.text.contains(starts[1].thread().unwrap()), "{starts:?}");
}

#[test]
fn an_interrupted_run_is_resumed_once_however_fast_it_is_pressed() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("one wait:600000");
    talk.reads(&id, "codex resume ");
    talk.stop(Signal::KILL);
    be_quick(&talk);
    talk.start();
    let interrupted = talk.answer(&id);
    let told = talk.press_all(&interrupted, "resume", 5);
    let count = |text: &str| told.iter().filter(|told| told.as_deref() == Some(text)).count();
    assert_eq!((count("resuming…"), count("it was resumed already")), (1, 4), "{told:?}");
    talk.reads(&id, "done · codex");
    talk.answer(&id);
    assert_eq!(talk.prompts().len(), 2);
}

#[test]
fn what_waited_behind_a_killed_run_goes_on_in_its_thread() {
    let mut talk = Talk::begun("codex", "", "");
    let first = talk.say("one wait:600000");
    let progress = talk.reads(&first, "codex resume ");
    let second = talk.reply(&progress, "two");
    let queued = talk.reads(&second, "queued");
    talk.stop(Signal::KILL);
    be_quick(&talk);
    talk.start();
    assert!(talk.answer(&first).text.starts_with("interrupted"));
    assert!(talk.answer(&second).text.contains("two"));
    assert_ne!(talk.answer(&second).number, queued.number, "the answer makes itself heard");
    let starts = talk.sandbox.starts_of("codex");
    assert!(progress.text.contains(starts[1].thread().unwrap()), "{starts:?}");
}

#[test]
fn a_run_that_goes_on_may_end_when_takopi_is_told_to() {
    let mut talk = Talk::begun("codex", "", "");
    let first = talk.say("one wait:2000");
    let progress = talk.reads(&first, "codex resume ");
    let second = talk.reply(&progress, "two");
    talk.reads(&second, "queued");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0), "{}", talk.log());
    assert!(talk.answer(&first).text.starts_with("done · codex"));
    assert!(talk.reads(&second, "queued").is_open(), "no run begins any more");
    assert_eq!(talk.prompts().len(), 1);
    talk.start();
    assert!(talk.answer(&second).text.contains("two"));
}

#[test]
fn who_asks_twice_does_not_wait() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("one wait:600000");
    talk.reads(&id, "codex resume ");
    talk.signal(Signal::TERM);
    // The second one counts once the first has been taken.
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0), "{}", talk.log());
    be_quick(&talk);
    talk.start();
    assert!(talk.answer(&id).text.starts_with("interrupted · codex"));
}
