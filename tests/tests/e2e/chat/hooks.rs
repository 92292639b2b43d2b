//! Hooks: what people see of a run that one denies, rewrites, or fails at.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use takopi_tests::{Ended, Script};

use super::talk::Talk;

fn notes(talk: &Talk) -> PathBuf {
    talk.sandbox.home().join("notes")
}

/// What the hooks noted so far.
fn noted(talk: &Talk) -> Vec<String> {
    fs::read_to_string(notes(talk)).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Waits until a hook noted this.
#[track_caller]
fn notes_read(talk: &Talk, what: &str) {
    talk.wait(what, |_| noted(talk).iter().any(|line| line == what).then_some(()));
}

/// One hook of the program can not be constructed; it lets runs begin all the same.
const BROKEN: &str = "[hooks.broken]\non_failure = \"allow\"\n";

/// A hook that a busy machine may keep from answering in time before a run, which then begins all the same.
const HURRIED: &str = "timeout_s = 1\non_failure = \"allow\"\n";

fn configure(talk: &Talk, hooks: &str) {
    let notes = notes(talk);
    let hooks = hooks.replace("NOTES", &format!("notes = {notes:?}"));
    talk.configure("codex", "", &format!("{hooks}{BROKEN}"));
}

fn talk(hooks: &str) -> Talk {
    let mut talk = Talk::hooked("codex");
    configure(&talk, hooks);
    talk.start();
    talk
}

#[test]
fn a_denied_run_says_by_whom_and_why_and_never_begins() {
    let mut talk = talk("[hooks.first]\npre = \"deny\"\nNOTES\n[hooks.second]\nNOTES\n");
    let answer = talk.ask("largest files");
    assert!(answer.text.contains("denied by first: not today"), "{}", answer.text);
    notes_read(
        &talk,
        "second after codex: Failed { error: \"denied by first: not today\" }, denied by first",
    );
    assert_eq!(noted(&talk)[0], "first before codex: largest files, message of Some(\"me\")");
    assert!(!noted(&talk).iter().any(|line| line.starts_with("second before")), "{:?}", noted(&talk));
    talk.stop(Signal::TERM);
    talk.start();
    assert!(talk.ask("/help").text.contains("/cancel"));
    assert_eq!((talk.prompts().len(), talk.seen().len()), (0, 2), "it is neither run nor said again");
}

#[test]
fn each_hook_sees_what_the_one_before_it_wrote() {
    let rules = "[hooks.first]\npre = \"rewrite\"\nNOTES\n[hooks.second]\npre = \"rewrite\"\nNOTES\n";
    let mut talk = talk(rules);
    talk.ask("hello");
    configure(&talk, &format!("[hooks]\norder = [\"second\"]\n{rules}"));
    talk.wait("the new order", |_| talk.log().contains("hooks.order added").then_some(()));
    talk.ask("hello");
    assert_eq!(
        talk.prompts(),
        ["hello (first was here) (second was here)", "hello (second was here) (first was here)"]
    );
}

#[test]
fn events_and_the_end_are_heard_in_order() {
    let mut talk = talk("[hooks.first]\nNOTES\n");
    talk.ask("hello");
    notes_read(&talk, "first after codex: Done");
    assert_eq!(
        noted(&talk),
        [
            "first before codex: hello, message of Some(\"me\")",
            "first started",
            "first completed",
            "first after codex: Done"
        ]
    );
}

#[test]
fn a_hook_that_can_not_be_asked_denies_and_is_named() {
    for (order, said) in [
        ("panic", "it panicked: this hook panics on purpose"),
        ("fail", "it failed: this hook fails on purpose"),
        ("wait", "it did not return within 1 s"),
        ("block", "it did not return within 1 s"),
    ] {
        let timeout = if said.contains("1 s") { "timeout_s = 1\n" } else { "timeout_s = 60\n" };
        let mut talk = talk(&format!("[hooks.first]\npre = \"{order}\"\n{timeout}"));
        let answer = talk.ask("hello").text;
        assert!(answer.contains(&format!("denied by first: {said} (takopi-tests ")), "{order}: {answer}");
        assert!(talk.log().contains("hook=first"), "{order}: {}", talk.log());
        assert_eq!(talk.prompts().len(), 0, "{order}");
    }
}

#[test]
fn a_hook_that_may_fail_lets_runs_begin() {
    let mut talk = talk("[hooks.first]\npre = \"panic\"\non_failure = \"allow\"\n");
    talk.ask("hello");
    assert_eq!(talk.prompts(), ["hello"]);
    assert!(talk.log().contains("hook=first"), "{}", talk.log());
}

#[test]
fn a_run_is_cancelled_while_a_hook_thinks() {
    for order in ["wait", "block"] {
        let mut talk = talk(&format!("[hooks.first]\npre = \"{order}\"\ntimeout_s = 600\nNOTES\n"));
        let id = talk.say("hello");
        notes_read(&talk, "first before codex: hello, message of Some(\"me\")");
        talk.reads(&id, "starting");
        talk.say("/cancel");
        assert!(talk.answer(&id).text.contains("cancelled"));
        assert_eq!(talk.prompts().len(), 0);
    }
}

#[test]
fn a_run_that_is_killed_while_a_hook_thinks_is_told_of() {
    let mut talk = talk("[hooks.first]\npre = \"wait\"\ntimeout_s = 600\nNOTES\n");
    let id = talk.say("hello");
    notes_read(&talk, "first before codex: hello, message of Some(\"me\")");
    talk.reads(&id, "starting");
    talk.stop(Signal::KILL);
    configure(&talk, "[hooks.first]\nNOTES\n");
    talk.start();
    let told = talk.answer(&id);
    assert!(told.text.starts_with("interrupted · codex"), "{}", told.text);
    assert_eq!((talk.prompts().len(), noted(&talk).len()), (0, 1), "it is neither run nor told to a hook");
}

#[test]
fn what_a_hook_does_with_events_and_the_end_holds_nothing() {
    for moment in ["event", "post"] {
        for order in ["panic", "fail", "wait", "block"] {
            let mut talk = talk(&format!("[hooks.first]\n{moment} = \"{order}\"\n{HURRIED}"));
            assert!(talk.ask("hello").text.starts_with("done · codex"), "{moment} {order}");
            assert!(talk.ask("again").text.starts_with("done · codex"), "{moment} {order}");
            talk.wait("the log", |_| {
                let log = talk.log();
                let said = ["failed at an event", "did not take the last events", "failed after a run"];
                said.iter().any(|said| log.contains(said)).then_some(())
            });
            assert!(talk.log().contains("(takopi-tests "), "{}", talk.log());
            assert!(talk.stop(Signal::TERM).success(), "{moment} {order}");
        }
    }
}

#[test]
fn runs_of_commands_are_asked_about_too() {
    let mut talk = talk("[hooks.first]\npre = \"deny\"\nNOTES\n");
    let used = talk.say("/probe run hello");
    let answer = talk.reads(&used, "ran: ").text;
    assert!(answer.contains("denied by first: not today"), "{answer}");
    talk.say("/probe later hello");
    talk.wait("the end of a run that nobody sees", |chat| {
        let texts = chat.messages.values().map(|lying| lying.message.body.joined());
        texts
            .into_iter()
            .any(|text| text.contains("later: Failed") && text.contains("denied by first"))
            .then_some(())
    });
    assert_eq!(noted(&talk).iter().filter(|line| *line == "first before codex: hello, /probe").count(), 2);
    assert_eq!(talk.prompts().len(), 0);
}

#[test]
fn a_message_does_not_slip_past_a_hook_into_a_turn_that_runs() {
    let mut talk = talk("[hooks.first]\nNOTES\n");
    talk.ask("/queue steer");
    let first = talk.say("one wait:600000");
    talk.wait("the run", |_| (talk.prompts().len() == 1).then_some(()));
    let shown = talk.reads(&first, "working");
    let second = talk.reply(&shown, "two");
    let waits = talk.reads(&second, "queued");
    assert_eq!(waits.labels(), ["cancel"]);
    assert!(!noted(&talk).iter().any(|line| line.contains("two")));
}

#[test]
fn a_table_that_the_hook_can_not_read_denies_and_says_where() {
    let mut talk = talk("[hooks.first]\npre = 3\n");
    let answer = talk.ask("hello").text;
    assert!(answer.contains("denied by first: it failed: ") && answer.contains("takopi.toml:"), "{answer}");
    assert!(answer.contains("`hooks.first.pre`"), "{answer}");
}

/// A run on the command line, under these hooks.
fn run(hooks: &str, args: &[&str]) -> (Talk, Ended) {
    let talk = Talk::hooked("codex");
    configure(&talk, hooks);
    let ended = talk.sandbox.run(&[&["run"], args].concat());
    (talk, ended)
}

#[test]
fn runs_on_the_command_line_are_asked_about_too() {
    let (talk, ended) = run("[hooks.first]\npre = \"deny\"\nNOTES\n", &["hello"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.ends_with("error: denied by first: not today\n"), "{}", ended.stderr);
    assert_eq!(noted(&talk)[0], "first before codex: hello, terminal");
    assert_eq!(talk.prompts().len(), 0);
    let (talk, ended) = run("[hooks.first]\npre = \"rewrite\"\nNOTES\n", &["--json", "hello"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(talk.prompts(), ["hello (first was here)"]);
    assert_eq!(noted(&talk).last().map(String::as_str), Some("first after codex: Done"));
    let (_, ended) = run("[hooks.first]\npre = \"panic\"\n", &["--json", "hello"]);
    assert!(ended.stdout.contains("denied by first: it panicked"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1);
}

#[test]
fn what_hooks_hang_at_ends_with_the_command_line() {
    for order in ["wait", "block"] {
        let table = format!("[hooks.first]\npost = \"{order}\"\n{HURRIED}");
        let (_, ended) = run(&table, &["hello"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{}", ended.stderr);
        assert!(ended.stderr.contains("it did not return within 1 s"), "{}", ended.stderr);
    }
}

#[test]
fn a_hook_that_the_order_names_has_to_be_there() {
    let (_, ended) = run("[hooks]\norder = [\"gate\"]\n", &["hello"]);
    assert_eq!(ended.code, Some(1));
    let said = "error: denied by gate: there is no hook `gate`; there is: broken, first, notify, second";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let (talk, ended) = run("[hooks.gate]\nx = 1\n", &["hello"]);
    assert_eq!(ended.code, Some(0));
    let said = "warning: `hooks.gate` counts for nothing: there is no hook `gate`";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let told = talk.sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(told.contains("`hooks.gate` counts for nothing"), "{told}");
    assert!(
        told.contains("- hook first: ok (is asked before runs, hears what they say, hears how they end)"),
        "{told}"
    );
}

#[test]
fn what_takopi_reads_of_hooks_is_checked_with_the_file() {
    for (table, said) in [
        ("[hooks]\norder = 3\n", "`hooks.order`"),
        ("[hooks]\nfirst = true\n", "`hooks.first`"),
        ("[hooks.first]\non_failure = \"perhaps\"\n", "`hooks.first.on_failure`"),
        ("[hooks.first]\ntimeout_s = 0\n", "`hooks.first.timeout_s`"),
    ] {
        let (_, ended) = run(table, &["hello"]);
        assert_eq!(ended.code, Some(1), "{table}");
        assert!(ended.stderr.contains(said) && ended.stderr.contains("takopi.toml:"), "{}", ended.stderr);
    }
    let (talk, _) = run("[hooks.first]\npost_ = \"x\"\n", &["hello"]);
    let told = talk.sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(told.contains("unknown key `hooks.first.post_`"), "{told}");
}

#[test]
fn a_hook_that_can_not_be_constructed_denies() {
    let sandbox = &Talk::hooked("codex").sandbox;
    let ended = sandbox.run(&["run", "hello"]);
    assert_eq!(ended.code, Some(1));
    let said = "denied by broken: the hook `broken` can not be loaded: its constructor panicked: \
                this constructor panics on purpose (takopi-tests ";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let told = sandbox.run(&["doctor", "--offline"]).stdout;
    assert!(told.contains("- hook broken: error (the hook `broken` can not be loaded"), "{told}");
    assert!(told.contains("until then every run is denied"), "{told}");
    let loaded = sandbox.run(&["plugins", "--load"]);
    let said = "hook broken (takopi-tests ";
    assert!(loaded.code == Some(1) && loaded.stdout.contains(said), "{}", loaded.stdout);
}

#[test]
fn a_desktop_is_told_of_the_end_of_a_run() {
    let talk = Talk::hooked("codex");
    talk.sandbox.engine("notify-send", &Script::new([]));
    configure(&talk, "[hooks.notify]\ndesktop = true\nonly = \"failed\"\n[hooks.second]\npre = \"deny\"\n");
    assert_eq!(talk.sandbox.run(&["run", "hello"]).code, Some(1));
    let args = talk.sandbox.args_of("notify-send");
    assert_eq!(args, "--app-name=takopi\n--\ncodex: failed\ndenied by second");
}
