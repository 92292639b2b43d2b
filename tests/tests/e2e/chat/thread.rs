//! A message becomes an answer, and what is said after it goes on in the same thread.

use super::talk::Talk;

/// The thread that the resume line below an answer names.
fn thread(text: &str) -> String {
    let line = text.split("`codex resume ").nth(1).unwrap_or_else(|| panic!("no resume line: {text}"));
    line.split('`').next().unwrap().to_owned()
}

#[test]
fn a_message_shows_progress_and_becomes_an_answer() {
    let mut talk = Talk::begun("codex", "", "");
    let id = talk.say("hello");
    let answer = talk.answer(&id);
    assert!(answer.text.starts_with("done · codex · "), "{}", answer.text);
    assert!(answer.text.contains("\n\nhello\n\n"), "{}", answer.text);
    assert!(!thread(&answer.text).is_empty());
    assert!(talk.ever("starting · codex · "), "no progress was shown");
    assert_eq!(talk.seen().len(), 1, "the progress message is gone");
}

#[test]
fn replies_and_typed_resume_lines_go_on_in_the_thread() {
    let mut talk = Talk::begun("codex", "", "");
    let first = talk.ask("one");
    let thread = thread(&first.text);
    let id = talk.reply(&first, "two");
    let second = talk.answer(&id);
    assert!(second.text.contains("two") && second.text.contains(&thread), "{}", second.text);
    let third = talk.ask(&format!("three\n`codex resume {thread}`"));
    assert!(third.text.contains("three"), "{}", third.text);
    // What is stored about a message counts, whatever the transport tells of its text.
    let mut bare = first.clone();
    bare.text.clear();
    let id = talk.reply(&bare, "four");
    talk.answer(&id);
    let fresh = talk.ask("five");
    assert!(!fresh.text.contains(&thread), "{}", fresh.text);
    let starts = talk.sandbox.starts_of("codex");
    let threads: Vec<_> = starts.iter().map(|start| start.thread()).collect();
    let same = Some(thread.as_str());
    assert_eq!(threads, [None, same, same, same, None]);
    assert_eq!(starts[2].prompt, "three");
}

#[test]
fn a_chat_that_goes_on_by_itself_begins_afresh_when_told() {
    let mut talk = Talk::begun("codex", "session_mode = \"chat\"", "");
    talk.ask("one");
    talk.ask("two");
    let new = talk.ask("/new");
    assert!(new.text.contains("starts afresh"), "{}", new.text);
    talk.ask("three");
    let starts = talk.sandbox.starts_of("codex");
    assert!(starts[0].thread().is_none() && starts[1].thread().is_some() && starts[2].thread().is_none());
}

#[test]
fn runs_of_a_project_happen_in_the_worktree_of_the_branch() {
    let mut talk = Talk::new("codex", "", "");
    let site = talk.sandbox.repository("site");
    talk.configure("acme", "", &format!("[projects.site]\npath = {site:?}\n"));
    talk.start();
    let answer = talk.ask("/site @feat/x /codex hello");
    assert!(answer.text.contains("ctx: site @feat/x"), "{}", answer.text);
    let id = talk.reply(&answer, "again");
    talk.answer(&id);
    let bound = talk.ask("/ctx set site @other");
    assert!(bound.text.contains("bound to site @other"), "{}", bound.text);
    talk.ask("/codex hi");
    let folders: Vec<_> = talk.sandbox.starts_of("codex").into_iter().map(|start| start.cwd).collect();
    assert!(folders[0].ends_with("feat/x") && folders[0] == folders[1], "{folders:?}");
    assert!(folders[2].ends_with("other"), "{folders:?}");
    assert!(folders.iter().all(|folder| folder.join(".git").exists()), "{folders:?}");
}

#[test]
fn a_project_that_is_added_while_it_runs_can_be_named() {
    let mut talk = Talk::begun("codex", "", "");
    let unknown = talk.ask("/ctx set site");
    assert!(unknown.text.contains("site"), "{}", unknown.text);
    let site = talk.sandbox.repository("site");
    talk.configure("codex", "", &format!("[projects.site]\npath = {site:?}\n"));
    let bound = || talk.ask("/ctx set site").text.contains("bound to site");
    assert!(std::iter::repeat_with(bound).take(300).any(|is_bound| is_bound), "{}", talk.log());
    talk.ask("hello");
    assert_eq!(talk.sandbox.starts_of("codex")[0].cwd, site);
}
