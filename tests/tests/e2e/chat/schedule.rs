//! `/at`, `/cron` and `/schedule`: prompts for later, also across restarts.

use rustix::process::Signal;
use takopi::store::{Namespace, Store};
use takopi_api::message::Sender;
use takopi_api::runtime::{KeyValue, Write};

use super::lifecycle::logged;
use super::reload::change;
use super::talk::{Seen, Talk};

/// Waits for a message of takopi that says this, whatever it answers.
#[track_caller]
fn told(talk: &Talk, text: &str) -> Seen {
    talk.wait(text, |_| talk.seen().into_iter().find(|seen| seen.text.contains(text)))
}

#[test]
fn a_prompt_runs_later_as_if_it_were_written_then() {
    let mut talk = Talk::new("acme", "", "");
    let site = talk.sandbox.repository("site");
    talk.configure("acme", "", &format!("[projects.site]\npath = {site:?}\n"));
    talk.start();
    let id = talk.say("/at 1s /codex /site @later mend it");
    talk.reads(&id, "#1 runs at ");
    let done = talk.reads(&id, "done · codex");
    assert!(done.text.contains("`ctx: site @later`"), "{}", done.text);
    assert_eq!(talk.prompts(), ["mend it"]);
    talk.wait("the end of it", |_| talk.seen().iter().all(|seen| !seen.is_open()).then_some(()));
    assert!(talk.ask("/schedule").text.starts_with("nothing is scheduled here"));
    // A reply goes on with it.
    let reply = talk.reply(&done, "and more");
    talk.reads(&reply, "done · codex");
    let starts = talk.sandbox.starts_of("codex");
    assert!(starts[1].thread().is_some(), "it is another thread");
}

#[test]
fn what_is_scheduled_outlives_a_restart_and_what_was_missed_is_told() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("/at 2s hello");
    talk.ask("/cron 0 4 1 1 * happy new year");
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
    // Less than a minute late is not late.
    talk.start();
    told(&talk, "done · codex");
    let list = talk.ask("/schedule");
    assert!(list.text.starts_with("1 scheduled · "), "{}", list.text);
    assert!(list.text.contains("#2 0 4 1 1 *, next at "), "{}", list.text);
    assert_eq!(talk.press(&list, "pause #2"), None);
    let list = talk.becomes(&list, ", paused: happy new year");
    talk.press(&list, "run #2");
    talk.wait("its run", |_| (talk.prompts() == ["hello", "happy new year"]).then_some(()));
    talk.press(&list, "cancel #2");
    talk.becomes(&list, "nothing is scheduled here");
    assert_eq!(talk.press_as("eve", &list, "cancel #2"), None, "a stranger is told nothing");
    assert!(talk.ask("/schedule pause 2").text.starts_with("error: nothing is scheduled here as #2"));
}

#[test]
fn a_run_that_a_kill_cut_off_is_told_and_not_begun_again() {
    let mut talk = Talk::begun("codex", "", "");
    talk.say("/at 1s wait:600000");
    talk.wait("its run", |_| (talk.prompts().len() == 1).then_some(()));
    talk.stop(Signal::KILL);
    talk.sandbox.end_marked();
    talk.start();
    told(&talk, "takopi was stopped while #1 ran or was about to");
    assert!(talk.ask("/schedule").text.starts_with("nothing is scheduled here"));
    assert_eq!(talk.prompts().len(), 1, "it was begun again");
}

/// Lets takopi find at its next start that what is scheduled as #1 was due long ago.
fn let_time_pass(talk: &Talk) {
    let (store, _) = Store::open(talk.state_file().parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (values, key) = (store.values(Namespace::command("schedule")), "entry/0000000001");
        let entry = values.get(key).await.unwrap().unwrap();
        let mut entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
        entry["state"] = serde_json::json!({ "waiting": "2020-02-29T12:00:00Z" });
        values.write(vec![Write::put(key, entry.to_string())]).await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_time_that_was_missed_is_told_and_waits_for_a_person() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("/at 1d hello");
    talk.reads(&id, "#1 runs at ");
    talk.stop(Signal::TERM);
    let_time_pass(&talk);
    talk.start();
    let missed = talk.reads(&id, "#1 was missed at Sat 2020-02-29 ");
    assert!(missed.text.ends_with("it is not made up for\nhello"), "{}", missed.text);
    assert!(talk.ask("/schedule").text.contains(", missed: hello"));
    assert_eq!(talk.prompts().len(), 0);
    assert_eq!(talk.press(&missed, "run now"), None);
    talk.reads(&id, "done · codex");
    assert_eq!(talk.prompts(), ["hello"]);
}

#[test]
fn times_that_were_missed_are_made_up_for_by_one_run_if_that_is_wanted() {
    let mut talk = Talk::begun("codex", "", "[plugins.schedule]\nmissed = \"run\"\n");
    let id = talk.say("/cron 0 4 1 1 * happy new year");
    talk.reads(&id, "#1 runs at ");
    talk.stop(Signal::TERM);
    let_time_pass(&talk);
    talk.start();
    let missed = talk.reads(&id, "#1 was missed at Sat 2020-02-29 ");
    assert!(missed.text.contains("times more: takopi was not running"), "{}", missed.text);
    talk.reads(&id, "done · codex");
    assert!(talk.ask("/schedule").text.contains("#1 0 4 1 1 *, next at "));
    assert_eq!(talk.prompts(), ["happy new year"]);
}

#[test]
fn who_is_not_heard_any_more_gets_no_run() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("/at 1d hello");
    change(&talk, "people = [\"me\", \"you\"]", "people = [\"you\"]", "it is started anew");
    let other = talk.message("c", "/schedule run 1").sender(Sender::new("you"));
    let other = talk.send(other);
    talk.reads(&other, "#1 runs now");
    logged(&talk, &["schedule.run.failed", "number=1", "Mia is not heard in c of spool"]);
    assert_eq!(talk.prompts().len(), 0);
    change(&talk, "people = [\"you\"]", "people = [\"me\"]", "it is started anew");
    let list = talk.ask("/schedule").text;
    assert!(list.contains("missed: hello\n   the last time: Mia is not heard in c of spool"), "{list}");
    talk.ask("/schedule run 1");
    talk.wait("its run", |_| (talk.prompts() == ["hello"]).then_some(()));
}

#[test]
fn what_can_not_be_scheduled_is_named() {
    let mut talk = Talk::begun("codex", "", "[plugins.schedule]\nlimit = 1\ntime_zone = \"UTC\"\n");
    for (text, named) in [
        ("/at", "usage: /at <when> <prompt>"),
        ("/at noon hello", "`noon` is no time"),
        ("/at 1h", "there is no prompt"),
        ("/at 1h /multi hello", "/multi is a command"),
        ("/cron 0 25 * * * hello", "`25` is no hour: `25` is not between 0 and 23"),
        ("/cron \"0 0 30 2 *\" hello", "there is no such day"),
        ("/schedule end 3", "nothing is scheduled here as #3"),
    ] {
        let told = talk.ask(text).text;
        assert!(told.starts_with(&format!("error: {named}")), "{text}: {told}");
    }
    assert!(talk.ask("/cron @daily hello").text.contains("#1 runs at 0 0 * * *, next at "));
    assert!(talk.ask("/at 1h hello").text.contains("1 are scheduled here already, which is the limit"));
    let elsewhere = talk.say_in("d", "/at 1h hello");
    talk.reads(&elsewhere, "#2 runs at ");
    change(&talk, "time_zone = \"UTC\"", "time_zone = \"Nowhere\"", "schedule.config.failed");
    assert!(talk.ask("/schedule").text.contains("1 scheduled · UTC"));
    let told = talk.sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(!told.contains("unknown key"), "{told}");
}
