//! takopi is killed, or asked to end, in the middle of runs, again and again: nothing is lost, and nothing is done twice.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use takopi_api::message::MessageId;
use takopi_tests::{Scene, Script};

use super::talk::Talk;

const CHATS: [&str; 3] = ["a", "b", "c"];

/// How long the runs of a round take, in milliseconds: some are over before the end comes, some are not.
const RUNS: [u64; 3] = [0, 60, 300];

struct Written {
    channel: &'static str,
    id: MessageId,
    prompt: String,
}

fn write(talk: &mut Talk, written: &mut Vec<Written>, channel: &'static str, wait: u64) {
    let prompt = format!("message {} wait:{wait}", written.len());
    let id = talk.say_in(channel, &prompt);
    written.push(Written { channel, id, prompt });
}

fn engine(talk: &Talk) {
    let mut script = Script::echo();
    // A tool of the engine in a session of its own, which outlives a killed takopi.
    script.scenes.insert(1, Scene::Leave(format!("exec setsid sleep {}", talk.sandbox.mark())));
    talk.sandbox.engine("codex", &script);
}

/// Writes to a takopi that is ended and started again so many times, and looks at what became of it all.
#[track_caller]
fn survives(times: u64, signal: Signal, mode: &str) {
    let mut talk = Talk::new("codex", mode, "");
    engine(&talk);
    let mut written = Vec::new();
    for round in 0..times {
        // Some are written while it is not there.
        write(&mut talk, &mut written, CHATS[0], 10);
        talk.start();
        for channel in CHATS {
            for wait in RUNS {
                write(&mut talk, &mut written, channel, wait);
            }
        }
        // At another moment in each round, from before the first run to after most of them.
        let more = usize::try_from(round).unwrap() % 4;
        // A signal that asks is heard once takopi is up.
        let more = if signal == Signal::TERM { more.max(1) } else { more };
        let already = talk.prompts().len() + more;
        talk.wait("some runs", |_| (talk.prompts().len() >= already).then_some(()));
        std::thread::sleep(Duration::from_millis(37 * round));
        let status = talk.stop(signal);
        assert_eq!(status.code(), (signal == Signal::TERM).then_some(0), "{}", talk.log());
    }
    talk.start();
    for one in &written {
        let seen = talk.answer(&one.id);
        let outcome = seen.text.split(' ').next().unwrap_or_default();
        // Who is asked to end lets what runs come to its end.
        let is_fine = outcome == "done" || (outcome == "interrupted" && signal == Signal::KILL);
        assert!(is_fine, "{}: {}", one.prompt, seen.text);
    }
    // Anything else, such as a progress message that nobody knows of, answers a message too and was seen above. What
    // answers none is nothing that takopi says here.
    assert_eq!(talk.seen().len(), written.len());

    let starts = talk.prompts();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    starts.iter().for_each(|prompt| *counts.entry(prompt.as_str()).or_default() += 1);
    for one in &written {
        let seen = talk.answer(&one.id);
        let count = counts.get(one.prompt.as_str()).copied().unwrap_or_default();
        if seen.text.starts_with("done") {
            assert_eq!(count, 1, "{} was answered", one.prompt);
            assert!(seen.text.contains(&one.prompt), "{}", seen.text);
        } else {
            assert!(count <= 1, "{} was run {count} times", one.prompt);
        }
    }
    if mode.contains("chat") {
        // One conversation a chat: what was written first runs first.
        for channel in CHATS {
            let own: Vec<&str> =
                written.iter().filter(|one| one.channel == channel).map(|one| one.prompt.as_str()).collect();
            let run: Vec<&str> =
                starts.iter().map(String::as_str).filter(|prompt| own.contains(prompt)).collect();
            let expected: Vec<&str> = own.into_iter().filter(|prompt| counts.contains_key(prompt)).collect();
            assert_eq!(run, expected, "in {channel}");
        }
    }
    let status = talk.stop(Signal::TERM);
    assert_eq!(status.code(), Some(0), "{}", talk.log());
    assert_eq!(talk.sandbox.left_behind(), [""; 0]);
}

#[test]
fn nothing_is_lost_or_done_twice_where_messages_are_runs_of_their_own() {
    survives(10, Signal::KILL, "");
}

#[test]
fn nothing_is_lost_or_done_twice_where_messages_wait_for_each_other() {
    survives(10, Signal::KILL, "session_mode = \"chat\"");
}

#[test]
fn nothing_is_lost_or_done_twice_where_progress_becomes_the_answer() {
    survives(10, Signal::KILL, "session_mode = \"chat\"\nfinal_notify = false");
}

#[test]
fn nothing_is_cut_off_where_it_is_asked_to_end() {
    survives(4, Signal::TERM, "session_mode = \"chat\"");
}
