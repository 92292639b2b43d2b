//! What plugins of others do, in a chat: an engine that runs another one, a command that reads what engines answer, and a gate
//! for administrators.

use takopi_api::message::Sender;
use takopi_tests::{Scene, Script};

use super::talk::Talk;

#[test]
fn a_reply_to_an_engine_that_runs_another_goes_to_the_outer_one() {
    let mut talk = Talk::with_ports("rounds", "[rounds]\nrounds = 3\n");
    talk.sandbox.engine("codex", &Script::codex_with(&["half", "codex resume inner\nALL DONE"]));
    talk.start();
    let first = talk.ask("build it");
    assert!(first.text.starts_with("done · rounds"), "{}", first.text);
    assert!(first.text.contains("`rounds resume ") && !first.text.contains("codex resume"), "{}", first.text);
    let reply = talk.reply(&first, "and that");
    let second = talk.answer(&reply);
    assert!(second.text.starts_with("done · rounds"), "{}", second.text);
    let line = |text: &str| text.lines().find(|line| line.contains("rounds resume")).map(str::to_owned);
    assert_eq!(line(&first.text), line(&second.text));
    let prompts = talk.prompts();
    assert_eq!(prompts.len(), 3);
    assert!(prompts[2].starts_with("build it\n\nand that\n"), "{}", prompts[2]);
    // The inner engine is there by itself all the same.
    assert!(talk.ask("/codex hello").text.starts_with("done · codex"));
}

#[test]
fn what_an_inner_engine_asks_is_asked_of_people() {
    let mut talk = Talk::with_ports("rounds", "[rounds]\nengine = \"acme\"\nuntil = \"\"\n");
    talk.start();
    for (label, is_written) in [("deny", false), ("allow once", true)] {
        let id = talk.say("write hello to NOTES.md");
        let request = talk.reads(&id, "write NOTES.md");
        talk.press(&request, label);
        talk.reads(&id, "done · rounds");
        assert_eq!(talk.sandbox.work().join("NOTES.md").exists(), is_written, "{label}");
    }
}

#[test]
fn an_outer_run_is_cancelled_with_what_runs_inside() {
    let mut talk = Talk::with_ports("rounds", "");
    let mark = talk.sandbox.mark().to_owned();
    talk.sandbox.engine(
        "codex",
        &Script::new([Scene::Note, Scene::Leave(format!("exec setsid sleep {mark}")), Scene::Sleep(600)]),
    );
    talk.start();
    let id = talk.say("build it");
    talk.sandbox.wait_for_marked(1);
    let progress = talk.reads(&id, "round 1 of 5");
    talk.press(&progress, "cancel");
    talk.reads(&id, "`cancelled` · rounds");
    talk.wait("the end of its programs", |_| talk.sandbox.left_behind().is_empty().then_some(()));
    assert_eq!(talk.prompts().len(), 1, "no round follows");
}

fn finding(file: &str, title: &str) -> String {
    serde_json::json!({"findings": [{"file": file, "line": 3, "title": title}]}).to_string()
}

/// An agent whose answers are these, one a start.
fn measured(answers: &[&str]) -> Script {
    let framed = |answer: &&str| {
        let text = serde_json::to_string(answer).unwrap();
        let ended = format!("{{\"method\":\"session/ended\",\"params\":{{\"text\":{text}}}}}");
        format!("Content-Length: {}\r\n\r\n{ended}", ended.len())
    };
    let started = "{\"method\":\"session/started\",\"params\":{\"sessionId\":{thread}}}";
    Script::new([
        Scene::Note,
        Scene::Frame(started.into()),
        Scene::SayNth(answers.iter().map(framed).collect()),
    ])
}

#[test]
fn what_engines_answer_is_read_and_asked_for_again() {
    let mut talk =
        Talk::with_ports("codex", "[plugins.review]\nengines = [\"codex\", \"measured\", \"pi\"]\n");
    let found = finding("src/a.rs", "it leaks");
    talk.sandbox.engine("codex", &Script::codex_with(&["I looked, and all is well.", &found, "mended"]));
    let other = format!("Here it is:\n```json\n{}\n```", finding("src/b.rs", "it is slow"));
    talk.sandbox.engine("measured", &measured(&[&other]));
    talk.start();
    let review = talk.ask("/review this branch");
    let text = &review.text;
    assert!(text.starts_with("review · codex, measured, pi\n"), "{text}");
    assert!(text.contains("**codex** found 1\n1. src/a.rs:3 it leaks"), "{text}");
    assert!(text.contains("**measured** found 1\n2. src/b.rs:3 it is slow"), "{text}");
    assert!(text.contains("**pi** could not look: pi is not installed"), "{text}");
    assert_eq!(review.labels(), ["mend 1", "mend 2"]);
    let starts = talk.sandbox.starts_of("codex");
    assert_eq!(starts.len(), 2, "once more, and not again and again");
    assert!(starts[0].thread().is_none() && starts[1].thread().is_some(), "in the same thread");
    assert_eq!(talk.seen().len(), 1, "nothing else is shown");

    talk.press(&review, "mend 2");
    let mended =
        talk.wait("the run", |_| talk.seen().into_iter().find(|seen| seen.text.starts_with("done · codex")));
    assert!(mended.text.contains("mended"), "{}", mended.text);
    assert_eq!(talk.prompts()[2], "Mend this: src/b.rs:3 it is slow");
    assert_eq!(talk.press_data("me", &review, "review:gone 1"), None);
    talk.wait("what is wrong", |_| {
        talk.seen()
            .into_iter()
            .find(|seen| seen.text == "error: this is not known any more\nask again with /review")
    });
}

#[test]
fn an_engine_that_never_answers_as_asked_is_named() {
    let mut talk = Talk::with_ports("codex", "[plugins.review]\nengines = [\"codex\"]\n");
    talk.sandbox.engine("codex", &Script::codex_with(&["words"]));
    talk.start();
    let review = talk.ask("/review");
    assert!(
        review.text.contains("**codex** answered twice what can not be read: there is no JSON in it"),
        "{}",
        review.text
    );
    assert!(review.labels().is_empty());
    assert_eq!(talk.prompts().len(), 2);
}

#[test]
fn a_gate_lets_in_administrators_and_nobody_else() {
    let gate = "[hooks.gate]\nguarded = [\"codex\"]\nadmins = [\"me\"]\nask = \"Mia\"\n";
    let mut talk = Talk::with_ports("codex", &format!("{gate}[plugins.review]\nengines = [\"codex\"]\n"));
    talk.start();
    assert!(talk.ask("hello").text.starts_with("done · codex"));
    let denied = "denied by gate: only administrators run codex; ask Mia";
    let by_another = |talk: &mut Talk, text: &str| {
        let message = talk.message("c", text).sender(Sender::new("you"));
        let id = talk.send(message);
        talk.answer(&id).text
    };
    let told = by_another(&mut talk, "hello too");
    assert!(told.contains(denied), "{told}");
    let told = by_another(&mut talk, "/review");
    assert!(told.contains("**codex** could not look") && told.contains(denied), "{told}");
    let told = by_another(&mut talk, "/acme largest files");
    assert!(told.starts_with("done · acme"), "{told}");
    assert_eq!(talk.prompts(), ["hello"]);
}
