//! What nobody should send or have, and takopi goes on all the same.

use std::fs;

use rustix::process::Signal;
use takopi_api::message::Sender;

use super::talk::Talk;

#[test]
fn messages_that_say_nothing_or_too_much_are_answered() {
    let mut talk = Talk::begun("codex", "", "");
    assert_eq!(talk.ask("").text, "there is nothing to do in an empty message");
    assert_eq!(talk.ask(" \n ").text, "there is nothing to do in an empty message");
    assert!(talk.ask("/codex").text.starts_with("done"));
    let long = "x".repeat(1_000_000);
    assert!(talk.ask(&long).text.starts_with("done"));
    assert_eq!(talk.prompts(), ["continue", &long]);
}

#[test]
fn branches_and_projects_that_can_not_be_are_named() {
    let mut talk = Talk::new("codex", "", "");
    let site = talk.sandbox.repository("site");
    let gone = site.with_file_name("gone");
    talk.configure(
        "codex",
        "",
        &format!("[projects.site]\npath = {site:?}\n[projects.gone]\npath = {gone:?}\n"),
    );
    talk.start();
    let worktrees = talk.ask("/site @there hello");
    assert!(worktrees.text.starts_with("done"), "{}", worktrees.text);
    let taken = talk.sandbox.starts_of("codex")[0].cwd.with_file_name("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("mine"), "keep me").unwrap();
    for (text, named) in [
        ("/site @../x hello", "../x"),
        ("/site @-x hello", "-x"),
        ("/site @taken hello", "taken"),
        ("@main hello", "project"),
        ("/gone hello", "gone"),
        ("/site /gone hello", "multiple project"),
        ("/ctx set nowhere", "nowhere"),
        ("/agent set nonsense", "there is no engine `nonsense`"),
        ("/claude hello", "claude is not installed"),
    ] {
        let told = talk.ask(text);
        assert!(told.text.contains(named), "{text}: {}", told.text);
        assert!(!told.text.starts_with("done"), "{text}: {}", told.text);
    }
    assert_eq!(fs::read_to_string(taken.join("mine")).unwrap(), "keep me");
    assert_eq!(talk.prompts().len(), 1);
    assert!(talk.ask("/site hello").text.starts_with("done"), "it goes on");
}

#[test]
fn strangers_are_not_heard_and_nothing_is_handled_twice() {
    let mut talk = Talk::begun("codex", "", "");
    let stranger = talk.message("c", "let me in").sender(Sender::new("eve"));
    let stranger = talk.send(stranger);
    let message = talk.message("c", "once").update("7");
    let again = talk.message("c", "another message in the same delivery").update("7");
    let id = talk.send(message.clone());
    talk.send(message.clone());
    let answer = talk.answer(&id);
    talk.send(message);
    let again = talk.send(again);
    let unknown = talk.press_data("me", &answer, "nobody:knows");
    assert_eq!(unknown, None, "it is answered, and nothing is said");
    talk.ask("last");
    assert!(talk.replies_to(&stranger).is_empty() && talk.replies_to(&again).is_empty());
    assert_eq!(talk.prompts(), ["once", "last"]);
}

#[test]
fn a_second_takopi_is_told_who_has_the_configuration() {
    let mut talk = Talk::begun("codex", "", "");
    talk.ask("hello");
    let second = talk.sandbox.run(&[]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains(&format!("(process {})", talk.pid())), "{}", second.stderr);
    talk.ask("still there?");
}

#[test]
fn a_damaged_store_is_moved_aside() {
    let mut talk = Talk::new("codex", "", "");
    fs::write(talk.state_file(), "no database ".repeat(1000)).unwrap();
    talk.start();
    assert!(talk.ask("hello").text.starts_with("done"));
    assert!(talk.log().contains("takopi.db was damaged"), "{}", talk.log());
    let files = fs::read_dir(talk.state_file().parent().unwrap()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("takopi.db.corrupt-")), "{names:?}");
}

#[test]
fn a_store_that_can_not_be_is_named() {
    let talk = Talk::new("codex", "", "");
    fs::create_dir(talk.state_file()).unwrap();
    fs::write(talk.state_file().join("mine"), "keep me").unwrap();
    let ended = talk.sandbox.run(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("takopi.db"), "{}", ended.stderr);
    assert!(talk.state_file().join("mine").exists());
}

#[test]
fn an_engine_that_breaks_off_is_an_error_and_no_end() {
    let mut talk = Talk::begun("codex", "", "");
    talk.sandbox.engine("codex", &takopi_tests::Script::new([takopi_tests::Scene::Exit(3)]));
    let told = talk.ask("hello");
    assert!(told.text.starts_with("error · codex"), "{}", told.text);
    talk.sandbox.engine("codex", &takopi_tests::Script::echo());
    assert!(talk.ask("hello").text.starts_with("done"));
    assert_eq!(talk.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn plugins_that_break_rules_are_named_and_the_chat_goes_on() {
    let rest = "[picky]\ncount = 'x'\n[plugins.counts]\ncount = 'y'\n";
    let mut talk = Talk::with(env!("CARGO_BIN_EXE_takopi-broken"), "acme", "", rest);
    let site = talk.sandbox.repository("site");
    talk.configure("acme", "", &format!("{rest}[projects.Site]\npath = {site:?}\n"));
    talk.start();
    let of = |fault: &str| format!("{fault} (takopi-tests {})", env!("CARGO_PKG_VERSION"));
    for (text, fault) in [
        ("/picky hello", of("`picky.count`: invalid type: string \"x\", expected u32")),
        ("/counts", of("`plugins.counts.count`: invalid type: string \"y\", expected u32")),
        (
            "/panics hello",
            of(
                "the engine `panics` can not be loaded: its constructor panicked: this constructor panics on purpose",
            ),
        ),
        ("/liar hello", of("the engine `liar` can not be loaded: the backend calls itself `somebody_else`")),
        (
            "/trips hello",
            of("`trips`: the plugin of trips panicked while it read this: no table is good enough"),
        ),
    ] {
        let told = talk.ask(text);
        assert!(told.text.contains(&fault), "{text}: {}", told.text);
        assert!(!told.text.starts_with("done"), "{text}: {}", told.text);
    }
    // The ids of these commands are of an engine and of a project, which are reached.
    assert!(talk.ask("/acme hello").text.starts_with("done"));
    let in_project = talk.ask("/site hello");
    assert!(
        in_project.text.starts_with("done") && in_project.text.contains("ctx: Site"),
        "{}",
        in_project.text
    );
    let ended = talk.sandbox.run(&["plugins"]);
    assert!(
        ended.stdout.contains(&of("command site"))
            && ended.stdout.contains("where `/site` is the project `Site`"),
        "{}",
        ended.stdout
    );
}
